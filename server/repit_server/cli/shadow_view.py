"""What a second catalog would have decided, on the terminal."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from repit import Denial, ShadowDenialCount, ShadowReport, ShadowSample, Verdict
from repit_server.cli.replay_view import share

MAX_ROWS = 20
"""Most rules that are shown."""


def report_view(report: ShadowReport) -> RenderableType:
    """Draw a whole report."""
    decided = report.decision_count
    parts: list[RenderableType] = [
        _line(
            "requests", f"{report.request_count:,}", f"{decided:,} decisions beside version {report.catalog_version}"
        ),
        _line("same", f"{report.same_count:,}", share(report.same_count, decided)),
        _line("only active", f"{report.only_active_count:,}", "granted by the active catalog alone"),
        _line("only shadow", f"{report.only_shadow_count:,}", "granted by the second catalog alone"),
        _line("other reasons", f"{report.other_reasons_count:,}", "denied by both, for other reasons"),
        _line("cost", cost_words(report), ""),
    ]
    if report.left_out_count:
        parts.append(_line("left out", f"{report.left_out_count:,}", "requests that were not decided anew"))
    if report.reasons:
        parts.append(_denial_table(report))
    if report.samples:
        parts.append(_sample_table(report.samples))
    return Group(*parts)


def cost_words(report: ShadowReport) -> str:
    """Say what deciding twice costs."""
    if not report.request_count:
        return "nothing yet"
    active, shadow = (spent / report.request_count for spent in (report.active_us, report.shadow_us))
    more = f", {shadow / active:+.0%}" if active else ""
    return f"{shadow:.1f} µs a request beside {active:.1f} µs{more}"


def _denial_table(report: ShadowReport) -> Table:
    counts = sorted([*report.rules, *_without_rule(report)], key=_changes, reverse=True)
    title = "denied first by"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("rule")
    for name in ("active", "shadow", "granted by shadow", "granted by active"):
        table.add_column(name, justify="right")
    for count in counts[:MAX_ROWS]:
        figures = (count.active_count, count.shadow_count, count.only_active_count, count.only_shadow_count)
        table.add_row(Text(_name(count)), *(f"{figure:,}" for figure in figures))
    return table


def _without_rule(report: ShadowReport) -> list[ShadowDenialCount]:
    """List the reasons that no rule of a policy gives."""
    of_rules = {count.reason for count in report.rules}
    return [count for count in report.reasons if count.reason not in of_rules]


def _changes(count: ShadowDenialCount) -> tuple[int, int]:
    return count.only_active_count + count.only_shadow_count, count.active_count + count.shadow_count


def _name(count: ShadowDenialCount) -> str:
    return f"{count.policy}/{count.rule}" if count.rule else str(count.reason)


def _sample_table(samples: tuple[ShadowSample, ...]) -> Table:
    title = "latest that differ"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("asked", "customer", "campaign", "channel", "active", "shadow"):
        table.add_column(name)
    for sample in samples:
        asked = f"{sample.ask_time.astimezone():%H:%M:%S}" if sample.ask_time else ""
        sides = (
            _side(sample.active_verdict, sample.active_denial),
            _side(sample.shadow_verdict, sample.shadow_denial),
        )
        names = (sample.customer_id, sample.campaign_id, sample.channel)
        table.add_row(asked, *(Text(text) for text in (*names, *sides)))
    return table


def _side(verdict: Verdict, denial: Denial | None) -> str:
    return str(denial) if denial is not None else "granted" if verdict is Verdict.GRANT else "denied"


def _line(name: str, value: str, rest: str) -> Text:
    return Text.assemble((f"{name:<14}", "dim"), (f"{value:>22}", "bold"), (f"   {rest}", "dim"))
