"""Properties of any right model, on random walks: its promises come true, no window holds more than its cap."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from tests.property.reference_claims import claim_rank
from tests.property.reference_model import ReferenceModel
from tests.property.reference_rules import PRECEDENCE
from tests.property.reference_time import DAY, span_ms, zone_named
from tests.property.reference_values import (
    Candidate,
    Claim,
    Contact,
    Decision,
    Document,
    Recorded,
    Request,
    Response,
    Score,
)
from tests.property.walks import World
from tests.property.world_rules import random_cap
from tests.property.worlds import random_catalog

WORLDS = range(8)


def single_denials(world: World) -> Iterable[tuple[Request, Decision]]:
    """Every denied request for one candidate of a walk, while the model still stands where it was denied.

    The candidate comes back with the score that ranked it, because tastes and tiredness change with time.
    """
    for step, answer in world.walk(160):
        if step.request and isinstance(answer, Response) and len(answer.decisions) == 1:
            (decision,) = answer.decisions
            if decision.verdict == "DENY":
                yield ranked_as(step.request, decision), decision


def ranked_as(asked: Request, decision: Decision) -> Request:
    """The same request for its one candidate, ranked as it was."""
    (candidate,) = asked.candidates
    score = decision.score.score if decision.score else 0.0
    return replace(asked, candidates=(replace(candidate, score=score),), request_id="")


def verdict_at(model: ReferenceModel, asked: Request, time: int) -> str:
    """The verdict of the same asked at another time for that time."""
    return model.check(replace(asked, time=time, planned=None))[0].verdict


@pytest.mark.parametrize("number", WORLDS)
def test_the_earliest_time_is_the_first_instant_at_which_the_same_request_is_granted(number: int) -> None:
    rng = Random(number)
    world = World(f"consistency:{number}")
    model = world.played.model
    for asked, denied in single_denials(world):
        start, earliest = asked.contact_time, denied.earliest
        if earliest is None:
            later = {start + rng.randrange(500 * DAY) for _ in range(3)}
        else:
            assert verdict_at(model, asked, earliest) == "GRANT"
            later = {earliest - 1, *(rng.randint(start, earliest) for _ in range(3))} - {earliest, start - 1}
        assert {verdict_at(model, asked, time) for time in later} <= {"DENY"}


@pytest.mark.parametrize("number", WORLDS)
def test_a_rule_no_longer_speaks_at_the_earliest_time_of_its_denial(number: int) -> None:
    world = World(f"silence:{number}")
    model = world.played.model
    for asked, denied in single_denials(world):
        for denial in denied.denials:
            until = denial.earliest
            for time in () if until is None else range(max(asked.contact_time, until - 1), until + 1):
                (other,) = model.check(replace(asked, time=time, planned=None))
                spoke = {(d.reason, d.policy, d.rule) for d in other.denials}
                assert (time != until) == ((denial.reason, denial.policy, denial.rule) in spoke)


@pytest.mark.parametrize("number", WORLDS)
def test_a_denial_changes_nothing(number: int) -> None:
    world = World(f"denial:{number}")
    model = world.played.model
    for step, answer in world.walk(160):
        if step.request and isinstance(answer, Response) and all(d.verdict == "DENY" for d in answer.decisions):
            assert answer == Response(tuple(model.request(step.request)), answer.alternatives)


@pytest.mark.parametrize("number", WORLDS)
def test_claims_only_ever_take_places_and_only_from_those_ranked_worse(number: int) -> None:
    rng = Random(number)
    world = World(f"claims:{number}")
    model = world.played.model
    for step, answer in world.walk(160):
        if step.request is None or len(step.request.candidates) != 1 or not isinstance(answer, Response):
            continue
        asked, claims = ranked_as(step.request, answer.decisions[0]), model.party_of(step.request).claims
        before = model.check(asked)[0]
        kept = list(claims)
        if kept:
            claims.remove(rng.choice(kept))
            assert not (before.verdict == "GRANT" and model.check(asked)[0].verdict == "DENY")
            claims[:] = kept
        (candidate,) = asked.candidates
        for campaign in model.catalog["campaigns"]:
            worst = Claim(asked.customer, campaign, asked.time, asked.time + 40 * DAY, score=-9e9)
            if claim_rank(model.catalog, worst) > model.rank(candidate, Score(candidate.score or 0.0)):
                claims.append(worst)
                assert model.check(asked)[0].denials == before.denials
                claims[:] = kept


@pytest.mark.parametrize("number", WORLDS)
def test_no_window_ever_holds_more_than_its_cap(number: int) -> None:
    rng = Random(number)
    catalog: Document = random_catalog(rng, begins=1_770_000_000_000)
    rules: list[Document] = [{"name": f"cap-{index}", "frequency_cap": random_cap(rng, catalog)} for index in range(4)]
    rules = [rule for rule in rules if rule["frequency_cap"].get("counted", "attempts") == "attempts"]
    for body in (*catalog["channels"].values(), *catalog["campaigns"].values()):
        body.pop("capacity", None)
        body.pop("budget", None)
    catalog["policies"] = [{"name": "all", "applies_to": {}, "rules": rules}]
    for channel in catalog["channels"].values():
        channel.pop("reservation", None)
    model = ReferenceModel(catalog)
    now, zone = 1_770_000_000_000, "America/Santiago"
    for _ in range(400):
        now += rng.choice((0, 1, rng.randrange(DAY // 4), rng.randrange(2 * DAY)))
        campaign = rng.choice(list(catalog["campaigns"]))
        channel = rng.choice(catalog["campaigns"][campaign]["channels"])
        model.request(Request("anna", now, (Candidate(campaign, channel),), zone=zone))
    contacts = model.history("anna").contacts
    for rule in rules:
        cap = rule["frequency_cap"]
        measure = next(key for key in ("limit", "points", "cost") if key in cap)
        zones = {"customer": zone, "brand": catalog["zone"]}
        for held in windows_of(cap["window"], contacts, zones, span_ms(catalog["horizon"])):
            assert sum(weight_of(catalog, contact, measure) for contact in held) <= Decimal(str(cap[measure]))


def weight_of(catalog: Document, contact: Contact, measure: str) -> Decimal:
    """What a contact weighs, read from the document once more."""
    channel, campaign = catalog["channels"][contact.channel], catalog["campaigns"][contact.campaign]
    return {
        "limit": Decimal(1),
        "points": Decimal(str(campaign.get("pressure", channel["pressure"]))),
        "cost": Decimal(str(channel["cost"])),
    }[measure]


def windows_of(
    window: Document, contacts: list[Contact], zones: dict[str, str], horizon: int
) -> Iterable[list[Contact]]:
    """The contacts of every window of this kind, by other means than the model's: names of periods, numbers of days."""
    zone = zone_named(zones.get(window.get("zone", "brand"), str(window.get("zone"))))
    local = {contact: datetime.fromtimestamp(contact.time / 1000, tz=UTC).astimezone(zone) for contact in contacts}
    if "calendar" in window:
        names: dict[str, Callable[[date], Any]] = {
            "day": lambda day: day,
            "week": lambda day: (day + timedelta(days=window.get("week_starts") == "sunday")).isocalendar()[:2],
            "month": lambda day: (day.year, day.month),
            "quarter": lambda day: (day.year, (day.month + 2) // 3),
            "year": lambda day: day.year,
        }
        name = names[window["calendar"]]
        return [
            [c for c in contacts if name(local[c].date()) == period]
            for period in {name(moment.date()) for moment in local.values()}
        ]
    if "rolling_days" in window:
        number = {contact: moment.date().toordinal() for contact, moment in local.items()}
        return [[c for c in contacts if last - window["rolling_days"] < number[c] <= last] for last in number.values()]
    width = horizon if "lifetime" in window else span_ms(window["sliding"])
    return [[c for c in contacts if last.time - width < c.time <= last.time] for last in contacts]


def test_a_seed_gives_the_same_walk() -> None:
    first, second = ([step for step, _ in World("same").walk(100)] for _ in range(2))
    assert first == second


def test_walks_reach_every_reason_and_outcome() -> None:
    seen: Counter[str] = Counter()
    for number in range(24):
        for step, answer in World(f"reach:{number}").walk(160):
            if isinstance(answer, Response):
                seen.update(denial.reason for decision in answer.decisions for denial in decision.denials)
                seen.update(decision.verdict for decision in answer.decisions)
                seen.update(alternative.kind for alternative in answer.alternatives)
            elif isinstance(answer, tuple):
                seen["claims" if answer else "no claims"] += 1
            else:
                seen[words_of(step.verb, answer)] += 1
    expected = {
        *PRECEDENCE,
        *("CAMPAIGN_UNKNOWN", "GRANT", "DENY"),
        *("channel", "fallback", "time"),
        *("claims", "no claims", "registered", "known", "0 withdrawn", "some withdrawn"),
        *("register: invalid_argument", "register: not_found", "request: invalid_argument", "check: invalid_argument"),
        *("applied", "ok", "failed_precondition", "recorded", "duplicate", "not_found"),
    }
    assert set(seen) == expected


def words_of(verb: str, answer: str | Recorded) -> str:
    """An outcome, with the verb where several verbs have it and counts as `some`."""
    outcome = answer if isinstance(answer, str) else answer.outcome
    if outcome.endswith(" withdrawn"):
        return outcome if outcome.startswith("0") else "some withdrawn"
    return f"{verb}: {outcome}" if verb in ("register", "request", "check") and "_" in outcome else outcome
