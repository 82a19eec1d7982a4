"""A customer's explanation on the terminal: channels, rules with bars, timeline."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import tzinfo
from typing import Final, Literal

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from repit import Contact, Engagement, EngagementKind, Explanation, RuleUsage, TimelineEntry
from repit.wording import Reader, figure, span_words

_BAR_CELLS: Final = 10
_RUN_TOLD_AT_ONCE: Final = 3
_CONTACT_STYLE: Final = {"confirmed": "green", "pending": "yellow", "released": "dim", "expired": "dim"}


def explanation_view(explanation: Explanation, zone: tzinfo | None) -> RenderableType:
    """Draw the whole explanation; times in `zone`, in the local one where None."""
    reader = Reader(zone)
    head = Text.assemble(("customer ", "dim"), (explanation.customer_id, "bold"))
    if explanation.as_of_time is not None:
        head.append(f" at {reader.until(explanation.as_of_time)}")
    contacts = f"{explanation.contact_count} contact{'' if explanation.contact_count == 1 else 's'} remembered"
    head.append(f", {contacts}, catalog version {explanation.catalog_version}")
    parts: list[RenderableType] = [head]
    if explanation.suppressions:
        parts.append(
            Text("objections: " + "; ".join(_engagement(event) for event in explanation.suppressions), style="red")
        )
    parts += [_channels(explanation, reader), _rules(explanation, reader), _timeline(explanation, reader)]
    return Group(*parts)


def _channels(explanation: Explanation, reader: Reader) -> Table:
    table = _table("next free moment", "channel", "for", "from")
    for entry in explanation.channels:
        if entry.earliest_time is None:
            when = Text("no later time helps", style="red")
        elif explanation.as_of_time is not None and entry.earliest_time <= explanation.as_of_time:
            when = Text("now", style="green")
        else:
            when = Text(reader.after(entry.earliest_time), style="yellow")
        table.add_row(Text(entry.channel), Text(entry.campaign_id), when)
    return table


def _rules(explanation: Explanation, reader: Reader) -> Table:
    table = _table("what the rules have used", "rule", "used", "", "window", "against", "for")
    for usage, ways in grouped(explanation.rules):
        against = Text("")
        if usage.is_against:
            until = "for ever" if usage.earliest_time is None else f"until {reader.after(usage.earliest_time)}"
            against = Text(until, style="red")
        table.add_row(
            Text(f"{usage.policy}/{usage.rule}"),
            f"{figure(usage.used)} of {figure(usage.limit)}",
            usage_bar(usage),
            span_words(usage.window),
            against,
            Text(ways),
        )
    return table


def grouped(usages: Iterable[RuleUsage]) -> list[tuple[RuleUsage, str]]:
    """Put together what a rule says alike of several campaigns and channels: once, and for which of them."""
    ways: dict[RuleUsage, list[str]] = {}
    for usage in usages:
        same = replace(usage, campaign_id="", channel="")
        ways.setdefault(same, []).append(f"{usage.campaign_id} by {usage.channel}")
    return [(usage, _first_of(names)) for usage, names in ways.items()]


def _first_of(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def usage_bar(usage: RuleUsage) -> Text:
    """Draw how much of a rule is used."""
    share = 1.0 if usage.limit <= 0 else min(usage.used / usage.limit, 1.0)
    full = round(share * _BAR_CELLS)
    style = "red" if usage.is_against else "yellow" if share >= 0.5 else "green"  # noqa: PLR2004 - half used
    return Text.assemble(("█" * full, style), ("░" * (_BAR_CELLS - full), "dim"))


def _timeline(explanation: Explanation, reader: Reader) -> Table:
    table = _table("timeline, newest first", "time", "what", "")
    for run in runs(explanation.timeline):
        is_long = len(run) >= _RUN_TOLD_AT_ONCE
        for entry in run[:1] if is_long else run:
            time = reader.until(entry.time) if entry.time is not None else ""
            what = _purchases(run, reader) if is_long else _what(entry)
            table.add_row(time, what, _state(entry))
    return table


def runs(timeline: Iterable[TimelineEntry]) -> list[list[TimelineEntry]]:
    """Put purchases that follow each other together; everything else stands alone."""
    found: list[list[TimelineEntry]] = []
    for entry in timeline:
        if found and is_purchase(entry) and is_purchase(found[-1][0]):
            found[-1].append(entry)
        else:
            found.append([entry])
    return found


def is_purchase(entry: TimelineEntry) -> bool:
    """Whether the entry is a purchase."""
    return isinstance(entry.entry, Engagement) and entry.entry.kind == EngagementKind.PURCHASED


def _purchases(run: list[TimelineEntry], reader: Reader) -> Text:
    value = sum(entry.entry.value for entry in run if isinstance(entry.entry, Engagement))
    since = f" since {reader.until(run[-1].time)}" if run[-1].time is not None else ""
    return Text(f"{len(run)} purchases{since}, value {figure(value)}", style="dim")


def _what(entry: TimelineEntry) -> Text:
    if isinstance(entry.entry, Contact):
        contact = entry.entry
        count = f" (and {contact.count - 1} more)" if contact.count > 1 else ""
        return Text(f"contact {contact.campaign_id} by {contact.channel}{count}", style="bold")
    return Text(_engagement(entry.entry))


def _state(entry: TimelineEntry) -> Text:
    if not isinstance(entry.entry, Contact):
        return Text("")
    state = str(entry.entry.state)
    answered = ", answered" if entry.entry.is_answered else ""
    return Text(f"{state}{answered}", style=_CONTACT_STYLE.get(state.lower(), ""))


def _engagement(event: Engagement) -> str:
    words = str(event.kind)
    words += f" {event.campaign_id}" if event.campaign_id else ""
    words += f" by {event.channel}" if event.channel else ""
    return f"{words}, value {figure(event.value)}" if event.value else words


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        justify: Literal["left", "right"] = "right" if column == "used" else "left"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=column in {"", "used", "time"})
    return table
