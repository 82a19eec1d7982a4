"""Which contacts of a log a selector takes: by the terms that were frozen into them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

PlainSelector = Mapping[str, Any]
"""A selector as the document writes it; `{}` takes everything."""


@dataclass(frozen=True, slots=True)
class ContactTerms:
    """What a contact carries; None for what nobody knows of it, an empty name for what it has not."""

    campaign: str
    channel: str
    kind: str | None
    offer_family: str | None
    business_unit: str | None
    priority: int | None
    segments: frozenset[str] = frozenset()


_NAMED: Final = {
    "kinds": "kind",
    "channels": "channel",
    "campaigns": "campaign",
    "offer_families": "offer_family",
    "business_units": "business_unit",
}


def may_take(selector: PlainSelector, terms: ContactTerms, derived_segments: Collection[str] = ()) -> bool:
    """Whether a selector takes a contact, or may: derived segments and unknown terms are given the benefit."""
    return _taken(selector, terms, derived_segments) is not False


def _taken(selector: PlainSelector, terms: ContactTerms, derived: Collection[str]) -> bool | None:
    """Whether it takes it; None where that is not to be said."""
    answers = [_is_any_of(names, getattr(terms, _NAMED[key])) for key, names in selector.items() if key in _NAMED]
    if (segments := selector.get("segments")) is not None:
        answers.append(_is_in(segments, terms.segments, derived))
    if (lowest := selector.get("min_priority")) is not None:
        answers.append(None if terms.priority is None else terms.priority >= lowest)
    if (highest := selector.get("max_priority")) is not None:
        answers.append(None if terms.priority is None else terms.priority <= highest)
    if (inner := selector.get("not")) is not None:
        excluded = _taken(inner, terms, derived)
        answers.append(None if excluded is None else not excluded)
    if False in answers:
        return False
    return None if None in answers else True


def _is_any_of(names: Collection[str], name: str | None) -> bool | None:
    return None if name is None else name in names


def _is_in(wanted: Collection[str], held: frozenset[str], derived: Collection[str]) -> bool | None:
    if not held.isdisjoint(wanted):
        return True
    return False if set(derived).isdisjoint(wanted) else None
