"""Capacities and budgets: what they compile to, and what they are refused for."""

import json
from typing import Any

import pytest

from repit_server.catalog import campaign_from_dict, compile_catalog
from tests.unit.catalog.linted import HEAD, lint, lint_more, with_campaign, with_rule

UNITS = "business_units: {retail: {}, business: {}}\n"
WEEK = {"calendar": "week", "zone": "brand", "week_starts": "monday"}
PER_DAY = "limit: 150, window: {calendar: day}"


def _policies(more: str, head: str = HEAD) -> list[Any]:
    compiled = json.loads(compile_catalog(head + more).compiled)
    return list(compiled["policies"])


def _capacity(capacity: str) -> Any:
    return _policies(UNITS + with_rule(f"capacity: {capacity}"))[0]["rules"][0]["capacity"]


def test_a_capacity_is_compiled_with_its_shares_in_contacts_rounded_down() -> None:
    shares = "shares: {retail: 0.6, business: 0.333333}, lend: true, declared_unused: [business, business]"
    assert _capacity(f"{{limit: 400, window: {{calendar: week}}, per: channel, {shares}}}") == {
        "measure": "contacts",
        "limit": 400,
        "window": WEEK,
        "per": "channel",
        "shares": [{"business_unit": "retail", "limit": 240}, {"business_unit": "business", "limit": 133}],
        "lend": True,
        "declared_unused": ["business"],
        "window_text": "calendar week (brand)",
    }


def test_shares_are_counted_exactly() -> None:
    shares = _capacity("{limit: 100, window: {calendar: day}, shares: {retail: 0.29, business: 0.71}}")["shares"]
    assert [share["limit"] for share in shares] == [29, 71]


def test_a_capacity_has_every_default() -> None:
    assert _capacity("[{limit: 0, window: {lifetime: true}}]") == {
        "measure": "contacts",
        "limit": 0,
        "window": {"lifetime": True},
        "per": None,
        "shares": [],
        "lend": False,
        "declared_unused": [],
        "window_text": "lifetime",
    }


def test_a_period_of_a_capacity_may_be_longer_than_the_horizon() -> None:
    rule = with_rule("capacity: {limit: 9, window: {calendar: year, zone: UTC}}")
    capacity = _policies("horizon: 30d\n" + rule)[0]["rules"][0]["capacity"]
    assert capacity["window"] == {"calendar": "year", "zone": "UTC", "week_starts": "monday"}


def test_capacities_of_channels_and_budgets_come_after_the_policies_of_the_document() -> None:
    several = f"[{{{PER_DAY}}}, {{limit: 9, window: {{calendar: week}}}}]"
    channels = f"{{sms: {{capacity: {several}}}, email: {{}}, call: {{capacity: {{{PER_DAY}}}}}}}"
    head = f"repit: 1\nzone: UTC\nchannels: {channels}\n"
    more = "campaigns: {b: %s, a: %s, c: {priority: 1, channels: [sms]}}\npolicies: [{name: p, rules: []}]\n"
    campaign = "{priority: 1, channels: [sms], budget: {amount: 20000}}"
    policies = _policies(more % (campaign, campaign), head)
    names = ["p", "channel:sms", "channel:call", "campaign:a", "campaign:b"]
    assert [policy["name"] for policy in policies] == names
    assert [rule["name"] for rule in policies[1]["rules"]] == ["capacity", "capacity-2"]
    assert policies[1]["applies_to"] == policies[1]["counts"] == {"channels": ["sms"]}
    assert policies[3]["applies_to"] == policies[3]["counts"] == {"campaigns": ["a"]}


def test_a_budget_is_a_capacity_in_money_for_ever() -> None:
    (policy,) = _policies("currency: EUR\n" + with_campaign("budget: {amount: 20000.5, currency: EUR}"))
    assert policy["rules"] == [
        {
            "name": "budget",
            "capacity": {
                "measure": "cost",
                "limit": 20_000_500_000,
                "window": {"lifetime": True},
                "per": None,
                "shares": [],
                "lend": False,
                "declared_unused": [],
                "window_text": "lifetime",
            },
        }
    ]


def test_a_campaign_of_the_api_may_have_a_budget() -> None:
    campaign = campaign_from_dict({"name": "s", "priority": 1, "channels": ["sms"], "budget": {"amount": 3}})
    policies = json.loads(compile_catalog(HEAD, [campaign]).compiled)["policies"]
    assert [policy["name"] for policy in policies] == ["campaign:s"]


def test_several_capacities_of_one_rule_are_numbered() -> None:
    rules = _policies(with_rule(f"capacity: [{{{PER_DAY}}}, {{limit: 400, window: {{calendar: week}}}}]"))[0]["rules"]
    assert [rule["name"] for rule in rules] == ["r", "r-2"]


PERIODS = "write `{calendar: day}`, another period, or `{lifetime: true}`"
REFUSALS = {
    "a sliding window": (
        "limit: 3, window: {sliding: ▶24h}",
        "window.sliding",
        "a capacity counts calendar periods, no sliding window",
        PERIODS,
    ),
    "rolling days": (
        "limit: 3, window: {rolling_days: ▶3}",
        "window.rolling_days",
        "a capacity counts calendar periods, no rolling days",
        PERIODS,
    ),
    "the zone of each customer": (
        "limit: 3, window: {calendar: day, zone: ▶customer}",
        "window.zone",
        "a capacity is counted over all customers, whatever their zone",
        "write `brand` or an IANA time zone",
    ),
    "a window of no kind": (
        "limit: 3, window: ▶{zone: brand}",
        "window",
        "the window has none of `calendar`, `lifetime`",
        "write exactly one of `calendar`, `lifetime`",
    ),
    "shares over 100 %": (
        f"{PER_DAY}, shares: ▶{{retail: 0.6, business: 0.500001}}",
        "shares",
        "the shares are 110 % together",
        "lower them to 100 % or less together",
    ),
    "a share of an unknown unit": (
        f"{PER_DAY}, shares: {{▶retial: 0.6}}",
        "shares.retial",
        "`retial` is not in `business_units`",
        "write `retail`",
    ),
    "a unit twice": (
        f"{PER_DAY}, shares: {{retail: 0.6, ▶retail: 0.4}}",
        "shares.retail",
        "the key `retail` stands twice, first on line 8",
        "keep one of the two",
    ),
    "a share below 0": (
        f"{PER_DAY}, shares: {{retail: ▶-0.1}}",
        "shares.retail",
        "the share of `-0.1` is not between 0 and 1",
        "write a part of 1, as in `0.6`",
    ),
    "a share in percent": (
        f"{PER_DAY}, shares: {{retail: ▶60}}",
        "shares.retail",
        "the share of `60.0` is not between 0 and 1",
        "write a part of 1, as in `0.6`",
    ),
    "a unit without a share that declares": (
        f"{PER_DAY}, shares: {{retail: 0.6}}, declared_unused: ▶[business]",
        "declared_unused",
        "`business` has no share to leave",
        "name units of `shares`, or give it a share",
    ),
    "lending that is no truth": (
        f"{PER_DAY}, shares: {{retail: 0.6}}, lend: ▶1",
        "lend",
        "`1` is neither `true` nor `false`",
        "write `true` or `false` without quotes",
    ),
    "a limit of half a contact": (
        "limit: ▶0.5, window: {calendar: day}",
        "limit",
        "`0.5` is not a whole number",
        "write a whole number without quotes",
    ),
    "a limit of 0 that is not written so": (
        "limit: ▶0.0, window: {calendar: day}",
        "limit",
        "`0.0` is not a whole number",
        "write a whole number without quotes",
    ),
    "an unknown key": (f"{PER_DAY}, ▶share: {{}}", "share", "the key `share` is not known here", "write `shares`"),
    "counted per customer": (f"{PER_DAY}, per: ▶customer", "per", "`customer` is not known here", None),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_a_wrong_capacity_is_refused_at_the_place_that_is_wrong(what: str) -> None:
    text, path, problem, remedy = REFUSALS[what]
    finding = lint_more(UNITS + with_rule(f"capacity: {{{text}}}")).only()
    assert (finding.path, finding.problem) == (f"policies[0].rules[0].capacity.{path}", problem)
    assert remedy is None or finding.remedy == remedy


def test_no_capacities_at_all_are_refused() -> None:
    assert lint_more(with_rule("capacity: ▶[]")).only().problem == "`[]` is empty"
    assert lint_more(with_rule("capacity: ▶3")).only().remedy == "write `[{limit: 150, window: {calendar: day}}]`"


def test_a_policy_with_a_capacity_counts_what_it_judges() -> None:
    policy = "policies: [{name: p, applies_to: {channels: [sms]}, counts: %s, rules: [{name: r, capacity: {%s}}]}]\n"
    finding = lint_more(policy % ("▶{}", PER_DAY)).only()
    assert finding.problem == "the capacity `r` counts what it judges, and `counts` is not `applies_to`"
    assert lint_more(policy % ("{channels: [sms]}", PER_DAY)).findings == ()


def test_a_policy_cannot_have_the_name_of_what_a_channel_or_a_campaign_makes() -> None:
    named = "policies: [{name: ▶%s, rules: []}]\n"
    for name in ("channel:sms", "campaign:spring"):
        finding = lint_more(with_campaign("value: 1") + named % f'"{name}"').only()
        assert finding.problem == f"`{name}` is the policy of its capacity or budget"
    assert lint_more(with_campaign("value: 1") + named.replace("▶", "") % '"channel:fax"').findings == ()


def test_a_rule_cannot_have_the_name_of_another_ones_second_capacity() -> None:
    second = f"[{{{PER_DAY}}}, {{limit: 900, window: {{calendar: week}}}}]"
    text = with_rule(f"capacity: {second}").replace("name: r", "name: ▶r")
    other = "      - {name: r-2, respite: {after: [refused], for: 1d}}\n"
    finding = lint_more(text + other).only()
    assert finding.problem == "one of these capacities is the rule `r-2`, which another rule is called"


BUDGETS = {
    "another currency than the catalog's": (
        "currency: EUR\n" + with_campaign("budget: {amount: 3, currency: ▶USD}"),
        "campaigns.spring.budget.currency",
        "the budget is in `USD` and the catalog in `EUR`",
        "write the amount in `EUR`",
    ),
    "another currency than an earlier budget's": (
        (
            "campaigns:\n  a: {priority: 1, channels: [sms], budget: {amount: 1, currency: EUR}}\n"
            "  b: {priority: 1, channels: [sms], budget: {amount: 1, currency: ▶USD}}\n"
        ),
        "campaigns.b.budget.currency",
        "the budget is in `USD` and the catalog in `EUR`",
        "write the amount in `EUR`",
    ),
    "no currency at all": (
        with_campaign("budget: {amount: 3, currency: ▶eur}"),
        "campaigns.spring.budget.currency",
        "`eur` is not a currency",
        "write its three capital letters, as in `EUR`",
    ),
    "a budget of nothing": (
        with_campaign("budget: {amount: ▶0}"),
        "campaigns.spring.budget.amount",
        "a budget of 0 is not written on purpose",
        "write an amount above 0, or leave `budget` out",
    ),
    "a budget without an amount": (
        with_campaign("▶budget: {currency: EUR}"),
        "campaigns.spring.budget.amount",
        "the key `amount` is missing",
        "write `amount: …`",
    ),
}


@pytest.mark.parametrize("what", BUDGETS)
def test_a_wrong_budget_is_refused_at_the_place_that_is_wrong(what: str) -> None:
    text, path, problem, remedy = BUDGETS[what]
    finding = lint_more(text).only()
    assert (finding.path, finding.problem, finding.remedy) == (path, problem, remedy)


def test_budgets_of_one_currency_need_no_currency_of_the_catalog() -> None:
    assert lint(HEAD + with_campaign("budget: {amount: 3, currency: USD}")).findings == ()
