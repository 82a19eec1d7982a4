"""How an explanation is drawn."""

from datetime import UTC, datetime, timedelta

from rich.console import Console

from repit import DenialReason, Engagement, EngagementKind, Explanation, RuleUsage, TimelineEntry
from repit_server.cli.explain_view import explanation_view, grouped, runs, usage_bar

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def usage(campaign: str, *, used: float = 1, limit: float = 2, is_against: bool = False) -> RuleUsage:
    return RuleUsage(
        policy="p",
        rule="r",
        reason=DenialReason.FREQUENCY_CAP,
        limit=limit,
        used=used,
        window="sliding 7d",
        is_against=is_against,
        earliest_time=None,
        campaign_id=campaign,
        channel="email",
    )


def entry(kind: EngagementKind, hours: int, value: float = 0.0) -> TimelineEntry:
    time = NOON - timedelta(hours=hours)
    return TimelineEntry(time, Engagement(customer_id="c", kind=kind, value=value, event_time=time))


def test_what_a_rule_says_alike_of_several_campaigns_is_drawn_once() -> None:
    drawn = grouped([usage("a"), usage("b"), usage("c", used=2)])
    assert [(found.used, ways) for found, ways in drawn] == [
        (1, [("a", "email"), ("b", "email")]),
        (2, [("c", "email")]),
    ]


def test_a_bar_is_full_when_the_rule_is() -> None:
    assert usage_bar(usage("a", used=2)).plain == "██████████"
    assert usage_bar(usage("a", used=0)).plain == "░░░░░░░░░░"
    assert usage_bar(usage("a", used=0, limit=0)).plain == "██████████"


def test_purchases_that_follow_each_other_are_told_at_once() -> None:
    bought = [entry(EngagementKind.PURCHASED, hours, 2.5) for hours in range(4)]
    clicked = entry(EngagementKind.CLICKED, 5)
    assert [len(run) for run in runs([*bought, clicked, bought[0]])] == [4, 1, 1]
    explanation = Explanation("c", (*bought, clicked), (), (), (), 1, NOON, 0, 0)
    terminal = Console(width=100)
    with terminal.capture() as shown:
        terminal.print(explanation_view(explanation, UTC))
    assert "4 purchases since Sun 1 Mar 2026 09:00, value 10" in shown.get()
    assert "clicked" in shown.get()
