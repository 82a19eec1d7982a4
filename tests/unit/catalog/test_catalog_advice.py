"""What is sayable but unwise is found, and nothing else is."""

import pytest

from repit_server.catalog import Severity
from tests.unit.catalog.linted import lint_more


def _caps(*caps: str) -> str:
    rules = "".join(f"      - {{name: r{number}, frequency_cap: {{{cap}}}}}\n" for number, cap in enumerate(caps))
    return f"policies:\n  - name: p\n    rules:\n{rules}"


DEAD = {
    "a shorter cap that allows more": ("▶|limit: 3, window: {sliding: 1d}", "limit: 3, window: {sliding: 7d}"),
    "the longer one first": ("limit: 2, window: {sliding: 7d}", "▶|limit: 3, window: {sliding: 24h}"),
    "the same twice": ("limit: 2, window: {sliding: 1d}", "▶|limit: 2, window: {sliding: 24h}"),
    "a looser cap in the same window": ("▶|limit: 3, window: {sliding: 1d}", "limit: 2, window: {sliding: 1d}"),
    "a day in a month": ("▶|points: 5, window: {calendar: day}", "points: 4, window: {calendar: month}"),
    "a day in rolling days": ("▶|limit: 4, window: {calendar: day}", "limit: 4, window: {rolling_days: 3}"),
    "rolling days in more of them": ("▶|limit: 4, window: {rolling_days: 3}", "limit: 4, window: {rolling_days: 9}"),
    "anything in a lifetime": ("▶|cost: 4, window: {calendar: week}", "cost: 4, window: {lifetime: true}"),
    "a customer's cap below the party's": (
        "▶|limit: 3, window: {sliding: 1d}",
        "limit: 3, window: {sliding: 7d}, per: party",
    ),
    "a contact point's cap below the party's": (
        "▶|limit: 3, window: {sliding: 1d}, per: contact_point",
        "limit: 3, window: {sliding: 1d}, per: party",
    ),
    "a longer cap that a reserve makes smaller still": (
        "▶|limit: 3, window: {sliding: 1d}",
        "limit: 3, window: {sliding: 7d}, reserve: {min_priority: 80, places: 1}",
    ),
}

ALIVE = {
    "a longer cap that allows more": ("limit: 1, window: {sliding: 1d}", "limit: 3, window: {sliding: 7d}"),
    "other measures": ("limit: 3, window: {sliding: 1d}", "points: 3, window: {sliding: 7d}"),
    "other contacts": ("limit: 3, window: {sliding: 1d}", "limit: 3, window: {sliding: 7d}, counted: answered"),
    "a week that spans two months": ("limit: 3, window: {calendar: week}", "limit: 3, window: {calendar: month}"),
    "weeks that begin on other days": (
        "limit: 3, window: {calendar: week}",
        "limit: 2, window: {calendar: week, week_starts: sunday}",
    ),
    "days of other zones": (
        "limit: 3, window: {calendar: day, zone: customer}",
        "limit: 3, window: {calendar: month}",
    ),
    "a shorter cap that a reserve makes smaller": (
        "limit: 3, window: {sliding: 1d}, reserve: {min_priority: 80, places: 1}",
        "limit: 3, window: {sliding: 7d}",
    ),
    "a party's cap above the customer's": (
        "limit: 3, window: {sliding: 1d}, per: party",
        "limit: 3, window: {sliding: 7d}",
    ),
    "a contact point and a subject": (
        "limit: 3, window: {sliding: 1d}, per: subject",
        "limit: 3, window: {sliding: 7d}, per: contact_point",
    ),
    "a sliding day and a calendar week": ("limit: 3, window: {sliding: 24h}", "limit: 3, window: {calendar: week}"),
    "a month and rolling days": ("limit: 3, window: {calendar: month}", "limit: 3, window: {rolling_days: 30}"),
}


@pytest.mark.parametrize("what", DEAD)
def test_a_cap_that_never_decides_is_named(what: str) -> None:
    text = _caps(*DEAD[what]).replace("frequency_cap: {▶|", "frequency_cap: ▶{")
    finding = lint_more(text).only()
    assert finding.severity is Severity.WARNING
    assert finding.problem.startswith("this cap never decides: `p/r")


@pytest.mark.parametrize("what", ALIVE)
def test_a_cap_that_may_decide_is_not_named(what: str) -> None:
    assert lint_more(_caps(*ALIVE[what])).findings == ()


def test_caps_of_other_selectors_do_not_make_each_other_dead() -> None:
    cap = "rules: [{name: r, frequency_cap: {limit: 3, window: {sliding: 1d}}}]"
    text = f"policies:\n  - {{name: p, {cap}}}\n  - {{name: q, applies_to: {{channels: [sms]}}, {cap}}}\n"
    assert lint_more(text).findings == ()


def test_caps_of_two_policies_with_the_same_selectors_can_make_each_other_dead() -> None:
    cap = "[{name: r, frequency_cap: %s{limit: 3, window: {sliding: 1d}}}]"
    text = f"policies:\n  - {{name: p, rules: {cap % ''}}}\n  - {{name: q, counts: {{}}, rules: {cap % '▶'}}}\n"
    assert "`p/r` allows no more" in lint_more(text).only().problem


def test_a_reserve_that_leaves_nothing_is_named() -> None:
    text = _caps("limit: 2, window: {sliding: 1d}, reserve: {min_priority: 80, places: ▶2}")
    finding = lint_more(text).only()
    assert finding.problem == "the reserve keeps all of the cap: below priority 80 nothing is granted"
    assert finding.remedy == "keep less than 2"


def test_a_reserve_that_leaves_something_or_is_nobodys_loss_is_not_named() -> None:
    assert lint_more(_caps("limit: 2, window: {sliding: 1d}, reserve: {min_priority: 80, places: 1}")).findings == ()
    assert lint_more(_caps("limit: 2, window: {sliding: 1d}, reserve: {min_priority: 0, places: 2}")).findings == ()


def test_a_segment_that_nothing_uses_is_named() -> None:
    used = "policies: [{name: p, applies_to: {not: {segments: [a]}}, rules: []}]\n"
    assert lint_more(f"segments: [a, ▶b]\n{used}").only().problem == "nothing uses the segment `b`"
    assert lint_more(f"segments: {{a: {{}}, ▶b: {{}}}}\n{used}").only().path == "segments.b"


def test_a_selector_that_no_priority_meets_is_named() -> None:
    text = "policies: [{name: p, counts: {not: {min_priority: 60, max_priority: ▶50}}, rules: []}]\n"
    finding = lint_more(text).only()
    assert finding.path == "policies[0].counts.not.max_priority"
    assert finding.problem == "this takes nothing: no priority is at least 60 and at most 50"


def test_a_window_in_the_zone_of_the_customer_is_no_finding() -> None:
    assert lint_more(_caps("limit: 2, window: {calendar: day, zone: customer}")).findings == ()


def test_a_holdout_of_nobody_is_named() -> None:
    text = "policies: [{name: p, rules: [{name: r, holdout: {share: %s, salt: a}}]}]\n"
    assert lint_more(text % "▶0").only().problem == "this holds out nobody"
    assert lint_more(text % "0.000001").findings == ()


def test_a_segment_that_a_prerequisite_names_is_used() -> None:
    rule = "prerequisite: {contact: {segments: [a]}, within: 9d}"
    assert lint_more(f"segments: [a]\npolicies: [{{name: p, rules: [{{name: r, {rule}}}]}}]\n").findings == ()
