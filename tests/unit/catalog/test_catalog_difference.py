"""What differs between two catalogs, in words: what changes for whom, and whether they are contacted more or less."""

from pathlib import Path

import pytest

from repit_server.catalog import CompiledCatalog, campaign_from_dict, compile_catalog
from repit_server.catalog.difference import Difference, DifferenceKind, differences
from repit_server.catalog.difference_clause import Effect

BASE = """\
repit: 1
zone: Europe/Paris
channels:
  email: {cost: 0.002}
  call: {cost: 4.5, capacity: [{limit: 150, window: {calendar: day}}]}
segments: {loyal: {}, vip: {}, engaged: {when: {answered_within: 30d}}}
offer_families: {weekends: {half_life: 180d}, long: {}}
business_units: {retail: {}, cruises: {}}
campaigns:
  spring: {priority: 40, channels: [email], offer_family: weekends, active: {from: 2026-03-01}}
policies:
  - name: pressure
    applies_to: {kinds: [marketing], channels: [email], segments: [loyal]}
    rules:
      - {name: one-a-day, frequency_cap: {limit: 1, window: {sliding: 24h}}}
      - {name: points, frequency_cap: {points: 12, window: {calendar: month}}}
      - {name: silence, back_off: {after: 3, of: offer_family, rests: [30d, 60d]}}
  - name: wide
    rules:
      - {name: rest, respite: {after: [purchased], for: 7d}}
      - {name: hold, holdout: {share: 0.02, salt: a}}
      - {name: once, prerequisite: {engagement: [clicked], within: 7d}}
      - {name: room, capacity: {limit: 400, window: {calendar: week}}}
"""


def between(before: str, after: str) -> tuple[Difference, ...]:
    return differences(compile_catalog(before), compile_catalog(after)).items


def only(before: str, after: str) -> Difference:
    found = between(BASE, BASE.replace(before, after))
    assert len(found) == 1, found
    return found[0]


CHANGES = [
    ("limit: 1,", "limit: 2,", "at most 1 -> 2 in 24 h: looser, for customers in loyal"),
    ("limit: 1,", "limit: 0,", "at most 1 -> 0 in 24 h: tighter, for customers in loyal"),
    ("limit: 1,", "cost: 2,", "at most 1 -> at most 2 of cost in 24 h: for customers in loyal"),
    ("sliding: 24h", "sliding: 7d", "at most 1 in 24 h -> in 7 d: tighter, for customers in loyal"),
    ("sliding: 24h", "rolling_days: 2", "at most 1 in 24 h -> in 2 calendar days: for customers in loyal"),
    ("calendar: month", "calendar: day", "at most 12 points in a calendar month -> in a calendar day: looser"),
    ("calendar: month", "calendar: week", "in a calendar month -> in a calendar week: for customers in loyal"),
    ("calendar: month", "lifetime: true", "in a calendar month -> ever: tighter"),
    ("sliding: 24h}", "sliding: 24h}, counted: confirmed", "counting all that were not released -> those sent: looser"),
    ("sliding: 24h}", "sliding: 24h}, per: party", "contacts of the customer -> of the party: tighter"),
    (
        "sliding: 24h}",
        "sliding: 24h}, reserve: {min_priority: 80, places: 1}",
        "keeping nothing -> 1 for priority 80 and more: tighter",
    ),
    ("after: 3", "after: 5", "after 3 -> 5 unanswered of one offer family rest for 30 d, then 60 d: looser"),
    ("[30d, 60d]", "[30d, 60d, 90d]", "rest for 30 d, then 60 d -> 30 d, then 60 d, then 90 d: tighter"),
    ("[30d, 60d]", "[30d, never]", "rest for 30 d, then 60 d -> 30 d, then ever: tighter"),
    ("[30d, 60d]", "[40d, 50d]", "rest for 30 d, then 60 d -> 40 d, then 50 d: for customers in loyal"),
    ("for: 7d", "for: {days: 10, zone: customer}", "rest for 7 d -> 10 calendar days of the customer after purchased"),
    ("for: 7d", "for: 9d, min_value: 100", "worth at least anything -> 100: for all customers"),
    ("for: 7d", "for: 7d, of: offer_family", "of anything -> of the same offer family: looser"),
    ("share: 0.02", "share: 0.025", "no contact with 2 % -> 2.5 % of them: tighter, for all customers"),
    ("salt: a", "salt: b", "no contact with 2 % of them, drawn with `a` -> `b`: for all customers"),
    ("within: 7d", "within: 14d", "only where the customer clicked within 7 d -> 14 d: looser"),
    ("[clicked]", "[clicked, opened]", "only where the customer clicked -> clicked or opened within 7 d: looser"),
    ("limit: 400", "limit: 500", "at most 400 -> 500 with all customers together in a calendar week: looser"),
    ("limit: 150", "limit: 50", "capacity at most 150 with all customers together in a calendar day -> at most 50 "),
    ("half_life: 180d", "half_life: 90d", "offer family `weekends`: affinity halves in 180 d -> 90 d"),
    ("answered_within: 30d", "answered_within: 60d", "segment `engaged`: answered within 30 d -> 60 d"),
    ("zone: Europe/Paris", "zone: UTC", "the brand's time zone: Europe/Paris -> UTC"),
    (
        "channels: [email], offer",
        "channels: [email, call], offer",
        "campaign `spring`: by email -> email or call: looser",
    ),
    ("from: 2026-03-01", "from: 2026-04-01", "from 2026-03-01 -> 2026-04-01: tighter, for all customers"),
    ("from: 2026-03-01", "until: 2027-01-01", "from 2026-03-01 -> ever, until for ever -> 2027-01-01: for all"),
    ("priority: 40", "priority: 50", "campaign `spring`: priority 40 -> 50: for all customers"),
    ("priority: 40", "priority: 40, budget: {amount: 2000}", "budget none -> 2,000: tighter"),
    (
        "priority: 40",
        "priority: 40, eligible: {segments: [loyal], not: {segments: [vip]}}",
        "for all customers -> customers in loyal, except customers in vip: tighter",
    ),
    (
        "kinds: [marketing], channels: [email], segments: [loyal]",
        "kinds: [marketing], channels: [email]",
        "policy `pressure`: judges and counts marketing by email for customers in loyal -> marketing by email: tighter",
    ),
    (
        "segments: [loyal]}\n",
        "segments: [loyal]}\n    counts: {min_priority: 20}\n",
        "counts marketing by email for customers in loyal -> every contact of priority 20 and more",
    ),
]


@pytest.mark.parametrize(("before", "after", "words"), CHANGES, ids=[f"{b} to {a}" for b, a, _ in CHANGES])
def test_a_change_is_said_with_what_it_does_and_for_whom(before: str, after: str, words: str) -> None:
    found = only(before, after)
    assert found.kind is DifferenceKind.CHANGED
    assert words in found.words
    back = between(BASE.replace(before, after), BASE)
    turned = {Effect.LOOSER: Effect.TIGHTER, Effect.TIGHTER: Effect.LOOSER, Effect.OTHER: Effect.OTHER}
    assert [difference.effect for difference in back] == [turned[found.effect]]


def test_the_whole_sentence_of_a_rule() -> None:
    found = only("limit: 1,", "limit: 2,")
    assert found.words == (
        "rule `pressure/one-a-day` of marketing by email: at most 1 -> 2 in 24 h: looser, for customers in loyal"
    )
    assert (found.section, found.name, found.effect) == ("policies", "pressure/one-a-day", Effect.LOOSER)
    assert found.judged[0] == {"kinds": ["marketing"], "channels": ["email"], "segments": ["loyal"]}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("sliding: 24h", "sliding: 1440m"),
        ("segments: {loyal: {}, vip: {}, engaged", "segments: {vip: {}, loyal: {}, engaged"),
        ("limit: 1, window: {sliding: 24h}", "window: {sliding: 24h}, limit: 1, counted: attempts, per: customer"),
        ("calendar: month", "calendar: month, zone: brand"),
        ("calendar: week", "calendar: week, week_starts: monday"),
        ("[30d, 60d]", "[30d, 60d, 60d]"),
        ("email: {cost: 0.002}", "email: {cost: 0.002, pressure: 1, reservation: {expires_after: 1440m}}"),
        ("  - name: wide\n", "  - name: wide\n    applies_to: {}\n    counts: {}\n"),
        ("repit: 1", "# a comment\nrepit: 1\nhorizon: 400d"),
    ],
)
def test_what_is_written_otherwise_and_means_the_same_is_no_difference(before: str, after: str) -> None:
    assert before in BASE
    assert between(BASE, BASE.replace(before, after)) == ()


def test_what_is_added_and_removed_is_said_in_full() -> None:
    rule = "      - {name: five, frequency_cap: {limit: 5, window: {sliding: 30d}}}\n"
    campaign = "  autumn: {priority: 10, kind: service, channels: [email, call], eligible: {segments: [vip]}}\n"
    more = BASE.replace("  spring:", campaign + "  spring:") + rule
    added = between(BASE, more)
    assert [difference.words for difference in added] == [
        "campaign `autumn` added: service, priority 10, by email or call: looser, for customers in vip",
        "rule `wide/five` of every contact added: at most 5 in 30 d: tighter, for all customers",
    ]
    assert [difference.judged for difference in added] == [({"campaigns": ["autumn"]},), ({}, {})]
    removed = between(more, BASE)
    assert [(difference.kind, difference.effect) for difference in removed] == [
        (DifferenceKind.REMOVED, Effect.TIGHTER),
        (DifferenceKind.REMOVED, Effect.LOOSER),
    ]


def test_another_order_of_the_rules_is_said() -> None:
    one, points = BASE.splitlines(keepends=True)[14:16]
    (found,) = between(BASE, BASE.replace(one + points, points + one))
    assert (found.section, found.name, found.effect) == ("policies", "", Effect.OTHER)
    assert "another order" in found.words


def test_campaigns_registered_over_the_api_are_compared_too() -> None:
    def with_campaign(priority: int) -> CompiledCatalog:
        return compile_catalog(
            BASE, [campaign_from_dict({"name": "autumn", "priority": priority, "channels": ["email"]})]
        )

    before, after = with_campaign(10), with_campaign(20)
    assert [difference.words for difference in differences(before, after).items] == [
        "campaign `autumn`: priority 10 -> 20: for all customers"
    ]
    assert [difference.name for difference in differences(compile_catalog(BASE), after).items] == ["autumn"]


def test_a_rule_of_another_kind_is_said_as_both() -> None:
    found = only("frequency_cap: {limit: 1, window: {sliding: 24h}}", "respite: {after: [purchased], for: 7d}")
    assert "at most 1 -> none" in found.words
    assert "rest for none -> 7 d" in found.words
    assert found.effect is Effect.OTHER


def test_derived_segments_of_either_side_are_named() -> None:
    without = compile_catalog(BASE.replace("engaged: {when: {answered_within: 30d}}", "engaged: {}"))
    assert differences(without, compile_catalog(BASE)).derived_segments == {"engaged"}
    assert differences(compile_catalog(BASE), without).derived_segments == {"engaged"}


GOLDEN = Path(__file__).parent / "golden" / "contract.yaml"


def test_the_document_of_the_contract_can_be_said_in_full_both_ways() -> None:
    contract = GOLDEN.read_text(encoding="utf-8")
    bare = "repit: 1\nzone: Europe/Paris\nchannels: {email: {}}\n"
    assert between(contract, contract) == ()
    forth, back = between(bare, contract), between(contract, bare)
    assert {(entry.section, entry.name) for entry in forth} == {(entry.section, entry.name) for entry in back}
    policies = {entry.name for entry in forth if entry.section == "policies"}
    assert {"pressure/one-a-day", "pressure/silence"} <= policies
