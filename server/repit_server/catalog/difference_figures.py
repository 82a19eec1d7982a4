"""Figures of the catalog in words, and which of two is more: amounts, spans, rests, windows."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from repit_server.catalog.difference_clause import Extent, extent_of_numbers
from repit_server.catalog.times import DAY_MS, span_ms

Rest = str | Mapping[str, Any]
"""`7d`, `{days: 7, zone: customer}` or `never`."""
Window = Mapping[str, Any]
"""A window as the document writes it."""

_SPAN: Final = re.compile(r"(\d+)([smhd])", re.ASCII)
_UNITS: Final = {"s": "s", "m": "min", "h": "h", "d": "d"}
_CALENDAR_DAYS: Final = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
_UNEVEN: Final = frozenset({"week"})
"""Calendar periods that do not lie whole in longer ones."""


def amount_words(amount: float) -> str:
    """Write an amount: `1,000`, `0.002`."""
    return f"{amount:,.6f}".rstrip("0").rstrip(".")


def share_words(share: float) -> str:
    """Write a part of the whole: `2.5 %`."""
    return f"{amount_words(round(share * 100, 6))} %"


def rest_words(rest: Rest) -> str:
    """Write a span, calendar days or what never ends: `7 d`, `7 calendar days`, `ever`."""
    if isinstance(rest, Mapping):
        days = rest["days"]
        return f"{days} calendar day{'' if days == 1 else 's'}{_zone_words(rest.get('zone'))}"
    if rest == "never":
        return "ever"
    match = _SPAN.fullmatch(rest)
    return f"{match[1]} {_UNITS[match[2]]}" if match else rest


def window_words(window: Window) -> str:
    """Write a window: `in 24 h`, `in a calendar week of the customer`, `ever`."""
    if "sliding" in window:
        return f"in {rest_words(window['sliding'])}"
    if "rolling_days" in window:
        return f"in {rest_words({'days': window['rolling_days'], 'zone': window.get('zone')})}"
    if "calendar" in window:
        starts = " from sunday" if window.get("week_starts") == "sunday" else ""
        return f"in a calendar {window['calendar']}{starts}{_zone_words(window.get('zone'))}"
    return "ever"


def extent_of_rests(before: Rest, after: Rest) -> Extent:
    """Whether a rest became longer."""
    return _extent_of_lengths(_rest_length(before), _rest_length(after))


def extent_of_ladders(before: Sequence[Rest], after: Sequence[Rest]) -> Extent:
    """Whether growing rests, the last of which repeats, became longer: none shorter and some longer."""
    size = max(len(before), len(after))
    steps = {extent_of_rests(before[min(i, len(before) - 1)], after[min(i, len(after) - 1)]) for i in range(size)}
    steps.discard(Extent.SAME)
    if not steps:
        return Extent.SAME
    return steps.pop() if len(steps) == 1 else Extent.OTHER


def extent_of_windows(before: Window, after: Window) -> Extent:
    """Whether a window holds all of another and more."""
    return _extent_of_lengths(_window_length(before), _window_length(after))


_Length = tuple[str, float]
"""Of what kind it is, and how long in that kind's unit: those of different kinds are neither more nor less."""


def _extent_of_lengths(before: _Length, after: _Length) -> Extent:
    if before[0] == after[0] or math.inf in (before[1], after[1]):
        return extent_of_numbers(before[1], after[1])
    return Extent.OTHER


def _rest_length(rest: Rest) -> _Length:
    if isinstance(rest, Mapping):
        return f"days {rest.get('zone') or 'brand'}", rest["days"]
    return ("span", math.inf) if rest == "never" else ("span", span_ms(rest) or 0)


def _window_length(window: Window) -> _Length:
    zone = window.get("zone") or "brand"
    if "sliding" in window:
        return "span", span_ms(window["sliding"]) or 0
    if "rolling_days" in window:
        return f"days {zone}", window["rolling_days"]
    if "calendar" in window:
        unit = window["calendar"]
        kind = f"{unit} from {window.get('week_starts') or 'monday'}" if unit in _UNEVEN else "calendar"
        return f"{kind} {zone}", _CALENDAR_DAYS[unit] * DAY_MS
    return "ever", math.inf


def _zone_words(zone: str | None) -> str:
    if zone in (None, "brand"):
        return ""
    return " of the customer" if zone == "customer" else f" in {zone}"
