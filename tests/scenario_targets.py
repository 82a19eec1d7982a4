"""What a scenario is played against: the engine in this process on one of its stores, or a server over the wire."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from arbiter_rs import Arbiter, ArbiterError
from repit import Answer, Client, Contact, ContactRequest, Engagement, EngagementResult, RepitError, arbitration_calls
from repit.call import Call
from repit.errors import error_of_rpc, error_of_status
from repit.google_rpc import Status
from repit.requests import Asked
from repit.times import time_in, timestamp_of
from repit.v1 import arbitration_service_pb2 as arbitration
from repit.v1.arbitration_service_pb2_grpc import ArbitrationServiceStub
from repit.v1.claim_pb2 import Claim as ClaimMessage
from repit_server.catalog import compile_catalog

Result = TypeVar("Result")
Reply = TypeVar("Reply", bound=Message)


@dataclass(frozen=True, slots=True)
class Places:
    """Places of one campaign to be registered: the same span, channels and score for every customer."""

    campaign: str
    customers: tuple[str, ...]
    party: str
    channels: tuple[str, ...]
    first: datetime | None
    until: datetime | None
    score: float | None

    def to_message(self, at: datetime) -> arbitration.RegisterClaimsRequest:
        """The places as a message."""
        places = [
            arbitration.ClaimedPlace(customer_id=customer, party_id=self.party, score=self.score)
            for customer in self.customers
        ]
        return arbitration.RegisterClaimsRequest(
            campaign_id=self.campaign,
            channels=self.channels,
            from_time=timestamp_of(self.first, name="from_time"),
            until_time=timestamp_of(self.until, name="until_time"),
            places=places,
            as_of_time=timestamp_of(at, name="as_of"),
        )


@dataclass(frozen=True, slots=True)
class Registration:
    """How many places are registered, and how many of them were known before."""

    registered: int
    known: int

    @classmethod
    def from_message(cls, message: arbitration.RegisterClaimsResponse) -> "Registration":
        """What one message came to. RepitError where it, or the first refused place of it, was refused."""
        if message.HasField("error"):
            raise error_of_status(message.error)
        for refusal in message.refusals:
            raise error_of_status(refusal.error)
        return cls(message.registered_count, message.known_count)


@dataclass(frozen=True, slots=True)
class HeldClaim:
    """A live claim; `channels` and `score` are none where they are not looked at."""

    campaign: str
    first: datetime
    until: datetime
    channels: tuple[str, ...] | None
    score: float | None

    @classmethod
    def from_message(cls, message: ClaimMessage) -> "HeldClaim":
        """The claim of a message."""
        first, until = time_in(message, "from_time"), time_in(message, "until_time")
        assert first is not None, message
        assert until is not None, message
        score = message.score if message.HasField("score") else None
        return cls(message.campaign_id, first, until, tuple(message.channels), score)

    def as_far_as(self, other: "HeldClaim") -> "HeldClaim":
        """Without what the other does not say."""
        channels = None if other.channels is None else self.channels
        return replace(self, channels=channels, score=None if other.score is None else self.score)


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

    def register(self, places: Places, at: datetime) -> Registration:
        """Ask for places in advance."""

    def withdraw(self, campaign: str, customers: Sequence[str], party: str, at: datetime) -> int:
        """Give claims back: of the customers, or all, which are not counted. How many."""

    def claims(self, customer: str, party: str, at: datetime) -> list[HeldClaim]:
        """The live claims of a customer."""


class EngineTarget:
    """The native module, by the messages of the contract."""

    def __init__(self, arbiter: Arbiter) -> None:
        self._arbiter = arbiter
        self._compiled = b""

    def apply(self, document: str) -> None:
        self._compiled = compile_catalog(document).compiled
        self._arbiter.apply_catalog(self._compiled)

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

    def register(self, places: Places, at: datetime) -> Registration:
        message = places.to_message(at)
        return Registration.from_message(
            answered(self._arbiter.register_claims, message, arbitration.RegisterClaimsResponse)
        )

    def withdraw(self, campaign: str, customers: Sequence[str], party: str, at: datetime) -> int:
        if not customers:
            self._arbiter.apply_catalog(self._compiled, withdrawn_campaigns=[campaign])
            return 0
        message = withdrawal(campaign, customers, party, at)
        return answered(self._arbiter.withdraw_claims, message, arbitration.WithdrawClaimsResponse).withdrawn_count

    def claims(self, customer: str, party: str, at: datetime) -> list[HeldClaim]:
        message = listing(customer, party, at)
        held = answered(self._arbiter.list_claims, message, arbitration.ListClaimsResponse)
        return [HeldClaim.from_message(claim) for claim in held.claims]


def error_of(do: Callable[[], object]) -> RepitError | None:
    """The error in which it ends, if it does."""
    try:
        do()
    except RepitError as error:
        return error
    return None


def moment_of(request: ContactRequest) -> datetime:
    """When it is asked: a scenario always says."""
    if request.as_of is None:
        raise AssertionError("a step of a scenario has its moment")
    return request.as_of


def made(call: Call[Result], verb: Callable[[bytes], bytes], answer: type[Message]) -> Result:
    """The result of a call that the engine answers."""
    return call.read(answered(verb, call.message, answer))


def answered(verb: Callable[[bytes], bytes], message: Message, answer: type[Reply]) -> Reply:
    """What the engine answers to a message."""
    try:
        return answer.FromString(verb(message.SerializeToString()))
    except ArbiterError as error:
        raise error_of_status(Status.FromString(error.status)) from error


def withdrawal(campaign: str, customers: Sequence[str], party: str, at: datetime) -> arbitration.WithdrawClaimsRequest:
    """Give claims back, as a message."""
    places = [arbitration.ClaimedPlace(customer_id=customer, party_id=party) for customer in customers]
    as_of = timestamp_of(at, name="as_of")
    return arbitration.WithdrawClaimsRequest(campaign_id=campaign, places=places, as_of_time=as_of)


def listing(customer: str, party: str, at: datetime) -> arbitration.ListClaimsRequest:
    """Which claims are live, as a message."""
    as_of = timestamp_of(at, name="as_of")
    return arbitration.ListClaimsRequest(customer_id=customer, party_id=party, as_of_time=as_of)


class ServerTarget:
    """A running server, by the client; claims by their messages, in which anything can be said."""

    def __init__(self, client: Client, address: str) -> None:
        self._client = client
        self._address = address

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

    def register(self, places: Places, at: datetime) -> Registration:
        (message,) = self._told(lambda stub: list(stub.RegisterClaims(iter([places.to_message(at)]))))
        return Registration.from_message(message)

    def withdraw(self, campaign: str, customers: Sequence[str], party: str, at: datetime) -> int:
        message = withdrawal(campaign, customers, party, at)
        return self._told(lambda stub: stub.WithdrawClaims(message)).withdrawn_count

    def claims(self, customer: str, party: str, at: datetime) -> list[HeldClaim]:
        held = self._told(lambda stub: stub.ListClaims(listing(customer, party, at)))
        return [HeldClaim.from_message(claim) for claim in held.claims]

    def _told(self, do: Callable[[ArbitrationServiceStub], Result]) -> Result:
        with grpc.insecure_channel(self._address) as channel:
            try:
                return do(ArbitrationServiceStub(channel))
            except grpc.RpcError as error:
                raise error_of_rpc(error, target=self._address) from error


def asked(request: ContactRequest) -> Asked:
    """A request as the client takes it."""
    return Asked(
        candidates=request.candidates,
        max_grants=request.max_grants,
        party_id=request.party_id,
        contact_point=request.contact_point,
        subject=request.subject,
        planned_time=request.planned_time,
        segments=request.segments,
        time_zone=request.time_zone,
        as_of=request.as_of,
        request_id=request.request_id,
    )
