"""How answers read: the words of every denial reason, of windows and spans, figures and times."""

import re
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from repit.kinds import DenialReason

REASONS = {
    DenialReason.UNSPECIFIED: "a reason that this version of the client does not know",
    DenialReason.SUPPRESSED: "the customer objected or complained",
    DenialReason.NO_CONSENT: "consent is needed and not there",
    DenialReason.CHANNEL_CLOSED: "the channel is closed",
    DenialReason.CAMPAIGN_UNKNOWN: "the catalog has no such campaign",
    DenialReason.CAMPAIGN_INACTIVE: "the campaign has not begun or is over",
    DenialReason.NOT_ELIGIBLE: "the customer is not in its audience, or the campaign does not use the channel",
    DenialReason.HELD_OUT: "the customer is in the hold-out",
    DenialReason.RESPITE: "respite for {span} after an event",
    DenialReason.BACK_OFF: "{used} contacts unanswered, rest from {limit} on",
    DenialReason.FREQUENCY_CAP: "{used} of {limit} {window}",
    DenialReason.CAPACITY: "no capacity left, {used} of {limit} {window}",
    DenialReason.BUDGET: "the campaign's budget is spent, {used} of {limit}",
    DenialReason.OUTRANKED: "outranked by {outranked_by}",
}

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
PERIODS = {"day": "today", "week": "this week", "month": "this month", "quarter": "this quarter", "year": "this year"}
UNITS = {"s": "s", "m": "min", "h": "h", "d": "d"}
SPAN = re.compile(r"\b(\d+)([smhd])\b")

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
SECONDS_MATTER_WITHIN = timedelta(minutes=5)
WEEKDAY_SUFFICES_WITHIN_DAYS = 6


class Reader(NamedTuple):
    """Who reads a time: in which zone, and seen from which instant.

    The local zone where none; days near to the instant seen from need no date.
    """

    zone: tzinfo | None = None
    seen_from: datetime | None = None

    def until(self, time: datetime) -> str:
        """A time up to which something holds: what is left out of it is rounded down."""
        return self._words(time, round_up=False)

    def after(self, time: datetime) -> str:
        """A time from which something holds: what is left out of it is rounded up."""
        return self._words(time, round_up=True)

    def _words(self, time: datetime, *, round_up: bool) -> str:
        is_near = self.seen_from is not None and abs(time - self.seen_from) < SECONDS_MATTER_WITHIN
        local = _rounded(time, SECOND if is_near else MINUTE, round_up=round_up).astimezone(self.zone)
        clock = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
        return f"{self._day_of(local)} {clock}".lstrip()

    def _day_of(self, local: datetime) -> str:
        weekday, date = DAYS[local.weekday()], f"{local.day} {MONTHS[local.month - 1]}"
        if self.seen_from is None:
            return f"{weekday} {date} {local.year}"
        seen_from = self.seen_from.astimezone(self.zone)
        days_ahead = (local.date() - seen_from.date()).days
        if days_ahead == 0:
            return ""
        if 0 < days_ahead <= WEEKDAY_SUFFICES_WITHIN_DAYS:
            return weekday
        return f"{weekday} {date}" if local.year == seen_from.year else f"{weekday} {date} {local.year}"


def _rounded(time: datetime, step: timedelta, *, round_up: bool) -> datetime:
    excess = timedelta(seconds=time.second % step.seconds if step > SECOND else 0, microseconds=time.microsecond)
    if not excess:
        return time
    return time - excess + step if round_up else time - excess


def figure(value: float) -> str:
    """A figure without needless decimals: `3`, `2.5`, `0.002`."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def span_words(span: str) -> str:
    """Spans as people write them: `7d` as `7 d`, `15m` as `15 min`, `never` (it ends) as `ever`; other words stay."""
    if span == "never":
        return "ever"
    return SPAN.sub(lambda found: f"{found[1]} {UNITS[found[2]]}", span)


def window_words(window: str) -> str:
    """A window, as the catalog writes it, in words: `sliding 7d` as `in 7 d`, `calendar month (brand)` as `this month`.

    The zone of calendar days is left out.
    """
    kind, _, size = window.partition(" (")[0].partition(" ")
    if kind in {"sliding", "rolling"}:
        return f"in {span_words(size)}"
    if kind == "calendar":
        period = size.partition(" ")[0]
        return PERIODS.get(period, f"in this {period}")
    if kind == "lifetime":
        return "ever"
    return f"in {span_words(window)}" if window else ""


def reason_words(reason: DenialReason, *, used: float, limit: float, window: str, outranked_by: str) -> str:
    """Why a rule spoke against, with its figures."""
    words = REASONS[reason].format(
        used=figure(used),
        limit=figure(limit),
        window=window_words(window),
        span=span_words(window.partition(" (")[0]),
        outranked_by=outranked_by,
    )
    return words.rstrip()


def retry_words(earliest_time: datetime | None, reader: Reader) -> str:
    """When asking again makes sense."""
    return "no later time helps" if earliest_time is None else f"ask again after {reader.after(earliest_time)}"
