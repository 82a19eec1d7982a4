"""One line of the event file: its fields, what each may hold, and what to write instead."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

COLUMNS: Final = (
    "ts",
    "customer_id",
    "channel",
    "campaign_id",
    "event",
    "value",
    "cost",
    "offer_family",
    "segment",
)
REQUIRED_COLUMNS: Final = ("ts", "customer_id", "event")

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)
EARLIEST_TIME_MS: Final = (datetime(2000, 1, 1, tzinfo=UTC) - EPOCH) // MILLISECOND
"""2000-01-01T00:00:00Z, the first instant an event may have."""
END_TIME_MS: Final = (datetime(2200, 1, 1, tzinfo=UTC) - EPOCH) // MILLISECOND
"""2200-01-01T00:00:00Z, the first instant that is too late for an event."""

MAX_CUSTOMER_ID_BYTES: Final = 128
MAX_NAME_LENGTH: Final = 64

_NAME: Final = re.compile(r"[A-Za-z0-9 \-_.+/:$&]{1,64}", re.ASCII)
_AMOUNT: Final = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_LINE_BREAK: Final = re.compile(r"[\r\n]")
_NAME_REMEDY: Final = "use 1 to 64 letters, digits, spaces and `- _ . + / : $ &`"
_AMOUNT_REMEDY: Final = "write a number of 0 or more, as in `12.50`, or leave it empty"
_YEAR_REMEDY: Final = "write the year with four digits and check the unit"
_TIME_REMEDY: Final = "write ISO 8601 with a zone, as in `2017-03-03T14:00:00Z`"


class EventKind(StrEnum):
    """What a line reports: a contact made, or an engagement; spelt as in `RecordEngagements`."""

    SENT = "sent"
    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    ANSWERED = "answered"
    CONVERTED = "converted"
    PURCHASED = "purchased"
    REFUSED = "refused"
    COMPLAINED = "complained"
    OPTED_OUT = "opted_out"
    BOUNCED = "bounced"


NEEDS_CAMPAIGN: Final = frozenset(
    {
        EventKind.SENT,
        EventKind.DELIVERED,
        EventKind.OPENED,
        EventKind.CLICKED,
        EventKind.ANSWERED,
        EventKind.CONVERTED,
        EventKind.BOUNCED,
    }
)
"""Kinds that belong to a contact of one campaign. The others may speak for the customer alone."""

_KINDS: Final[Mapping[str, EventKind]] = {kind.value: kind for kind in EventKind}


class FieldError(ValueError):
    """One field of a line is wrong: which `column`, the `problem`, and the `remedy`."""

    def __init__(self, column: str, problem: str, remedy: str) -> None:
        """Keep the three parts; the file and the line are added by whoever reads the file."""
        super().__init__(f"column `{column}`: {problem}; {remedy}")
        self.column = column
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one customer.

    `time_ms` is milliseconds since 1970 in UTC. Text that a line leaves out is the empty string,
    a number that it leaves out is None. `value` and `cost` are money, in the brand's currency.
    """

    time_ms: int
    customer_id: str
    kind: EventKind
    channel: str = ""
    campaign_id: str = ""
    value: float | None = None
    cost: float | None = None
    offer_family: str = ""
    segment: str = ""


def event_of_fields(fields: Mapping[str, str], *, time_ms: int | None = None) -> Event:
    """Check the fields of one line and make them an event.

    `fields` maps column names of `COLUMNS` to text as written; a column left out is the same as an
    empty field. `time_ms`, where given, stands for `ts`: milliseconds since 1970 in UTC.

    Raises `FieldError` for the first thing found wrong.
    """
    get = fields.get
    if time_ms is None:
        time_ms = _parsed_time_ms(get("ts", ""))
    if not EARLIEST_TIME_MS <= time_ms < END_TIME_MS:
        shown = get("ts") or str(time_ms)
        raise FieldError("ts", f"`{shown}` is not between 2000 and 2200", _YEAR_REMEDY)
    channel = _name("channel", get("channel", ""))
    campaign_id = _name("campaign_id", get("campaign_id", ""))
    return Event(
        time_ms=time_ms,
        customer_id=_customer_id(get("customer_id", "")),
        kind=_kind(get("event", ""), channel=channel, campaign_id=campaign_id),
        channel=channel,
        campaign_id=campaign_id,
        value=_amount("value", get("value", "")),
        cost=_amount("cost", get("cost", "")),
        offer_family=_name("offer_family", get("offer_family", "")),
        segment=_name("segment", get("segment", "")),
    )


def time_text(time_ms: int) -> str:
    """Write milliseconds since 1970 as ISO 8601 in UTC, as in `2017-03-03T14:00:00.000Z`."""
    moment = EPOCH + time_ms * MILLISECOND
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _parsed_time_ms(written: str) -> int:
    if not written:
        raise FieldError("ts", "is empty", _TIME_REMEDY)
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise FieldError("ts", f"`{_shown(written)}` is not a time", _TIME_REMEDY) from None
    if moment.tzinfo is None:
        raise FieldError("ts", f"`{written}` has no zone", _TIME_REMEDY)
    return (moment - EPOCH) // MILLISECOND


def _customer_id(written: str) -> str:
    remedy = f"use 1 to {MAX_CUSTOMER_ID_BYTES} bytes of UTF-8 without line breaks"
    try:
        length = len(written.encode())
    except UnicodeEncodeError:
        raise FieldError("customer_id", "is not UTF-8", remedy) from None
    if length == 0:
        raise FieldError("customer_id", "is empty", remedy)
    if length > MAX_CUSTOMER_ID_BYTES:
        raise FieldError("customer_id", f"is {length} bytes long", remedy)
    if _LINE_BREAK.search(written):
        raise FieldError("customer_id", "holds a line break", remedy)
    return written


@lru_cache(maxsize=4096)
def _name(column: str, written: str) -> str:
    if not written or _NAME.fullmatch(written):
        return written
    if len(written) > MAX_NAME_LENGTH:
        raise FieldError(column, f"is {len(written)} characters long", _NAME_REMEDY)
    raise FieldError(column, f"`{_shown(written)}` is not a name", _NAME_REMEDY)


def _kind(written: str, *, channel: str, campaign_id: str) -> EventKind:
    kind = _KINDS.get(written)
    if kind is None:
        problem = f"`{_shown(written)}` is not an event" if written else "is empty"
        raise FieldError("event", problem, f"use one of {', '.join(_KINDS)}")
    if kind is EventKind.SENT and not channel:
        raise FieldError("channel", "is empty", "a `sent` names the channel that was used")
    if kind in NEEDS_CAMPAIGN and not campaign_id:
        raise FieldError("campaign_id", "is empty", f"`{kind}` names the campaign it belongs to")
    return kind


def _amount(column: str, written: str) -> float | None:
    if not written:
        return None
    if not _AMOUNT.fullmatch(written) or not math.isfinite(float(written)):
        raise FieldError(column, f"`{_shown(written)}` is not an amount", _AMOUNT_REMEDY)
    return float(written)


def _shown(written: str) -> str:
    """Give text for a message: bytes that were not UTF-8 as `?`."""
    return written.encode(errors="replace").decode()
