"""Many requests and engagements: in order, each alone, nothing split silently."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from repit import (
    Client,
    ContactRequest,
    Engagement,
    EngagementKind,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
)
from repit.google_rpc import Status
from repit.v1 import arbitration_service_pb2 as arbitration
from repit.v1 import engagement_pb2
from tests.unit.client.canned_server import CannedServer, store_away
from tests.unit.client.messages import DENIED, GRANTED, at


def requests(count: int) -> Iterator[ContactRequest]:
    return (ContactRequest.of(f"customer-{number}", campaign="spring", channel="email") for number in range(count))


def granted(count: int) -> arbitration.BatchRequestContactsResponse:
    return arbitration.BatchRequestContactsResponse(
        results=[arbitration.RequestContactResult(response=GRANTED)] * count
    )


def test_each_request_of_a_batch_has_its_own_answer_or_error(canned: CannedServer, client: Client) -> None:
    results = [
        arbitration.RequestContactResult(response=GRANTED),
        arbitration.RequestContactResult(error=Status(code=3, message="customer_id: longer than 128 bytes")),
        arbitration.RequestContactResult(response=DENIED),
    ]
    canned.answers = [arbitration.BatchRequestContactsResponse(results=results)]
    first, second, third = client.batch_request_contacts(requests(3))
    assert [each.request.customer_id for each in (first, second, third)] == ["customer-0", "customer-1", "customer-2"]
    assert [each.is_granted for each in (first, second, third)] == [True, False, False]
    assert [bool(each) for each in (first, second, third)] == [True, False, False]
    assert first.require_answer().contact_id == "1-abc@customer-42"
    assert third.require_answer().decisions[0].denials
    assert second.answer is None
    with pytest.raises(InvalidArgumentError, match="longer than 128 bytes"):
        second.require_answer()


@pytest.mark.parametrize("count", [0, 10_001])
def test_a_batch_of_none_or_too_many_is_refused_before_anything_is_sent(
    canned: CannedServer, client: Client, count: int
) -> None:
    with pytest.raises(ValueError, match=f"{count:,} requests; one batch holds 1 to 10,000"):
        client.batch_request_contacts(requests(count))
    with pytest.raises(ValueError, match=f"{count:,} engagements; one batch holds 1 to 10,000"):
        client.record_engagements([Engagement("c", "clicked")] * count)
    assert canned.asked == []


def test_10_000_requests_are_one_batch(canned: CannedServer, client: Client) -> None:
    canned.answers = [granted(10_000)]
    assert len(client.batch_request_contacts(requests(10_000))) == 10_000
    assert len(canned.asked) == 1


def test_any_number_of_requests_goes_in_batches(canned: CannedServer, client: Client) -> None:
    canned.answers = [granted(4), granted(4), granted(1)]
    results = list(client.request_contacts(requests(9), batch_size=4))
    sizes = [
        len(message.requests)
        for _, message in canned.asked
        if isinstance(message, arbitration.BatchRequestContactsRequest)
    ]
    assert sizes == [4, 4, 1]
    assert [each.request.customer_id for each in results] == [f"customer-{number}" for number in range(9)]


def test_requests_are_taken_only_as_far_as_the_results_are_read(canned: CannedServer, client: Client) -> None:
    canned.answers = [granted(2)]
    source = requests(1_000_000)
    results = client.request_contacts(source, batch_size=2)
    assert next(results).request.customer_id == "customer-0"
    assert next(source).customer_id == "customer-2"


def test_no_requests_are_no_batch(canned: CannedServer, client: Client) -> None:
    assert list(client.request_contacts([])) == []
    assert canned.asked == []


@pytest.mark.parametrize("size", [0, 10_001])
def test_a_batch_size_beyond_the_maximum_is_refused(client: Client, size: int) -> None:
    with pytest.raises(ValueError, match="one batch holds 1 to 10,000"):
        list(client.request_contacts(requests(1), batch_size=size))


def test_what_is_said_of_an_engagement_reaches_the_server(canned: CannedServer, client: Client) -> None:
    canned.answers = [arbitration.RecordEngagementsResponse(results=[arbitration.EngagementResult(contact_id="1-abc")])]
    engagement = Engagement(
        "customer-42",
        EngagementKind.PURCHASED,
        campaign_id="spring",
        channel="shop",
        offer_family="weekends",
        value=120.0,
        event_time=datetime(2026, 12, 2, 14, tzinfo=UTC),
        segments=("loyal",),
        event_id="till-7",
    )
    (result,) = client.record_engagements([engagement], as_of=datetime(2026, 12, 2, 15, tzinfo=UTC))
    ((_, message),) = canned.asked
    assert isinstance(message, arbitration.RecordEngagementsRequest)
    assert message.as_of_time == at("2026-12-02 15:00")
    assert message.engagements[0] == engagement_pb2.Engagement(
        event_id="till-7",
        customer_id="customer-42",
        kind=engagement_pb2.ENGAGEMENT_KIND_PURCHASED,
        campaign_id="spring",
        channel="shop",
        offer_family="weekends",
        value=120,
        event_time=at("2026-12-02 14:00"),
        segments=["loyal"],
    )
    assert Engagement.from_message(message.engagements[0]) == engagement
    assert result
    assert result.contact_id == "1-abc"


def test_an_engagement_that_was_not_recorded_carries_its_error(canned: CannedServer, client: Client) -> None:
    failed = arbitration.EngagementResult(error=Status(code=5, message="no campaign `sprin`"))
    canned.answers = [arbitration.RecordEngagementsResponse(results=[failed])]
    (result,) = client.record_engagements([Engagement("c", "clicked", campaign_id="sprin")])
    assert not result
    assert isinstance(result.error, NotFoundError)


def test_a_kind_of_engagement_that_does_not_exist_is_refused(client: Client) -> None:
    with pytest.raises(ValueError, match="klicked"):
        client.record_engagements([Engagement("c", "klicked")])


def stream_answer(response: arbitration.RequestContactResponse) -> arbitration.StreamRequestContactsResponse:
    return arbitration.StreamRequestContactsResponse(result=arbitration.RequestContactResult(response=response))


def test_a_stream_is_answered_in_order_beside_its_requests(canned: CannedServer, client: Client) -> None:
    canned.answers = [stream_answer(GRANTED), stream_answer(DENIED), stream_answer(GRANTED)]
    results = list(client.stream_request_contacts(requests(3)))
    assert [(each.request.customer_id, each.is_granted) for each in results] == [
        ("customer-0", True),
        ("customer-1", False),
        ("customer-2", True),
    ]


def test_a_stream_that_breaks_says_why_and_is_not_taken_up_again(canned: CannedServer, client: Client) -> None:
    canned.answers = [stream_answer(GRANTED), store_away(retry_after_s=1)]
    results = client.stream_request_contacts(requests(2))
    assert next(results).is_granted
    with pytest.raises(UnavailableError, match="the store does not answer"):
        next(results)


def test_requests_of_a_stream_that_fail_to_come_are_told_after_the_answers_to_the_others(
    canned: CannedServer, client: Client
) -> None:
    def breaking() -> Iterator[ContactRequest]:
        yield from requests(1)
        raise OSError("the file ended")

    canned.answers = [stream_answer(GRANTED)]
    results = client.stream_request_contacts(breaking())
    assert next(results).is_granted
    with pytest.raises(OSError, match="the file ended"):
        next(results)


def test_a_stream_that_is_left_early_leaves_nothing_behind(canned: CannedServer, client: Client) -> None:
    canned.answers = [stream_answer(GRANTED)] * 3
    results = client.stream_request_contacts(requests(3))
    assert next(results).is_granted
    results.close()  # type: ignore[attr-defined]
    assert list(results) == []
