"""What the entries of each section say, clause by clause, and whom they concern."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from repit_server.catalog.difference_clause import (
    Clause,
    Effect,
    Said,
    Sense,
    extent_of_numbers,
    extent_of_sets,
    listed,
)
from repit_server.catalog.difference_figures import amount_words, extent_of_rests, rest_words
from repit_server.catalog.difference_plain import plain_clauses
from repit_server.catalog.difference_rules import capacity_clause, rule_clauses
from repit_server.catalog.difference_selector import (
    audience_words,
    contacts_words,
    customers_words,
    extent_of_selectors,
    selector_words,
)

Plain = Mapping[str, Any]
"""A part of a catalog document as it is written, with what holds where nothing is written."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One named thing of a catalog.

    `judged` are selectors of the contacts that it judges or counts; `whom` says for which customers, empty for nobody
    in particular; `presence` is what its being there does.
    """

    section: str
    name: str
    title: str
    clauses: tuple[Clause, ...]
    judged: tuple[Plain, ...]
    whom: str = ""
    presence: Effect = Effect.OTHER


_OPPOSITE: Final = {Effect.LOOSER: Effect.TIGHTER, Effect.TIGHTER: Effect.LOOSER, Effect.OTHER: Effect.OTHER}
_DISCUSSED: Final = ("repit", "policies", "segments", "on_store_failure")
"""Sections with a way of their own; `repit` is the same in all documents."""
_NAMED: Final = {
    "channels": ("channel", "channels", Effect.LOOSER),
    "offer_families": ("offer family", "offer_families", Effect.OTHER),
    "business_units": ("business unit", "business_units", Effect.OTHER),
    "campaigns": ("campaign", "campaigns", Effect.LOOSER),
}
"""Sections of named entries: their word, the key of selectors that means them, what their presence does."""
_TITLES: Final = {"zone": "the brand's time zone", "horizon": "how long contacts are remembered"}


def absence(effect: Effect) -> Effect:
    """What it does to take away something whose presence does that."""
    return _OPPOSITE[effect]


def entries_of(catalog: Plain) -> Iterator[Entry]:
    """List what a catalog says, in the order of the document; policies as their rules."""
    for section, value in catalog.items():
        if section in _NAMED:
            for name, body in value.items():
                yield _named(section, name, body)
        elif section not in _DISCUSSED:
            yield _whole(section, value)
    for name, body in _segments(catalog.get("segments", ())).items():
        judged = ({"segments": [name]},)
        yield Entry("segments", name, f"segment `{name}`", tuple(_segment(body)), judged, f"customers in {name}")
    for policy in catalog.get("policies", ()):
        for rule in policy["rules"]:
            yield _rule(policy, rule)
    for kind, verdict in catalog.get("on_store_failure", {}).items():
        yield _failure(kind, verdict)


def scopes_of(catalog: Plain, split: frozenset[str]) -> Iterator[Entry]:
    """List what the policies of a catalog judge and count; those in `split` may count others than they judge."""
    for policy in catalog.get("policies", ()):
        name = policy["name"]
        judged, counted = _scope(policy)
        lead = "judges" if name in split else "judges and counts"
        clauses = [
            Clause("applies_to", lead, selector_words(judged), "", judged, extent_of_selectors, Sense.MORE_IS_TIGHTER)
        ]
        if name in split:
            clauses.append(
                Clause(
                    "counts",
                    "counts",
                    selector_words(counted),
                    measure=counted,
                    extent=extent_of_selectors,
                    sense=Sense.MORE_IS_TIGHTER,
                    said=Said.IF_SPECIAL,
                )
            )
        yield Entry("policies", name, f"policy `{name}`", tuple(clauses), (judged, counted))


def derived_segments(catalog: Plain) -> frozenset[str]:
    """Name the segments that follow from what customers did: no contact says who was in them."""
    return frozenset(name for name, body in _segments(catalog.get("segments", ())).items() if body.get("when"))


def _named(section: str, name: str, body: Plain) -> Entry:
    word, key, presence = _NAMED[section]
    whom = audience_words(body.get("eligible") or {}) if section == "campaigns" else ""
    clauses = tuple(_BODIES[section](body))
    return Entry(section, name, f"{word} `{name}`", clauses, ({key: [name]},), whom, presence)


def _whole(section: str, value: object) -> Entry:
    title = _TITLES.get(section, section.replace("_", " "))
    if isinstance(value, Mapping):
        clauses = tuple(plain_clauses(value))
    elif section == "horizon":
        clauses = (Clause(section, "", rest_words(str(value)), "", value, extent_of_rests),)
    else:
        clauses = (Clause(section, "", str(value)),)
    # Another name for the same money changes nothing for anybody.
    judged: tuple[Plain, ...] = () if section == "currency" else ({},)
    return Entry(section, "", title, clauses, judged)


def _rule(policy: Plain, rule: Plain) -> Entry:
    judged, counted = _scope(policy)
    name = f"{policy['name']}/{rule['name']}"
    title = f"rule `{name}` of {contacts_words(judged)}"
    clauses = tuple(rule_clauses(rule))
    return Entry("policies", name, title, clauses, (judged, counted), customers_words(judged), Effect.TIGHTER)


def _scope(policy: Plain) -> tuple[Plain, Plain]:
    judged = policy.get("applies_to") or {}
    counted = policy.get("counts")
    return judged, judged if counted is None else counted


def _failure(kind: str, verdict: str) -> Entry:
    is_granted = int(verdict != "deny")
    clause = Clause(kind, "", verdict, "", is_granted, extent_of_numbers, Sense.MORE_IS_LOOSER)
    title = f"while the store is away, {kind}"
    return Entry("on_store_failure", kind, title, (clause,), ({"kinds": [kind]},), "all customers")


def _segments(written: object) -> Mapping[str, Plain]:
    if isinstance(written, Mapping):
        return written
    return {name: {} for name in written} if isinstance(written, list | tuple) else {}


def _segment(body: Plain) -> Iterator[Clause]:
    when = body.get("when") or {}
    yield Clause("derived", "", "derived" if when else "given by callers", said=Said.IF_SPECIAL)
    for key, value in when.items():
        is_span = key.endswith("_within")
        yield Clause(
            key,
            key.replace("_", " "),
            rest_words(value) if is_span else str(value),
            measure=value,
            extent=extent_of_rests if is_span else extent_of_numbers,
            said=Said.IF_SPECIAL,
        )


def _channel(body: Plain) -> Iterator[Clause]:
    yield _amount("cost", body.get("cost", 0))
    yield _amount("pressure", body.get("pressure", 1), Sense.MORE_IS_TIGHTER)
    reservation = body.get("reservation") or {}
    expiry = reservation.get("expires_after", "24h")
    yield Clause(
        "expires_after", "reservations for", rest_words(expiry), "", expiry, extent_of_rests, said=Said.IF_SPECIAL
    )
    unconfirmed = reservation.get("unconfirmed", "counts")
    yield Clause(
        "unconfirmed",
        "then",
        "counted" if unconfirmed == "counts" else unconfirmed,
        measure=int(unconfirmed == "counts"),
        extent=extent_of_numbers,
        sense=Sense.MORE_IS_TIGHTER,
        said=Said.IF_SPECIAL,
    )
    yield capacity_clause(body.get("capacity"))
    yield from _others(body, {"cost", "pressure", "reservation", "capacity"})


def _family(body: Plain) -> Iterator[Clause]:
    yield Clause("fallback", "falls back to", body.get("fallback") or "none", said=_said(body, "fallback"))
    half_life = body.get("half_life")
    words = rest_words(half_life) if half_life else "none"
    yield Clause("half_life", "affinity halves in", words, said=_said(body, "half_life"))
    learnt = body.get("learns_from")
    yield Clause(
        "learns_from",
        "affinity learns from",
        listed(learnt, "and") if learnt else "opens, clicks, answers, conversions and purchases",
        "",
        frozenset(learnt or ()),
        extent_of_sets,
        said=_said(body, "learns_from"),
    )
    yield from _others(body, {"fallback", "half_life", "learns_from"})


def _unit(body: Plain) -> Iterator[Clause]:
    yield from plain_clauses(body)


def _campaign(body: Plain) -> Iterator[Clause]:
    yield Clause("kind", "", body.get("kind", "marketing"), said=Said.IF_SPECIAL)
    yield Clause("priority", "priority", str(body["priority"]), measure=body["priority"], said=Said.IF_SPECIAL)
    channels = body["channels"]
    yield Clause(
        "channels",
        "by",
        listed(channels),
        "",
        frozenset(channels),
        extent_of_sets,
        Sense.MORE_IS_LOOSER,
        Said.IF_SPECIAL,
    )
    yield Clause("offer_family", "offers", body.get("offer_family") or "nothing", said=_said(body, "offer_family"))
    yield Clause("business_unit", "of the unit", body.get("business_unit") or "none", said=_said(body, "business_unit"))
    active = body.get("active") or {}
    yield _day("from", active.get("from"), "ever", Sense.MORE_IS_TIGHTER)
    yield _day("until", active.get("until"), "for ever", Sense.MORE_IS_LOOSER)
    yield _optional_amount("value", body.get("value"), "none")
    yield _optional_amount("pressure", body.get("pressure"), "that of the channel")
    yield from _campaign_limits(body)
    known = {"priority", "kind", "channels", "offer_family", "business_unit", "active", "value", "pressure"}
    yield from _others(body, known | {"eligible", "budget"})


def _campaign_limits(body: Plain) -> Iterator[Clause]:
    eligible = body.get("eligible") or {}
    yield Clause(
        "eligible",
        "for",
        audience_words(eligible),
        measure=eligible,
        extent=extent_of_selectors,
        sense=Sense.MORE_IS_LOOSER,
        said=Said.IF_CHANGED,
    )
    budget = body.get("budget")
    yield Clause(
        "budget",
        "budget",
        amount_words(budget["amount"]) if budget else "none",
        "",
        budget["amount"] if budget else math.inf,
        extent_of_numbers,
        Sense.MORE_IS_LOOSER,
        _said(body, "budget"),
    )


def _day(key: str, day: str | None, always: str, sense: Sense) -> Clause:
    number = int(day.replace("-", "")) if day else math.inf if key == "until" else -math.inf
    said = Said.IF_SPECIAL if day else Said.IF_CHANGED
    return Clause(key, key, day or always, "", number, extent_of_numbers, sense, said)


def _amount(key: str, amount: float, sense: Sense = Sense.NEITHER) -> Clause:
    return Clause(key, key, amount_words(amount), "", amount, extent_of_numbers, sense, Said.IF_SPECIAL)


def _optional_amount(key: str, amount: float | None, absent: str) -> Clause:
    words = absent if amount is None else amount_words(amount)
    return Clause(key, key, words, measure=amount, said=Said.IF_CHANGED if amount is None else Said.IF_SPECIAL)


def _said(body: Plain, key: str) -> Said:
    return Said.IF_CHANGED if body.get(key) is None else Said.IF_SPECIAL


def _others(body: Plain, known: set[str]) -> list[Clause]:
    return plain_clauses({key: value for key, value in body.items() if key not in known})


_BODIES: Final[Mapping[str, Callable[[Plain], Iterator[Clause]]]] = {
    "channels": _channel,
    "offer_families": _family,
    "business_units": _unit,
    "campaigns": _campaign,
}
