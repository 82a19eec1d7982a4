"""Properties of any right model, on random walks: its promises come true, no window holds more than its cap."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from tests.property.reference_model import ReferenceModel
from tests.property.reference_rules import PRECEDENCE, Document
from tests.property.reference_time import DAY, span_ms, zone_named
from tests.property.reference_values import Candidate, Contact, Decision, Request
from tests.property.steps import World
from tests.property.worlds import random_cap, random_catalog

WORLDS = range(12)


def single_denials(world: World) -> Iterable[tuple[Request, Decision]]:
    """Every denied request for one candidate of a walk, while the model still stands where it was denied."""
    for step, answer in world.walk(160):
        if step.request and isinstance(answer, list) and len(answer) == 1 and answer[0].verdict == "DENY":
            yield step.request, answer[0]


@pytest.mark.parametrize("number", WORLDS)
def test_the_earliest_time_is_the_first_instant_at_which_the_same_request_is_granted(number: int) -> None:
    rng = Random(number)
    world = World(f"consistency:{number}")
    model = world.played.model
    for asked, denied in single_denials(world):
        if denied.earliest is None:
            later = [asked.time + rng.randrange(500 * DAY) for _ in range(3)]
        else:
            (granted,) = model.check(replace(asked, time=denied.earliest, request_id=""))
            assert granted.verdict == "GRANT"
            later = [denied.earliest - 1, *(rng.randrange(asked.time, denied.earliest) for _ in range(3))]
        assert {model.check(replace(asked, time=time, request_id=""))[0].verdict for time in later} == {"DENY"}


@pytest.mark.parametrize("number", WORLDS)
def test_a_rule_no_longer_speaks_at_the_earliest_time_of_its_denial(number: int) -> None:
    world = World(f"silence:{number}")
    model = world.played.model
    for asked, denied in single_denials(world):
        for denial in denied.denials:
            for time, speaks in (
                [] if denial.earliest is None else [(denial.earliest, False), (denial.earliest - 1, True)]
            ):
                (other,) = model.check(replace(asked, time=time, request_id=""))
                assert speaks == any(
                    (d.reason, d.policy, d.rule) == (denial.reason, denial.policy, denial.rule) for d in other.denials
                )


@pytest.mark.parametrize("number", WORLDS)
def test_no_window_ever_holds_more_than_its_cap(number: int) -> None:
    rng = Random(number)
    catalog: Document = random_catalog(rng, begins=1_770_000_000_000)
    rules: list[Document] = [{"name": f"cap-{index}", "frequency_cap": random_cap(rng, catalog)} for index in range(4)]
    rules = [rule for rule in rules if rule["frequency_cap"].get("counted", "attempts") == "attempts"]
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
    for number in WORLDS:
        for _, answer in World(f"reach:{number}").walk(160):
            if isinstance(answer, list):
                seen.update(denial.reason for decision in answer for denial in decision.denials)
                seen.update(decision.verdict for decision in answer)
            else:
                seen[answer if isinstance(answer, str) else answer.outcome] += 1
    expected = {
        *PRECEDENCE,
        "CAMPAIGN_UNKNOWN",
        "OUTRANKED",
        "GRANT",
        "DENY",
        "applied",
        "ok",
        "failed_precondition",
        "recorded",
        "duplicate",
        "not_found",
    }
    assert set(seen) == expected
