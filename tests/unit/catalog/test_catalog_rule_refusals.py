"""Everything that a rule, its window or its selector is refused for: where, what is wrong, what would be right."""

import pytest

from repit_server.catalog import Severity
from tests.unit.catalog.linted import lint_more, with_cap, with_rule

SPAN_REMEDY = "write a number and `s`, `m`, `h` or `d`, as in `7d`, from `1s` to `3653d`"
REST_REMEDY = "write `30d`, `{days: 30, zone: customer}` or `never`"
ONE_RULE = "exactly one of `frequency_cap`, `back_off`, `respite`, `prerequisite`, `capacity`, `holdout`"
ONE_MEASURE = "exactly one of `limit`, `points`, `cost`"
ONE_WINDOW = "exactly one of `sliding`, `calendar`, `rolling_days`, `lifetime`"

REFUSALS = {
    # windows and spans
    "a window longer than the horizon": (
        "horizon: 30d\n" + with_cap("limit: 1, window: {sliding: ▶31d}"),
        "policies[0].rules[0].frequency_cap.window.sliding",
        "`31d` is longer than the horizon of 30d",
        "shorten it, or lengthen `horizon`",
    ),
    "a calendar period longer than the horizon": (
        "horizon: 30d\n" + with_cap("limit: 1, window: {calendar: ▶month}"),
        "policies[0].rules[0].frequency_cap.window.calendar",
        "a calendar month is longer than the horizon of 30d",
        "shorten it, or lengthen `horizon`",
    ),
    "rolling days longer than the horizon": (
        with_cap("limit: 1, window: {rolling_days: ▶401}"),
        "policies[0].rules[0].frequency_cap.window.rolling_days",
        "401 days is longer than the horizon of 400d",
        "shorten it, or lengthen `horizon`",
    ),
    "a rest longer than the horizon": (
        with_rule("back_off: {after: 3, of: any, rests: [30d, ▶500d]}"),
        "policies[0].rules[0].back_off.rests[1]",
        "`500d` is longer than the horizon of 400d",
        "shorten it, or lengthen `horizon`",
    ),
    "a respite longer than the horizon": (
        with_rule("respite: {after: [refused], for: {days: ▶500}}"),
        "policies[0].rules[0].respite.for.days",
        "500 days is longer than the horizon of 400d",
        "shorten it, or lengthen `horizon`",
    ),
    "a horizon of more than ten years": (
        "horizon: ▶3654d\n",
        "horizon",
        "`3654d` is not a span of one second to ten years",
        SPAN_REMEDY,
    ),
    "a span of nothing": (
        with_cap("limit: 1, window: {sliding: ▶0d}"),
        "policies[0].rules[0].frequency_cap.window.sliding",
        "`0d` is not a span of one second to ten years",
        SPAN_REMEDY,
    ),
    "a span without a unit": (
        with_cap("limit: 1, window: {sliding: ▶7}"),
        "policies[0].rules[0].frequency_cap.window.sliding",
        "`7` is not text",
        "write it in quotes",
    ),
    "a span in an unknown unit": (
        with_cap("limit: 1, window: {sliding: ▶2w}"),
        "policies[0].rules[0].frequency_cap.window.sliding",
        "`2w` is not a span of one second to ten years",
        SPAN_REMEDY,
    ),
    "a rest that is a number": (
        with_rule("back_off: {after: 3, of: any, rests: [▶30]}"),
        "policies[0].rules[0].back_off.rests[0]",
        "this is not a span",
        REST_REMEDY,
    ),
    "rests that are no list": (
        with_rule("back_off: {after: 3, of: any, rests: ▶30d}"),
        "policies[0].rules[0].back_off.rests",
        "`30d` is not a list",
        "write it in brackets, as in `[a, b]`",
    ),
    "rests without any": (
        with_rule("back_off: {after: 3, of: any, rests: ▶[]}"),
        "policies[0].rules[0].back_off.rests",
        "`[]` is empty",
        "write at least one, or leave the key out where it may be left out",
    ),
    "a window of two kinds": (
        with_cap("limit: 1, window: ▶{sliding: 1d, calendar: day}"),
        "policies[0].rules[0].frequency_cap.window",
        "the window has `sliding` and `calendar`",
        f"keep {ONE_WINDOW}",
    ),
    "a window of no kind": (
        with_cap("limit: 1, window: ▶{zone: brand}"),
        "policies[0].rules[0].frequency_cap.window",
        "the window has none of `sliding`, `calendar`, `rolling_days`, `lifetime`",
        f"write {ONE_WINDOW}",
    ),
    "a zone that no window needs": (
        with_cap("limit: 1, window: ▶{sliding: 1d, zone: customer}"),
        "policies[0].rules[0].frequency_cap.window",
        "the window has a `zone` and needs none",
        "leave `zone` out, or use `calendar` or `rolling_days`",
    ),
    "a start of the week without a week": (
        with_cap("limit: 1, window: ▶{calendar: month, week_starts: sunday}"),
        "policies[0].rules[0].frequency_cap.window",
        "the window has `week_starts` and is no week",
        "leave `week_starts` out, or write `calendar: week`",
    ),
    "a lifetime that is not": (
        with_cap("limit: 1, window: {lifetime: ▶false}"),
        "policies[0].rules[0].frequency_cap.window.lifetime",
        "`false` is not known here",
        "write `true`",
    ),
    "an unknown period": (
        with_cap("limit: 1, window: {calendar: ▶months}"),
        "policies[0].rules[0].frequency_cap.window.calendar",
        "`months` is not known here",
        "write `month`",
    ),
    # rules
    "a rule of two kinds": (
        with_rule("X").replace("{name", "▶{name").replace("X", "respite: {after: [refused], for: 1d}, back_off: {}"),
        "policies[0].rules[0]",
        "the rule has `back_off` and `respite`",
        f"keep {ONE_RULE}, `hours`",
    ),
    "a rule of no kind": (
        "policies:\n  - name: p\n    rules: [▶{name: r}]\n",
        "policies[0].rules[0]",
        f"the rule has none of {ONE_RULE.removeprefix('exactly one of ')}",
        f"write {ONE_RULE}",
    ),
    "a cap of two measures": (
        with_rule("frequency_cap: ▶{limit: 1, points: 5, window: {sliding: 1d}}"),
        "policies[0].rules[0].frequency_cap",
        "the cap has `limit` and `points`",
        f"keep {ONE_MEASURE}",
    ),
    "a cap of no measure": (
        with_rule("frequency_cap: ▶{window: {sliding: 1d}}"),
        "policies[0].rules[0].frequency_cap",
        "the cap has none of `limit`, `points`, `cost`",
        f"write {ONE_MEASURE}",
    ),
    "a cap of 0 points": (
        with_cap("points: ▶0, window: {sliding: 1d}"),
        "policies[0].rules[0].frequency_cap.points",
        "the amount of 0 is not written on purpose",
        "to allow nothing write `limit: 0`; otherwise an amount above 0",
    ),
    "a cap of 0 money": (
        with_cap("cost: ▶0.0, window: {sliding: 1d}"),
        "policies[0].rules[0].frequency_cap.cost",
        "the amount of 0 is not written on purpose",
        "to allow nothing write `limit: 0`; otherwise an amount above 0",
    ),
    "a reserve of nothing": (
        with_cap("limit: 3, window: {sliding: 1d}, reserve: {min_priority: 80, places: ▶0}"),
        "policies[0].rules[0].frequency_cap.reserve.places",
        "the amount of 0 is not written on purpose",
        "to allow nothing write `limit: 0`; otherwise an amount above 0",
    ),
    "a reserve of half a contact": (
        with_rule("frequency_cap: ▶{limit: 3, window: {sliding: 1d}, reserve: {min_priority: 80, places: 0.5}}"),
        "policies[0].rules[0].frequency_cap",
        "0.5 places of a cap in contacts",
        "write a whole number of `places`",
    ),
    "a limit below 0": (
        with_cap("limit: ▶-1, window: {sliding: 1d}"),
        "policies[0].rules[0].frequency_cap.limit",
        "`-1` is too small",
        "write at least 0",
    ),
    "a limit that is no whole number": (
        with_cap("limit: ▶1.5, window: {sliding: 1d}"),
        "policies[0].rules[0].frequency_cap.limit",
        "`1.5` is not a whole number",
        "write a whole number without quotes",
    ),
    "a limit that is a truth": (
        with_cap("limit: ▶true, window: {sliding: 1d}"),
        "policies[0].rules[0].frequency_cap.limit",
        "`true` is not a whole number",
        "write a whole number without quotes",
    ),
    "an answer that is a contact": (
        with_rule("back_off: {after: 3, of: any, rests: [1d], answers: [▶sent]}"),
        "policies[0].rules[0].back_off.answers[0]",
        "`sent` is not known here",
        None,
    ),
    "an event that does not exist": (
        with_rule("respite: {after: [▶purchase], for: 1d}"),
        "policies[0].rules[0].respite.after[0]",
        "`purchase` is not known here",
        "write `purchased`",
    ),
    "a back-off after nothing": (
        with_rule("back_off: {after: ▶0, of: any, rests: [1d]}"),
        "policies[0].rules[0].back_off.after",
        "`0` is too small",
        "write at least 1",
    ),
    # selectors
    "a list that takes nothing": (
        "policies:\n  - {name: p, applies_to: {channels: ▶[]}, rules: []}\n",
        "policies[0].applies_to.channels",
        "`[]` is empty",
        "write at least one, or leave the key out where it may be left out",
    ),
    "a selector nine deep": (
        "policies:\n  - {name: p, applies_to: ▶" + "{not: " * 9 + "{}" + "}" * 9 + ", rules: []}\n",
        "policies[0].applies_to",
        "`not` stands 9 deep",
        "nest it at most 8 deep",
    ),
    "a selector that is a list": (
        "policies:\n  - {name: p, applies_to: ▶[email], rules: []}\n",
        "policies[0].applies_to",
        "`[…]` is not a mapping",
        "write keys with values, or `{}` for nothing but defaults",
    ),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_a_document_with_a_wrong_rule_is_refused_at_the_place_that_is_wrong(what: str) -> None:
    text, path, problem, remedy = REFUSALS[what]
    finding = lint_more(text).only()
    assert finding.severity is Severity.ERROR
    assert (finding.path, finding.problem) == (path, problem)
    assert remedy is None or finding.remedy == remedy
