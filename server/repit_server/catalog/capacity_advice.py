"""Finds capacities that never decide, and shares that give nothing or leave something."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from repit_server.catalog import places
from repit_server.catalog.capacity import Capacity, listed, numbered
from repit_server.catalog.document import Node, Path
from repit_server.catalog.findings import Finding
from repit_server.catalog.model import Document
from repit_server.catalog.reach import MAX_COMPARISONS, judges
from repit_server.catalog.selector import Selector
from repit_server.catalog.windows import Period

MOST_WITHIN: Final = {
    ("day", "week"): 7,
    ("day", "month"): 31,
    ("day", "quarter"): 92,
    ("day", "year"): 366,
    ("week", "month"): 6,
    ("week", "quarter"): 14,
    ("week", "year"): 54,
    ("month", "quarter"): 3,
    ("month", "year"): 12,
    ("quarter", "year"): 4,
}
"""How many periods of the one kind touch one of the other at most; of a longer kind it is one, and two for a week."""


@dataclass(frozen=True, slots=True)
class _Placed:
    name: str
    path: Path
    applies_to: Selector
    capacity: Capacity


def advise_of_capacities(document: Document, root: Node) -> Iterator[Finding]:
    """Find what is unwise in the capacities of channels and of policies."""
    placed = list(_placed(document))
    yield from _capacities_never_reached(placed, root)
    for one in placed:
        yield from _shares(one, root)


def _placed(document: Document) -> Iterator[_Placed]:
    for judge in judges(document):
        written = judge.rule.capacity
        for number, capacity in enumerate(listed(written)):
            path: Path = (*judge.path, "capacity", number) if isinstance(written, list) else (*judge.path, "capacity")
            yield _Placed(numbered(judge.name, number), path, judge.applies_to, capacity)


def _capacities_never_reached(placed: list[_Placed], root: Node) -> Iterator[Finding]:
    if len(placed) ** 2 > MAX_COMPARISONS:
        return
    for number, one in enumerate(placed):
        for other_number, other in enumerate(placed):
            if number == other_number or not _is_never_reached(one, other):
                continue
            if number < other_number and _is_never_reached(other, one):
                continue  # they say the same: the later one is named
            allowed = f"{other.capacity.limit} contacts in {_window(other.capacity.window)}"
            problem = f"this capacity is never reached: `{other.name}` allows no more than {allowed}"
            yield places.warning(root, one.path, problem, "remove it, or allow less here than there")
            break


def _is_never_reached(one: _Placed, other: _Placed) -> bool:
    """Tell whether `other` always denies before `one` does: both count the same contacts, from one pool each."""
    mine, theirs = one.capacity, other.capacity
    alike = (
        one.applies_to == other.applies_to and theirs.per in {mine.per, None} and not mine.shares and not theirs.shares
    )
    if not alike:
        return False
    most = _most_periods(theirs.window, mine.window)
    return most is not None and most * theirs.limit <= mine.limit


def _most_periods(theirs: Period, mine: Period) -> int | None:
    """Give how many of their periods touch one of mine at most; nothing where that is not known."""
    if theirs.lifetime:
        return 1
    if mine.lifetime or (mine.zone or "brand") != (theirs.zone or "brand"):
        return None
    unit, whole = theirs.calendar or "", mine.calendar or ""
    weeks_differ = (mine.week_starts or "monday") != (theirs.week_starts or "monday")
    if unit == whole:
        return 2 if unit == "week" and weeks_differ else 1
    return MOST_WITHIN.get((unit, whole), 2 if whole == "week" else 1)


def _window(window: Period) -> str:
    return "its lifetime" if window.lifetime else f"a {window.calendar}"


def _shares(one: _Placed, root: Node) -> Iterator[Finding]:
    capacity, path = one.capacity, (*one.path, "shares")
    if capacity.lend and not capacity.shares:
        yield places.warning(root, (*one.path, "lend"), "nothing is lent: there are no `shares`", "leave `lend` out")
    if not capacity.shares:
        return
    for unit, pool in capacity.pools().items():
        if pool == 0 and capacity.shares[unit] > 0 and capacity.limit > 0:
            problem = f"the share of `{unit}` is less than one contact: nothing"
            yield places.warning(root, (*path, unit), problem, "raise the share or the limit, or leave the unit out")
    if capacity.per == "business_unit":
        problem = "each unit has the capacity for itself already: a share only makes it smaller"
        yield places.warning(root, path, problem, "leave `per` out, or `shares`")
    if capacity.lend and capacity.common() > 0 and not capacity.is_shared_out():
        problem = f"the shares leave {capacity.common()} of {capacity.limit} contacts that any unit may take at once"
        yield places.warning(root, path, problem, "share out 100 %, so that no unit can take what another counts on")
