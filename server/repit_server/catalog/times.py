"""Spans, calendar days and time zones as the catalog writes them."""

import functools
import re
import zoneinfo
from datetime import UTC, date, datetime, timedelta
from typing import Final

SECOND_MS: Final = 1_000
DAY_MS: Final = 86_400_000
LONGEST_SPAN_DAYS: Final = 3_653
"""Ten years: ten times 365 days and at most three leap days."""
LONGEST_SPAN_MS: Final = LONGEST_SPAN_DAYS * DAY_MS
FIRST_DATE: Final = date(2000, 1, 1)
LAST_DATE: Final = date(2200, 1, 1)

_UNITS_MS: Final = {"s": SECOND_MS, "m": 60 * SECOND_MS, "h": 3_600 * SECOND_MS, "d": DAY_MS}
_SPAN: Final = re.compile(r"([0-9]{1,10})([smhd])", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NO_PLACES: Final = frozenset({"Factory", "localtime", "posixrules"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def span_ms(text: str) -> int | None:
    """Read `30s`, `15m`, `24h` or `7d` in milliseconds; a day is 86,400 s.

    Gives nothing where it is not a span of one second to ten years.
    """
    match = _SPAN.fullmatch(text)
    if match is None:
        return None
    span = int(match.group(1)) * _UNITS_MS[match.group(2)]
    return span if SECOND_MS <= span <= LONGEST_SPAN_MS else None


def date_of(text: str) -> date | None:
    """Read `2026-03-01`; nothing where it is not a date."""
    if _DATE.fullmatch(text) is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


# The zone tables of the pinned package, not the machine's: the engine has the same ones compiled in.
zoneinfo.reset_tzpath(to=())


@functools.cache
def known_zones() -> frozenset[str]:
    """List the names of the IANA time zone database."""
    return frozenset(zoneinfo.available_timezones()) - _NO_PLACES


def start_of_day_ms(day: date, zone: str) -> int:
    """Find the first instant of a local day, in milliseconds since 1970-01-01 UTC.

    It is midnight; where midnight is skipped the instant of the change, where it comes twice the first of the two.
    """
    place = zoneinfo.ZoneInfo(zone)
    midnight = datetime(day.year, day.month, day.day, tzinfo=place)
    earliest, latest = sorted(midnight.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if earliest.astimezone(place).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return (earliest - _EPOCH) // _MILLISECOND
    return (_change_between(earliest, latest, place) - _EPOCH) // _MILLISECOND


def _change_between(before: datetime, after: datetime, place: zoneinfo.ZoneInfo) -> datetime:
    """Find the instant, to the second, at which the offset of `before` gives way to that of `after`."""
    offset = before.astimezone(place).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(place).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
