"""The engine of a running server, for replays and imports: bytes over gRPC, tried again while it is away."""

import time
from typing import Final, Self, TypeAlias

import grpc

from repit.call import CHANNEL_OPTIONS
from repit.errors import error_of_rpc
from repit.retry import RETRY_POLICY, SYSTEM_CLOCK, Attempts

_SERVICE: Final = "/repit.v1.ArbitrationService/"
_DEADLINE_SECONDS: Final = 60.0

_Call: TypeAlias = "grpc.UnaryUnaryMultiCallable[bytes, bytes]"


class TargetEngine:
    """Sends serialized messages to a server; what is sent twice counts once, by its request and event ids.

    Raises `repit.RepitError`.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._channel = grpc.insecure_channel(target, options=CHANNEL_OPTIONS)
        self._batch: _Call = self._channel.unary_unary(f"{_SERVICE}BatchRequestContacts")
        self._record: _Call = self._channel.unary_unary(f"{_SERVICE}RecordEngagements")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        """Close the connection."""
        self._channel.close()

    def batch_request_contacts(self, request: bytes) -> bytes:
        """Ask for many contacts."""
        return self._call(self._batch, request)

    def record_engagements(self, request: bytes) -> bytes:
        """Record many engagements."""
        return self._call(self._record, request)

    def _call(self, rpc: _Call, request: bytes) -> bytes:
        attempts = Attempts(RETRY_POLICY, SYSTEM_CLOCK, _DEADLINE_SECONDS)
        while True:
            try:
                return rpc(request, timeout=attempts.remaining_s())
            except grpc.RpcError as error:
                wait_seconds = attempts.wait_s_after(error_of_rpc(error, target=self._target))
            time.sleep(wait_seconds)
