"""Times between Python and the messages: aware datetimes on one side, protobuf timestamps on the other."""

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp


def timestamp_of(time: datetime | None, *, name: str) -> Timestamp | None:
    """The message of an aware datetime; none of none.

    `name` is what the caller calls this time, for the ValueError about a datetime without zone.
    """
    if time is None:
        return None
    if time.utcoffset() is None:
        raise ValueError(f"`{name}` {time.isoformat()} names no time zone; give an aware one, as datetime.now(UTC) is")
    timestamp = Timestamp()
    timestamp.FromDatetime(time)
    return timestamp


def time_in(message: Message, field: str) -> datetime | None:
    """The time in a timestamp field of a message, in UTC; none where the field is absent."""
    if not message.HasField(field):
        return None
    timestamp: Timestamp = getattr(message, field)
    return timestamp.ToDatetime(tzinfo=UTC)


def span_of(duration: Duration) -> timedelta:
    """The span of a duration message."""
    return duration.ToTimedelta()
