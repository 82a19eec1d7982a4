"""What is unwise in capacities is found, and nothing else is."""

import pytest

from tests.unit.catalog.linted import HEAD, lint, lint_more, with_rule

UNITS = "business_units: {retail: {}, business: {}}\n"


def _channel(*capacities: str) -> str:
    listed = ", ".join(capacity.replace("▶|", "▶{") if "▶|" in capacity else f"{{{capacity}" for capacity in capacities)
    return HEAD.replace("email: {}", "email: {capacity: [" + listed.replace(";", "}") + "]}")


def _capacity(limit: int, window: str, more: str = "") -> str:
    return f"limit: {limit}, window: {{{window}}}{more};"


NEVER_REACHED = {
    "the same twice": (_capacity(150, "calendar: day"), "▶|" + _capacity(150, "calendar: day")),
    "a day of as much as its week": ("▶|" + _capacity(150, "calendar: day"), _capacity(150, "calendar: week")),
    "a week of seven full days": (_capacity(150, "calendar: day"), "▶|" + _capacity(1_050, "calendar: week")),
    "a month of six full weeks": (_capacity(10, "calendar: week"), "▶|" + _capacity(60, "calendar: month")),
    "a year of twelve full months": (_capacity(10, "calendar: month"), "▶|" + _capacity(120, "calendar: year")),
    "a week of two full months": (_capacity(10, "calendar: month"), "▶|" + _capacity(20, "calendar: week")),
    "weeks that begin on other days": (
        _capacity(10, "calendar: week"),
        "▶|" + _capacity(20, "calendar: week, week_starts: sunday"),
    ),
    "more than there ever is": (_capacity(10, "lifetime: true"), "▶|" + _capacity(10, "calendar: day, zone: UTC")),
    "each campaign as much as all": (
        _capacity(10, "calendar: day"),
        "▶|" + _capacity(10, "calendar: day", ", per: campaign"),
    ),
}
REACHED = {
    "a week below seven full days": (_capacity(150, "calendar: day"), _capacity(1_049, "calendar: week")),
    "a month below six full weeks": (_capacity(10, "calendar: week"), _capacity(59, "calendar: month")),
    "days of other zones": (_capacity(150, "calendar: day"), _capacity(150, "calendar: day, zone: UTC")),
    "ever": (_capacity(1, "calendar: day"), _capacity(1_000_000, "lifetime: true")),
    "more than each campaign": (_capacity(10, "calendar: day", ", per: campaign"), _capacity(11, "calendar: day")),
    "weeks that begin on other days": (
        _capacity(10, "calendar: week"),
        _capacity(19, "calendar: week, week_starts: sunday"),
    ),
}


@pytest.mark.parametrize("what", NEVER_REACHED)
def test_a_capacity_that_is_never_reached_is_named(what: str) -> None:
    finding = lint(_channel(*NEVER_REACHED[what])).only()
    assert finding.problem.startswith("this capacity is never reached: `channel:email/capacity")


@pytest.mark.parametrize("what", REACHED)
def test_a_capacity_that_may_be_reached_is_not_named(what: str) -> None:
    assert lint(_channel(*REACHED[what])).findings == ()


def test_capacities_of_other_channels_do_not_reach_each_other() -> None:
    capacity = "{capacity: {limit: 1, window: {calendar: day}}}"
    assert lint(f"repit: 1\nzone: UTC\nchannels: {{email: {capacity}, sms: {capacity}}}\n").findings == ()


def _shared(rest: str) -> str:
    return UNITS + with_rule(f"capacity: {{limit: 400, window: {{calendar: week}}, {rest}}}")


SHARES = {
    "lending without shares": ("lend: ▶true", "nothing is lent: there are no `shares`"),
    "a share of less than a contact": (
        "shares: {retail: 0.5, business: ▶0.002}",
        "the share of `business` is less than one contact: nothing",
    ),
    "shares of what each has for itself": (
        "per: business_unit, shares: ▶{retail: 1}",
        "each unit has the capacity for itself already: a share only makes it smaller",
    ),
    "shares below 100 % that are lent": (
        "lend: true, shares: ▶{retail: 0.6, business: 0.3}",
        "the shares leave 40 of 400 contacts that any unit may take at once",
    ),
}
FAIR = [
    "lend: true, shares: {retail: 0.6, business: 0.4}",
    "lend: true, shares: {retail: 0.333333, business: 0.666667}",
    "shares: {retail: 0.6, business: 0.3}",
    "shares: {retail: 1, business: 0}",
    "shares: {retail: 0.0025}",
    "per: campaign, shares: {retail: 1}",
    "lend: false",
]


@pytest.mark.parametrize("what", SHARES)
def test_shares_that_are_unwise_are_named(what: str) -> None:
    text, problem = SHARES[what]
    assert lint_more(_shared(text)).only().problem == problem


@pytest.mark.parametrize("shares", FAIR)
def test_shares_that_are_fair_are_not_named(shares: str) -> None:
    assert lint_more(_shared(shares)).findings == ()
