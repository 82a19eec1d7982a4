"""A call as a value: which RPC, with which message, how its answer is read, whether it may be repeated.

Both clients make these calls.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from repit.retry import NEVER_RETRY, Attempts, Clock, RetryPolicy

DEADLINE_S = 5.0
BULK_DEADLINE_S = 60.0

CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    # Repeating is the client's own affair (retry.py): it knows what may be repeated, and what the server asked for.
    ("grpc.enable_retries", 0),
    # A server that comes back is found again within the waits of the retry policy.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)

Result = TypeVar("Result")


class Service(StrEnum):
    """The services of `repit.v1` that the client speaks to."""

    ARBITRATION = "ArbitrationService"
    CATALOG = "CatalogService"


class Effort(StrEnum):
    """Whether a call is answered at once or works through a batch or document: which default deadline it has."""

    SINGLE = "single"
    BULK = "bulk"


class Repeat(StrEnum):
    """Whether a call that failed may be made again: asked twice, it does what it does asked once."""

    SAFE = "safe"
    UNSAFE = "unsafe"


@dataclass(frozen=True, slots=True)
class Call(Generic[Result]):
    """One call: the message goes to the RPC `verb` of `service`, `read` makes the result of its answer."""

    service: Service
    verb: str
    message: Message
    read: Callable[[Any], Result]
    repeat: Repeat = Repeat.SAFE
    effort: Effort = Effort.SINGLE

    def attempts(self, policy: RetryPolicy, clock: Clock, *, given_s: float | None, default_s: float) -> Attempts:
        """The attempts of this call, within the deadline given with it, else that of the client.

        For a batch or document at least `BULK_DEADLINE_S`.
        """
        deadline_s = given_s
        if deadline_s is None:
            deadline_s = default_s if self.effort is Effort.SINGLE else max(default_s, BULK_DEADLINE_S)
        return Attempts(policy if self.repeat is Repeat.SAFE else NEVER_RETRY, clock, deadline_s)
