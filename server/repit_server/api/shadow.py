"""Lets a second catalog decide beside the active one while a caller listens, and reports what would have differed."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from typing import Final, Protocol

import grpc

from arbiter_rs import ArbiterError
from repit.v1.catalog_service_pb2 import ShadowCatalogRequest, ShadowCatalogResponse
from repit.v1.shadow_pb2 import ShadowReport
from repit_server.api.catalog_change import CatalogChanges
from repit_server.api.catalog_diff import check_document, seconds_of, wrong_document
from repit_server.api.catalog_versions import RESOURCE_TYPE, CatalogVersions
from repit_server.api.errors import ErrorReason, RpcError, failed_precondition
from repit_server.catalog import CatalogError
from repit_server.telemetry import log_event

INTERVAL_SECONDS: Final = 1.0
SHORTEST_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 3_600.0

_FAILED_PRECONDITION: Final[int] = grpc.StatusCode.FAILED_PRECONDITION.value[0]


class ShadowEngine(Protocol):
    """An engine that can decide under a second catalog too."""

    def start_shadow(self, compiled: bytes) -> None:
        """Begin."""

    def shadow_report(self) -> bytes:
        """Give a `ShadowReport` since the beginning."""

    def stop_shadow(self) -> None:
        """End."""


class Shadow:
    """Runs at most one second catalog."""

    def __init__(self, engine: ShadowEngine, versions: CatalogVersions, changes: CatalogChanges) -> None:
        self._engine = engine
        self._versions = versions
        self._changes = changes
        self._is_running = False
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Let the caller go with a last report: the server is about to stop."""
        self._ending.set()

    async def reports(self, request: ShadowCatalogRequest) -> AsyncGenerator[ShadowCatalogResponse, None]:
        """Report at once and then at each interval, until the caller is gone.

        Raises `RpcError` where the document is no catalog, or another second catalog runs.
        """
        check_document(request.document)
        interval = INTERVAL_SECONDS
        if request.HasField("interval"):
            interval = seconds_of(request.interval, "interval", least=SHORTEST_SECONDS, most=LONGEST_SECONDS)
        if self._is_running:
            raise _running()
        self._is_running = True
        try:
            compiled = await self._compiled(request.document)
            async with contextlib.aclosing(self._while_running(compiled, interval)) as responses:
                async for response in responses:
                    yield response
        finally:
            self._is_running = False

    async def _while_running(self, compiled: bytes, interval: float) -> AsyncGenerator[ShadowCatalogResponse, None]:
        # Shielded: the engine begins in any case, so that it can be ended in any case.
        starting = asyncio.ensure_future(asyncio.to_thread(self._engine.start_shadow, compiled))
        try:
            await asyncio.shield(starting)
            log_event(logging.INFO, "shadow_begun")
            yield await self._report()
            is_ending = False
            while not is_ending:
                with contextlib.suppress(TimeoutError):
                    is_ending = await asyncio.wait_for(self._ending.wait(), interval)
                yield await self._report()
        except ArbiterError as error:
            raise _running() if error.code == _FAILED_PRECONDITION else error from None
        finally:
            starting.add_done_callback(self._stop)

    def _stop(self, _begun: object) -> None:
        self._engine.stop_shadow()
        log_event(logging.INFO, "shadow_ended")

    async def _compiled(self, document: str) -> bytes:
        current = await self._versions.newest()
        if current is None:
            message = "no catalog was applied yet: there is nothing to decide beside"
            raise failed_precondition(ErrorReason.NO_CATALOG, message, subject=RESOURCE_TYPE)
        try:
            return (await self._changes.compiled_document(document, current)).compiled
        except CatalogError as error:
            raise wrong_document(error) from None

    async def _report(self) -> ShadowCatalogResponse:
        written = await asyncio.to_thread(self._engine.shadow_report)
        return ShadowCatalogResponse(report=ShadowReport.FromString(written))


def _running() -> RpcError:
    message = "another second catalog decides beside the active one on this server: one at a time"
    return failed_precondition(ErrorReason.SHADOW_RUNNING, message, subject=RESOURCE_TYPE)
