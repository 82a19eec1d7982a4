"""A second catalog beside the active one: begun, reported on, ended whatever happens. The engine only remembers."""

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from repit.v1.catalog_service_pb2 import ShadowCatalogRequest
from repit_server.api.catalog_change import CatalogChanges, Change
from repit_server.api.errors import RpcError
from repit_server.api.shadow import Shadow
from repit_server.clock import system_now
from tests.unit.server.catalog_world import BROKEN, DOCUMENT, LOOSER, MemoryEngine, engine_error, versions_of

WHO = Change("ann", "", "document applied")
OFTEN = Duration(nanos=100_000_000)


async def world(engine: MemoryEngine | None = None, *, document: str = DOCUMENT) -> tuple[Shadow, MemoryEngine]:
    engine = engine or MemoryEngine()
    versions = versions_of(engine)
    changes = CatalogChanges(versions, system_now)
    if document:
        await changes.replace_document(document, WHO, etag="")
    return Shadow(engine, versions, changes), engine


def asked(**fields: Any) -> ShadowCatalogRequest:
    return ShadowCatalogRequest(**{"document": LOOSER, **fields})


async def stopped(engine: MemoryEngine) -> None:
    assert await asyncio.to_thread(engine.stopped.wait, 5)


async def test_reports_come_at_once_and_at_each_interval_until_the_caller_is_gone() -> None:
    shadow, engine = await world()
    reports = shadow.reports(asked(interval=OFTEN))
    counts = [(await anext(reports)).report.request_count for _ in range(3)]
    assert counts == [1, 2, 3]
    assert engine.shadow is not None
    assert b'"limit":2' in engine.shadow.replace(b" ", b"")
    await reports.aclose()
    await stopped(engine)
    assert engine.shadows == ["start", "report", "report", "report", "stop"]


async def test_a_caller_that_is_cut_off_ends_it() -> None:
    shadow, engine = await world()
    begun = asyncio.Event()

    async def listen() -> None:
        async for _ in shadow.reports(asked()):
            begun.set()

    listener = asyncio.create_task(listen())
    await begun.wait()
    listener.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listener
    await stopped(engine)
    assert engine.shadow is None


async def test_a_server_that_stops_lets_its_caller_go_with_a_last_report() -> None:
    shadow, engine = await world()
    reports = shadow.reports(asked(interval=Duration(seconds=3_600)))
    await anext(reports)
    shadow.end()
    assert len([report async for report in reports]) == 1
    await stopped(engine)


async def test_one_at_a_time_and_the_next_when_it_is_over() -> None:
    shadow, engine = await world()
    first = shadow.reports(asked())
    await anext(first)
    with pytest.raises(RpcError, match="one at a time") as refusal:
        await anext(shadow.reports(asked()))
    assert refusal.value.code is grpc.StatusCode.FAILED_PRECONDITION
    await first.aclose()
    await stopped(engine)
    second = shadow.reports(asked())
    await anext(second)
    await second.aclose()


@pytest.mark.parametrize(
    "request_",
    [
        asked(document=BROKEN),
        asked(document=" "),
        asked(document="repit: 1\nrepit: ["),
        asked(document="x" * (4 * 1024 * 1024 + 1)),
        asked(interval=Duration(nanos=99_000_000)),
        asked(interval=Duration(seconds=3_601)),
    ],
    ids=["broken", "empty", "no yaml", "too long", "too often", "too seldom"],
)
async def test_what_cannot_be_a_shadow_is_refused_and_nothing_begins(request_: ShadowCatalogRequest) -> None:
    shadow, engine = await world()
    with pytest.raises(RpcError) as refusal:
        await anext(shadow.reports(request_))
    assert refusal.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert engine.shadows == []
    following = shadow.reports(asked())
    await anext(following)
    await following.aclose()


async def test_without_a_catalog_there_is_nothing_to_decide_beside() -> None:
    shadow, _ = await world(document="")
    with pytest.raises(RpcError, match="no catalog was applied yet") as refusal:
        await anext(shadow.reports(asked()))
    assert refusal.value.code is grpc.StatusCode.FAILED_PRECONDITION


class TakenEngine(MemoryEngine):
    """An engine in which another one runs."""

    def start_shadow(self, compiled: bytes) -> None:
        raise engine_error(grpc.StatusCode.FAILED_PRECONDITION, f"{len(compiled)}")


async def test_one_that_the_engine_refuses_is_refused() -> None:
    shadow, _ = await world(TakenEngine())
    with pytest.raises(RpcError, match="one at a time"):
        await anext(shadow.reports(asked()))
