"""Clauses: what the parts of a catalog say, one figure each, so that two can be laid side by side."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final


class Extent(StrEnum):
    """How much one thing is, compared with another."""

    SAME = "same"
    MORE = "more"
    LESS = "less"
    OTHER = "other"
    """Neither holds the other."""


class Effect(StrEnum):
    """Whether customers can be contacted more or less."""

    LOOSER = "looser"
    TIGHTER = "tighter"
    OTHER = "other"
    """Neither, both, or not to be said without the requests."""


class Sense(StrEnum):
    """What more of a figure does."""

    MORE_IS_LOOSER = "more is looser"
    MORE_IS_TIGHTER = "more is tighter"
    NEITHER = "neither"


class Said(StrEnum):
    """When a clause is said."""

    ALWAYS = "always"
    """Also beside another that changed: the others make no sense without it."""
    IF_SPECIAL = "if special"
    """Where it changed, and in full descriptions."""
    IF_CHANGED = "if changed"
    """Where it changed alone: it says what holds anyway."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that a part of the catalog says: `at most` `3` `points`.

    `measure` is what `extent` compares; the words alone where there is none.
    """

    key: str
    lead: str
    value: str
    tail: str = ""
    measure: Any = None
    extent: Callable[[Any, Any], Extent] | None = None
    sense: Sense = Sense.NEITHER
    said: Said = Said.ALWAYS

    def __str__(self) -> str:
        return " ".join(part for part in (self.lead, self.value, self.tail) if part)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two descriptions of one thing, in words, and what that does."""

    words: str
    effect: Effect


def described(clauses: Iterable[Clause]) -> str:
    """Say a thing in full, what holds anyway left out."""
    return _sentence([(str(clause), clause.said) for clause in clauses if clause.said is not Said.IF_CHANGED])


def compared(before: Sequence[Clause], after: Sequence[Clause]) -> Comparison | None:
    """Lay two descriptions side by side; None where they say the same."""
    earlier = {clause.key: clause for clause in before}
    later = {clause.key: clause for clause in after}
    changed = {key for key in earlier | later if _differs(earlier.get(key), later.get(key))}
    if not changed:
        return None
    said = []
    for key in [*later, *(key for key in earlier if key not in later)]:
        clause = later.get(key) or earlier[key]
        if key in changed:
            said.append((_change_words(earlier.get(key), later.get(key)), clause.said))
        elif clause.said is Said.ALWAYS:
            said.append((str(clause), clause.said))
    effects = {_effect(earlier.get(key), later.get(key)) for key in changed}
    return Comparison(_sentence(said), combined(effects))


def combined(effects: Iterable[Effect]) -> Effect:
    """Say what several changes do together."""
    distinct = set(effects)
    return distinct.pop() if len(distinct) == 1 else Effect.OTHER


def extent_of_numbers(before: float, after: float) -> Extent:
    """Whether a number grew."""
    if before == after:
        return Extent.SAME
    return Extent.MORE if after > before else Extent.LESS


def extent_of_sets(before: frozenset[Any], after: frozenset[Any]) -> Extent:
    """Whether a set grew, shrank, or became another."""
    if before == after:
        return Extent.SAME
    if before < after:
        return Extent.MORE
    return Extent.LESS if after < before else Extent.OTHER


def listed(names: Iterable[object], last: str = "or") -> str:
    """Join names: `email, sms or post`."""
    *before, final = [str(name) for name in names] or ["nothing"]
    return f"{', '.join(before)} {last} {final}" if before else final


def _differs(before: Clause | None, after: Clause | None) -> bool:
    if before is None or after is None:
        return True
    if before.extent is not None and before.extent is after.extent:
        return before.extent(before.measure, after.measure) is not Extent.SAME
    return (str(before), before.measure) != (str(after), after.measure)


def _change_words(before: Clause | None, after: Clause | None) -> str:
    if before is None or after is None:
        clause = after or before
        value = f"none -> {after.value}" if after else f"{before.value} -> none" if before else ""
        return " ".join(part for part in (clause.lead, value, clause.tail) if part) if clause else ""
    if (before.lead, before.tail) == (after.lead, after.tail):
        return " ".join(part for part in (after.lead, f"{before.value} -> {after.value}", after.tail) if part)
    return f"{before} -> {after}"


_EFFECTS: Final[Mapping[tuple[Sense, Extent], Effect]] = {
    (Sense.MORE_IS_LOOSER, Extent.MORE): Effect.LOOSER,
    (Sense.MORE_IS_LOOSER, Extent.LESS): Effect.TIGHTER,
    (Sense.MORE_IS_TIGHTER, Extent.MORE): Effect.TIGHTER,
    (Sense.MORE_IS_TIGHTER, Extent.LESS): Effect.LOOSER,
}


def _effect(before: Clause | None, after: Clause | None) -> Effect:
    if before is None or after is None or after.extent is None or before.extent is not after.extent:
        return Effect.OTHER
    return _EFFECTS.get((after.sense, after.extent(before.measure, after.measure)), Effect.OTHER)


def _sentence(said: Sequence[tuple[str, Said]]) -> str:
    """Join what belongs together by blanks, what stands beside by commas."""
    together = " ".join(words for words, when in said if when is Said.ALWAYS)
    return ", ".join(part for part in (together, *(words for words, when in said if when is not Said.ALWAYS)) if part)
