"""What is unwise in offer families is found, and nothing else is."""

import pytest

from repit_server.catalog import campaign_from_dict, compile_catalog
from tests.unit.catalog.linted import HEAD, lint_more


def _campaigns(*families: str) -> str:
    listed = (
        f"  {number}: {{priority: 1, channels: [sms], offer_family: {rest}}}\n" for number, rest in enumerate(families)
    )
    return "campaigns:\n" + "".join(listed)


FALLBACK = "offer_families: {a: {fallback: ▶b}, b: {}}\n"
SPRING = "a, active: {from: 2026-03-01, until: 2026-06-01}"


def test_a_fallback_without_campaigns_is_named() -> None:
    finding = lint_more(FALLBACK + _campaigns("a")).only()
    assert finding.path == "offer_families.a.fallback"
    assert finding.problem == "the fallback never steps in: no campaign of `b` is there"
    assert lint_more(FALLBACK.replace("▶", "") + _campaigns("a", "b")).findings == ()


def test_a_fallback_of_a_family_without_campaigns_is_nobodys_loss() -> None:
    assert lint_more(FALLBACK.replace("▶", "") + _campaigns("b")).findings == ()


def test_a_campaign_of_the_api_can_be_the_fallback() -> None:
    campaign = campaign_from_dict({"name": "s", "priority": 1, "channels": ["sms"], "offer_family": "b"})
    text = HEAD + (FALLBACK + _campaigns("a")).replace("▶", "")
    assert compile_catalog(text, [campaign]).findings == ()


@pytest.mark.parametrize("days", ["from: 2026-06-01", "until: 2026-03-01", "from: 2025-01-01, until: 2026-01-01"])
def test_a_fallback_that_never_runs_beside_its_family_is_named(days: str) -> None:
    finding = lint_more(FALLBACK + _campaigns(SPRING, f"b, active: {{{days}}}")).only()
    assert finding.problem == "the fallback never steps in: no campaign of `b` runs while one of this family does"


@pytest.mark.parametrize("days", ["from: 2026-05-31", "until: 2026-03-02", "from: 2025-01-01, until: 2027-01-01"])
def test_a_fallback_that_runs_one_day_beside_its_family_is_not_named(days: str) -> None:
    text = FALLBACK.replace("▶", "") + _campaigns(SPRING, f"b, active: {{{days}}}")
    assert lint_more(text).findings == ()


def test_one_of_several_campaigns_is_enough_for_a_fallback() -> None:
    later = ("b, active: {from: 2027-01-01}", "b, active: {from: 2026-04-01, until: 2026-04-02}")
    assert lint_more(FALLBACK.replace("▶", "") + _campaigns(SPRING, *later)).findings == ()


CIRCLES = {
    "offer_families: {a: {fallback: ▶a}}\n": "a -> a",
    "offer_families: {a: {fallback: ▶b}, b: {fallback: a}}\n": "a -> b -> a",
    "offer_families: {x: {fallback: b}, b: {fallback: ▶c}, c: {fallback: d}, d: {fallback: c}}\n": "c -> d -> c",
}


@pytest.mark.parametrize("families", CIRCLES)
def test_fallbacks_in_a_circle_are_named_once(families: str) -> None:
    (finding,) = lint_more(families).findings
    assert finding.problem == f"the fallbacks go in a circle: {CIRCLES[families]}"


def test_fallbacks_that_end_are_no_circle() -> None:
    families = "offer_families: {a: {fallback: c}, b: {fallback: c}, c: {fallback: d}, d: {}}\n"
    assert lint_more(families).findings == ()


def test_a_long_circle_is_told_in_one_line() -> None:
    families = ", ".join(f"f{number}: {{fallback: f{(number + 1) % 100}}}" for number in range(100))
    (finding,) = lint_more(f"offer_families: {{{families}}}\n").findings
    assert finding.problem == "the fallbacks go in a circle: " + " -> ".join([f"f{n}" for n in range(8)] + ["…", "f0"])


def test_a_family_that_learns_in_vain_is_named() -> None:
    families = "offer_families: {a: {learns_from: ▶[clicked]}}\n"
    assert lint_more(families).only().problem == "the family learns nothing: its affinity has no `half_life`"
    assert lint_more("offer_families: {a: {learns_from: [clicked], half_life: 9d}}\n").findings == ()
