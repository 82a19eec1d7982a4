"""The life of a server: open, serve, keep the catalog and the health up to date, stop gracefully."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from repit_server.telemetry import log_event

REFRESH_SECONDS: Final = 0.25
"""How often the store is asked for a newer catalog, so that one is active everywhere within a second."""

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Door(Protocol):
    """What takes calls, at an address that it has already."""

    async def start(self) -> None:
        """Take calls from here on."""

    async def stop(self, grace: float | None) -> None:
        """Take no more calls and finish those in work within the grace; none ends them at once."""


class Engine(Protocol):
    """What a server's life needs of the engine."""

    def refresh_catalog_async(self) -> Awaitable[int]:
        """Take the newest catalog of the store; gives its version."""

    def is_ready_async(self) -> Awaitable[bool]:
        """Whether the store answers."""

    def close(self) -> None:
        """Let go of the store."""


class HealthReport(Protocol):
    """Where the state of the server is told."""

    async def report(self, *, is_store_ready: bool, catalog_version: int) -> None:
        """Say how things are."""

    async def stop(self) -> None:
        """Say that nothing is served any more."""


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Life:
    """A door that has its address and is not open yet, and what it lives with."""

    door: Door
    engine: Engine
    health: HealthReport
    grace_seconds: float
    on_serving: Callable[[int], None]
    """Called once with the active catalog version when requests are taken."""
    on_stopping: Callable[[], None] = _nothing
    """Called once when no more requests are taken, so that calls without an end come to theirs."""

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then stop taking requests and finish those in work within the grace.

        A second signal ends the grace. The store is let go of in any case.
        """
        try:
            with stop_requests() as next_request:
                version = await self._refresh(0)
                await self.door.start()
                self.on_serving(version)
                refreshing = asyncio.create_task(self._keep_fresh(version))
                try:
                    await next_request()
                finally:
                    refreshing.cancel()
                    await self._stop(next_request)
        finally:
            await asyncio.to_thread(self.engine.close)
            log_event(logging.INFO, "stopped")

    async def _stop(self, next_request: Callable[[], Awaitable[None]]) -> None:
        log_event(logging.INFO, "stopping", grace_seconds=self.grace_seconds)
        await self.health.stop()
        graceful = asyncio.create_task(self.door.stop(self.grace_seconds))
        self.on_stopping()
        impatience = asyncio.create_task(_when(next_request))
        await asyncio.wait({graceful, impatience}, return_when=asyncio.FIRST_COMPLETED)
        impatience.cancel()
        if not graceful.done():
            await self.door.stop(None)
        await graceful

    async def _keep_fresh(self, version: int) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            version = await self._refresh(version)

    async def _refresh(self, before: int) -> int:
        """Take the newest catalog and tell the health; gives the active version, `before` where the store is away."""
        version = before
        try:
            version = await self.engine.refresh_catalog_async()
            is_ready = await self.engine.is_ready_async()
        except Exception as error:  # noqa: BLE001 - whatever keeps the store away, the server lives on and says so
            is_ready = False
            log_event(logging.DEBUG, "store_away", error=str(error))
        if version != before:
            log_event(logging.INFO, "catalog_active", catalog_version=version)
        await self.health.report(is_store_ready=is_ready, catalog_version=version)
        return version


async def _when(request: Callable[[], Awaitable[None]]) -> None:
    await request()


@contextlib.contextmanager
def stop_requests() -> Iterator[Callable[[], Awaitable[None]]]:
    """Take SIGTERM and SIGINT as requests to stop; the function given waits for the next one."""
    loop = asyncio.get_running_loop()
    requests: asyncio.Queue[None] = asyncio.Queue()

    async def next_request() -> None:
        await requests.get()

    for number in _SIGNALS:
        loop.add_signal_handler(number, requests.put_nowait, None)
    try:
        yield next_request
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
