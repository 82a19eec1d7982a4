"""Which calls are made again, when, and with which request id."""

import grpc
import pytest

from repit import Campaign, Client, Engagement, ResourceExhaustedError, RetryPolicy, UnavailableError
from repit.google_rpc import ErrorInfo
from repit.retry import Attempts
from repit.v1 import arbitration_service_pb2 as arbitration
from repit.v1 import catalog_service_pb2 as control
from tests.unit.client.canned_server import CannedServer, Failure, FakeClock, store_away
from tests.unit.client.messages import GRANTED


def test_a_call_is_made_again_with_the_same_request_id(canned: CannedServer, client: Client) -> None:
    canned.answers = [store_away(), store_away(), GRANTED]
    answer = client.request_contact("customer-42", campaign="spring", channel="email")
    messages = canned.messages("RequestContact")
    assert answer.is_granted
    assert len(messages) == 3
    assert messages[0] == messages[1] == messages[2]
    assert isinstance(messages[0], arbitration.RequestContactRequest)
    assert messages[0].request_id == answer.request.request_id


def test_engagements_are_reported_again_with_the_same_event_ids(canned: CannedServer, client: Client) -> None:
    results = [arbitration.EngagementResult(contact_id="1"), arbitration.EngagementResult(is_duplicate=True)]
    canned.answers = [store_away(), arbitration.RecordEngagementsResponse(results=results)]
    recorded = client.record_engagements([Engagement("c", "clicked"), Engagement("c", "opened")])
    first, second = canned.messages("RecordEngagements")
    assert first == second
    assert isinstance(first, arbitration.RecordEngagementsRequest)
    assert [each.event_id for each in first.engagements] == [each.engagement.event_id for each in recorded]
    assert [each.is_duplicate for each in recorded] == [False, True]


def test_the_waits_double_up_to_the_longest_one(canned: CannedServer, client: Client, clock: FakeClock) -> None:
    canned.answers = [store_away()] * 6
    with pytest.raises(UnavailableError) as caught:
        client.request_contact("c", campaign="a", channel="b", deadline_s=60)
    assert clock.slept_s == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6])
    assert caught.value.attempts == 6
    assert "tried 6 times" in str(caught.value)


def test_half_of_a_wait_is_drawn() -> None:
    assert RetryPolicy(jitter=lambda: 0.0).wait_s(1, None) == pytest.approx(0.05)
    assert RetryPolicy(jitter=lambda: 1.0).wait_s(1, None) == pytest.approx(0.1)
    assert RetryPolicy(jitter=lambda: 1.0).wait_s(50, None) == 2.0


def test_the_wait_that_the_server_names_is_kept(canned: CannedServer, client: Client, clock: FakeClock) -> None:
    canned.answers = [store_away(retry_after_s=1.5), GRANTED]
    client.request_contact("c", campaign="a", channel="b")
    assert clock.slept_s == pytest.approx([1.6])


def test_no_wait_goes_past_the_deadline(canned: CannedServer, client: Client, clock: FakeClock) -> None:
    canned.answers = [store_away(retry_after_s=1), store_away(retry_after_s=30), GRANTED]
    with pytest.raises(UnavailableError) as caught:
        client.request_contact("c", campaign="a", channel="b", deadline_s=5)
    assert clock.slept_s == pytest.approx([1.1])
    assert caught.value.retry_after_s == 30
    assert len(canned.asked) == 2


def test_each_attempt_is_given_what_is_left_of_the_deadline(clock: FakeClock, policy: RetryPolicy) -> None:
    attempts = Attempts(policy, clock, deadline_s=5)
    assert attempts.remaining_s() == 5
    clock.sleep(attempts.wait_s_after(UnavailableError("away", code=grpc.StatusCode.UNAVAILABLE)))
    assert attempts.remaining_s() == pytest.approx(4.9)
    clock.sleep(10)
    assert attempts.remaining_s() == 0


def test_shed_load_is_asked_again_only_where_the_server_says_when(canned: CannedServer, client: Client) -> None:
    canned.answers = [Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "too fast", store_away(0.5).details), GRANTED]
    assert client.request_contact("c", campaign="a", channel="b").is_granted
    canned.answers = [
        Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "too large", (ErrorInfo(reason="TOO_LARGE"),)),
        GRANTED,
    ]
    with pytest.raises(ResourceExhaustedError):
        client.request_contact("c", campaign="a", channel="b")


@pytest.mark.parametrize("code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.ABORTED, grpc.StatusCode.INTERNAL])
def test_what_would_fail_again_is_not_asked_again(canned: CannedServer, client: Client, code: grpc.StatusCode) -> None:
    canned.answers = [Failure(code, "no"), GRANTED]
    with pytest.raises(Exception, match="no"):
        client.request_contact("c", campaign="a", channel="b")
    assert len(canned.asked) == 1


def test_confirm_and_release_are_made_again(canned: CannedServer, client: Client) -> None:
    canned.answers = [store_away(), arbitration.ConfirmContactResponse()]
    client.confirm_contact("1")
    canned.answers = [store_away(), arbitration.ReleaseContactResponse()]
    client.release_contact("1", reason="out of stock")
    assert [verb for verb, _ in canned.asked] == ["ConfirmContact"] * 2 + ["ReleaseContact"] * 2


def test_changes_of_the_catalog_are_never_made_twice(canned: CannedServer, client: Client) -> None:
    campaign = Campaign("spring", ("email",), 40)
    changes = (
        lambda: client.apply_catalog("repit: 1"),
        lambda: client.create_campaign(campaign),
        lambda: client.update_campaign(campaign),
        lambda: client.delete_campaign("spring"),
    )
    for change in changes:
        canned.answers = [store_away()]
        with pytest.raises(UnavailableError):
            change()
    assert len(canned.asked) == len(changes)


def test_validating_a_document_changes_nothing_and_is_made_again(canned: CannedServer, client: Client) -> None:
    canned.answers = [store_away(), control.ApplyCatalogResponse()]
    assert client.validate_catalog("repit: 1")
    requests = canned.messages("ApplyCatalog")
    assert [request.validate_only for request in requests if isinstance(request, control.ApplyCatalogRequest)] == [
        True
    ] * 2
