"""What a scenario is played against: the engine in this process on one of its stores, or a server over the wire."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from arbiter_rs import Arbiter, ArbiterError
from repit import Answer, Client, Contact, ContactRequest, Engagement, EngagementResult, arbitration_calls
from repit.call import Call
from repit.errors import error_of_status
from repit.google_rpc import Status
from repit.requests import Asked
from repit.v1 import arbitration_service_pb2 as arbitration
from repit_server.catalog import compile_catalog

Result = TypeVar("Result")


class Target(Protocol):
    """The verbs that scenarios use. Raises RepitError."""

    def apply(self, document: str) -> None:
        """Decide by this catalog from here on."""

    def ask(self, request: ContactRequest) -> Answer:
        """Decide and reserve."""

    def check(self, request: ContactRequest) -> Answer:
        """Decide alone."""

    def confirm(self, contact_id: str, at: datetime) -> Contact:
        """The contact was made."""

    def release(self, contact_id: str, at: datetime) -> Contact:
        """The contact was not made."""

    def record(self, engagement: Engagement, at: datetime) -> EngagementResult:
        """Record what came back."""


class EngineTarget:
    """The native module, by the messages of the contract."""

    def __init__(self, arbiter: Arbiter) -> None:
        self._arbiter = arbiter

    def apply(self, document: str) -> None:
        self._arbiter.apply_catalog(compile_catalog(document).compiled)

    def ask(self, request: ContactRequest) -> Answer:
        call = arbitration_calls.request_contact(request, now=moment_of(request))
        return made(call, self._arbiter.request_contact, arbitration.RequestContactResponse)

    def check(self, request: ContactRequest) -> Answer:
        call = arbitration_calls.check_contact(request, now=moment_of(request))
        return made(call, self._arbiter.check_contact, arbitration.CheckContactResponse)

    def confirm(self, contact_id: str, at: datetime) -> Contact:
        call = arbitration_calls.confirm_contact(contact_id, send_time=at, as_of=at)
        return made(call, self._arbiter.confirm_contact, arbitration.ConfirmContactResponse)

    def release(self, contact_id: str, at: datetime) -> Contact:
        call = arbitration_calls.release_contact(contact_id, reason="scenario", as_of=at)
        return made(call, self._arbiter.release_contact, arbitration.ReleaseContactResponse)

    def record(self, engagement: Engagement, at: datetime) -> EngagementResult:
        call = arbitration_calls.record_engagements([engagement], as_of=at)
        (result,) = made(call, self._arbiter.record_engagements, arbitration.RecordEngagementsResponse)
        return result


def moment_of(request: ContactRequest) -> datetime:
    """When it is asked: a scenario always says."""
    if request.as_of is None:
        raise AssertionError("a step of a scenario has its moment")
    return request.as_of


def made(call: Call[Result], verb: Callable[[bytes], bytes], answer: type[Message]) -> Result:
    """The result of a call that the engine answers."""
    try:
        return call.read(answer.FromString(verb(call.message.SerializeToString())))
    except ArbiterError as error:
        raise error_of_status(Status.FromString(error.status)) from error


class ServerTarget:
    """A running server, by the client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def apply(self, document: str) -> None:
        applied = self._client.apply_catalog(document)
        assert not applied.errors, applied

    def ask(self, request: ContactRequest) -> Answer:
        return self._client.request_contact(request.customer_id, **asked(request))

    def check(self, request: ContactRequest) -> Answer:
        return self._client.check_contact(request.customer_id, **asked(request))

    def confirm(self, contact_id: str, at: datetime) -> Contact:
        return self._client.confirm_contact(contact_id, send_time=at, as_of=at)

    def release(self, contact_id: str, at: datetime) -> Contact:
        return self._client.release_contact(contact_id, reason="scenario", as_of=at)

    def record(self, engagement: Engagement, at: datetime) -> EngagementResult:
        (result,) = self._client.record_engagements([engagement], as_of=at)
        return result


def asked(request: ContactRequest) -> Asked:
    """A request as the client takes it."""
    return Asked(
        candidates=request.candidates,
        max_grants=request.max_grants,
        segments=request.segments,
        time_zone=request.time_zone,
        as_of=request.as_of,
        request_id=request.request_id,
    )
