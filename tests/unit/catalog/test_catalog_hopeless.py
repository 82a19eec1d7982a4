"""Campaigns that can never contact anybody, and rules that cannot hold together, are found, and no others."""

import pytest

from repit_server.catalog import Severity, campaign_from_dict, compile_catalog
from tests.unit.catalog.linted import HEAD, lint, lint_more

UNITS = "business_units: {retail: {}, business: {}}\n"
NEVER = "this campaign can never contact anybody: "


def _campaign(rest: str = "", channels: str = "[sms]") -> str:
    return f"campaigns:\n  ▶spring: {{priority: 40, channels: {channels}, {rest}}}\n"


def _rules(*rules: str, applies_to: str = "{}") -> str:
    listed = ", ".join(f"{{name: r{number}, {rule}}}" for number, rule in enumerate(rules))
    return f"policies: [{{name: p, applies_to: {applies_to}, rules: [{listed}]}}]\n"


def _cap(cap: str) -> str:
    return _rules(f"frequency_cap: {{{cap}, window: {{sliding: 1d}}}}")


def _capacity(capacity: str) -> str:
    return _rules(f"capacity: {{window: {{calendar: day}}, {capacity}}}")


REFUSED = "`p/r0` never grants it `sms`"
HOPELESS = {
    "a cap of nothing": (_campaign() + _cap("limit: 0"), REFUSED),
    "a reserve of all": (_campaign() + _cap("points: 3, reserve: {min_priority: 41, places: 2}"), REFUSED),
    "a contact heavier than the points allowed": (_campaign() + _cap("points: 1.9"), REFUSED),
    "a campaign heavier than the points allowed": (_campaign("pressure: 7") + _cap("points: 6.5"), REFUSED),
    "everybody held out": (_campaign() + _rules("holdout: {share: 1, salt: a}"), REFUSED),
    "a capacity of nothing": (_campaign() + _capacity("limit: 0"), REFUSED),
    "others' shares of all": (
        UNITS + _campaign("business_unit: retail") + _capacity("limit: 9, shares: {business: 1}"),
        REFUSED,
    ),
    "nobody's campaign beside shares of all": (
        UNITS + _campaign() + _capacity("limit: 10, shares: {retail: 0.5, business: 0.5}"),
        REFUSED,
    ),
    "nobody eligible": (_campaign("eligible: {kinds: [legal]}"), "`eligible` takes nobody"),
    "a prerequisite of itself": (
        _campaign() + _rules("prerequisite: {contact: {campaigns: [spring]}, within: 9d}"),
        "nothing that `p/r0` asks for can be granted before",
    ),
    "a prerequisite of a channel that no campaign uses": (
        _campaign() + _rules("prerequisite: {contact: {channels: [email]}, within: 9d}"),
        "nothing that `p/r0` asks for can be granted before",
    ),
}
HOPEFUL = {
    "a cap of one": _campaign() + _cap("limit: 1"),
    "a reserve for less than it": _campaign() + _cap("points: 3, reserve: {min_priority: 40, places: 2}"),
    "points for one": _campaign() + _cap("points: 2"),
    "points that a reserve leaves exactly": _campaign("pressure: 0.1")
    + _cap("points: 0.3, reserve: {min_priority: 90, places: 0.2}"),
    "nearly everybody held out": _campaign() + _rules("holdout: {share: 0.999999, salt: a}"),
    "another channel": _campaign(channels="[email, sms]") + _cap("limit: 0").replace("{}", "{channels: [sms]}"),
    "a cap of other campaigns": _campaign() + _cap("limit: 0").replace("{}", "{kinds: [legal]}"),
    "a cap of some customers": "segments: [a]\n" + _campaign() + _cap("limit: 0").replace("{}", "{segments: [a]}"),
    "a cap of most customers": "segments: [a]\n"
    + _campaign()
    + _cap("limit: 0").replace("{}", "{not: {segments: [a]}}"),
    "a share of its own": UNITS + _campaign("business_unit: business") + _capacity("limit: 9, shares: {business: 1}"),
    "a share that is lent": UNITS + _campaign() + _capacity("limit: 9, shares: {business: 1}, lend: true"),
    "a share declared unused": UNITS
    + _campaign()
    + _capacity("limit: 9, shares: {business: 1}, declared_unused: [business]"),
    "a prerequisite of some customers": "segments: [a]\n"
    + _campaign()
    + _rules("prerequisite: {contact: {channels: [email]}, within: 9d}", applies_to="{segments: [a]}"),
    "a prerequisite of what comes back": _campaign() + _rules("prerequisite: {engagement: [purchased], within: 9d}"),
}


@pytest.mark.parametrize("what", HOPELESS)
def test_a_campaign_that_can_never_contact_anybody_is_named(what: str) -> None:
    text, reason = HOPELESS[what]
    finding = lint_more(text).only()
    assert finding.severity is Severity.WARNING
    assert (finding.path, finding.problem) == ("campaigns.spring", NEVER + reason)


@pytest.mark.parametrize("what", HOPEFUL)
def test_a_campaign_that_may_contact_somebody_is_not_named(what: str) -> None:
    assert lint_more(HOPEFUL[what].replace("▶", "")).findings == ()


def test_a_channel_that_costs_more_than_the_budget_is_no_hope() -> None:
    head = "repit: 1\nzone: UTC\nchannels: {visit: {cost: 80}, call: {cost: 4.5}}\n"
    campaign = "campaigns: {▶spring: {priority: 1, channels: %s, budget: {amount: 79.99}}}\n"
    finding = lint(head + campaign % "[visit]").only()
    assert finding.problem == NEVER + "one contact by `visit` costs more than its budget"
    assert lint(head + (campaign % "[visit, call]").replace("▶", "")).findings == ()


def test_a_capacity_of_nothing_of_its_only_channel_is_no_hope() -> None:
    head = "repit: 1\nzone: UTC\nchannels: {call: {capacity: {limit: %s, window: {calendar: day}}}}\n"
    campaign = "campaigns: {▶spring: {priority: 1, channels: [call]}}\n"
    finding = lint(head % 0 + campaign).only()
    assert finding.problem == NEVER + "`channel:call/capacity` never grants it `call`"
    assert lint(head % 1 + campaign.replace("▶", "")).findings == ()


def _in_turn(first: str, second: str) -> str:
    """Write the campaigns `a` and `b`, each only after a contact of what is given."""
    rules = "".join(
        f"  - {{name: p{name}, applies_to: {{campaigns: [{name}]}}, rules: "
        f"[{{name: r, prerequisite: {{contact: {{campaigns: [{before}]}}, within: 9d}}}}]}}\n"
        for name, before in (("a", first), ("b", second))
    )
    names = ("a", "b", "c")
    campaigns = "".join(f"  {name}: {{priority: 1, channels: [sms]}}\n" for name in names)
    return f"campaigns:\n{campaigns}policies:\n{rules}"


def test_campaigns_that_wait_for_each_other_are_named() -> None:
    findings = lint_more(_in_turn("b", "a")).findings
    assert [finding.path for finding in findings] == ["campaigns.a", "campaigns.b"]
    assert findings[0].problem == NEVER + "nothing that `pa/r` asks for can be granted before"


def test_campaigns_that_wait_for_one_that_may_begin_are_not_named() -> None:
    assert lint_more(_in_turn("b", "c")).findings == ()


def test_a_campaign_that_waits_for_one_that_no_rule_lets_through_is_named() -> None:
    nothing = "  - {name: none, applies_to: {campaigns: [c]}, rules: [{name: r, holdout: {share: 1, salt: a}}]}\n"
    findings = lint_more(_in_turn("b", "c") + nothing).findings
    assert [finding.path for finding in findings] == ["campaigns.a", "campaigns.b", "campaigns.c"]


def test_a_campaign_of_the_api_without_hope_is_named_without_a_place() -> None:
    campaign = campaign_from_dict({"name": "s", "priority": 1, "channels": ["sms"]})
    (finding,) = compile_catalog(HEAD + _cap("limit: 0"), [campaign]).findings
    assert (finding.line, finding.path) == (0, "api_campaigns.s")


ASKED = "▶|prerequisite: {engagement: [purchased], within: 7d}"
SENT = "▶|prerequisite: {contact: {channels: [email]}, within: 7d}"
CONTRADICTIONS = {
    "a respite after what is asked for": (ASKED, "respite: {after: [refused, purchased], for: 7d}"),
    "a respite without end": (ASKED, "respite: {after: [purchased], for: never}"),
    "a respite in days": (
        "▶|prerequisite: {engagement: [purchased], within: {days: 7}}",
        "respite: {after: [purchased], for: {days: 8}}",
    ),
    "a cap that one contact fills": (SENT, "frequency_cap: {limit: 1, window: {sliding: 7d}}"),
    "a party's cap that one contact fills": (SENT, "frequency_cap: {limit: 1, window: {lifetime: true}, per: party}"),
}
CONCORD = {
    "a shorter respite": (ASKED, "respite: {after: [purchased], for: 6d}"),
    "a respite after something else": (ASKED, "respite: {after: [refused], for: 9d}"),
    "a respite after large purchases": (ASKED, "respite: {after: [purchased], for: 9d, min_value: 100}"),
    "a respite of the family alone": (ASKED, "respite: {after: [purchased], for: 9d, of: offer_family}"),
    "a respite in days of another zone": (
        "▶|prerequisite: {engagement: [purchased], within: {days: 7}}",
        "respite: {after: [purchased], for: {days: 8, zone: UTC}}",
    ),
    "a cap of two": (SENT, "frequency_cap: {limit: 2, window: {sliding: 7d}}"),
    "a shorter cap": (SENT, "frequency_cap: {limit: 1, window: {sliding: 6d}}"),
    "a cap of confirmed contacts": (SENT, "frequency_cap: {limit: 1, window: {sliding: 7d}, counted: confirmed}"),
    "a cap of one contact point": (SENT, "frequency_cap: {limit: 1, window: {sliding: 7d}, per: contact_point}"),
}


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_two_rules_that_cannot_hold_together_are_named(what: str) -> None:
    text = _rules(*CONTRADICTIONS[what]).replace("▶|prerequisite: ", "prerequisite: ▶")
    finding = lint_more(text).only()
    assert finding.path == "policies[0].rules[0].prerequisite"
    assert finding.problem.startswith("this cannot hold together with `p/r1`")


@pytest.mark.parametrize("what", CONCORD)
def test_two_rules_that_may_hold_together_are_not_named(what: str) -> None:
    assert lint_more(_rules(*CONCORD[what]).replace("▶|", "")).findings == ()


def test_rules_of_two_policies_contradict_each_other_where_both_judge_a_campaign() -> None:
    policies = (
        "policies:\n  - {name: p, applies_to: {channels: [sms]}, rules: [{name: r, prerequisite: "
        "{engagement: [purchased], within: 7d}}]}\n"
        "  - {name: q, applies_to: {kinds: [marketing]}, rules: [{name: r, respite: {after: [purchased], for: 7d}}]}\n"
    )
    campaign = "campaigns: {spring: {priority: 1, channels: [%s]}}\n"
    assert len(lint_more(campaign % "sms" + policies).findings) == 1
    assert lint_more(campaign % "email" + policies).findings == ()
