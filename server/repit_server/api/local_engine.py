"""The engine in this process, for commands that need no server."""

from collections.abc import Callable
from typing import Self, TypeVar

from arbiter_rs import Arbiter, ArbiterError
from repit_server.history.replay import EngineError

Answer = TypeVar("Answer")


class LocalEngine:
    """An arbiter whose errors are those that the commands know."""

    def __init__(self, arbiter: Arbiter) -> None:
        self._arbiter = arbiter

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        """Let go of the store."""
        self._arbiter.close()

    def batch_request_contacts(self, request: bytes) -> bytes:
        """Ask for many contacts."""
        return _answered(lambda: self._arbiter.batch_request_contacts(request))

    def record_engagements(self, request: bytes) -> bytes:
        """Record many engagements."""
        return _answered(lambda: self._arbiter.record_engagements(request))

    def active_version(self) -> int:
        """Give the version of the store's newest catalog; 0 where there is none."""
        return _answered(self._arbiter.refresh_catalog)

    def apply_catalog(self, compiled: bytes) -> int:
        """Make a compiled catalog the active one; gives its version."""
        return _answered(lambda: self._arbiter.apply_catalog(compiled))


def _answered(call: Callable[[], Answer]) -> Answer:
    try:
        return call()
    except ArbiterError as error:
        raise EngineError(error.code, error.message) from None
