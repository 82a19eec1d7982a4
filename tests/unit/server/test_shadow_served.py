"""A second catalog over a real connection: callers that go, are cut off, or wait for a server that stops."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from repit import AsyncClient, DeadlineExceededError, FailedPreconditionError, InvalidArgumentError
from repit_server.api.calls import Admission
from repit_server.api.catalog_change import CatalogChanges, Change
from repit_server.api.catalog_diff import CatalogDiff
from repit_server.api.catalog_service import CatalogService, catalog_handlers
from repit_server.api.shadow import Shadow
from repit_server.clock import system_now
from tests.unit.server.catalog_world import BROKEN, DOCUMENT, LOOSER, MemoryEngine, versions_of


class Served:
    """A server of the control plane alone, over an engine in memory."""

    def __init__(self, engine: MemoryEngine) -> None:
        self.engine = engine
        self.versions = versions_of(engine)
        self.changes = CatalogChanges(self.versions, system_now)
        self.shadow = Shadow(engine, self.versions, self.changes)
        self.server = grpc.aio.server()
        diff = CatalogDiff(self.versions, engine)
        service = CatalogService(self.versions, self.changes, diff, self.shadow)
        self.server.add_generic_rpc_handlers((catalog_handlers(service, Admission(4)),))
        self.target = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"

    async def stopped(self) -> None:
        assert await asyncio.to_thread(self.engine.stopped.wait, 5)
        assert self.engine.shadow is None


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    served = Served(MemoryEngine())
    await served.changes.replace_document(DOCUMENT, Change("ann", "", "document applied"), etag="")
    await served.server.start()
    yield served
    await served.server.stop(None)


@pytest.fixture
async def client(served: Served) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(served.target) as client:
        yield client


async def test_a_caller_that_stops_listening_ends_it(served: Served, client: AsyncClient) -> None:
    async for report in client.shadow_catalog(LOOSER, interval_s=0.1):
        if report.request_count == 3:
            break
    await served.stopped()


async def test_a_caller_whose_time_is_over_ends_it(served: Served, client: AsyncClient) -> None:
    with pytest.raises(DeadlineExceededError):
        _ = [report async for report in client.shadow_catalog(LOOSER, interval_s=3_600, deadline_s=0.5)]
    await served.stopped()


async def test_a_caller_whose_connection_breaks_ends_it(served: Served) -> None:
    client = AsyncClient(served.target)
    await anext(client.shadow_catalog(LOOSER))
    await client.close()
    await served.stopped()


async def test_a_server_that_stops_gives_a_last_report_and_does_not_wait(served: Served, client: AsyncClient) -> None:
    reports = client.shadow_catalog(LOOSER, interval_s=3_600)
    await anext(reports)
    stopping = asyncio.create_task(served.server.stop(60))
    served.shadow.end()
    assert len([report async for report in reports]) == 1
    await asyncio.wait_for(stopping, 5)
    await served.stopped()


async def test_what_is_refused_reaches_the_caller_with_its_details(served: Served, client: AsyncClient) -> None:
    with pytest.raises(InvalidArgumentError) as wrong:
        await anext(client.shadow_catalog(BROKEN))
    assert [violation.field for violation in wrong.value.field_violations] == ["document"]
    first = client.shadow_catalog(LOOSER)
    await anext(first)
    with pytest.raises(FailedPreconditionError) as taken:
        await anext(client.shadow_catalog(LOOSER))
    assert taken.value.reason == "SHADOW_RUNNING"
    assert served.engine.shadow is not None
