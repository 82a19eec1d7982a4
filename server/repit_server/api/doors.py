"""The two doors: who takes calls from the wire at the public address. Both give the same answers."""

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from arbiter_rs import Arbiter
from repit_server.api.health import HealthBoard
from repit_server.telemetry import log_event

JOURNAL_SECONDS: Final = 0.25
"""How often the Rust door's lines are taken to the log."""
MAX_SOCKET_PATH_BYTES: Final = 100
"""A Unix socket has no longer name; systems allow 104 to 108."""

_LEVELS: Final[Mapping[str, int]] = {
    "call": logging.DEBUG,
    "call_failed": logging.WARNING,
    "fault": logging.ERROR,
    "log_lines_lost": logging.WARNING,
}


class PublicDoor(Protocol):
    """What stands at the public address, which it has taken already."""

    address: str
    health: HealthBoard

    async def start(self) -> None:
        """Take calls from here on."""

    async def stop(self, grace: float | None) -> None:
        """Take no more calls and finish those in work within the grace; none ends them at once."""


class PythonDoor:
    """grpcio alone: every call is answered by the Python server."""

    def __init__(self, server: grpc.aio.Server, listen: str, services: Sequence[str]) -> None:
        """Take the address; raises `OSError` where it cannot be had."""
        self._server = server
        self.address = _bound(server, listen)
        servicer = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        self.health: HealthBoard = servicer
        own = (health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
        reflection.enable_server_reflection((*services, *own), server)

    async def start(self) -> None:
        """Take calls from here on."""
        await self._server.start()

    async def stop(self, grace: float | None) -> None:
        """Take no more calls and finish those in work within the grace."""
        await self._server.stop(grace)


class RustDoor:
    """The engine's own listener: what it does not answer itself goes on to the Python server on a private socket."""

    def __init__(
        self, server: grpc.aio.Server, arbiter: Arbiter, listen: str, *, max_in_flight: int, logs_calls: bool
    ) -> None:
        """Take the address; raises `OSError` where it cannot be had."""
        self._server = server
        self._directory = _private_directory()
        try:
            socket = Path(self._directory.name) / "control"
            self._listener = arbiter.serve(listen, str(socket), max_in_flight=max_in_flight, logs_calls=logs_calls)
            _bound(server, f"unix:{socket}")
        except BaseException:
            self._directory.cleanup()
            raise
        self.address = self._listener.address
        self.health: HealthBoard = self
        self._journal: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take calls from here on."""
        await self._server.start()
        self._listener.start()
        self._journal = asyncio.create_task(self._keep_journal())

    async def stop(self, grace: float | None) -> None:
        """Take no more calls and finish those in work within the grace, those that were handed on among them."""
        await asyncio.to_thread(self._listener.stop, grace or 0.0)
        if self._journal:
            self._journal.cancel()
        self._write_journal()
        await self._server.stop(None)
        self._directory.cleanup()

    async def set(self, service: str, status: int) -> None:
        """Say how a service is."""
        self._listener.report(service, is_serving=status == health_pb2.HealthCheckResponse.SERVING)

    async def enter_graceful_shutdown(self) -> None:
        """Nothing to do: the listener says of itself that it stops."""

    async def _keep_journal(self) -> None:
        while True:
            await asyncio.sleep(JOURNAL_SECONDS)
            self._write_journal()

    def _write_journal(self) -> None:
        for event, fields in self._listener.take_journal():
            log_event(_LEVELS[event], event, **fields)


def _bound(server: grpc.aio.Server, listen: str) -> str:
    """Take the address; gives it with the port that was taken where 0 was asked for."""
    port = 0
    with contextlib.suppress(RuntimeError):
        port = server.add_insecure_port(listen)
    if port == 0:
        raise OSError(f"cannot listen on `{listen}`")
    return f"{listen.rpartition(':')[0]}:{port}"


def _private_directory() -> "tempfile.TemporaryDirectory[str]":
    """Make a directory that this user alone can enter, with a name short enough for a socket in it."""
    place = tempfile.gettempdir()
    if len(place.encode()) > MAX_SOCKET_PATH_BYTES - len("/repit-12345678/control"):
        place = "/tmp"  # noqa: S108 - the directory made there has a random name and admits its owner alone
    return tempfile.TemporaryDirectory(prefix="repit-", dir=place, ignore_cleanup_errors=True)
