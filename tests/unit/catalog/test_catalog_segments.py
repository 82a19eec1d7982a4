"""Derived segments, hold-outs, prerequisites and what scores need: what they compile to, what they are refused for."""

import json
from typing import Any

import pytest

from repit_server.catalog import Severity, compile_catalog
from tests.unit.catalog.linted import HEAD, lint_more, with_campaign, with_cap, with_rule

ENGAGED = "segments: {engaged: {when: {answered_within: 30d}}, loyal: {}}\n"
USED = "policies: [{name: p, applies_to: {segments: [engaged, loyal]}, rules: []}]\n"
DAY_MS = 86_400_000


def _compiled(more: str) -> Any:
    return json.loads(compile_catalog(HEAD + more).compiled)


def _rule(rule: str) -> Any:
    return _compiled(with_rule(rule))["policies"][0]["rules"][0]


def test_a_derived_segment_is_compiled_beside_the_names_of_all() -> None:
    more = (
        "segments:\n  loyal: {}\n  silent: {when: {unanswered_at_least: 5}}\n"
        "  fresh: {when: {answered_within: 30d, first_contact_within: 14d, purchased_within: 24h}}\n"
    )
    compiled = _compiled(more)
    assert compiled["segments"] == ["fresh", "loyal", "silent"]
    assert compiled["derived_segments"] == [
        {
            "name": "fresh",
            "answered_within_ms": 30 * DAY_MS,
            "first_contact_within_ms": 14 * DAY_MS,
            "purchased_within_ms": DAY_MS,
        },
        {"name": "silent", "unanswered_at_least": 5},
    ]


WHEN = {
    "nothing": (
        "segments: {engaged: {when: ▶{}}}\n",
        "segments.engaged.when",
        "`when` has none of `answered_within`, `unanswered_at_least`, `first_contact_within`, `purchased_within`",
    ),
    "an unknown condition": (
        "segments: {engaged: {when: {▶answered_witin: 30d}}}\n",
        "segments.engaged.when.answered_witin",
        "the key `answered_witin` is not known here",
    ),
    "a span beyond the horizon": (
        "horizon: 90d\nsegments: {engaged: {when: {answered_within: ▶91d}}}\n",
        "segments.engaged.when.answered_within",
        "`91d` is longer than the horizon of 90d",
    ),
    "no contact at all": (
        "segments: {silent: {when: {unanswered_at_least: ▶0}}}\n",
        "segments.silent.when.unanswered_at_least",
        "`0` is too small",
    ),
    "in a list": (
        "segments: [loyal, ▶engaged: {when: {answered_within: 30d}}]\n",
        "segments[1]",
        "a list holds names of segments that callers give, and no more",
    ),
}


@pytest.mark.parametrize("what", WHEN)
def test_a_wrong_condition_is_refused_at_the_place_that_is_wrong(what: str) -> None:
    text, path, problem = WHEN[what]
    findings = [finding for finding in lint_more(text).findings if finding.path.startswith("segments")]
    assert [(finding.path, finding.problem) for finding in findings] == [(path, problem)]
    assert (findings[0].line, findings[0].column) == (lint_more(text).line, lint_more(text).column)


def test_counts_cannot_name_a_derived_segment() -> None:
    for counts in ("{segments: [loyal, ▶engaged]}", "{not: {segments: [▶engaged]}}"):
        finding = lint_more(ENGAGED + f"policies: [{{name: p, counts: {counts}, rules: []}}]\n").only()
        assert finding.problem == "the derived segment `engaged` is kept with no contact"
        assert finding.remedy.startswith("write what contacts keep")


def test_a_prerequisite_cannot_ask_for_a_contact_in_a_derived_segment() -> None:
    text = with_rule("prerequisite: {contact: {segments: [▶engaged]}, within: 9d}")
    assert lint_more(ENGAGED + text).only().path == "policies[0].rules[0].prerequisite.contact.segments[0]"


COUNTING = ("frequency_cap: {limit: 1, window: {sliding: 1d}}", "back_off: {after: 3, of: any, rests: [1d]}")
NOT_COUNTING = ("respite: {after: [purchased], for: 1d}", "capacity: {limit: 9, window: {calendar: day}}")


@pytest.mark.parametrize("rule", COUNTING)
@pytest.mark.parametrize("applies_to", ["{segments: [loyal, ▶engaged]}", "{not: {segments: [▶engaged]}}"])
def test_a_rule_that_counts_says_what_where_it_applies_to_a_derived_segment(rule: str, applies_to: str) -> None:
    policy = "policies: [{name: p, applies_to: %s, %srules: [{name: r, %s}]}]\n"
    finding = lint_more(ENGAGED + policy % (applies_to, "", rule)).findings[0]
    assert finding.problem == "the rule `r` would count contacts in `engaged`, which is kept with none"
    assert finding.remedy == "write `counts`, as in `counts: {kinds: [marketing]}`"
    said = ENGAGED + policy % (applies_to.replace("▶", ""), "counts: {kinds: [marketing]}, ", rule)
    assert [finding.severity for finding in lint_more(said).findings if finding.severity is Severity.ERROR] == []


@pytest.mark.parametrize("rule", NOT_COUNTING)
def test_a_rule_that_counts_nothing_applies_to_a_derived_segment_without_more(rule: str) -> None:
    policy = f"policies: [{{name: p, applies_to: {{segments: [engaged, loyal]}}, rules: [{{name: r, {rule}}}]}}]\n"
    assert lint_more(ENGAGED + policy).findings == ()


def test_a_holdout_is_compiled_in_millionths() -> None:
    assert _rule('holdout: {share: 0.02, salt: "2026"}')["holdout"] == {"share_micros": 20_000, "salt": "2026"}
    assert _rule("holdout: {share: 1, salt: é}")["holdout"] == {"share_micros": 1_000_000, "salt": "é"}


def test_a_prerequisite_is_compiled() -> None:
    assert _rule("prerequisite: {contact: {channels: [sms]}, within: 90d}")["prerequisite"] == {
        "contact": {"channels": ["sms"]},
        "engagement": None,
        "of": "any",
        "within": {"ms": 90 * DAY_MS},
        "within_text": "90d",
    }
    days = "{days: 60, zone: customer}"
    rule = f"prerequisite: {{engagement: [purchased, clicked], of: offer_family, within: {days}}}"
    assert _rule(rule)["prerequisite"] == {
        "contact": None,
        "engagement": ["clicked", "purchased"],
        "of": "offer_family",
        "within": {"days": 60, "zone": "customer"},
        "within_text": "60 days (customer)",
    }


def test_whose_contacts_a_cap_adds_up_is_compiled() -> None:
    for per in ("party", "contact_point", "subject"):
        assert _rule(f"frequency_cap: {{limit: 1, window: {{sliding: 1d}}, per: {per}}}")["frequency_cap"]["per"] == per
    assert "per" not in _rule("frequency_cap: {limit: 1, window: {sliding: 1d}, per: customer}")["frequency_cap"]


def test_fatigue_and_what_a_family_learns_from_are_compiled() -> None:
    family = "offer_families: {weekends: {half_life: 180d, learns_from: [purchased, clicked]}}\n"
    compiled = _compiled("fatigue: {half_life: 14d}\n" + family)
    assert compiled["fatigue_half_life_ms"] == 14 * DAY_MS
    assert compiled["offer_families"][0]["learns_from"] == ["clicked", "purchased"]


RULES = {
    "a share over 1": (
        with_rule("holdout: {share: ▶1.5, salt: a}"),
        "the share of `1.5` is not between 0 and 1",
        "write a part of 1, as in `0.6`",
    ),
    "a share below 0": (
        with_rule("holdout: {share: ▶-1, salt: a}"),
        "the share of `-1.0` is not between 0 and 1",
        "write a part of 1, as in `0.6`",
    ),
    "a share in seven decimals": (
        with_rule("holdout: {share: ▶0.0000001, salt: a}"),
        "`1e-07` has more than six decimals",
        "round it to six decimals",
    ),
    "a salt that is a number": (
        with_rule("holdout: {share: 0.5, salt: ▶2026}"),
        "`2026` is not text",
        "write it in quotes",
    ),
    "an empty salt": (
        with_rule('holdout: {share: 0.5, salt: ▶""}'),
        "the salt is empty or too long",
        "write 1 to 128 characters, as in `2026`, in quotes",
    ),
    "no salt": (with_rule("▶holdout: {share: 0.5}"), "the key `salt` is missing", "write `salt: …`"),
    "a prerequisite of neither": (
        with_rule("prerequisite: ▶{within: 9d}"),
        "the prerequisite has none of `contact`, `engagement`",
        "write exactly one of `contact`, `engagement`",
    ),
    "a prerequisite of both": (
        with_rule("prerequisite: ▶{contact: {}, engagement: [clicked], within: 9d}"),
        "the prerequisite has `contact` and `engagement`",
        "keep exactly one of `contact`, `engagement`",
    ),
    "an `of` without an engagement": (
        with_rule("prerequisite: ▶{contact: {}, of: any, within: 9d}"),
        "the prerequisite has `of` and no `engagement`",
        "name campaigns or channels in `contact` instead",
    ),
    "a prerequisite for ever": (
        with_rule("prerequisite: {contact: {}, within: ▶never}"),
        "`never` is not a span of one second to ten years",
        "write a number and `s`, `m`, `h` or `d`, as in `7d`, from `1s` to `3653d`",
    ),
    "a prerequisite beyond the horizon": (
        with_rule("prerequisite: {contact: {}, within: {days: ▶401}}"),
        "401 days is longer than the horizon of 400d",
        "shorten it, or lengthen `horizon`",
    ),
    "a cap per household": (
        with_cap("limit: 1, window: {sliding: 1d}, per: ▶partie"),
        "`partie` is not known here",
        "write `party`",
    ),
    "a fatigue without its half-life": (
        "▶fatigue: {}\n",
        "the key `half_life` is missing",
        "write `half_life: …`",
    ),
    "a family that learns from nothing": (
        "offer_families: {a: {half_life: 9d, learns_from: ▶[]}}\n",
        "`[]` is empty",
        "write at least one, or leave the key out where it may be left out",
    ),
}


@pytest.mark.parametrize("what", RULES)
def test_what_is_wrong_is_refused_at_its_place(what: str) -> None:
    text, problem, remedy = RULES[what]
    finding = lint_more(text).only()
    assert (finding.problem, finding.remedy) == (problem, remedy)


def test_a_derived_segment_is_used_like_a_given_one() -> None:
    assert lint_more(ENGAGED + USED).findings == ()
    assert (
        lint_more(ENGAGED + with_campaign("eligible: {segments: [engaged], not: {segments: [loyal]}}")).findings == ()
    )
