"""What goes wrong: each status of the contract, its class, its details, its words."""

import socket

import grpc
import pytest
from google.protobuf.any_pb2 import Any

import repit
from repit import Client, RepitError
from repit.errors import ERRORS, error_of_status
from repit.google_rpc import BadRequest, ErrorInfo, PreconditionFailure, ResourceInfo, Status
from tests.unit.client.canned_server import CannedServer, Failure, FakeClock, store_away

CONTRACT = {
    grpc.StatusCode.INVALID_ARGUMENT: repit.InvalidArgumentError,
    grpc.StatusCode.NOT_FOUND: repit.NotFoundError,
    grpc.StatusCode.ALREADY_EXISTS: repit.AlreadyExistsError,
    grpc.StatusCode.FAILED_PRECONDITION: repit.FailedPreconditionError,
    grpc.StatusCode.ABORTED: repit.AbortedError,
    grpc.StatusCode.UNAUTHENTICATED: repit.UnauthenticatedError,
    grpc.StatusCode.PERMISSION_DENIED: repit.PermissionDeniedError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: repit.ResourceExhaustedError,
    grpc.StatusCode.UNAVAILABLE: repit.UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: repit.DeadlineExceededError,
}


def ask(client: Client) -> RepitError:
    with pytest.raises(RepitError) as caught:
        client.request_contact("customer-42", campaign="spring", channel="email")
    return caught.value


@pytest.mark.parametrize("code", list(CONTRACT), ids=lambda code: code.name)
def test_each_status_of_the_contract_is_a_class_of_its_own(
    canned: CannedServer, client: Client, code: grpc.StatusCode
) -> None:
    info = ErrorInfo(reason="SOME_REASON", domain="repit.dev", metadata={"customer_id": "customer-42"})
    canned.answers = [Failure(code, "it went wrong", (info,))] * 6
    error = ask(client)
    assert type(error) is CONTRACT[code]
    assert error.code is code
    assert error.reason == "SOME_REASON"
    assert error.metadata == {"customer_id": "customer-42"}
    assert str(error).splitlines()[0] == "it went wrong"
    assert type(error).remedy in str(error)


def test_the_classes_are_those_of_the_contract_and_all_are_exported() -> None:
    assert ERRORS == CONTRACT
    assert len({kind.remedy for kind in ERRORS.values()}) == len(ERRORS)
    assert all(kind.__name__ in repit.__all__ for kind in ERRORS.values())


def test_a_status_that_the_contract_does_not_name_is_a_plain_error(canned: CannedServer, client: Client) -> None:
    canned.answers = [Failure(grpc.StatusCode.INTERNAL, "a bug")]
    assert type(ask(client)) is RepitError


def test_a_malformed_request_names_its_fields(canned: CannedServer, client: Client) -> None:
    violation = BadRequest.FieldViolation(field="candidates[0].score", description="not a number")
    canned.answers = [
        Failure(grpc.StatusCode.INVALID_ARGUMENT, "malformed", (BadRequest(field_violations=[violation]),))
    ]
    error = ask(client)
    assert error.field_violations == (repit.FieldViolation("candidates[0].score", "not a number"),)
    assert str(error) == "malformed\n  candidates[0].score: not a number\ncorrect the request; nothing was done"


def test_a_field_that_the_message_names_already_is_not_named_twice(canned: CannedServer, client: Client) -> None:
    violation = BadRequest.FieldViolation(field="customer_id", description="longer than 128 bytes")
    message = "customer_id: longer than 128 bytes"
    canned.answers = [Failure(grpc.StatusCode.INVALID_ARGUMENT, message, (BadRequest(field_violations=[violation]),))]
    assert str(ask(client)) == "customer_id: longer than 128 bytes\ncorrect the request; nothing was done"


def test_what_does_not_exist_is_named(canned: CannedServer, client: Client) -> None:
    resource = ResourceInfo(resource_type="contact", resource_name="1-abc@customer-42")
    canned.answers = [Failure(grpc.StatusCode.NOT_FOUND, "no such contact", (resource,))]
    with pytest.raises(repit.NotFoundError) as caught:
        client.confirm_contact("1-abc@customer-42")
    assert caught.value.resource == repit.Resource("contact", "1-abc@customer-42")


def test_the_facts_that_forbid_are_told(canned: CannedServer, client: Client) -> None:
    fact = PreconditionFailure.Violation(type="CONTACT_STATE", subject="1-abc", description="it was released")
    canned.answers = [Failure(grpc.StatusCode.FAILED_PRECONDITION, "no", (PreconditionFailure(violations=[fact]),))]
    with pytest.raises(repit.FailedPreconditionError, match="1-abc: it was released") as caught:
        client.confirm_contact("1-abc")
    assert caught.value.precondition_violations[0].type == "CONTACT_STATE"


def test_the_wait_that_the_server_asks_for_is_told(canned: CannedServer, client: Client) -> None:
    canned.answers = [store_away(retry_after_s=30)]
    error = ask(client)
    assert error.is_retryable
    assert error.retry_after_s == 30
    assert str(error).endswith("the server asks for a wait of 30 s")


def test_details_that_cannot_be_read_do_not_hide_the_error(canned: CannedServer, client: Client) -> None:
    unreadable = Any(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\xff")
    assert error_of_status(Status(code=3, message="malformed", details=[unreadable])).reason == ""
    unknown = Any(type_url="type.googleapis.com/some.Other", value=b"")
    canned.answers = [Failure(grpc.StatusCode.ABORTED, "etag differs", (unknown,))]
    assert isinstance(ask(client), repit.AbortedError)


def test_a_status_number_that_grpc_does_not_have_is_unknown() -> None:
    assert error_of_status(Status(code=99)).code is grpc.StatusCode.UNKNOWN


def test_a_server_that_is_not_there_is_named(clock: FakeClock) -> None:
    with socket.socket() as bound:
        # Bound and not listening: nobody answers here, and nobody else can.
        bound.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{bound.getsockname()[1]}"
        with Client(target, clock=clock, sleep=clock.sleep) as client:
            error = ask(client)
    assert isinstance(error, repit.UnavailableError)
    assert str(error).startswith(f"no answer from `{target}`")
    assert isinstance(error.__cause__, grpc.RpcError)


def test_an_answer_that_comes_too_late_is_no_answer(canned: CannedServer, client: Client) -> None:
    with pytest.raises(repit.DeadlineExceededError, match=f"no answer from `{canned.target}` in time"):
        client.request_contact("c", campaign="a", channel="b", deadline_s=0)
