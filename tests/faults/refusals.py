"""What went wrong with a call, as the wire says it: gRPC status, ErrorInfo and the other details."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
import pytest

from repit.errors import CODES, ErrorDetails, RepitError, error_of_rpc
from repit.google_rpc import Status

Call = Callable[..., Any]
CALL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A gRPC status and its details."""

    code: grpc.StatusCode
    message: str
    details: ErrorDetails

    @property
    def fields(self) -> list[str]:
        """The paths of the fields that were wrong."""
        return [violation.field for violation in self.details.field_violations]

    @property
    def is_retryable(self) -> bool:
        """Whether it says that the store is away, and when to ask again."""
        return (
            self.code is grpc.StatusCode.UNAVAILABLE
            and bool(self.details.reason)
            and (self.details.retry_after_s or 0) > 0
        )


def refusal_of(rpc: Call, message: object, *, timeout: float = CALL_SECONDS) -> Refusal:
    """What a call fails with; the test fails where it does not."""
    with pytest.raises(grpc.RpcError) as raised:
        rpc(message, timeout=timeout)
    return of_error(error_of_rpc(raised.value, target=""))


def of_error(error: RepitError) -> Refusal:
    """The refusal that the client read."""
    return Refusal(error.code, error.message, error.details)


def of_status(status: Status) -> Refusal:
    """The refusal of one item of a batch."""
    return Refusal(CODES[status.code], status.message, ErrorDetails.of(status))
