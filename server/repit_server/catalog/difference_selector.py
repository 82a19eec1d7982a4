"""Selectors in words, and whether one takes more than another."""

from collections.abc import Iterable
from typing import Final

from repit_server.catalog.contact_terms import PlainSelector
from repit_server.catalog.difference_clause import Extent, extent_of_numbers, extent_of_sets, listed

_LISTS: Final = ("kinds", "channels", "campaigns", "offer_families", "business_units", "segments")
_EVERY: Final = "every contact"


def contacts_words(selector: PlainSelector) -> str:
    """Say which contacts are meant, to stand after `of`: `marketing by email`."""
    words = [listed(selector["kinds"], "and") if "kinds" in selector else ""]
    words.append(f"by {listed(selector['channels'])}" if "channels" in selector else "")
    words.append(f"of the campaign {_quoted(selector['campaigns'])}" if "campaigns" in selector else "")
    words.append(f"that offer {_quoted(selector['offer_families'])}" if "offer_families" in selector else "")
    words.append(f"of the unit {_quoted(selector['business_units'])}" if "business_units" in selector else "")
    words.append(_priority_words(selector.get("min_priority"), selector.get("max_priority")))
    said = " ".join(word for word in words if word)
    if not said:
        return _EVERY
    return said if "kinds" in selector else f"{_EVERY} {said}"


def customers_words(selector: PlainSelector) -> str:
    """Say which customers are meant, to stand after `for`: `customers in loyal`."""
    words = f"customers in {listed(selector['segments'])}" if "segments" in selector else "all customers"
    return f"{words}, except {_exception_words(selector['not'])}" if "not" in selector else words


def selector_words(selector: PlainSelector) -> str:
    """Say all of a selector: `marketing by email for customers in loyal`."""
    is_of_customers = bool({"segments", "not"} & selector.keys())
    return contacts_words(selector) + (f" for {customers_words(selector)}" if is_of_customers else "")


def audience_words(selector: PlainSelector) -> str:
    """Say which customers a campaign may contact."""
    contacts = contacts_words(selector)
    return customers_words(selector) + ("" if contacts == _EVERY else f", {contacts}")


def extent_of_selectors(before: PlainSelector, after: PlainSelector) -> Extent:
    """Whether `after` takes more than `before`, less, the same, or neither."""
    steps = {_list_extent(before.get(key), after.get(key)) for key in _LISTS}
    steps.add(extent_of_numbers(after.get("min_priority", 0), before.get("min_priority", 0)))
    steps.add(extent_of_numbers(before.get("max_priority", 100), after.get("max_priority", 100)))
    steps.add(_exception_extent(before.get("not"), after.get("not")))
    steps.discard(Extent.SAME)
    if not steps:
        return Extent.SAME
    return steps.pop() if len(steps) == 1 else Extent.OTHER


def _quoted(names: Iterable[str]) -> str:
    return listed(f"`{name}`" for name in names)


def _priority_words(lowest: int | None, highest: int | None) -> str:
    if lowest is not None and highest is not None:
        return f"of priority {lowest} to {highest}"
    if lowest is not None:
        return f"of priority {lowest} and more"
    return f"of priority {highest} and less" if highest is not None else ""


def _exception_words(selector: PlainSelector) -> str:
    contacts = contacts_words(selector)
    if "segments" not in selector and "not" not in selector:
        return contacts
    customers = customers_words(selector)
    return customers if contacts == _EVERY else f"{contacts} for {customers}"


def _list_extent(before: Iterable[str] | None, after: Iterable[str] | None) -> Extent:
    if before is None or after is None:
        return _condition_extent(before, after)
    return extent_of_sets(frozenset(before), frozenset(after))


def _condition_extent(before: object, after: object) -> Extent:
    """Compare where at least one of two conditions is absent, and so takes everything."""
    if before is None and after is None:
        return Extent.SAME
    return Extent.LESS if before is None else Extent.MORE


def _exception_extent(before: PlainSelector | None, after: PlainSelector | None) -> Extent:
    if before is None or after is None:
        return _condition_extent(before, after)
    return extent_of_selectors(after, before)
