"""The client for asyncio has the verbs of the other one, and keeps the same promises."""

import inspect
from collections.abc import AsyncIterator

import grpc
import pytest

from repit import (
    AsyncClient,
    Campaign,
    Client,
    ContactRequest,
    Engagement,
    InvalidArgumentError,
    RetryPolicy,
    UnavailableError,
)
from repit.v1 import arbitration_service_pb2 as arbitration
from repit.v1 import catalog_service_pb2 as control
from repit.v1.arbitration_service_pb2 import DESCRIPTOR as ARBITRATION
from repit.v1.catalog_service_pb2 import DESCRIPTOR as CONTROL
from tests.unit.client.canned_server import CannedServer, Failure, FakeClock, store_away
from tests.unit.client.messages import DENIED, GRANTED, NEXT_PAGE
from tests.unit.client.test_batches import granted, requests, stream_answer


@pytest.fixture
async def async_client(canned: CannedServer, clock: FakeClock, policy: RetryPolicy) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(canned.target, clock=clock, sleep=clock.sleep_async, retry=policy) as client:
        yield client


def verbs(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(verb)
        for name, verb in vars(kind).items()
        if not name.startswith("_") and name != "close"
    }


def test_both_clients_have_the_same_verbs_with_the_same_arguments() -> None:
    sync, asynchronous = verbs(Client), verbs(AsyncClient)
    assert sync.keys() == asynchronous.keys()
    for name, signature in sync.items():
        assert list(signature.parameters) == list(asynchronous[name].parameters), name


def test_no_rpc_of_the_proto_is_without_a_verb() -> None:
    services = (ARBITRATION.services_by_name["ArbitrationService"], CONTROL.services_by_name["CatalogService"])
    rpcs = {method.name.lower() for service in services for method in service.methods}
    assert rpcs <= {name.replace("_", "") for name in verbs(Client)}


async def test_it_asks_and_is_answered(canned: CannedServer, async_client: AsyncClient) -> None:
    canned.answers = [GRANTED, DENIED, arbitration.CheckContactResponse()]
    assert (await async_client.request_contact("c", campaign="a", channel="b")).is_granted
    assert not (await async_client.request_contact("c", campaign="a", channel="b")).is_granted
    assert not await async_client.check_contact("c", campaign="a", channel="b")


async def test_it_asks_again_with_the_same_request_id(
    canned: CannedServer, async_client: AsyncClient, clock: FakeClock
) -> None:
    canned.answers = [store_away(), store_away(retry_after_s=1), GRANTED]
    await async_client.request_contact("c", campaign="a", channel="b")
    assert len({message.SerializeToString() for message in canned.messages("RequestContact")}) == 1
    assert clock.slept_s == pytest.approx([0.1, 1.2])


async def test_it_stops_at_the_deadline(canned: CannedServer, async_client: AsyncClient) -> None:
    canned.answers = [store_away(retry_after_s=30)]
    with pytest.raises(UnavailableError) as caught:
        await async_client.request_contact("c", campaign="a", channel="b")
    assert caught.value.retry_after_s == 30


async def test_it_raises_the_same_errors(canned: CannedServer, async_client: AsyncClient) -> None:
    canned.answers = [Failure(grpc.StatusCode.INVALID_ARGUMENT, "malformed")]
    with pytest.raises(InvalidArgumentError, match="malformed"):
        await async_client.request_contact("c", campaign="a", channel="b")


async def test_it_asks_in_batches(canned: CannedServer, async_client: AsyncClient) -> None:
    canned.answers = [granted(2), granted(1)]
    results = [result async for result in async_client.request_contacts(requests(3), batch_size=2)]
    assert [result.request.customer_id for result in results] == ["customer-0", "customer-1", "customer-2"]
    with pytest.raises(ValueError, match="10,001 requests"):
        await async_client.batch_request_contacts(requests(10_001))


async def test_it_streams_requests_that_are_there(canned: CannedServer, async_client: AsyncClient) -> None:
    canned.answers = [stream_answer(GRANTED), stream_answer(DENIED)]
    assert [bool(result) async for result in async_client.stream_request_contacts(requests(2))] == [True, False]


async def test_it_streams_requests_that_are_awaited(canned: CannedServer, async_client: AsyncClient) -> None:
    async def awaited() -> AsyncIterator[ContactRequest]:
        for request in requests(2):
            yield request

    canned.answers = [stream_answer(GRANTED), stream_answer(DENIED)]
    results = [result async for result in async_client.stream_request_contacts(awaited())]
    assert [result.request.customer_id for result in results] == ["customer-0", "customer-1"]


async def test_a_stream_that_breaks_says_why(canned: CannedServer, async_client: AsyncClient) -> None:
    canned.answers = [stream_answer(GRANTED), store_away()]
    results = async_client.stream_request_contacts(requests(2))
    assert await anext(results)
    with pytest.raises(UnavailableError):
        await anext(results)


async def test_requests_that_fail_to_come_are_told_after_the_answers(
    canned: CannedServer, async_client: AsyncClient
) -> None:
    async def breaking() -> AsyncIterator[ContactRequest]:
        for request in requests(1):
            yield request
        raise OSError("the file ended")

    canned.answers = [stream_answer(GRANTED)]
    results = async_client.stream_request_contacts(breaking())
    assert await anext(results)
    with pytest.raises(OSError, match="the file ended"):
        await anext(results)


async def test_it_confirms_releases_records_and_explains(canned: CannedServer, async_client: AsyncClient) -> None:
    canned.answers = [
        arbitration.ConfirmContactResponse(),
        arbitration.ReleaseContactResponse(),
        arbitration.RecordEngagementsResponse(results=[arbitration.EngagementResult()]),
        arbitration.ExplainCustomerResponse(customer_id="c"),
    ]
    await async_client.confirm_contact("1")
    await async_client.release_contact("1")
    assert all(await async_client.record_engagements([Engagement("c", "clicked")]))
    assert (await async_client.explain_customer("c")).customer_id == "c"


async def test_it_has_the_control_plane(canned: CannedServer, async_client: AsyncClient) -> None:
    spring = Campaign("spring", ("email",), 40)
    canned.answers = [
        control.GetCatalogResponse(),
        control.ApplyCatalogResponse(),
        control.ApplyCatalogResponse(),
        control.ListCatalogVersionsResponse(),
        control.CreateCampaignResponse(catalog_version=1),
        control.GetCampaignResponse(campaign=spring.to_message()),
        control.ListCampaignsResponse(campaigns=[spring.to_message()], next_page_token=NEXT_PAGE),
        control.ListCampaignsResponse(campaigns=[spring.to_message()]),
        control.UpdateCampaignResponse(catalog_version=2),
        control.DeleteCampaignResponse(catalog_version=3),
    ]
    assert (await async_client.get_catalog()).version == 0
    assert await async_client.apply_catalog("repit: 1")
    assert await async_client.validate_catalog("repit: 1")
    assert [catalog async for catalog in async_client.list_catalog_versions()] == []
    assert (await async_client.create_campaign(spring)).catalog_version == 1
    assert await async_client.get_campaign("spring") == spring
    assert [campaign async for campaign in async_client.list_campaigns()] == [spring, spring]
    assert (await async_client.update_campaign(spring)).catalog_version == 2
    assert await async_client.delete_campaign("spring") == 3
