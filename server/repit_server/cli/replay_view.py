"""What a replay found, on the terminal."""

from collections.abc import Mapping

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from repit_server.history.replay_tally import CampaignCounts, ReplayResult


def result_view(result: ReplayResult, *, skipped: int = 0) -> RenderableType:
    """Draw a whole result."""
    parts: list[RenderableType] = [
        _line("requests", f"{result.requests:,}", ""),
        _line("granted", f"{result.granted:,}", share(result.granted, result.requests)),
        _line("refused", f"{result.denied:,}", share(result.denied, result.requests)),
        _line("answers kept", f"{result.answers_kept:,} of {result.answered_total:,}", f"{result.answers_lost:,} lost"),
        _line("their worth", f"{result.value_kept:,.2f} of {result.value_total:,.2f}", ""),
        _line("events", f"{result.events:,}", f"{result.seconds:.1f} s, {result.events_per_second:,.0f} a second"),
    ]
    if skipped:
        parts.append(_line("bad lines", f"{skipped:,}", "skipped"))
    if result.denied:
        parts.append(counts_table("refused first by", "rule", named_counts(result)))
    parts.append(campaign_table(result.by_campaign))
    return Group(*parts)


def named_counts(result: ReplayResult) -> dict[str, int]:
    """Count refusals by rule, and by reason where no rule of a policy spoke first."""
    by_rule = dict(result.denied_by_rule)
    without_rule = result.denied - sum(by_rule.values())
    if without_rule:
        by_rule |= {reason: count for reason, count in result.denied_by_reason.items() if reason not in _RULE_REASONS}
    return by_rule


_RULE_REASONS = {"RESPITE", "BACK_OFF", "FREQUENCY_CAP", "CAPACITY"}


def counts_table(title: str, name: str, counts: Mapping[str, int]) -> Table:
    """Draw counts with bars, the largest first."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(name)
    table.add_column("times", justify="right")
    table.add_column("")
    largest = max(counts.values(), default=1)
    for entry, count in sorted(counts.items(), key=lambda item: -item[1]):
        table.add_row(Text(entry), f"{count:,}", bar(count, largest))
    return table


def campaign_table(campaigns: list[CampaignCounts]) -> Table:
    """Draw how each campaign fared, the most refused first."""
    table = Table(title="by campaign", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("campaign")
    for name in ("asked", "granted", "refused"):
        table.add_column(name, justify="right")
    table.add_column("")
    for entry in sorted(campaigns, key=lambda counts: (-counts.denied, counts.campaign_id)):
        row = (f"{entry.requests:,}", f"{entry.granted:,}", f"{entry.denied:,}")
        table.add_row(Text(entry.campaign_id), *row, bar(entry.denied, entry.requests))
    return table


def bar(part: int, whole: int) -> Text:
    """Draw a part of a whole."""
    cells = 20
    full = round(cells * part / whole) if whole else 0
    return Text.assemble(("█" * full, "red"), ("░" * (cells - full), "dim"))


def share(part: int, whole: int) -> str:
    """Write a part of a whole in per cent."""
    return f"{100 * part / whole:.1f} %" if whole else ""


def _line(name: str, value: str, rest: str) -> Text:
    return Text.assemble((f"{name:<14}", "dim"), (f"{value:>22}", "bold"), (f"   {rest}", "dim"))
