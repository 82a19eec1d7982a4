"""Where clocks are worth looking at: changes of the clock, midnights, first days of months."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random

from tests.property.reference_time import DAY, HOUR, SECOND, day_start, local_date, month_after, zone_named

ZONES = (
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "America/Santiago",
    "America/Havana",
    "Atlantic/Azores",
)
"""Half an hour of daylight saving, none, and changes at midnight among them."""
FIRST = int(datetime(2023, 1, 1, tzinfo=UTC).timestamp()) * SECOND


@lru_cache
def changes_of_the_clock(zone: str) -> tuple[int, ...]:
    """Every hour of five years before which the clocks of `zone` changed, in ms."""

    def offset(moment: int) -> timedelta | None:
        return datetime.fromtimestamp(moment // SECOND, tz=UTC).astimezone(zone_named(zone)).utcoffset()

    days = [moment for moment in range(FIRST, FIRST + 5 * 365 * DAY, DAY) if offset(moment) != offset(moment + DAY)]
    return tuple(m for day in days for m in range(day, day + DAY, HOUR) if offset(m) != offset(m + HOUR))


def random_start(rng: Random) -> int:
    """An instant of four years, often a few days before the clocks change somewhere."""
    changes = changes_of_the_clock(rng.choice(ZONES))
    if changes and rng.random() < 0.5:
        return rng.choice(changes[:8]) - rng.randrange(4 * DAY)
    return FIRST + rng.randrange(4 * 365 * DAY)


def remarkable(rng: Random, now: int, zone: str) -> int:
    """The next midnight, first of a month or change of the clock in `zone` from `now` on, or just beside it."""
    day = local_date(now, zone)
    midnight = day_start(day + timedelta(days=1), zone)
    first = day_start(month_after(day.year, day.month), zone)
    change = min((change for change in changes_of_the_clock(zone) if change >= now), default=midnight)
    near = [moment for moment in (midnight, first, change) if moment < now + 9 * DAY]
    return max(now, rng.choice(near) + rng.choice((-1, 0, 0, 1, -HOUR // 2, HOUR // 2, HOUR)))
