"""What rules say, clause by clause."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from repit_server.catalog.difference_clause import (
    Clause,
    Effect,
    Extent,
    Said,
    Sense,
    compared,
    described,
    extent_of_numbers,
    extent_of_sets,
    listed,
)
from repit_server.catalog.difference_figures import (
    amount_words,
    extent_of_ladders,
    extent_of_rests,
    extent_of_windows,
    rest_words,
    share_words,
    window_words,
)
from repit_server.catalog.difference_plain import plain_clauses
from repit_server.catalog.difference_selector import extent_of_selectors, selector_words

Plain = Mapping[str, Any]

_MEASURES: Final = {"limit": "", "points": "points", "cost": "of cost"}
_COUNTED: Final = {"attempts": "all that were not released", "confirmed": "those sent", "answered": "those answered"}
_COUNTED_ORDER: Final = {"answered": 0, "confirmed": 1, "attempts": 2}
_PER: Final = {
    "customer": "of the customer",
    "party": "of the party",
    "contact_point": "at the same contact point",
    "subject": "about the same subject",
}
_OF: Final = {
    "offer_family": "of one offer family",
    "campaign": "of one campaign",
    "channel": "on one channel",
    "any": "of any kind",
}


def rule_clauses(rule: Plain) -> list[Clause]:
    """Say what a rule says, whatever its kind; what is not known here stands as it is written."""
    clauses: list[Clause] = []
    for kind, body in rule.items():
        if kind in _KINDS:
            clauses += _KINDS[kind](body)
        elif kind != "name":
            clauses += plain_clauses({kind: body})
    return clauses


def capacity_clause(written: Plain | Sequence[Plain] | None) -> Clause:
    """Say capacities as one clause, for where they stand among other things."""
    several = _several(written)
    words = " and ".join(described(_capacity_clauses(capacity)) for capacity in several) or "none"
    said = _said(is_special=bool(several))
    return Clause("capacity", "capacity", words, "", several, _extent_of_capacities, Sense.MORE_IS_LOOSER, said)


def _frequency_cap(cap: Plain) -> Iterator[Clause]:
    measure = next(key for key in _MEASURES if key in cap)
    yield Clause(
        "limit",
        "at most",
        amount_words(cap[measure]),
        _MEASURES[measure],
        (measure, cap[measure]),
        _extent_of_limits,
        Sense.MORE_IS_LOOSER,
    )
    yield _window(cap["window"], Sense.MORE_IS_TIGHTER)
    counted, per = cap.get("counted", "attempts"), cap.get("per", "customer")
    yield Clause(
        "counted",
        "counting",
        _COUNTED[counted],
        measure=_COUNTED_ORDER[counted],
        extent=extent_of_numbers,
        sense=Sense.MORE_IS_TIGHTER,
        said=_said(is_special=counted != "attempts"),
    )
    yield Clause(
        "per",
        "contacts",
        _PER.get(per, str(per)),
        measure=per,
        extent=_extent_of_per,
        sense=Sense.MORE_IS_TIGHTER,
        said=_said(is_special=per != "customer"),
    )
    yield _reserve(cap.get("reserve"))
    yield from _others(cap, {*_MEASURES, "window", "counted", "per", "reserve"})


def _reserve(reserve: Plain | None) -> Clause:
    priority, places = (reserve["min_priority"], reserve["places"]) if reserve else (0, 0)
    words = f"{amount_words(places)} for priority {priority} and more" if reserve else "nothing"
    return Clause(
        "reserve",
        "keeping",
        words,
        measure=(priority if reserve else None, places),
        extent=_extent_of_reserves,
        sense=Sense.MORE_IS_TIGHTER,
        said=_said(is_special=reserve is not None),
    )


def _back_off(rule: Plain) -> Iterator[Clause]:
    after = rule["after"]
    yield Clause("after", "after", str(after), "unanswered", after, extent_of_numbers, Sense.MORE_IS_LOOSER)
    yield Clause("of", "", _OF.get(rule["of"], str(rule["of"])))
    rests = rule["rests"]
    words = ", then ".join(rest_words(rest) for rest in rests)
    yield Clause("rests", "rest for", words, "", rests, extent_of_ladders, Sense.MORE_IS_TIGHTER)
    yield _kinds("answers", "answered if", rule.get("answers", ()), Sense.MORE_IS_LOOSER, said=Said.IF_CHANGED)
    yield from _others(rule, {"after", "of", "rests", "answers"})


def _respite(rule: Plain) -> Iterator[Clause]:
    yield Clause("for", "rest for", rest_words(rule["for"]), "", rule["for"], extent_of_rests, Sense.MORE_IS_TIGHTER)
    yield _kinds("after", "after", rule["after"], Sense.MORE_IS_TIGHTER)
    least = rule.get("min_value")
    yield Clause(
        "min_value",
        "worth at least",
        "anything" if least is None else amount_words(least),
        "",
        least or 0,
        extent_of_numbers,
        Sense.MORE_IS_LOOSER,
        _said(is_special=least is not None),
    )
    family = rule.get("of")
    yield Clause(
        "of",
        "",
        "of the same offer family" if family == "offer_family" else "of anything" if family is None else str(family),
        "",
        0 if family else 1,
        extent_of_numbers,
        Sense.MORE_IS_TIGHTER,
        _said(is_special=family is not None),
    )
    yield from _others(rule, {"for", "after", "min_value", "of"})


def _prerequisite(rule: Plain) -> Iterator[Clause]:
    if "contact" in rule:
        contact = rule["contact"]
        yield Clause(
            "contact", "only after", selector_words(contact), "", contact, extent_of_selectors, Sense.MORE_IS_LOOSER
        )
    if "engagement" in rule:
        yield _kinds("engagement", "only where the customer", rule["engagement"], Sense.MORE_IS_LOOSER)
        of = rule.get("of") or "any"
        yield Clause("of", "something", _OF.get(of, str(of)), said=_said(is_special=of != "any"))
    within = rule["within"]
    yield Clause("within", "within", rest_words(within), "", within, extent_of_rests, Sense.MORE_IS_LOOSER)
    yield from _others(rule, {"contact", "engagement", "of", "within"})


def _holdout(rule: Plain) -> Iterator[Clause]:
    share = rule["share"]
    yield Clause(
        "share", "no contact with", share_words(share), "of them", share, extent_of_numbers, Sense.MORE_IS_TIGHTER
    )
    yield Clause("salt", "drawn with", f"`{rule['salt']}`", said=Said.IF_CHANGED)
    yield from _others(rule, {"share", "salt"})


def _capacity(written: Plain | Sequence[Plain]) -> Iterator[Clause]:
    several = _several(written)
    if len(several) == 1:
        yield from _capacity_clauses(several[0])
    else:
        yield capacity_clause(several)


def _capacity_clauses(capacity: Plain) -> Iterator[Clause]:
    limit, per = capacity["limit"], capacity.get("per")
    yield Clause(
        "limit",
        "at most",
        amount_words(limit),
        "with all customers together",
        limit,
        extent_of_numbers,
        Sense.MORE_IS_LOOSER,
    )
    yield _window(capacity["window"], Sense.MORE_IS_TIGHTER)
    words = f"each {per.replace('_', ' ')}" if per else "all together"
    yield Clause("per", "for", words, said=_said(is_special=per is not None))
    shares = capacity.get("shares") or {}
    told = ", ".join(f"{share_words(share)} {unit}" for unit, share in shares.items()) or "none"
    yield Clause("shares", "shares:", told, said=_said(is_special=bool(shares)))
    yield _lending(is_lent=bool(capacity.get("lend")))
    unused = capacity.get("declared_unused") or []
    yield Clause(
        "declared_unused",
        "declared unused:",
        listed(unused, "and") if unused else "none",
        "",
        frozenset(unused),
        extent_of_sets,
        Sense.MORE_IS_LOOSER,
        _said(is_special=bool(unused)),
    )
    yield from _others(capacity, {"limit", "window", "per", "shares", "lend", "declared_unused"})


def _lending(*, is_lent: bool) -> Clause:
    words = "lent in the last tenth" if is_lent else "not lent"
    return Clause(
        "lend", "shares", words, "", int(is_lent), extent_of_numbers, Sense.MORE_IS_LOOSER, _said(is_special=is_lent)
    )


def _window(window: Plain, sense: Sense) -> Clause:
    return Clause("window", "", window_words(window), "", window, extent_of_windows, sense)


def _kinds(key: str, lead: str, kinds: list[str], sense: Sense, *, said: Said = Said.ALWAYS) -> Clause:
    return Clause(key, lead, listed(kinds), "", frozenset(kinds), extent_of_sets, sense, said)


def _others(body: Plain, known: set[str]) -> list[Clause]:
    return plain_clauses({name: value for name, value in body.items() if name not in known})


def _several(written: Plain | Sequence[Plain] | None) -> list[Plain]:
    if written is None:
        return []
    return [written] if isinstance(written, Mapping) else list(written)


def _said(*, is_special: bool) -> Said:
    return Said.IF_SPECIAL if is_special else Said.IF_CHANGED


def _extent_of_limits(before: tuple[str, float], after: tuple[str, float]) -> Extent:
    return extent_of_numbers(before[1], after[1]) if before[0] == after[0] else Extent.OTHER


def _extent_of_per(before: str, after: str) -> Extent:
    """A party's contacts are those of the customer and more; others are a choice among them."""
    if before == after:
        return Extent.SAME
    return {("customer", "party"): Extent.MORE, ("party", "customer"): Extent.LESS}.get((before, after), Extent.OTHER)


def _extent_of_reserves(before: tuple[int | None, float], after: tuple[int | None, float]) -> Extent:
    if before == after:
        return Extent.SAME
    places = extent_of_numbers(before[1], after[1])
    if before[0] is None or after[0] is None:
        return places
    priority = extent_of_numbers(before[0], after[0])
    distinct = {places, priority} - {Extent.SAME}
    return distinct.pop() if len(distinct) == 1 else Extent.OTHER


def _extent_of_capacities(before: list[Plain], after: list[Plain]) -> Extent:
    """Compare capacities that all hold: each further one is less."""
    extents = {Extent.MORE if len(after) < len(before) else Extent.LESS} if len(before) != len(after) else set()
    for earlier, later in zip(before, after, strict=False):
        comparison = compared(list(_capacity_clauses(earlier)), list(_capacity_clauses(later)))
        if comparison is not None:
            extents.add(_EXTENTS[comparison.effect])
    if not extents:
        return Extent.SAME
    return extents.pop() if len(extents) == 1 else Extent.OTHER


_EXTENTS: Final = {Effect.LOOSER: Extent.MORE, Effect.TIGHTER: Extent.LESS, Effect.OTHER: Extent.OTHER}
_KINDS: Final[Mapping[str, Callable[[Any], Iterator[Clause]]]] = {
    "frequency_cap": _frequency_cap,
    "back_off": _back_off,
    "respite": _respite,
    "prerequisite": _prerequisite,
    "holdout": _holdout,
    "capacity": _capacity,
}
