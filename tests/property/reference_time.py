"""Spans, days and periods of the contract, read naively with `zoneinfo`: milliseconds of UTC in and out."""

from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

SECOND = 1_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
NEVER = 10**18
"""An instant after all others: the end of a rest that never ends."""
UNIT_MS = {"s": SECOND, "m": 60 * SECOND, "h": HOUR, "d": DAY}


def span_ms(text: str) -> int:
    """Milliseconds of a span as the document writes it: `30s 15m 24h 7d`."""
    return int(text[:-1]) * UNIT_MS[text[-1]]


@cache
def zone_named(name: str) -> ZoneInfo:
    """A zone by the pinned tables of the package `tzdata`, whatever the machine has in its own."""
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as table:
        return ZoneInfo.from_file(table, key=name)


@lru_cache(maxsize=200_000)
def local_date(moment: int, zone: str) -> date:
    """Date on the wall calendar of `zone` at `moment`."""
    return datetime.fromtimestamp(moment // SECOND, tz=UTC).astimezone(zone_named(zone)).date()


@lru_cache(maxsize=50_000)
def day_start(day: date, zone: str) -> int:
    """First instant of `day` in `zone`, found by bisection; of the next day where `zone` skipped this one."""
    midnight_utc = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND
    before, after = midnight_utc - 2 * DAY, midnight_utc + 2 * DAY
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if local_date(middle, zone) < day else (before, middle)
    return after


def span_end(span: dict[str, Any] | str, start: int, zone: str) -> int:
    """End of a span that begins at `start`; `zone` is that of a span in calendar days."""
    if span == "never":
        return NEVER
    if isinstance(span, dict):
        return day_start(local_date(start, zone) + timedelta(days=span["days"]), zone)
    return start + span_ms(span)


def period_of(moment: int, window: dict[str, Any], zone: str) -> tuple[int, int]:
    """First instants of the calendar period that holds `moment` and of the next one."""
    day = local_date(moment, zone)
    match window["calendar"]:
        case "day":
            first, following = day, day + timedelta(days=1)
        case "week":
            week_day = day.weekday() if window.get("week_starts", "monday") == "monday" else day.isoweekday() % 7
            first = day - timedelta(days=week_day)
            following = first + timedelta(days=7)
        case "month":
            first, following = day.replace(day=1), month_after(day.year, day.month)
        case "quarter":
            first = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
            following = month_after(first.year, first.month + 2)
        case _:
            first, following = date(day.year, 1, 1), date(day.year + 1, 1, 1)
    return day_start(first, zone), day_start(following, zone)


def month_after(year: int, month: int) -> date:
    """First day of the month after this one."""
    return date(year + month // 12, month % 12 + 1, 1)
