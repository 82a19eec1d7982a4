"""What every call goes through: admission, and errors with their details."""

from typing import Any, NoReturn, cast

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from arbiter_rs import ArbiterError
from repit_server.api.calls import Admission, answering
from repit_server.api.errors import DETAILS_KEY, ErrorReason, RpcError, etag_differs, invalid_fields


class AbortedError(Exception):
    pass


class Context:
    """Remembers how a call was aborted."""

    code: grpc.StatusCode
    status: Status

    async def abort(self, code: grpc.StatusCode, details: str, trailing_metadata: Any) -> NoReturn:
        self.code, self.message = code, details
        ((key, value),) = trailing_metadata
        assert key == DETAILS_KEY
        self.status = Status.FromString(value)
        raise AbortedError

    def info(self) -> ErrorInfo:
        info = ErrorInfo()
        assert self.status.details[0].Unpack(info)
        return info


async def aborted(error: Exception, admission: Admission | None = None) -> Context:
    async def answer(_request: bytes) -> bytes:
        raise error

    context = Context()
    with pytest.raises(AbortedError):
        await answering("Verb", admission or Admission(1), answer)(b"", cast("Any", context))
    assert context.status.code == context.code.value[0]
    return context


async def test_an_error_of_the_engine_keeps_its_code_words_and_details() -> None:
    error: Any = ArbiterError("no such contact")
    status = Status(code=5, message="no such contact")
    status.details.add().Pack(ErrorInfo(reason="CONTACT_UNKNOWN"))
    error.code, error.message, error.status = 5, "no such contact", status.SerializeToString()
    context = await aborted(error)
    assert (context.code, context.message) == (grpc.StatusCode.NOT_FOUND, "no such contact")
    assert context.info().reason == "CONTACT_UNKNOWN"


async def test_an_error_of_the_server_has_its_reason_and_domain() -> None:
    context = await aborted(etag_differs("7-abc"))
    assert context.code is grpc.StatusCode.ABORTED
    assert (context.info().reason, context.info().domain) == (ErrorReason.ETAG_DIFFERS, "repit.dev")
    assert context.info().metadata["etag"] == "7-abc"


async def test_a_fault_says_nothing_of_itself_to_the_caller() -> None:
    context = await aborted(RuntimeError("customer 42 lives at 1 High Street"))
    assert context.code is grpc.StatusCode.INTERNAL
    assert "42" not in str(context.status)


async def test_a_call_over_the_maximum_in_work_is_told_to_come_back() -> None:
    admission = Admission(1)
    with admission:
        context = await aborted(AssertionError("never called"), admission)
    assert context.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    retry = RetryInfo()
    assert context.status.details[1].Unpack(retry)
    assert retry.retry_delay.ToMilliseconds() > 0


async def test_a_call_gives_its_place_back_however_it_ends() -> None:
    admission = Admission(1)
    await aborted(RuntimeError("broken"), admission)
    with admission:
        pass


def test_the_message_of_a_bad_request_names_each_field() -> None:
    error = invalid_fields([("author", "is too long"), ("message", "is too long")])
    assert isinstance(error, RpcError)
    assert error.message == "author: is too long; message: is too long"
