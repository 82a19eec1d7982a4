"""How answers read: the words of every denial reason, of windows and spans, figures and times."""

import re
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from repit.kinds import AlternativeKind, DenialReason, Verdict
from repit.language import ENGLISH, Language, message

REASONS = {
    DenialReason.UNSPECIFIED: message("a reason that this version of the client does not know"),
    DenialReason.SUPPRESSED: message("the customer objected or complained"),
    DenialReason.NO_CONSENT: message("consent is needed and not there"),
    DenialReason.CHANNEL_CLOSED: message("the channel is closed"),
    DenialReason.CAMPAIGN_UNKNOWN: message("the catalog has no such campaign"),
    DenialReason.CAMPAIGN_INACTIVE: message("the campaign has not begun or is over"),
    DenialReason.NOT_ELIGIBLE: message("the customer is not in its audience, or the campaign does not use the channel"),
    DenialReason.HELD_OUT: message("the customer is in the hold-out"),
    DenialReason.RESPITE: message("respite for {span} after an event"),
    DenialReason.BACK_OFF: message("{used} contacts unanswered, rest from {limit} on"),
    DenialReason.FREQUENCY_CAP: message("{used} of {limit} {window}"),
    DenialReason.CAPACITY: message("no capacity left, {used} of {limit} {window}"),
    DenialReason.BUDGET: message("the campaign's budget is spent, {used} of {limit}"),
    DenialReason.OUTRANKED: message("outranked by {outranked_by}"),
}
RESPITE_FOR_EVER = message("respite for ever after an event")
PREREQUISITE = message("what it waits for has not happened {window}")
VERDICTS = {
    Verdict.UNSPECIFIED: message("a verdict that this version of the client does not know"),
    Verdict.GRANT: message("granted"),
    Verdict.DENY: message("refused"),
}
ALTERNATIVES = {
    AlternativeKind.UNSPECIFIED: message("open in a way that this version of the client does not know"),
    AlternativeKind.CHANNEL: message("the same campaign by another channel"),
    AlternativeKind.FALLBACK: message("of the offer family to fall back to"),
    AlternativeKind.TIME: message("the same campaign and channel, later"),
}

DAYS = (message("Mon"), message("Tue"), message("Wed"), message("Thu"), message("Fri"), message("Sat"), message("Sun"))
MONTHS = (
    message("Jan"),
    message("Feb"),
    message("Mar"),
    message("Apr"),
    message("May"),
    message("Jun"),
    message("Jul"),
    message("Aug"),
    message("Sep"),
    message("Oct"),
    message("Nov"),
    message("Dec"),
)
PERIODS = {
    "day": message("today"),
    "week": message("this week"),
    "month": message("this month"),
    "quarter": message("this quarter"),
    "year": message("this year"),
}
UNITS = {
    "s": message("{number} s"),
    "m": message("{number} min"),
    "h": message("{number} h"),
    "d": message("{number} d"),
}
POINT = message("0.5")
"""A half, as the language writes it: its decimal point stands between the two digits."""
SPAN = re.compile(r"\b(\d+)([smhd])\b")
DAYS_SPAN = re.compile(r"\b(\d+) days\b")

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
SECONDS_MATTER_WITHIN = timedelta(minutes=5)
WEEKDAY_SUFFICES_WITHIN_DAYS = 6


class Reader(NamedTuple):
    """Who reads a time: in which zone, seen from which instant, in which language.

    The local zone where none; days near to the instant seen from need no date.
    """

    zone: tzinfo | None = None
    seen_from: datetime | None = None
    language: Language = ENGLISH

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
        say = self.language.say
        weekday, date = say(DAYS[local.weekday()]), f"{local.day} {say(MONTHS[local.month - 1])}"
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


def figure(value: float, language: Language = ENGLISH) -> str:
    """A figure without needless decimals: `3`, `2.5`, `0.002`."""
    written = f"{value:.6f}".rstrip("0").rstrip(".")
    return written.replace(".", language.say(POINT).strip("05"))


def span_words(span: str, language: Language = ENGLISH) -> str:
    """Spans as people write them: `7d` as `7 d`, `15m` as `15 min`, `never` (it ends) as `for ever`."""
    if span == "never":
        return language.say("for ever")
    days = DAYS_SPAN.sub(lambda found: language.say_number("{number} day", "{number} days", int(found[1])), span)
    return SPAN.sub(lambda found: language.say(UNITS[found[2]], number=found[1]), days)


def window_words(window: str, language: Language = ENGLISH) -> str:
    """A window, as the catalog writes it, in words: `sliding 7d` as `in 7 d`, `calendar month (brand)` as `this month`.

    The zone of calendar days is left out.
    """
    kind, _, size = window.partition(" (")[0].partition(" ")
    if kind == "calendar":
        period = size.partition(" ")[0]
        return language.say(PERIODS[period]) if period in PERIODS else language.say("in this {period}", period=period)
    if kind == "lifetime":
        return language.say("in all")
    span = size if kind in {"sliding", "rolling"} else window.partition(" (")[0]
    return language.say("in {span}", span=span_words(span, language)) if span else ""


def reason_words(
    reason: DenialReason,
    *,
    used: float,
    limit: float,
    window: str,
    outranked_by: str,
    language: Language = ENGLISH,
) -> str:
    """Why a rule spoke against, with its figures."""
    is_for_ever = reason is DenialReason.RESPITE and window == "never"
    words = language.say(
        RESPITE_FOR_EVER if is_for_ever else REASONS[reason],
        used=figure(used, language),
        limit=figure(limit, language),
        window=window_words(window, language),
        span=span_words(window.partition(" (")[0], language),
        outranked_by=outranked_by,
    )
    return words.rstrip()


def outranked_words(outranked_by: str, *, used: float, limit: float, window: str, language: Language = ENGLISH) -> str:
    """By whose claims a cap is full: `outranked by winter, 3 of 3 in 7 d with the places claimed`."""
    full = reason_words(
        DenialReason.FREQUENCY_CAP, used=used, limit=limit, window=window, outranked_by="", language=language
    )
    return language.say(
        "outranked by {outranked_by}, {full} with the places claimed", outranked_by=outranked_by, full=full
    )


def prerequisite_words(window: str, language: Language = ENGLISH) -> str:
    """That what a rule waits for has not happened: `what it waits for has not happened in 30 d`."""
    return language.say(PREREQUISITE, window=window_words(window, language)).rstrip()


def retry_words(earliest_time: datetime | None, reader: Reader) -> str:
    """When asking again makes sense."""
    if earliest_time is None:
        return reader.language.say("no later time helps")
    return reader.language.say("ask again after {time}", time=reader.after(earliest_time))
