"""What the reference model proposes instead of a candidate that was denied."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.property.reference_case import Question
from tests.property.reference_rules import is_open
from tests.property.reference_values import Alternative, Candidate, Decision, Document

Asks = Callable[[Candidate], Question]
"""Makes the question that a candidate puts, by the same request."""


def alternatives_to(
    catalog: Document, candidate: Candidate, decision: Decision, question_of: Asks
) -> tuple[Alternative, ...]:
    """Another channel, a campaign of a family to fall back on, the same later: those that there are, in this order."""
    asked = question_of(candidate).asked
    found = [other_channel(catalog, candidate, question_of)]
    if rests_its_family(catalog, decision):
        found.append(fallback(catalog, asked.family, question_of))
    earliest = decision.earliest
    if earliest is not None and (earliest > asked.time or asked.time > asked.asked):
        found.append(Alternative("time", candidate.campaign, candidate.channel, earliest))
    return tuple(alternative for alternative in found if alternative is not None)


def channels_of(catalog: Document, campaign: str) -> list[str]:
    """The campaign's channels, in the order in which the document describes channels."""
    return [channel for channel in catalog["channels"] if channel in catalog["campaigns"][campaign]["channels"]]


def other_channel(catalog: Document, candidate: Candidate, question_of: Asks) -> Alternative | None:
    """The first other channel of the campaign that nothing speaks against."""
    for channel in channels_of(catalog, candidate.campaign):
        question = question_of(replace(candidate, channel=channel))
        if channel != candidate.channel and is_open(question):
            return Alternative("channel", candidate.campaign, channel, question.asked.time)
    return None


def rests_its_family(catalog: Document, decision: Decision) -> bool:
    """Whether one of the denials is of a back-off that looks at the offer family."""
    rules = {(p["name"], rule["name"]): rule for p in catalog["policies"] for rule in p["rules"]}
    backed_off = [rules[denial.policy, denial.rule] for denial in decision.denials if denial.reason == "BACK_OFF"]
    return any(rule["back_off"]["of"] == "offer_family" for rule in backed_off)


def fallback(catalog: Document, family: str | None, question_of: Asks) -> Alternative | None:
    """A campaign of the first family to fall back on that has one which nothing speaks against."""
    for named in families_after(catalog, family):
        campaigns = [name for name, body in catalog["campaigns"].items() if body.get("offer_family") == named]
        for campaign in sorted(campaigns, key=lambda name: (-catalog["campaigns"][name]["priority"], name.encode())):
            for channel in channels_of(catalog, campaign):
                question = question_of(Candidate(campaign, channel))
                if is_open(question):
                    return Alternative("fallback", campaign, channel, question.asked.time)
    return None


def families_after(catalog: Document, family: str | None) -> Iterator[str]:
    """The fallback of a family, the fallback's own, and so on, each family once."""
    families, seen = catalog.get("offer_families", {}), {family}
    following = families.get(family, {}).get("fallback") if family is not None else None
    while following is not None and following not in seen:
        yield following
        seen.add(following)
        following = families.get(following, {}).get("fallback")
