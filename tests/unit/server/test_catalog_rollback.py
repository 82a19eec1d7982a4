"""Versions as an audit log, and the way back to an earlier one."""

from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo

from repit.v1 import catalog_service_pb2 as messages
from repit.v1.campaign_pb2 import Campaign
from repit_server.api.catalog_change import CatalogChanges
from repit_server.api.catalog_diff import CatalogDiff
from repit_server.api.catalog_service import CatalogService
from repit_server.api.errors import RpcError
from repit_server.api.shadow import Shadow
from tests.unit.server.catalog_world import DOCUMENT, LOOSER, MemoryEngine, versions_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class World:
    """The service over an engine in memory."""

    def __init__(self) -> None:
        self.engine = MemoryEngine()
        versions = versions_of(self.engine)
        changes = CatalogChanges(versions, lambda: NOON)
        diff, shadow = CatalogDiff(versions, self.engine), Shadow(self.engine, versions, changes)
        self.service = CatalogService(versions, changes, diff, shadow)

    async def apply(self, document: str, **rest: Any) -> messages.ApplyCatalogResponse:
        return await self.service.ApplyCatalog(messages.ApplyCatalogRequest(document=document, **rest))

    async def rollback(self, version: int, **rest: Any) -> messages.RollbackCatalogResponse:
        return await self.service.RollbackCatalog(messages.RollbackCatalogRequest(version=version, **rest))

    async def versions(self) -> list[Any]:
        listed = await self.service.ListCatalogVersions(messages.ListCatalogVersionsRequest())
        return list(listed.catalogs)


@pytest.fixture
async def world() -> World:
    """Three versions: a document, a campaign beside it, another document."""
    world = World()
    await world.apply(DOCUMENT, author="ann", message="begin")
    campaign = Campaign(campaign_id="autumn", priority=30, channels=["email"])
    await world.service.CreateCampaign(messages.CreateCampaignRequest(campaign=campaign, author="bob"))
    await world.apply(LOOSER, author="ann")
    return world


async def test_every_version_says_who_did_what_when_and_to_which_version(world: World) -> None:
    await world.rollback(1, author="eve", message="too many")
    newest, *_, first = audit = await world.versions()
    assert [(entry.version, entry.from_version, entry.author, entry.change) for entry in audit] == [
        (4, 3, "eve", "rolled back to version 1"),
        (3, 2, "ann", "document applied"),
        (2, 1, "bob", "campaign `autumn` created"),
        (1, 0, "ann", "document applied"),
    ]
    assert (first.message, newest.message) == ("begin", "too many")
    assert {entry.create_time.ToDatetime(tzinfo=UTC) for entry in audit} == {NOON}
    assert all(entry.document == "" for entry in audit)


async def test_a_version_that_is_gone_back_to_comes_with_its_document_and_campaigns(world: World) -> None:
    answer = await world.rollback(2, author="eve")
    assert answer.catalog.version == 4
    assert answer.catalog.document == DOCUMENT
    assert list(answer.catalog.api_campaign_ids) == ["autumn"]
    without = await world.rollback(1)
    assert list(without.catalog.api_campaign_ids) == []


async def test_to_go_back_to_what_holds_makes_no_version(world: World) -> None:
    answer = await world.rollback(3)
    assert answer.catalog.version == 3
    assert len(await world.versions()) == 3


@pytest.mark.parametrize(
    ("asked", "code", "reason"),
    [
        ({"version": 4}, grpc.StatusCode.NOT_FOUND, "CATALOG_VERSION_UNKNOWN"),
        ({"version": 2**63}, grpc.StatusCode.NOT_FOUND, "CATALOG_VERSION_UNKNOWN"),
        ({"version": 0}, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT"),
        ({"version": 1, "etag": "an old one"}, grpc.StatusCode.ABORTED, "ETAG_DIFFERS"),
        ({"version": 1, "author": "a" * 129}, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT"),
        ({"version": 1, "message": "m" * 1_025}, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT"),
    ],
)
async def test_a_way_back_that_cannot_be_gone_changes_nothing(
    world: World, asked: dict[str, Any], code: grpc.StatusCode, reason: str
) -> None:
    with pytest.raises(RpcError) as refusal:
        await world.rollback(**asked)
    assert refusal.value.code is code
    info = ErrorInfo()
    assert refusal.value.status.details[0].Unpack(info)
    assert info.reason == reason
    if code is grpc.StatusCode.ABORTED:
        assert info.metadata["etag"] == (await world.versions())[0].etag
    assert len(await world.versions()) == 3


async def test_the_etag_of_the_newest_version_lets_it_pass(world: World) -> None:
    etag = (await world.versions())[0].etag
    assert (await world.rollback(1, etag=etag)).catalog.version == 4


async def test_a_version_that_cannot_be_a_catalog_any_more_comes_back_with_what_is_wrong(world: World) -> None:
    compiled, attachment = world.engine.versions[0]
    world.engine.versions[0] = (compiled, attachment.replace(b"sliding: 24h", b"sliding: soon"))
    answer = await world.rollback(1)
    assert answer.findings
    assert answer.catalog.version == 3
    assert len(await world.versions()) == 3


async def test_a_version_of_an_earlier_release_has_no_words_of_what_was_done(world: World) -> None:
    compiled, attachment = world.engine.versions[2]
    world.engine.versions[2] = (compiled, attachment.replace(b',"change":"document applied"', b""))
    newest = (await world.versions())[0]
    assert (newest.change, newest.from_version) == ("", 2)
