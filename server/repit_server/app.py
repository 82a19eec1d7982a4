"""Puts the program together: the only file that constructs engine, services, server and commands."""

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import grpc

from arbiter_rs import Arbiter, ArbiterError
from arbiter_rs import __version__ as engine_version
from repit_server.api.arbitration import SERVICE as ARBITRATION
from repit_server.api.arbitration import arbitration_handlers
from repit_server.api.calls import Admission
from repit_server.api.campaign_changes import CampaignChanges
from repit_server.api.catalog_change import CatalogChanges, Change
from repit_server.api.catalog_diff import CatalogDiff
from repit_server.api.catalog_service import SERVICE as CATALOG
from repit_server.api.catalog_service import CatalogService, catalog_handlers
from repit_server.api.catalog_versions import CatalogVersions
from repit_server.api.claims import Claims
from repit_server.api.doors import PublicDoor, PythonDoor, RustDoor
from repit_server.api.health import Health
from repit_server.api.local_engine import LocalEngine
from repit_server.api.shadow import Shadow
from repit_server.catalog import CatalogError, compile_catalog
from repit_server.cli.failure import Failure, catalog_failure, store_failure, unreadable_file
from repit_server.cli.main import run
from repit_server.cli.wiring import LocalEngine as LocalEngineProtocol
from repit_server.clock import system_now
from repit_server.lifecycle import Life
from repit_server.settings import Clock, Door, LogLevel, Settings
from repit_server.telemetry import configure_logging, log_event

MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024
"""Largest message taken: 10,000 requests of 6 KiB each. Answers are as large as their requests make them."""

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", -1),
    # A second server on the same port must fail, not share it.
    ("grpc.so_reuseport", 0),
)


class App:
    """What the commands are given to work with."""

    engine_version: str = engine_version

    def open_engine(self, store: str, clock: Clock) -> AbstractContextManager[LocalEngineProtocol]:
        """Open an engine in this process."""
        return LocalEngine(_open(store, clock, shown=store))

    def serve(self, settings: Settings, announce: Callable[[str, int], None]) -> None:
        """Serve until a signal comes; `announce` is told the address and the active catalog version when it begins.

        Raises `Failure` where the server cannot start.
        """
        configure_logging(settings.log_level, settings.log_format, sys.stderr)
        asyncio.run(_serve(settings, announce))


async def _serve(settings: Settings, announce: Callable[[str, int], None]) -> None:
    document = _checked_document(settings.catalog)
    arbiter = _open(settings.store_address(), settings.clock, shown=settings.store)
    try:
        server = grpc.aio.server(options=_OPTIONS)
        door = _door(server, arbiter, settings)
        versions = CatalogVersions(arbiter)
        changes = CatalogChanges(versions, system_now)
        shadow = Shadow(arbiter, versions, changes)
        _add_services(server, arbiter, versions, changes, shadow, settings)
        if document is not None:
            await _apply_at_start(changes, document, settings)
    except BaseException:
        arbiter.close()
        raise

    def on_serving(version: int) -> None:
        log_event(logging.INFO, "serving", address=door.address, store=settings.store, catalog_version=version)
        if version == 0:
            log_event(logging.WARNING, "no_catalog", next=f"repit apply FILE --target {door.address}")
        announce(door.address, version)

    await Life(door, arbiter, Health(door.health), settings.grace_seconds, on_serving, shadow.end).run()


def _add_services(
    server: grpc.aio.Server,
    arbiter: Arbiter,
    versions: CatalogVersions,
    changes: CatalogChanges,
    shadow: Shadow,
    settings: Settings,
) -> None:
    admission = Admission(settings.max_in_flight)
    claims = Claims(arbiter, CampaignChanges(versions, changes), settings.clock)
    arbitration = arbitration_handlers(arbiter, claims, admission)
    service = CatalogService(versions, changes, CatalogDiff(versions, arbiter), shadow)
    catalog = catalog_handlers(service, admission)
    server.add_generic_rpc_handlers((arbitration, catalog))


def _open(store: str, clock: Clock, *, shown: str) -> Arbiter:
    try:
        return Arbiter.open(store, clock=clock.value)
    except ArbiterError as error:
        raise store_failure(shown, error.code, error.message) from None


def _door(server: grpc.aio.Server, arbiter: Arbiter, settings: Settings) -> PublicDoor:
    """Take the public address."""
    try:
        if settings.door is Door.PYTHON:
            return PythonDoor(server, settings.listen, (ARBITRATION, CATALOG))
        logs_calls = settings.log_level is LogLevel.DEBUG
        return RustDoor(server, arbiter, settings.listen, max_in_flight=settings.max_in_flight, logs_calls=logs_calls)
    except OSError:
        address = settings.listen
        problem = f"cannot listen on `{address}`: another program has it, or this machine has no such address"
        raise Failure.of_server(
            problem, "stop that program, or choose another address with `--listen HOST:PORT`"
        ) from None


def _checked_document(path: Path | None) -> str | None:
    """Read the catalog document and check it before anything is opened."""
    if path is None:
        return None
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable_file(path, error) from None
    try:
        compile_catalog(text)
    except CatalogError as error:
        raise catalog_failure(path, error.findings) from None
    return text


async def _apply_at_start(changes: CatalogChanges, document: str, settings: Settings) -> None:
    try:
        record, _ = await changes.replace_document(
            document, Change("repit serve", "applied at start", "document applied"), etag=""
        )
    except CatalogError as error:
        # The document alone is right: the campaigns registered in the store are at odds with it.
        raise catalog_failure(settings.catalog or Path(), error.findings) from None
    except ArbiterError as error:
        raise store_failure(settings.store, error.code, error.message) from None
    log_event(logging.INFO, "catalog_applied", catalog_version=record.version)


def main() -> None:
    """Run the command line."""
    sys.exit(run(App()))
