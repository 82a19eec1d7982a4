"""The sections of an explanation on the terminal: the ladder, streaks, affinities, claims, capacities."""

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.table import Column, Table
from rich.text import Text

from repit import Affinity, CapacityHolding, Claim, Explanation, Streak, Verdict
from repit.explanation_parts import strength_words
from repit.wording import Reader, figure
from repit_server.cli.explain_words import outcomes, rungs

BAR_CELLS: Final = 10
_HALF: Final = 0.5
_RULE_CELLS: Final = 24


def section(title: str, *columns: Column) -> Table:
    """Begin a section: a table with its title."""
    return Table(
        *columns,
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        collapse_padding=True,
    )


def column(title: str) -> Column:
    """A column of words, which fold where the terminal is narrow."""
    return Column(title, overflow="fold")


def rule_column(title: str) -> Column:
    """A column of rules."""
    return Column(title, no_wrap=True, overflow="ellipsis")


def rule_name(policy: str, rule: str) -> Text:
    """Name a rule with its policy, on two lines where one would be long; nothing where no policy has it."""
    name = f"{policy}/{rule}" if rule else ""
    return Text(name if len(name) <= _RULE_CELLS else f"{policy}/\n{rule}")


def whole(title: str = "") -> Column:
    """A column whose words stay on one line."""
    return Column(title, no_wrap=True)


def figures(title: str) -> Column:
    """A column of figures."""
    return Column(title, justify="right", no_wrap=True)


def bar(share: float, style: str) -> Text:
    """Draw a share, 0 to 1."""
    full = round(min(max(share, 0.0), 1.0) * BAR_CELLS)
    return Text.assemble(("█" * full, style), ("░" * (BAR_CELLS - full), "dim"))


def used_style(share: float, *, is_against: bool) -> str:
    """Give the colour of what is used."""
    return "red" if is_against else "yellow" if share >= _HALF else "green"


def sections(explanation: Explanation, reader: Reader) -> list[Table]:
    """Draw the sections that have anything to say, from streaks to capacities."""
    drawn: list[Table] = []
    if explanation.streaks:
        drawn.append(_streaks(explanation.streaks, reader))
    if explanation.affinities:
        drawn.append(_affinities(explanation.affinities, reader))
    if explanation.claims:
        drawn.append(_claims(explanation.claims, reader))
    if explanation.holdings:
        drawn.append(_holdings(explanation.holdings, reader))
    return drawn


def ladder_section(explanation: Explanation, reader: Reader) -> Table:
    """Draw the ladder: a rung for each rule, in order of precedence, and what comes of it by each channel."""
    say = reader.language.say
    channels = {step.channel for step in explanation.ladder}
    table = section(
        say("the ladder, from the first rule in precedence to the last"),
        whole(),
        column(say("by")),
        rule_column(say("rule")),
        column(say("says")),
        column(say("free again")),
    )
    for rung in rungs(explanation, reader):
        mark, style = ("✗", "red") if rung.step.is_against else ("✓", "green")
        by = say("all") if set(rung.channels) == channels != set(rung.channels[:1]) else ", ".join(rung.channels)
        says = Text(rung.words, style="red" if rung.step.is_against else "")
        table.add_row(
            Text(mark, style=style), Text(by), rule_name(rung.step.policy, rung.step.rule), says, Text(rung.until)
        )
    table.add_section()
    for outcome in outcomes(explanation, reader):
        style = "bold green" if outcome.verdict is Verdict.GRANT else "bold red"
        table.add_row("=", Text(outcome.channel), "", Text(outcome.words), Text(outcome.again), style=style)
    return table


def _streaks(streaks: Sequence[Streak], reader: Reader) -> Table:
    say = reader.language.say
    table = section(
        say("contacts in a row without answer"),
        rule_column(say("rule")),
        column(say("of")),
        whole(),
        column(say("says")),
    )
    for streak in streaks:
        share = streak.length / streak.after if streak.after else 1.0
        drawn = bar(share, used_style(share, is_against=streak.length >= streak.after))
        rule, whose = rule_name(streak.policy, streak.rule), Text(streak.whose(reader))
        table.add_row(rule, whose, drawn, Text(streak.describe(reader)))
    return table


def _affinities(affinities: Sequence[Affinity], reader: Reader) -> Table:
    say = reader.language.say
    table = section(
        say("what the customer likes"),
        column(say("offer family")),
        figures(say("strength")),
        whole(),
        column(say("half of it left after")),
    )
    most = max((affinity.strength for affinity in affinities), default=0.0)
    for affinity in affinities:
        days = say("{number} d", number=figure(affinity.half_life_days, reader.language))
        share = affinity.strength / most if most > 0 else 0.0
        strength = strength_words(affinity, reader)
        table.add_row(Text(affinity.offer_family), strength, bar(share, "cyan"), Text(days))
    return table


def _claims(claims: Sequence[Claim], reader: Reader) -> Table:
    say = reader.language.say
    table = section(
        say("claims that hold places, the best ranked first"),
        column(say("campaign")),
        figures(say("priority")),
        figures(say("score")),
        column(say("channels")),
        column(say("from")),
        column(say("until")),
    )
    for claim in claims:
        table.add_row(
            Text(claim.campaign_id),
            f"{claim.priority}",
            "" if claim.score is None else figure(claim.score, reader.language),
            Text(", ".join(claim.channels)),
            "" if claim.from_time is None else reader.after(claim.from_time),
            "" if claim.until_time is None else reader.until(claim.until_time),
        )
    return table


def _holdings(holdings: Sequence[CapacityHolding], reader: Reader) -> Table:
    say, language = reader.language.say, reader.language
    table = section(
        say("capacities and budgets held by this server"),
        rule_column(say("rule")),
        column(say("for")),
        column(say("from")),
        figures(say("used")),
        whole(),
        figures(say("free")),
    )
    for holding in holdings:
        share = holding.used / holding.leased if holding.leased > 0 else 1.0
        used, leased = figure(holding.used, language), figure(holding.leased, language)
        table.add_row(
            rule_name(holding.policy, holding.rule),
            Text(", ".join(part for part in (holding.per, holding.business_unit) if part) or say("all")),
            "" if holding.window_start_time is None else reader.until(holding.window_start_time),
            say("{used} of {limit}", used=used, limit=leased),
            bar(share, used_style(share, is_against=holding.free <= 0)),
            figure(holding.free, language),
        )
    return table
