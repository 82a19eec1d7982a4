"""A year of mailings and answers under a cap of 1 per window: what is in whose way, and the most that can be kept.

Nothing here asks the engine: the oracle knows the answers and tries every choice of each household.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from repit_server.catalog import compile_catalog
from repit_server.cli.catalog_files import names_of
from repit_server.history.event import EventKind
from repit_server.history.event_file import EventLine, read_events
from repit_server.history.event_message import CatalogNames

DAY_MS: Final = 86_400_000


class Key(NamedTuple):
    """A household and a campaign: one mailing."""

    customer: str
    campaign: str


@dataclass(frozen=True)
class Year:
    """An event file under one cap of 1 contact per sliding window."""

    mailings: Sequence[EventLine]
    """In file order, one per household and campaign."""
    answers: Mapping[Key, Sequence[EventLine]]
    """The conversions of each mailing that was answered, ascending."""
    compiled: bytes
    names: CatalogNames
    window_ms: int

    @cached_property
    def conversions(self) -> list[EventLine]:
        """All conversions, ascending by time and line."""
        return sorted((line for lines in self.answers.values() for line in lines), key=lambda line: line.number)

    @cached_property
    def by_customer(self) -> dict[str, list[EventLine]]:
        """The mailings of each household, in file order."""
        found = defaultdict(list)
        for line in self.mailings:
            found[line.event.customer_id].append(line)
        return dict(found)

    @cached_property
    def audience(self) -> Counter[str]:
        """How many households each campaign mails."""
        return Counter(line.event.campaign_id for line in self.mailings)

    @cached_property
    def answered_of(self) -> Counter[str]:
        """How many of them answer, by the whole file."""
        return Counter(key.campaign for key in self.answers)


def key_of(line: EventLine) -> Key:
    """The household and campaign of a line."""
    return Key(line.event.customer_id, line.event.campaign_id)


def read_year(path: Path, catalog: Path, *, half_life_ms: int) -> Year:
    """Read both files. Raises `ValueError` where they are not what is measured here."""
    document = compile_catalog(catalog.read_text(encoding="utf-8"))
    compiled = json.loads(document.compiled)
    rules = [rule for policy in compiled["policies"] for rule in policy["rules"]]
    caps = [rule.get("frequency_cap", {}) for rule in rules]
    if len(caps) != 1 or caps[0].get("limit") != 1 or "sliding_ms" not in caps[0]["window"]:
        raise ValueError(f"`{catalog}` is not one rule, a cap of 1 per sliding window")
    for family in compiled["offer_families"]:
        family |= {"half_life_ms": half_life_ms, "learns_from": ["converted"]}
    mailings, answers = [], defaultdict(list)
    for line in read_events(path):
        if line.event.kind is EventKind.SENT:
            mailings.append(line)
        elif line.event.kind is EventKind.CONVERTED:
            answers[key_of(line)].append(line)
    if len({key_of(line) for line in mailings}) < len(mailings):
        raise ValueError(f"`{path}` mails a household twice for one campaign")
    mailed = {key_of(line) for line in mailings}
    return Year(
        mailings=mailings,
        answers={key: lines for key, lines in answers.items() if key in mailed},
        compiled=json.dumps(compiled).encode(),
        names=names_of(document),
        window_ms=caps[0]["window"]["sliding_ms"],
    )


Pair: TypeAlias = tuple[EventLine, EventLine]


def conflicts(lines: Sequence[EventLine], window_ms: int) -> Iterable[Pair]:
    """The pairs of a household's mailings of which a cap of 1 keeps one: less than a window apart."""
    for index, first in enumerate(lines):
        for second in lines[index + 1 :]:
            if second.event.time_ms - first.event.time_ms < window_ms:
                yield first, second


Kept: TypeAlias = tuple[int, int]
"""Answers and mailings."""


def best_of_household(year: Year, lines: Sequence[EventLine]) -> list[Kept]:
    """The choices that a cap of 1 allows one household, at the mailings' own times: those that no other betters."""
    best: list[list[Kept]] = []
    for index, line in enumerate(lines):
        before = [other for other in range(index) if line.event.time_ms - lines[other].event.time_ms >= year.window_ms]
        answered = key_of(line) in year.answers
        earlier = best[before[-1]] if before else [(0, 0)]
        with_it = [(answers + answered, mailings + 1) for answers, mailings in earlier]
        best.append(unbettered([*with_it, *(best[-1] if best else [(0, 0)])]))
    return best[-1]


def unbettered(choices: Iterable[Kept]) -> list[Kept]:
    """Of each number of answers the most mailings, where fewer answers bring more of them; most answers first."""
    kept: list[Kept] = []
    for choice in sorted(set(choices), reverse=True):
        if not kept or choice[1] > kept[-1][1]:
            kept.append(choice)
    return kept


def oracle(year: Year, mailings_wanted: int) -> dict[str, Any]:
    """What could be kept at most by one who knew the answers; also from as many mailings as `mailings_wanted`."""
    households = [best_of_household(year, lines) for lines in year.by_customer.values()]
    answers, mailings = (sum(choices[0][place] for choices in households) for place in (0, 1))
    most: dict[int, int] = {0: mailings}
    for choices in households:
        with_choice: Counter[int] = Counter()
        for lost, sent in most.items():
            for fewer_answers, more_mailings in choices:
                loss = lost + choices[0][0] - fewer_answers
                with_choice[loss] = max(with_choice[loss], sent + more_mailings - choices[0][1])
        most = with_choice
    enough = [loss for loss, sent in most.items() if sent >= mailings_wanted]
    return {
        "answers": answers,
        "mailings_needed": answers,
        "mailings_at_most": mailings,
        "answers_from_as_many_mailings": answers - min(enough) if enough else None,
        "most_mailings_of_any_choice": max(most.values()),
    }


def days_apart(first: EventLine, second: EventLine) -> int:
    """Whole days, rounded up: with how long an announcement the first can know of the second."""
    return -((first.event.time_ms - second.event.time_ms) // DAY_MS)


def by_families(year: Year, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """The conflicts between each two families, the most frequent first, and how many of each side were answered."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for earlier, later in pairs:
        count = counts[earlier.event.offer_family, later.event.offer_family]
        count["conflicts"] += 1
        count["earlier_answered"] += key_of(earlier) in year.answers
        count["later_answered"] += key_of(later) in year.answers
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1]["conflicts"], entry[0]))
    return [{"earlier": earlier, "later": later, **count} for (earlier, later), count in ordered]


def why(year: Year) -> dict[str, Any]:
    """How often mailings are in one another's way, and whether the answers tell them apart."""
    pairs = [pair for lines in year.by_customer.values() for pair in conflicts(lines, year.window_ms)]
    decided = [pair for pair in pairs if sum(key_of(line) in year.answers for line in pair) == 1]
    apart = [pair for pair in decided if pair[0].event.time_ms < pair[1].event.time_ms]
    rate = {name: year.answered_of[name] / count for name, count in year.audience.items()}
    mailed = Counter(line.event.offer_family for line in year.mailings)
    answered = Counter(line.event.offer_family for line in year.mailings if key_of(line) in year.answers)
    gaps = sorted(abs(rate[one.event.campaign_id] - rate[other.event.campaign_id]) for one, other in pairs)
    return {
        "rate_of_family": {name: answered[name] / count for name, count in sorted(mailed.items())},
        "by_families": by_families(year, pairs),
        "by_days_apart": dict(sorted(Counter(days_apart(*pair) for pair in pairs).items())),
        "households": len(year.by_customer),
        "households_with_a_conflict": len({first.event.customer_id for first, _ in pairs}),
        "mailings": len(year.mailings),
        "mailings_in_a_conflict": len({key_of(line) for pair in pairs for line in pair}),
        "answered": len(year.answers),
        "conflicts": len(pairs),
        "conflicts_with_one_answered": len(decided),
        "conflicts_with_both_answered": sum(all(key_of(line) in year.answers for line in pair) for pair in pairs),
        "conflicts_at_one_instant": sum(one.event.time_ms == other.event.time_ms for one, other in pairs),
        "conflicts_of_one_family": sum(one.event.offer_family == other.event.offer_family for one, other in pairs),
        "earlier_is_the_answered_one": sum(key_of(first) in year.answers for first, _ in apart) / max(1, len(apart)),
        "rate_of_earlier": sum(key_of(first) in year.answers for first, _ in pairs) / max(1, len(pairs)),
        "rate_of_later": sum(key_of(second) in year.answers for _, second in pairs) / max(1, len(pairs)),
        "median_gap_of_campaign_rates": gaps[len(gaps) // 2] if gaps else None,
    }
