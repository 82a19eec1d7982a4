"""How a report of a second catalog reads, and when the command stops listening."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO

from rich.console import Console

from repit import DenialReason, ShadowDenialCount, ShadowReport, ShadowSample, Verdict
from repit_server.cli.shadow import last_of
from repit_server.cli.shadow_view import cost_words, report_view

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EMPTY = ShadowReport(NOON, NOON, 7, 0, 0, 0, 0, 0, 0, 0, (), (), (), 0, 0)
CAP = ShadowDenialCount(DenialReason.FREQUENCY_CAP, "pressure", "one-a-day", 50, 10, 40, 0)
CAPS = replace(CAP, policy="", rule="")
UNKNOWN = ShadowDenialCount(DenialReason.CAMPAIGN_UNKNOWN, "", "", 0, 3, 0, 3)
SAMPLE = ShadowSample("customer-42", "spring", "email", NOON, Verdict.GRANT, Verdict.DENY, None, None)
REPORT = replace(
    EMPTY,
    request_count=1_000,
    left_out_count=5,
    decision_count=1_000,
    same_count=950,
    only_active_count=3,
    only_shadow_count=40,
    other_reasons_count=7,
    reasons=(UNKNOWN, CAPS),
    rules=(CAP,),
    samples=(SAMPLE,),
    active_us=1_000,
    shadow_us=1_500,
)


def drawn(report: ShadowReport) -> str:
    out = StringIO()
    Console(file=out, width=160).print(report_view(report))
    return out.getvalue()


def test_a_report_says_what_differs_why_and_at_what_cost() -> None:
    text = drawn(REPORT)
    assert "1,000 decisions beside version 7" in text
    assert "95.0 %" in text
    rows = [line.split() for line in text.splitlines()]
    assert ["pressure/one-a-day", "50", "10", "40", "0"] in rows
    assert ["CAMPAIGN_UNKNOWN", "0", "3", "0", "3"] in rows
    assert sum("FREQUENCY_CAP" in row for row in rows) == 0
    assert "customer-42" in text
    assert "left out" in text


def test_an_empty_report_can_be_drawn() -> None:
    text = drawn(EMPTY)
    assert "nothing yet" in text
    assert "left out" not in text


def test_the_cost_is_a_request_under_each() -> None:
    assert cost_words(REPORT) == "1.5 µs a request beside 1.0 µs, +150%"
    assert cost_words(replace(REPORT, active_us=0)) == "1.5 µs a request beside 0.0 µs"


def test_it_listens_for_the_span_and_shows_each_report() -> None:
    ticks = iter([0.0, 1.0, 2.0, 3.0])
    shown: list[ShadowReport] = []
    last = last_of(iter([EMPTY, REPORT, EMPTY]), 2.0, shown.append, lambda: next(ticks))
    assert shown == [EMPTY, REPORT]
    assert last == REPORT


def interrupted() -> Iterator[ShadowReport]:
    yield REPORT
    raise KeyboardInterrupt


def test_ctrl_c_ends_it_with_the_last_report() -> None:
    assert last_of(interrupted(), None) == REPORT


def test_a_server_that_ends_at_once_gives_nothing() -> None:
    assert last_of(iter([]), None) is None
