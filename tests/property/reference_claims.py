"""Claims of the reference model: registered, live, used, withdrawn, and the places that they hold in a cap."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from tests.property.reference_case import Case, takes
from tests.property.reference_score import rank_of
from tests.property.reference_terms import contact_of
from tests.property.reference_time import DAY, NEVER, day_start
from tests.property.reference_values import Claim, Contact, Document, Party, Rank

LONGEST = 400 * DAY
MOST = 256


@dataclass(frozen=True)
class Held:
    """A claim as it holds a place against a candidate: its weight in the cap, and when it may be used."""

    campaign: str
    rank: Rank
    weight: Decimal
    first: int
    end: int


def refusal(catalog: Document, claim: Claim, now: int) -> str:
    """Why a claim may not be registered at `now`; empty where it may."""
    fits = now < claim.until <= now + LONGEST and claim.begins < claim.until
    if fits and claim.campaign not in catalog["campaigns"]:
        return "not_found"
    listed = fits and set(claim.channels) <= set(catalog["campaigns"][claim.campaign]["channels"])
    finite = claim.score is None or math.isfinite(claim.score)
    return "" if listed and finite else "invalid_argument"


def register(catalog: Document, party: Party, claim: Claim, now: int) -> str:
    """Keep the claim; one of the same identity is replaced, and those that are over are dropped."""
    refused = refusal(catalog, claim, now)
    if refused:
        return refused
    kept = [other for other in party.claims if now < other.until and other.identity != claim.identity]
    known = claim.identity in {other.identity for other in party.claims}
    if len(kept) >= MOST:
        return "resource_exhausted"
    party.claims[:] = [*kept, claim]
    return "known" if known else "registered"


def bounds_of(catalog: Document, campaign: str) -> tuple[int, int]:
    """First instant of the campaign, and the one at which it is over."""
    active = catalog["campaigns"][campaign].get("active", {})
    bounds = {key: day_start(day, catalog["zone"]) for key, day in active.items()}
    return bounds.get("from", 0), bounds.get("until", NEVER)


def span_of(catalog: Document, claim: Claim, now: int) -> tuple[int, int] | None:
    """The instants [first, end) at which a claim that is live at `now` may be used; None where it is not live."""
    if claim.campaign not in catalog["campaigns"]:
        return None
    begins, ends = bounds_of(catalog, claim.campaign)
    first, end = max(claim.begins, now, begins), min(claim.until, ends)
    return (first, end) if first < end else None


def use(catalog: Document, party: Party, customer: str, contact: Contact) -> None:
    """Remove the one claim that a grant uses: of those that fit, that with the earliest end, then beginning."""
    fitting = [
        claim
        for claim in party.claims
        if (claim.customer, claim.campaign) == (customer, contact.campaign)
        and claim.begins <= contact.time < claim.until
        and (not claim.channels or contact.channel in claim.channels)
        and span_of(catalog, claim, contact.asked) is not None
    ]
    if fitting:
        party.claims.remove(min(fitting, key=lambda claim: (claim.until, claim.begins)))


def holding(case: Case, weigh: Callable[[Contact], Decimal], now: int, t: int) -> Iterator[Held]:
    """The claims, live at `now`, that hold a place against a contact at `t` in the cap of this case."""
    question, per = case.question, case.rule["frequency_cap"].get("per", "customer")
    if per in ("contact_point", "subject") and getattr(question.asked, per):
        return
    for claim in question.party.claims:
        mine, span = claim.customer == question.customer, span_of(question.catalog, claim, now)
        if span is None or claim.campaign == question.asked.campaign or not (mine or per != "customer"):
            continue
        given, known = (question.asked.segments, question.segments_at(now, t)) if mine else (frozenset(), frozenset())
        made = contacts_of(question.catalog, claim, given)
        weights = [weigh(c) for c in made if takes(case.judges, c, known) and takes(case.counts, c)]
        rank = claim_rank(question.catalog, claim)
        if rank < question.rank and weights and max(weights) > 0:
            yield Held(claim.campaign, rank, max(weights), *span)


def claim_rank(catalog: Document, claim: Claim) -> Rank:
    """Where a claim stands among candidates and other claims: its deadline is its end."""
    return rank_of(catalog, claim.campaign, claim.score or 0.0, claim.until)


def contacts_of(catalog: Document, claim: Claim, segments: frozenset[str]) -> list[Contact]:
    """The contact that a claim would make, by each of its channels that the campaign lists."""
    listed = catalog["campaigns"][claim.campaign]["channels"]
    channels = [channel for channel in listed if not claim.channels or channel in claim.channels]
    return [contact_of(catalog, claim.campaign, channel, claim.begins, segments) for channel in channels]
