"""Scenarios are read strictly: what says too little, or what nobody looks at, is refused."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from tests.scenario_files import Step, moment

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-29T00:00:00+01:00", datetime(2026, 3, 28, 23, tzinfo=UTC)),
        ("+0ms", NINE),
        ("+1d -1ms", datetime(2026, 3, 3, 8, 59, 59, 999_000, tzinfo=UTC)),
        ("first +90m", datetime(2026, 1, 1, 1, 30, tzinfo=UTC)),
        ("first", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_is_an_instant_a_name_or_relative(text: str, expected: datetime) -> None:
    assert moment(text, NINE, {"first": datetime(2026, 1, 1, tzinfo=UTC)}) == expected


@pytest.mark.parametrize("text", ["2026-03-29T00:00:00", "second", "+1w", "first 1d", "+1d first"])
def test_what_is_not_a_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        moment(text, NINE, {"first": NINE})


ASK = {"campaign": "news", "channel": "email"}
CAP = {"verdict": "DENY", "reason": "FREQUENCY_CAP", "rule": "pressure/cap", "limit": 1, "used": 1, "earliest": "+7d"}


def test_a_refusal_with_its_figures_is_read() -> None:
    (then,) = Step.model_validate({"ask": ASK, "then": CAP}).then
    assert [denial.rule for denial in then.all_denials()] == ["pressure/cap"]


DENIED = {"verdict": "DENY", "earliest": "never"}


@pytest.mark.parametrize(
    "step",
    [
        {"ask": ASK, "then": {"error": "INVALID_ARGUMENT"}},
        {"ask": ASK, "then": {"verdict": "GRANT", "score": {"score": 1.5, "affinity": 2}, "alternatives": []}},
        {"ask": ASK, "then": {**DENIED, "reason": "NOT_ELIGIBLE", "rule": "order/after"}},
        {"ask": ASK, "then": {**DENIED, "reason": "NOT_ELIGIBLE"}},
        {"ask": ASK, "then": {**CAP, "reason": "OUTRANKED", "outranked_by": "major"}},
        {"claim": {"campaign": "news", "from": "+1d", "until": "+2d"}, "then": {"registered": 1}},
        {"withdraw": {"campaign": "news"}},
        {"claims": {}, "then": {"live": [{"campaign": "news", "from": "+1d", "until": "+2d"}]}},
    ],
)
def test_a_step_that_says_enough_is_read(step: object) -> None:
    Step.model_validate(step)


def test_a_question_for_many_customers_names_each() -> None:
    question = Step.model_validate({"ask": {**ASK, "customers": 2}, "then": {"verdict": "GRANT"}}).question
    assert question is not None
    assert question.all_customers() == ["customer 1", "customer 2"]


@pytest.mark.parametrize(
    "step",
    [
        {"ask": ASK},
        {"ask": ASK, "claims": {}, "then": {"verdict": "GRANT"}},
        {"ask": ASK, "then": {"verdict": "GRANT", "score": {"priority": 40}}},
        {"ask": ASK, "then": {**DENIED, "reason": "SUPPRESSED", "rule": "pressure/cap"}},
        {"ask": ASK, "then": {**DENIED, "reason": "HELD_OUT"}},
        {"ask": ASK, "then": {**DENIED, "reason": "CAPACITY", "rule": "pressure/cap", "limit": 2}},
        {"claims": {}, "then": {"verdict": "GRANT"}},
        {"ask": ASK, "check": ASK, "then": {"verdict": "GRANT"}},
        {"ask": ASK, "then": {"verdict": "GRANT", "earliest": "+1d"}},
        {"ask": ASK, "then": {"verdict": "GRANT", "surprise": 1}},
        {"ask": ASK, "then": [{"verdict": "GRANT"}, {"verdict": "GRANT"}]},
        {"ask": ASK, "then": {**CAP, "rule": ""}},
        {"ask": ASK, "then": {**CAP, "reason": "OUTRANKED", "rule": ""}},
        *({"ask": ASK, "then": {key: CAP[key] for key in CAP.keys() - {missing}}} for missing in ("used", "earliest")),
        {"confirm": "first", "then": {"verdict": "GRANT"}},
    ],
)
def test_a_step_that_says_too_little_or_too_much_is_refused(step: object) -> None:
    with pytest.raises(ValidationError):
        Step.model_validate(step)
