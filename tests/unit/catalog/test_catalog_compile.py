"""What the engine is handed: every default written out, times in milliseconds, amounts in millionths."""

import json
from pathlib import Path
from typing import Any

import pytest

from repit_server.catalog import compile_catalog, etag
from tests.unit.catalog.linted import HEAD

GOLDEN = Path(__file__).parent / "golden"


def _compiled(more: str) -> Any:
    return json.loads(compile_catalog(HEAD + more).compiled)


def _rule(rule: str) -> Any:
    return _compiled(f"policies: [{{name: p, rules: [{{name: r, {rule}}}]}}]\n")["policies"][0]["rules"][0]


def _window(window: str) -> Any:
    cap = _rule(f"frequency_cap: {{limit: 1, window: {window}}}")["frequency_cap"]
    return cap["window"], cap["window_text"]


def test_the_document_of_the_contract_compiles_to_the_golden_file() -> None:
    catalog = compile_catalog((GOLDEN / "contract.yaml").read_text("utf-8"))
    assert json.loads(catalog.compiled) == json.loads((GOLDEN / "contract.json").read_text("utf-8"))
    (finding,) = catalog.findings
    assert finding.problem == "the fallback never steps in: no campaign of `long-stays` is there"


def test_yaml_and_json_of_one_catalog_compile_to_the_same_bytes() -> None:
    text = (GOLDEN / "contract.yaml").read_text("utf-8")
    document = compile_catalog(text).document
    as_json = json.dumps(document.model_dump(mode="json", by_alias=True, exclude_none=True))
    assert compile_catalog(as_json).compiled == compile_catalog(text).compiled


def test_the_smallest_document_has_every_default() -> None:
    assert json.loads(compile_catalog("repit: 1\nzone: UTC\nchannels: {email: {}}\n").compiled) == {
        "format": 1,
        "zone": "UTC",
        "horizon_ms": 400 * 86_400_000,
        "channels": [
            {"name": "email", "cost": 0, "pressure": 1_000_000, "expires_after_ms": 86_400_000, "unconfirmed": "counts"}
        ],
        "segments": [],
        "offer_families": [],
        "business_units": [],
        "campaigns": [],
        "policies": [],
    }


def test_a_campaign_has_every_default() -> None:
    assert _compiled("campaigns: {spring: {priority: 40, channels: [sms, email, sms]}}\n")["campaigns"] == [
        {
            "name": "spring",
            "priority": 40,
            "kind": "marketing",
            "channels": ["sms", "email"],
            "offer_family": None,
            "business_unit": None,
            "active_from_ms": None,
            "active_until_ms": None,
            "value": None,
            "pressure": None,
            "eligible": None,
        }
    ]


def test_a_policy_without_selectors_takes_and_counts_everything() -> None:
    policy = _compiled("policies: [{name: p, rules: []}]\n")["policies"][0]
    assert (policy["applies_to"], policy["counts"]) == ({}, {})


def test_a_policy_counts_what_it_applies_to_unless_it_says_otherwise() -> None:
    policy = _compiled("policies: [{name: p, applies_to: {kinds: [legal]}, rules: []}]\n")["policies"][0]
    assert policy["counts"] == {"kinds": ["legal"]}
    more = "policies: [{name: p, applies_to: {kinds: [legal]}, counts: {}, rules: []}]\n"
    assert _compiled(more)["policies"][0]["counts"] == {}


def test_selectors_are_sorted_and_keep_what_must_not_hold() -> None:
    more = (
        "policies: [{name: p, applies_to: {channels: [sms, email, sms], min_priority: 0, max_priority: 80, "
        "not: {kinds: [service, legal], not: {}}}, rules: []}]\n"
    )
    assert _compiled(more)["policies"][0]["applies_to"] == {
        "channels": ["email", "sms"],
        "min_priority": 0,
        "max_priority": 80,
        "not": {"kinds": ["legal", "service"], "not": {}},
    }


WINDOWS = {
    "{sliding: 7d}": ({"sliding_ms": 604_800_000}, "sliding 7d"),
    "{calendar: month, zone: customer}": (
        {"calendar": "month", "zone": "customer", "week_starts": "monday"},
        "calendar month (customer)",
    ),
    "{calendar: day}": ({"calendar": "day", "zone": "brand", "week_starts": "monday"}, "calendar day (brand)"),
    "{calendar: week, week_starts: sunday, zone: UTC}": (
        {"calendar": "week", "zone": "UTC", "week_starts": "sunday"},
        "calendar week from sunday (UTC)",
    ),
    "{rolling_days: 30, zone: Europe/Paris}": (
        {"rolling_days": 30, "zone": "Europe/Paris"},
        "rolling 30 days (Europe/Paris)",
    ),
    "{rolling_days: 1}": ({"rolling_days": 1, "zone": "brand"}, "rolling 1 days (brand)"),
    "{lifetime: true}": ({"lifetime": True}, "lifetime"),
}


@pytest.mark.parametrize("window", WINDOWS)
def test_a_window_is_compiled_and_written_out(window: str) -> None:
    assert _window(window) == WINDOWS[window]


def test_caps_are_in_contacts_or_in_millionths() -> None:
    reserve = "reserve: {min_priority: 80, places: 2}, window: {sliding: 1d}"
    contacts = _rule(f"frequency_cap: {{limit: 3, {reserve}}}")["frequency_cap"]
    assert (contacts["measure"], contacts["limit"], contacts["reserve"]["places"]) == ("contacts", 3, 2)
    points = _rule(f"frequency_cap: {{points: 12.5, {reserve}}}")["frequency_cap"]
    assert (points["measure"], points["limit"], points["reserve"]["places"]) == ("points", 12_500_000, 2_000_000)
    money = _rule("frequency_cap: {cost: 0.07, counted: answered, window: {sliding: 1d}}")["frequency_cap"]
    assert (money["measure"], money["limit"], money["counted"], money["reserve"]) == ("cost", 70_000, "answered", None)


def test_a_cap_of_no_contacts_is_a_cap() -> None:
    assert _rule("frequency_cap: {limit: 0, window: {lifetime: true}}")["frequency_cap"]["limit"] == 0


def test_amounts_are_counted_exactly() -> None:
    for written, counted in (("0.29", 290_000), ("1.1", 1_100_000), ("1e-6", 1), ("999999999.999999", 10**15 - 1)):
        campaign = _compiled(f"campaigns: {{a: {{priority: 1, channels: [sms], value: {written}}}}}\n")["campaigns"][0]
        assert campaign["value"] == counted


def test_a_back_off_has_default_answers_and_rests_of_every_form() -> None:
    rule = "back_off: {after: 3, of: any, rests: [30d, {days: 60, zone: customer}, {days: 2}, never]}"
    assert _rule(rule)["back_off"] == {
        "after": 3,
        "of": "any",
        "rests": [{"ms": 2_592_000_000}, {"days": 60, "zone": "customer"}, {"days": 2, "zone": "brand"}, "never"],
        "answers": ["answered", "clicked", "converted", "purchased"],
        "rests_text": "rests 30d, 60 days (customer), 2 days (brand), never",
    }


def test_a_respite_has_its_defaults() -> None:
    assert _rule("respite: {after: [refused, complained], for: never}")["respite"] == {
        "after": ["complained", "refused"],
        "for": "never",
        "min_value": None,
        "of": None,
        "for_text": "never",
    }


DAYS = {
    # 00:00 of Paris is 23:00 of the day before in UTC, in winter; 22:00 in summer.
    ("Europe/Paris", "2026-03-01"): 1_772_319_600_000,
    ("Europe/Paris", "2026-05-31"): 1_780_178_400_000,
    # Santiago skips from 00:00 to 01:00 on 2026-09-06: the day starts at the change, 04:00 UTC.
    ("America/Santiago", "2026-09-06"): 1_788_667_200_000,
    # Havana has the hour from 00:00 twice on 2026-11-01: the day starts at the first, 04:00 UTC.
    ("America/Havana", "2026-11-01"): 1_793_505_600_000,
    # Samoa has no 2011-12-30: it starts at the change, 10:00 UTC.
    ("Pacific/Apia", "2011-12-30"): 1_325_239_200_000,
    ("UTC", "2000-01-01"): 946_684_800_000,
}


@pytest.mark.parametrize(("zone", "day"), DAYS)
def test_a_campaign_begins_and_ends_with_the_first_instant_of_a_day_of_the_brand(zone: str, day: str) -> None:
    for key in ("from", "until"):
        campaign = f"campaigns: {{a: {{priority: 1, channels: [sms], active: {{{key}: {day}}}}}}}\n"
        text = f"repit: 1\nzone: {zone}\nchannels: {{sms: {{}}}}\n{campaign}"
        compiled = json.loads(compile_catalog(text).compiled)["campaigns"][0]
        assert compiled[f"active_{key}_ms"] == DAYS[zone, day]


def test_channels_families_and_rules_keep_their_order_and_the_rest_is_sorted() -> None:
    more = (
        "segments: {b: {}, a: {}}\nbusiness_units: {z: {}, y: {}}\noffer_families: {d: {half_life: 30d}, c: {}}\n"
        "campaigns: {n: {priority: 1, channels: [sms]}, m: {priority: 1, channels: [sms]}}\n"
        "policies:\n"
        "  - {name: q, rules: [{name: z, respite: {after: [refused], for: 1s}}, "
        "{name: y, respite: {after: [refused], for: 1s}}]}\n"
        "  - {name: p, rules: []}\n"
    )
    compiled = _compiled(more)
    assert [channel["name"] for channel in compiled["channels"]] == ["email", "sms"]
    assert [family["name"] for family in compiled["offer_families"]] == ["d", "c"]
    assert [policy["name"] for policy in compiled["policies"]] == ["q", "p"]
    assert [rule["name"] for rule in compiled["policies"][0]["rules"]] == ["z", "y"]
    assert (compiled["segments"], compiled["business_units"]) == (["a", "b"], ["y", "z"])
    assert [campaign["name"] for campaign in compiled["campaigns"]] == ["m", "n"]


def test_an_etag_changes_with_the_version_and_with_the_content() -> None:
    assert etag(1, b"a") == etag(1, b"a")
    assert len({etag(1, b"a"), etag(2, b"a"), etag(1, b"b"), etag(12, b""), etag(1, b"2")}) == 5
