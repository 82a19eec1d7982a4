"""A stream of claims: one message after the other, and how many places are taken; the withdrawal of a campaign."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast

import grpc
import pytest
from google.rpc.status_pb2 import Status

from repit.v1 import arbitration_service_pb2 as messages
from repit_server.api.campaign_changes import CampaignChanges
from repit_server.api.catalog_change import CatalogChanges, Change
from repit_server.api.catalog_versions import CatalogVersions
from repit_server.api.claims import Claims, positioned_answers
from repit_server.api.errors import RpcError
from repit_server.settings import Clock

DOCUMENT = "repit: 1\nzone: UTC\nchannels: {email: {}}\ncampaigns: {spring: {priority: 40, channels: [email]}}\n"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def request(*customers: str, campaign: str = "spring") -> messages.RegisterClaimsRequest:
    places = [messages.ClaimedPlace(customer_id=customer) for customer in customers]
    return messages.RegisterClaimsRequest(campaign_id=campaign, places=places)


class Registrar:
    """Registers every place but those of `refused`; a message for another campaign than `spring` is refused whole."""

    def __init__(self, refused: frozenset[str] = frozenset()) -> None:
        self.refused = refused
        self.taken: list[str] = []

    async def __call__(self, request: bytes) -> bytes:
        message = messages.RegisterClaimsRequest.FromString(request)
        response = messages.RegisterClaimsResponse()
        if message.campaign_id != "spring":
            response.error.CopyFrom(Status(code=5, message="there is no such campaign"))
            return response.SerializeToString()
        for index, place in enumerate(message.places):
            if place.customer_id in self.refused:
                response.refusals.add(index=index, customer_id=place.customer_id)
            else:
                self.taken.append(place.customer_id)
                response.registered_count += 1
        return response.SerializeToString()


async def stream_of(*requests: messages.RegisterClaimsRequest) -> AsyncIterator[bytes]:
    for each in requests:
        yield each.SerializeToString()


async def test_the_position_counts_the_places_taken_so_far_refused_ones_included() -> None:
    stream = stream_of(request("a", "b", "c"), request("x", campaign="nobody's"), request("d", "e"))
    answers = [
        messages.RegisterClaimsResponse.FromString(answer)
        async for answer in positioned_answers(stream, Registrar(frozenset("b")))
    ]
    assert [(answer.position, answer.registered_count, len(answer.refusals)) for answer in answers] == [
        (3, 2, 1),
        (3, 0, 0),
        (5, 2, 0),
    ]
    assert answers[1].error.code == 5


async def test_each_message_is_answered_before_the_next_is_read() -> None:
    read: list[str] = []

    async def requests() -> AsyncIterator[bytes]:
        for customer in "abc":
            read.append(customer)
            yield request(customer).SerializeToString()

    registrar = Registrar()
    answers = positioned_answers(requests(), registrar)
    await anext(answers)
    assert (read, registrar.taken) == (["a"], ["a"])
    await anext(answers)
    assert (read, registrar.taken) == (["a", "b"], ["a", "b"])
    await answers.aclose()


async def test_a_stream_that_is_cut_keeps_what_was_answered() -> None:
    async def requests() -> AsyncIterator[bytes]:
        yield request("a", "b").SerializeToString()
        raise ConnectionError("gone")

    registrar = Registrar()
    answers = positioned_answers(requests(), registrar)
    assert messages.RegisterClaimsResponse.FromString(await anext(answers)).position == 2
    with pytest.raises(ConnectionError):
        await anext(answers)
    assert registrar.taken == ["a", "b"]


class Store:
    """Keeps catalog versions, remembers what was withdrawn and what the engine was asked."""

    def __init__(self) -> None:
        self.versions: list[tuple[bytes, bytes, list[str]]] = []
        self.asked: list[bytes] = []

    def catalog(self, version: int = 0) -> tuple[int, bytes, bytes]:
        if not self.versions:
            return 0, b"", b""
        number = version or len(self.versions)
        compiled, attachment, _ = self.versions[number - 1]
        return number, compiled, attachment

    def apply_catalog(
        self, compiled: bytes, attachment: bytes, *, expected_version: int, withdrawn_campaigns: list[str] | None = None
    ) -> int:
        assert expected_version == len(self.versions)
        self.versions.append((compiled, attachment, list(withdrawn_campaigns or ())))
        return len(self.versions)

    async def withdraw_claims_async(self, request: bytes) -> bytes:
        self.asked.append(request)
        return messages.WithdrawClaimsResponse(withdrawn_count=1).SerializeToString()


class World:
    """A store with one catalog, and the verbs on it."""

    def __init__(self, clock: Clock = Clock.SYSTEM) -> None:
        self.store = Store()
        versions = CatalogVersions(cast("Any", self.store))
        self.changes = CatalogChanges(versions, lambda: NOON)
        self.claims = Claims(cast("Any", self.store), CampaignChanges(versions, self.changes), clock)

    async def withdraw(self, **given: Any) -> messages.WithdrawClaimsResponse:
        message = messages.WithdrawClaimsRequest(**given)
        return messages.WithdrawClaimsResponse.FromString(await self.claims.withdraw(message.SerializeToString()))


@pytest.fixture
async def world() -> World:
    world = World()
    await world.changes.replace_document(DOCUMENT, Change("ann", "first", "document applied"), etag="")
    return world


async def test_all_claims_of_a_campaign_are_withdrawn_by_a_version_of_the_same_catalog(world: World) -> None:
    assert (await world.withdraw(campaign_id="spring", author="bob")).catalog_version == 2
    assert (await world.withdraw(campaign_id="spring")).catalog_version == 3
    first, second, third = world.store.versions
    assert [first[0], first[0]] == [second[0], third[0]]
    assert [withdrawn for _, _, withdrawn in world.store.versions] == [[], ["spring"], ["spring"]]
    source = json.loads(second[1])
    assert (source["author"], source["change"]) == ("bob", "claims of `spring` withdrawn")
    assert source["document"] == DOCUMENT
    assert world.store.asked == []


async def test_claims_of_named_customers_are_the_engines_to_withdraw(world: World) -> None:
    places = [messages.ClaimedPlace(customer_id="a")]
    response = await world.withdraw(campaign_id="spring", places=places)
    assert (response.withdrawn_count, response.catalog_version) == (1, 0)
    assert len(world.store.versions) == 1
    await world.claims.withdraw(b"\xff")
    assert world.store.asked[1] == b"\xff"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"campaign_id": ""}, "campaign_id"),
        ({"campaign_id": "c" * 65}, "campaign_id"),
        ({"campaign_id": "spring", "author": "é" * 65}, "author"),
        ({"campaign_id": "spring", "author": "ann", "places": [messages.ClaimedPlace(customer_id="a")]}, "author"),
        ({"campaign_id": "spring", "as_of_time": {"seconds": 1_800_000_000}}, "as_of_time"),
        ({"campaign_id": "spring", "as_of_time": {"seconds": 1}}, "as_of_time"),
    ],
)
async def test_a_wrong_withdrawal_is_refused_by_its_field(world: World, given: dict[str, Any], field: str) -> None:
    with pytest.raises(RpcError, match=f"^{field}: ") as refused:
        await world.withdraw(**given)
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert len(world.store.versions) == 1


async def test_a_time_is_needed_where_requests_bring_the_time() -> None:
    world = World(Clock.REQUEST)
    await world.changes.replace_document(DOCUMENT, Change("ann", "first", "document applied"), etag="")
    with pytest.raises(RpcError, match=r"^as_of_time: is needed"):
        await world.withdraw(campaign_id="spring")
    for seconds in (946_684_799, 7_258_118_400):
        with pytest.raises(RpcError, match=r"^as_of_time: must be from 2000-01-01"):
            await world.withdraw(campaign_id="spring", as_of_time={"seconds": seconds})
    for seconds in (946_684_800, 7_258_118_399):
        assert (await world.withdraw(campaign_id="spring", as_of_time={"seconds": seconds})).catalog_version


async def test_claims_of_a_campaign_that_is_not_there_cannot_be_withdrawn(world: World) -> None:
    with pytest.raises(RpcError, match="there is no campaign `autumn`") as refused:
        await world.withdraw(campaign_id="autumn")
    assert refused.value.code is grpc.StatusCode.NOT_FOUND
    with pytest.raises(RpcError) as refused:
        await World().withdraw(campaign_id="spring")
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
