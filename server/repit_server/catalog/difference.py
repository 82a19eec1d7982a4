"""What differs between two catalogs, in words: what changes for whom, and whether they are contacted more or less."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from repit_server.catalog.campaigns import campaign_to_dict
from repit_server.catalog.compiled import CompiledCatalog
from repit_server.catalog.difference_clause import Comparison, Effect, compared, described
from repit_server.catalog.difference_entries import Entry, absence, derived_segments, entries_of, scopes_of

Plain = Mapping[str, Any]

_ORDER: Final = "the rules stand in another order: where several deny, another one is named first"


class DifferenceKind(StrEnum):
    """What became of something."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs.

    `judged` are selectors: the contacts that it judges or counts, in either catalog.
    """

    section: str
    name: str
    kind: DifferenceKind
    words: str
    effect: Effect
    judged: tuple[Plain, ...] = ()


@dataclass(frozen=True, slots=True)
class Differences:
    """All that differs, in the order of the later document; `derived_segments` are those of either catalog."""

    items: tuple[Difference, ...]
    derived_segments: frozenset[str]


def differences(before: CompiledCatalog, after: CompiledCatalog) -> Differences:
    """Compare two catalogs; what is written differently and means the same is no difference."""
    earlier, later = plain_catalog(before), plain_catalog(after)
    items = tuple(_differences(earlier, later))
    return Differences(items, derived_segments(earlier) | derived_segments(later))


def plain_catalog(catalog: CompiledCatalog) -> dict[str, Any]:
    """Give a catalog as plain values: campaigns registered over the API stand beside those of the document."""
    plain = catalog.document.model_dump(mode="json", by_alias=True, exclude_none=True)
    registered = {campaign.name: campaign_to_dict(campaign) for campaign in catalog.api_campaigns}
    for campaign in registered.values():
        del campaign["name"]
    plain["campaigns"] = {**plain.get("campaigns", {}), **registered}
    return plain


def _differences(before: Plain, after: Plain) -> Iterator[Difference]:
    earlier, later = _by_name(entries_of(before)), _by_name(entries_of(after))
    yield from _of_entries(earlier, later)
    yield from _of_scopes(before, after)
    common = earlier.keys() & later.keys()
    if [key for key in earlier if key in common] != [key for key in later if key in common] and (
        _rules_of(earlier, later) != _rules_of(later, earlier)
    ):
        yield Difference("policies", "", DifferenceKind.CHANGED, _ORDER, Effect.OTHER)


def _of_entries(earlier: "_Entries", later: "_Entries") -> Iterator[Difference]:
    for key in [*later, *(key for key in earlier if key not in later)]:
        before, after = earlier.get(key), later.get(key)
        if before is None and after is not None:
            yield _one_sided(after, DifferenceKind.ADDED, after.presence)
        elif after is None and before is not None:
            yield _one_sided(before, DifferenceKind.REMOVED, absence(before.presence))
        elif before is not None and after is not None:
            yield from _changed(before, after)


def _of_scopes(before: Plain, after: Plain) -> Iterator[Difference]:
    split = frozenset(
        policy["name"] for catalog in (before, after) for policy in catalog.get("policies", ()) if "counts" in policy
    )
    earlier = _by_name(scopes_of(before, split))
    for key, entry in _by_name(scopes_of(after, split)).items():
        if key in earlier:
            yield from _changed(earlier[key], entry)


def _changed(before: Entry, after: Entry) -> Iterator[Difference]:
    comparison = compared(before.clauses, after.clauses)
    if comparison is not None:
        words = f"{after.title}: {_told(comparison, after.whom)}"
        judged = (*after.judged, *(selector for selector in before.judged if selector not in after.judged))
        yield Difference(after.section, after.name, DifferenceKind.CHANGED, words, comparison.effect, judged)


def _one_sided(entry: Entry, kind: DifferenceKind, effect: Effect) -> Difference:
    words = f"{entry.title} {kind}: {_told(Comparison(described(entry.clauses), effect), entry.whom)}"
    return Difference(entry.section, entry.name, kind, words.removesuffix(": "), effect, entry.judged)


def _told(comparison: Comparison, whom: str) -> str:
    effect = "" if comparison.effect is Effect.OTHER else str(comparison.effect)
    ending = ", ".join(part for part in (effect, f"for {whom}" if whom else "") if part)
    return ": ".join(part for part in (comparison.words, ending) if part)


_Entries = Mapping[tuple[str, str], Entry]


def _by_name(entries: Iterator[Entry]) -> dict[tuple[str, str], Entry]:
    return {(entry.section, entry.name): entry for entry in entries}


def _rules_of(entries: _Entries, others: _Entries) -> list[tuple[str, str]]:
    return [key for key in entries if key[0] == "policies" and key in others]
