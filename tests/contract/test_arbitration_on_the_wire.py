"""`ArbitrationService` on the wire: what is malformed is refused by its field, what is unknown by its name."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, ResourceInfo
from google.rpc.status_pb2 import Status

from repit.v1 import arbitration_service_pb2 as messages
from repit.v1.arbitration_service_pb2_grpc import ArbitrationServiceStub
from repit.v1.candidate_pb2 import Candidate
from repit.v1.customer_pb2 import ContactState
from repit.v1.decision_pb2 import Verdict
from tests.doors import DOORS
from tests.servers import ServerProcess, catalog_file

DETAILS = (BadRequest, ErrorInfo, PreconditionFailure, ResourceInfo)
MAX_BATCH = 10_000


@pytest.fixture(scope="module", params=DOORS)
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    directory = tmp_path_factory.mktemp("wire")
    options = ("--store", "memory", "--catalog", str(catalog_file(directory)), "--door", request.param)
    with (
        ServerProcess(*options, directory=directory) as server,
        grpc.insecure_channel(server.address, options=[("grpc.max_receive_message_length", -1)]) as channel,
    ):
        yield ArbitrationServiceStub(channel)


def request(customer_id: str = "42", **fields: Any) -> messages.RequestContactRequest:
    given = {"request_id": f"r-{customer_id}"[:64], "candidates": [Candidate(campaign_id="spring", channel="email")]}
    return messages.RequestContactRequest(customer_id=customer_id, **(given | fields))


def with_candidate(**fields: Any) -> messages.RequestContactRequest:
    return request(candidates=[Candidate(**{"campaign_id": "spring", "channel": "email", **fields})])


def with_time(field: str, year: int) -> messages.RequestContactRequest:
    asked = request()
    target = asked.candidates[0] if field == "deadline_time" else asked
    getattr(target, field).FromDatetime(datetime(year, 1, 1, tzinfo=UTC))
    return asked


def details_of(status: Status) -> dict[type, Any]:
    return {
        kind: kind.FromString(packed.value)
        for packed in status.details
        for kind in DETAILS
        if packed.Is(kind.DESCRIPTOR)
    }


def refusal(verb: Any, asked: Any) -> tuple[grpc.StatusCode, dict[type, Any]]:
    with pytest.raises(grpc.RpcError) as failure:
        verb(asked, timeout=30)
    raised: Any = failure.value
    status = Status.FromString(dict(raised.trailing_metadata())["grpc-status-details-bin"])
    assert status.code == raised.code().value[0]
    found = details_of(status)
    assert found[ErrorInfo].domain == "repit.dev"
    return raised.code(), found


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (request(request_id=""), "request_id"),
        (request(request_id="r" * 65), "request_id"),
        (request(customer_id=""), "customer_id"),
        (request(customer_id="c" * 129), "customer_id"),
        (request(candidates=[]), "candidates"),
        (request(candidates=[Candidate(campaign_id="spring", channel="email")] * 65), "candidates"),
        (with_candidate(score=float("nan")), "candidates[0].score"),
        (with_candidate(score=float("inf")), "candidates[0].score"),
        (with_candidate(value=-1.0), "candidates[0].value"),
        (with_candidate(answer_probability=1.5), "candidates[0].answer_probability"),
        (with_time("deadline_time", 1999), "candidates[0].deadline_time"),
        (with_time("deadline_time", 2201), "candidates[0].deadline_time"),
        (with_time("planned_time", 2026), "planned_time"),
        (with_time("as_of_time", 2026), "as_of_time"),
        (request(party_id="p" * 129), "party_id"),
        (request(contact_point="p" * 129), "contact_point"),
        (request(subject="s" * 129), "subject"),
    ],
)
def test_a_malformed_request_is_refused_by_the_path_of_its_field(service: Any, asked: Any, field: str) -> None:
    code, details = refusal(service.RequestContact, asked)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert field in [violation.field for violation in details[BadRequest].field_violations]


def test_a_batch_of_the_stated_maximum_is_answered_in_order_each_alone(service: Any) -> None:
    asked = [request(f"batch-{number}") for number in range(MAX_BATCH)]
    asked[3] = request("c" * 129)
    answer = service.BatchRequestContacts(messages.BatchRequestContactsRequest(requests=asked), timeout=60)
    assert len(answer.results) == MAX_BATCH
    assert answer.results[3].error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert details_of(answer.results[3].error)[BadRequest].field_violations[0].field.endswith("customer_id")
    verdicts = [result.response.decisions[0].verdict for result in answer.results if result.HasField("response")]
    assert verdicts == [Verdict.VERDICT_GRANT] * (MAX_BATCH - 1)
    assert answer.results[-1].response.decisions[0].contact_id.endswith(f"@batch-{MAX_BATCH - 1}")


def test_a_batch_over_the_stated_maximum_is_refused(service: Any) -> None:
    asked = messages.BatchRequestContactsRequest(requests=[request()] * (MAX_BATCH + 1))
    code, details = refusal(service.BatchRequestContacts, asked)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert details[BadRequest].field_violations[0].field == "requests"


def test_two_requests_of_a_batch_for_one_customer_are_decided_in_their_order(service: Any) -> None:
    asked = [request("twice", request_id="first"), request("twice", request_id="second")]
    answer = service.BatchRequestContacts(messages.BatchRequestContactsRequest(requests=asked), timeout=30)
    verdicts = [result.response.decisions[0].verdict for result in answer.results]
    assert verdicts == [Verdict.VERDICT_GRANT, Verdict.VERDICT_DENY]


def test_a_stream_is_answered_in_order_a_bad_request_in_its_place(service: Any) -> None:
    asked = [request(f"stream-{number}") for number in range(500)]
    asked[100] = request("c" * 129)
    stream = (messages.StreamRequestContactsRequest(request=entry) for entry in asked)
    answers = [answer.result for answer in service.StreamRequestContacts(stream, timeout=60)]
    assert len(answers) == len(asked)
    for number, answer in enumerate(answers):
        if number == 100:
            assert answer.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
        else:
            assert answer.response.decisions[0].contact_id.endswith(f"@stream-{number}")


def contact_of(service: Any, customer_id: str) -> str:
    return str(service.RequestContact(request(customer_id), timeout=30).decisions[0].contact_id)


def test_the_same_request_id_gets_the_same_contact(service: Any) -> None:
    assert contact_of(service, "again") == contact_of(service, "again")


def test_confirming_twice_is_confirming_once(service: Any) -> None:
    contact_id = contact_of(service, "confirmed")
    for _ in range(2):
        answer = service.ConfirmContact(messages.ConfirmContactRequest(contact_id=contact_id), timeout=30)
        assert answer.contact.state == ContactState.CONTACT_STATE_CONFIRMED


def test_confirming_after_the_release_is_refused_with_the_fact(service: Any) -> None:
    contact_id = contact_of(service, "released")
    released = service.ReleaseContact(
        messages.ReleaseContactRequest(contact_id=contact_id, reason="no stock"), timeout=30
    )
    assert released.contact.state == ContactState.CONTACT_STATE_RELEASED
    code, details = refusal(service.ConfirmContact, messages.ConfirmContactRequest(contact_id=contact_id))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert details[ErrorInfo].reason == "CONTACT_RELEASED"
    assert details[PreconditionFailure].violations[0].subject == contact_id


def test_a_contact_that_does_not_exist_is_not_found_by_its_name(service: Any) -> None:
    contact_id = contact_of(service, "known").replace("@known", "@stranger")
    code, details = refusal(service.ConfirmContact, messages.ConfirmContactRequest(contact_id=contact_id))
    assert code is grpc.StatusCode.NOT_FOUND
    assert details[ResourceInfo].resource_name == contact_id
