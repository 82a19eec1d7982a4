"""What a candidate of the reference model is worth, and where that ranks it."""

import math
from decimal import ROUND_HALF_UP, Decimal

from tests.property.reference_segments import remembered
from tests.property.reference_time import NEVER, span_ms
from tests.property.reference_values import Candidate, Document, Factors, History, Rank, Score

LEARNS_FROM = ("opened", "clicked", "answered", "converted", "purchased")


def rank_of(catalog: Document, campaign: str, score: float, deadline: int | None) -> Rank:
    """Best first: priority, score, earliest deadline (none is last), campaign id in byte order."""
    priority = catalog["campaigns"].get(campaign, {}).get("priority", 0)
    return (-priority, -score, NEVER if deadline is None else deadline, campaign.encode())


def score_of(catalog: Document, candidate: Candidate, history: History, now: int, t: int) -> Score | None:
    """The score given; else P x value x affinity x fatigue - cost; None where neither P nor value is known."""
    if candidate.score is not None:
        return Score(candidate.score)
    campaign = catalog["campaigns"].get(candidate.campaign, {})
    value = candidate.value or campaign.get("value", 0.0)
    if candidate.probability is None and not value:
        return None
    factors = Factors(
        1.0 if candidate.probability is None else candidate.probability,
        value or 1.0,
        affinity(catalog, campaign.get("offer_family"), history, t),
        fatigue(catalog, history, now, t),
        float(catalog["channels"].get(candidate.channel, {}).get("cost", 0)),
    )
    worth = factors.probability * factors.value * factors.affinity * factors.fatigue
    return Score(rounded(worth - factors.cost), factors)


def rounded(score: float) -> float:
    """To six decimals, halves away from zero."""
    return int(Decimal(score * 1e6).quantize(Decimal(1), ROUND_HALF_UP)) / 1e6


def affinity(catalog: Document, family: str | None, history: History, t: int) -> float:
    """One, and for every engagement of the family what is left of it after so many half-lives."""
    body = catalog.get("offer_families", {}).get(family, {}) if family is not None else {}
    if "half_life" not in body:
        return 1.0
    half_life, kinds = span_ms(body["half_life"]), body.get("learns_from", LEARNS_FROM)
    learnt = [e for e in history.events if e.kind in kinds and e.offer_family == family and e.time <= t]
    return 1.0 + math.fsum(math.exp2(-(t - event.time) / half_life) for event in learnt)


def fatigue(catalog: Document, history: History, now: int, t: int) -> float:
    """One part in one and the unanswered contacts, each halved with every half-life of its age."""
    if "fatigue" not in catalog:
        return 1.0
    half_life = span_ms(catalog["fatigue"]["half_life"])
    unanswered = [c for c in remembered(catalog, history.contacts, now, t) if not c.answered]
    return 1.0 / (1.0 + math.fsum(math.exp2(-(t - contact.time) / half_life) for contact in unanswered))
