"""A customer's explanation on the terminal: a first sentence that answers, channels, ladder, rules, timeline."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import tzinfo
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from repit import Contact, DenialReason, Engagement, EngagementKind, Explanation, RuleUsage, TimelineEntry
from repit.language import ENGLISH, Language
from repit.wording import Reader, figure
from repit_server.cli.explain_sections import (
    bar,
    column,
    figures,
    ladder_section,
    rule_column,
    rule_name,
    section,
    sections,
    used_style,
    whole,
)
from repit_server.cli.explain_words import (
    again_words,
    contact_words,
    engagement_words,
    is_free,
    may_be_contacted,
    state_words,
    window_of,
)

_RUN_TOLD_AT_ONCE: Final = 3
_CONTACT_STYLE: Final = {"confirmed": "green", "pending": "yellow", "released": "dim", "expired": "dim"}
_WITHOUT_FIGURES: Final = {DenialReason.NOT_ELIGIBLE, DenialReason.HELD_OUT, DenialReason.RESPITE}


def explanation_view(explanation: Explanation, zone: tzinfo | None, language: Language = ENGLISH) -> RenderableType:
    """Draw the whole explanation; times in `zone`, in the local one where None."""
    dated, near = Reader(zone, language=language), Reader(zone, explanation.as_of_time, language)
    parts: list[RenderableType] = [_answer(explanation, dated), *_head(explanation, dated)]
    ladder = [ladder_section(explanation, near)] if explanation.ladder else []
    tables = [_channels(explanation, near), *ladder, _rules(explanation, near), *sections(explanation, near)]
    for table in (*tables, _timeline(explanation, dated)):
        parts += [Text(""), table]
    return Group(*parts)


def _answer(explanation: Explanation, reader: Reader) -> Text:
    is_open = any(is_free(entry, explanation) for entry in explanation.channels)
    is_open_later = any(entry.earliest_time is not None for entry in explanation.channels)
    style = "bold green" if is_open else "bold yellow" if is_open_later else "bold red"
    return Text(may_be_contacted(explanation, reader), style=style)


def _head(explanation: Explanation, reader: Reader) -> list[RenderableType]:
    say, count = reader.language.say, explanation.contact_count
    head = say("customer {customer}", customer=explanation.customer_id)
    if explanation.as_of_time is not None:
        head += f" {say('at {time}', time=reader.until(explanation.as_of_time))}"
    remembered = reader.language.say_number("{number} contact remembered", "{number} contacts remembered", count)
    version = say("catalog version {version}", version=explanation.catalog_version)
    lines: list[RenderableType] = [Text(f"{head}, {remembered}, {version}")]
    if explanation.party_customer_ids:
        members = ", ".join(explanation.party_customer_ids)
        lines.append(Text(say("members of its party: {customers}", customers=members)))
    if explanation.derived_segments:
        lines.append(Text(say("is in the segments: {segments}", segments=", ".join(explanation.derived_segments))))
    if explanation.suppressions:
        events = "; ".join(engagement_words(event, reader) for event in explanation.suppressions)
        lines.append(Text(say("objections: {events}", events=events), style="red"))
    return lines


def _channels(explanation: Explanation, reader: Reader) -> Table:
    say = reader.language.say
    table = section(say("next free moment"), column(say("channel")), column(say("for")), column(say("from")))
    laddered = {step.channel for step in explanation.ladder}
    for entry in explanation.channels:
        if laddered and entry.channel not in laddered:
            when = Text(say("the campaign does not use it"), style="dim")
        elif entry.earliest_time is None:
            when = Text(say("no later time helps"), style="red")
        elif is_free(entry, explanation):
            when = Text(say("now"), style="green")
        else:
            when = Text(reader.after(entry.earliest_time), style="yellow")
        table.add_row(Text(entry.channel), Text(entry.campaign_id), when)
    return table


def _rules(explanation: Explanation, reader: Reader) -> Table:
    say = reader.language.say
    ways = {(usage.campaign_id, usage.channel) for usage in explanation.rules}
    table = section(
        say("what the rules have used"),
        rule_column(say("rule")),
        figures(say("used")),
        whole(),
        column(say("window")),
        column(say("free again")),
        column(say("for")),
    )
    for usage, names in grouped(explanation.rules):
        again = Text("")
        if usage.is_against:
            again = Text(again_words(usage.earliest_time, reader), style="red")
        has_figures = usage.reason not in _WITHOUT_FIGURES
        used, limit = figure(usage.used, reader.language), figure(usage.limit, reader.language)
        table.add_row(
            rule_name(usage.policy, usage.rule),
            say("{used} of {limit}", used=used, limit=limit) if has_figures else "",
            usage_bar(usage) if has_figures or usage.is_against else "",
            window_of(usage, reader),
            again,
            Text(say("all") if len(names) == len(ways) > 1 else _ways(names, reader)),
        )
    return table


def grouped(usages: Iterable[RuleUsage]) -> list[tuple[RuleUsage, list[tuple[str, str]]]]:
    """Put together what a rule says alike of several campaigns and channels: once, and for which of them."""
    ways: dict[RuleUsage, list[tuple[str, str]]] = {}
    for usage in usages:
        same = replace(usage, campaign_id="", channel="")
        ways.setdefault(same, []).append((usage.campaign_id, usage.channel))
    return list(ways.items())


def _ways(names: list[tuple[str, str]], reader: Reader) -> str:
    campaign, channel = names[0]
    words = reader.language.say("{campaign} by {channel}", campaign=campaign, channel=channel)
    if len(names) == 1:
        return words
    return reader.language.say("{way} and {number} more", way=words, number=len(names) - 1)


def usage_bar(usage: RuleUsage) -> Text:
    """Draw how much of a rule is used."""
    share = 1.0 if usage.limit <= 0 else min(usage.used / usage.limit, 1.0)
    return bar(share, used_style(share, is_against=usage.is_against))


def _timeline(explanation: Explanation, reader: Reader) -> Table:
    say = reader.language.say
    table = section(say("timeline, newest first"), whole(say("time")), column(say("what")), whole())
    for run in runs(explanation.timeline):
        is_long = len(run) >= _RUN_TOLD_AT_ONCE
        for entry in run[:1] if is_long else run:
            time = reader.until(entry.time) if entry.time is not None else ""
            what = _purchases(run, reader) if is_long else _what(entry, reader)
            table.add_row(time, what, _state(entry, reader))
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
    say, first = reader.language.say, run[-1].time
    value = figure(sum(entry.entry.value for entry in run if isinstance(entry.entry, Engagement)), reader.language)
    if first is None:
        words = say("{number} purchases, value {value}", number=len(run), value=value)
    else:
        since = reader.until(first)
        words = say("{number} purchases since {time}, value {value}", number=len(run), time=since, value=value)
    return Text(words, style="dim")


def _what(entry: TimelineEntry, reader: Reader) -> Text:
    if isinstance(entry.entry, Contact):
        return Text(contact_words(entry.entry, reader), style="bold")
    return Text(engagement_words(entry.entry, reader))


def _state(entry: TimelineEntry, reader: Reader) -> Text:
    if not isinstance(entry.entry, Contact):
        return Text("")
    return Text(state_words(entry.entry, reader), style=_CONTACT_STYLE.get(str(entry.entry.state), ""))
