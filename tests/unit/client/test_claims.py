"""Claims: any number of places in a stream, how far it came when it breaks, lists and withdrawals."""

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from repit import (
    AsyncClient,
    ClaimedPlace,
    ClaimRegistration,
    Client,
    NotFoundError,
    RetryPolicy,
    UnavailableError,
)
from repit.claim_calls import MESSAGES_IN_FLIGHT, AsyncClaimStream, ClaimStream
from repit.claims import Claim, ClaimTotals, Place
from repit.google_rpc import Status
from repit.v1 import arbitration_service_pb2 as arbitration
from repit.v1 import claim_pb2
from tests.unit.client.canned_server import WEDNESDAY, CannedServer, FakeClock, store_away
from tests.unit.client.messages import at

UNTIL = datetime(2026, 12, 31, tzinfo=UTC)
OVER = Status(code=8, message="256 claims are live already")


def registered(count: int, *, known: int = 0, refused: Iterable[int] = (), status: Status = OVER) -> Any:
    refusals = [arbitration.ClaimRefusal(index=index, customer_id=f"c{index}", error=status) for index in refused]
    return arbitration.RegisterClaimsResponse(registered_count=count, known_count=known, refusals=refusals)


def customers(count: int) -> Iterator[str]:
    return (f"c{number}" for number in range(count))


def asked(canned: CannedServer) -> list[arbitration.RegisterClaimsRequest]:
    return [message for _, message in canned.asked if isinstance(message, arbitration.RegisterClaimsRequest)]


def test_any_number_of_places_goes_in_messages_of_1_000(canned: CannedServer, client: Client) -> None:
    canned.answers = [registered(1_000), registered(1_000, known=7), registered(498, refused=[0, 1])]
    told: list[int] = []
    registration = client.register_claims(
        "spring", customers(2_500), until_time=UNTIL, on_progress=lambda so_far: told.append(so_far.position)
    )
    assert [len(message.places) for message in asked(canned)] == [1_000, 1_000, 500]
    assert told == [1_000, 2_000, 2_500]
    assert (registration.position, registration.registered, registration.known) == (2_500, 2_498, 7)
    assert (registration.refused, [refusal.position for refusal in registration.refusals]) == (2, [2_000, 2_001])
    assert not registration
    assert str(registration).splitlines() == [
        "2,498 places registered for spring (7 of them known already), 2 refused",
        "  c0: 256 claims are live already",
        "  c1: 256 claims are live already",
    ]


def test_what_is_said_of_the_claims_reaches_the_server(canned: CannedServer, client: Client) -> None:
    canned.answers = [registered(3)]
    places: list[Place] = [ClaimedPlace("c1", 2.5, "home"), ("c2", 1.5), "c3"]
    registration = client.register_claims(
        "spring",
        places,
        until_time=UNTIL,
        from_time=datetime(2026, 12, 5, tzinfo=UTC),
        channels=["email", "sms"],
        as_of=datetime(2026, 12, 1, tzinfo=UTC),
    )
    assert registration
    (message,) = asked(canned)
    assert message == arbitration.RegisterClaimsRequest(
        campaign_id="spring",
        channels=["email", "sms"],
        from_time=at("2026-12-05 00:00"),
        until_time=at("2026-12-31 00:00"),
        places=[
            arbitration.ClaimedPlace(customer_id="c1", score=2.5, party_id="home"),
            arbitration.ClaimedPlace(customer_id="c2", score=1.5),
            arbitration.ClaimedPlace(customer_id="c3"),
        ],
        as_of_time=at("2026-12-01 00:00"),
    )
    assert not message.places[2].HasField("score")


def test_claims_without_a_beginning_begin_at_one_instant_for_all_of_them(canned: CannedServer, client: Client) -> None:
    canned.answers = [registered(1_000), registered(1)]
    registration = client.register_claims("spring", customers(1_001), until_time=UNTIL)
    assert registration.from_time == WEDNESDAY
    assert {message.from_time.ToDatetime(UTC) for message in asked(canned)} == {WEDNESDAY}


def test_no_places_are_no_message(canned: CannedServer, client: Client) -> None:
    assert client.register_claims("spring", [], until_time=UNTIL).position == 0
    assert canned.asked == []


def test_a_stream_that_breaks_says_where_to_go_on(canned: CannedServer, client: Client) -> None:
    canned.answers = [registered(1_000), store_away()]
    with pytest.raises(UnavailableError, match="the store does not answer") as broken:
        client.register_claims("spring", customers(3_000), until_time=UNTIL)
    assert broken.value.position == 1_000
    assert broken.value.registration is not None
    assert broken.value.registration.registered == 1_000
    assert str(broken.value).splitlines()[-1] == "1,000 places are taken: go on with `resume_at=1000`"
    canned.answers, canned.asked = [registered(1_000), registered(1_000)], []
    went_on = client.register_claims(
        "spring",
        customers(3_000),
        until_time=UNTIL,
        resume_at=broken.value.position,
        from_time=broken.value.registration.from_time,
    )
    assert went_on.position == 3_000
    assert [message.places[0].customer_id for message in asked(canned)] == ["c1000", "c2000"]


def test_without_a_server_nothing_is_taken() -> None:
    with Client("127.0.0.1:1") as client, pytest.raises(UnavailableError) as broken:
        client.register_claims("spring", customers(1), until_time=UNTIL)
    assert broken.value.position == 0


def test_a_message_that_is_refused_whole_ends_it_and_took_none(canned: CannedServer, client: Client) -> None:
    unknown = arbitration.RegisterClaimsResponse(error=Status(code=5, message="there is no campaign `sprin`"))
    canned.answers = [registered(1_000), unknown]
    with pytest.raises(NotFoundError, match="sprin") as refused:
        client.register_claims("sprin", customers(2_000), until_time=UNTIL)
    assert refused.value.position == 1_000


def test_a_place_that_may_be_taken_when_asked_for_again_ends_it_there(canned: CannedServer, client: Client) -> None:
    contended = Status(code=14, message="too many ask for one customer")
    canned.answers = [registered(1_000), registered(998, refused=[500, 700], status=contended)]
    with pytest.raises(UnavailableError) as refused:
        client.register_claims("spring", customers(2_000), until_time=UNTIL)
    assert refused.value.position == 1_500


def test_refusals_are_counted_and_the_first_are_kept(canned: CannedServer, client: Client) -> None:
    canned.answers = [registered(0, refused=range(1_000)), registered(0, refused=range(1_000))]
    registration = client.register_claims("spring", customers(2_000), until_time=UNTIL)
    assert (registration.position, registration.refused, len(registration.refusals)) == (2_000, 2_000, 20)
    assert str(registration).splitlines()[-1] == "  and 1,995 more"


def test_places_that_fail_to_come_are_told_after_the_answers_to_the_others(
    canned: CannedServer, client: Client
) -> None:
    def breaking() -> Iterator[str]:
        yield from customers(1_500)
        raise OSError("the file ended")

    canned.answers = [registered(1_000)]
    told: list[ClaimRegistration] = []
    with pytest.raises(OSError, match="the file ended"):
        client.register_claims("spring", breaking(), until_time=UNTIL, on_progress=told.append)
    assert told[-1].position == 1_000


def test_places_are_read_only_as_far_as_messages_may_be_in_flight() -> None:
    source = customers(1_000_000)
    stream = ClaimStream("spring", WEDNESDAY, until_time=UNTIL)
    messages = stream.messages(source)
    for _ in range(MESSAGES_IN_FLIGHT):
        assert len(next(messages).places) == 1_000
    stream.read(registered(1_000))
    assert next(messages).places[0].customer_id == "c4000"
    assert next(source) == "c5000"
    stream.close()
    assert list(messages) == []


@pytest.mark.parametrize("resume_at", [-1, -1_000])
def test_a_place_before_the_first_is_refused(client: Client, resume_at: int) -> None:
    with pytest.raises(ValueError, match="0 begins with it"):
        client.register_claims("spring", customers(1), until_time=UNTIL, resume_at=resume_at)


def test_a_mistyped_argument_is_named(client: Client) -> None:
    with pytest.raises(TypeError, match="chanels"):
        client.register_claims("spring", [], until_time=UNTIL, chanels=["email"])  # type: ignore[call-arg]


def test_claims_of_named_customers_are_given_back(canned: CannedServer, client: Client) -> None:
    canned.answers = [store_away(), arbitration.WithdrawClaimsResponse(withdrawn_count=2)]
    assert client.withdraw_claims("spring", ["c1", ClaimedPlace("c2", party_id="home")]).withdrawn == 2
    message = canned.messages("WithdrawClaims")[-1]
    assert isinstance(message, arbitration.WithdrawClaimsRequest)
    assert [(place.customer_id, place.party_id) for place in message.places] == [("c1", ""), ("c2", "home")]


def test_nobody_named_is_not_everybody(canned: CannedServer, client: Client) -> None:
    with pytest.raises(ValueError, match="0 customers; one batch holds 1 to 10,000"):
        client.withdraw_claims("spring", [])
    assert canned.asked == []


def test_all_claims_of_a_campaign_are_given_back_by_a_verb_of_its_own(canned: CannedServer, client: Client) -> None:
    canned.answers = [arbitration.WithdrawClaimsResponse(catalog_version=9), store_away()]
    assert client.withdraw_all_claims("spring", author="ann").catalog_version == 9
    assert canned.messages("WithdrawClaims") == [arbitration.WithdrawClaimsRequest(campaign_id="spring", author="ann")]
    with pytest.raises(UnavailableError):
        client.withdraw_all_claims("spring")
    assert len(canned.asked) == 2


def test_the_claims_of_a_customer_are_listed_with_the_totals(canned: CannedServer, client: Client) -> None:
    claim = claim_pb2.Claim(
        customer_id="c1",
        campaign_id="spring",
        channels=["email", "sms"],
        from_time=at("2026-12-02 00:00"),
        until_time=at("2026-12-31 00:00"),
        score=2.5,
        priority=40,
    )
    totals = [
        claim_pb2.ClaimTotals(campaign_id="spring", registered_count=9, used_count=4, due_count=8, due_used_count=4),
        claim_pb2.ClaimTotals(campaign_id="summer", registered_count=1, withdrawn_count=1),
    ]
    canned.answers = [arbitration.ListClaimsResponse(claims=[claim], totals=totals)]
    found = client.list_claims("c1", party_id="home", campaign="spring")
    assert canned.messages("ListClaims") == [
        arbitration.ListClaimsRequest(customer_id="c1", party_id="home", campaign_id="spring")
    ]
    assert [(each.campaign_id, each.score) for each in found.claims] == [("spring", 2.5)]
    words = "spring by email or sms, priority 40, score 2.5, until Thu 31 Dec 2026 00:00"
    assert found.claims[0].describe(UTC) == words
    assert [each.reliability for each in found.totals] == [0.5, None]
    assert found.totals[1] == ClaimTotals("summer", registered=1, used=0, withdrawn=1, due=0, due_used=0)


def test_a_claim_without_a_score_has_none() -> None:
    assert Claim.from_message(claim_pb2.Claim(campaign_id="spring", channels=["email"])).score is None


async def awaited(count: int) -> AsyncIterator[str]:
    for customer in customers(count):
        yield customer


@pytest.fixture
async def async_client(canned: CannedServer, clock: FakeClock, policy: RetryPolicy) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(canned.target, clock=clock, sleep=clock.sleep_async, retry=policy) as client:
        yield client


async def test_from_asyncio_the_places_may_be_awaited(canned: CannedServer, async_client: AsyncClient) -> None:
    canned.answers = [registered(1_000), registered(499, refused=[3])]
    registration = await async_client.register_claims("spring", awaited(2_000), until_time=UNTIL, resume_at=500)
    assert [(len(message.places), message.places[0].customer_id) for message in asked(canned)] == [
        (1_000, "c500"),
        (500, "c1500"),
    ]
    assert (registration.position, registration.registered, registration.refused) == (2_000, 1_499, 1)
    canned.answers = [registered(10)]
    assert (await async_client.register_claims("spring", customers(10), until_time=UNTIL)).position == 10


async def test_from_asyncio_a_stream_that_breaks_says_where_to_go_on(
    canned: CannedServer, async_client: AsyncClient
) -> None:
    canned.answers = [registered(1_000), store_away()]
    # grpc.aio may find that it cannot write before it learns why.
    with pytest.raises(UnavailableError, match=r"the store does not answer|ended while more was sent") as broken:
        await async_client.register_claims("spring", awaited(20_000), until_time=UNTIL)
    assert broken.value.position == 1_000


async def test_from_asyncio_places_are_read_only_as_far_as_messages_may_be_in_flight() -> None:
    stream = AsyncClaimStream("spring", WEDNESDAY, until_time=UNTIL)
    messages = stream.messages(awaited(1_000_000))
    for _ in range(MESSAGES_IN_FLIGHT):
        await anext(messages)
    stream.read(registered(1_000))
    assert (await anext(messages)).places[0].customer_id == "c4000"
    stream.close()
    assert [message async for message in messages] == []


async def test_from_asyncio_claims_are_listed_and_given_back(canned: CannedServer, async_client: AsyncClient) -> None:
    canned.answers = [
        arbitration.ListClaimsResponse(totals=[claim_pb2.ClaimTotals(campaign_id="spring")]),
        arbitration.WithdrawClaimsResponse(withdrawn_count=1),
        arbitration.WithdrawClaimsResponse(catalog_version=9),
    ]
    assert [totals.campaign_id for totals in (await async_client.list_claims()).totals] == ["spring"]
    assert (await async_client.withdraw_claims("spring", ["c1"])).withdrawn == 1
    assert (await async_client.withdraw_all_claims("spring")).catalog_version == 9
