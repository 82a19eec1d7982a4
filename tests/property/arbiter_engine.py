"""The native module behind the plain values of the comparison: the only file here that knows its messages."""

from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from arbiter_rs import Arbiter, ArbiterError
from repit.v1.arbitration_service_pb2 import (
    CheckContactRequest,
    CheckContactResponse,
    ConfirmContactRequest,
    RecordEngagementsRequest,
    RecordEngagementsResponse,
    ReleaseContactRequest,
    RequestContactRequest,
    RequestContactResponse,
)
from repit.v1.candidate_pb2 import Candidate as CandidateMessage
from repit.v1.candidate_pb2 import CustomerContext
from repit.v1.decision_pb2 import Decision as DecisionMessage
from repit.v1.decision_pb2 import Verdict
from repit.v1.denial_pb2 import DenialReason
from repit.v1.engagement_pb2 import Engagement as EngagementMessage
from repit.v1.engagement_pb2 import EngagementKind
from repit_server.catalog import compile_catalog
from tests.property.engine import EngineDecision, EngineDenial, EngineRecorded
from tests.property.reference_rules import Document
from tests.property.reference_values import Candidate, Engagement, Request
from tests.property.report import yaml_of

Message = TypeVar("Message", RequestContactRequest, CheckContactRequest)
CODES = {5: "not_found", 9: "failed_precondition"}
"""The codes of gRPC that are outcomes; every other error is a failure of the test."""


class ArbiterEngine:
    """The native module on one of its stores, with the time taken from each call."""

    def __init__(self, store: str) -> None:
        self._arbiter = Arbiter.open(store, clock="request")

    def close(self) -> None:
        """Let go of the store."""
        self._arbiter.close()

    def apply(self, catalog: Document) -> None:
        """Decide by this catalog document from here on."""
        self._arbiter.apply_catalog(compile_catalog(yaml_of(catalog)).compiled)

    def request(self, asked: Request) -> list[EngineDecision]:
        """Decide and reserve."""
        message = fill(RequestContactRequest(request_id=asked.request_id), asked)
        answer = RequestContactResponse.FromString(self._arbiter.request_contact(message.SerializeToString()))
        return [decision_of(decision) for decision in answer.decisions]

    def check(self, asked: Request) -> list[EngineDecision]:
        """Decide alone."""
        message = fill(CheckContactRequest(), asked)
        answer = CheckContactResponse.FromString(self._arbiter.check_contact(message.SerializeToString()))
        return [decision_of(decision) for decision in answer.decisions]

    def confirm(self, contact_id: str, moment: int) -> str:
        """`ok` or the code of the error."""
        message = ConfirmContactRequest(
            contact_id=contact_id, send_time=timestamp(moment), as_of_time=timestamp(moment)
        )
        try:
            self._arbiter.confirm_contact(message.SerializeToString())
        except ArbiterError as error:
            return outcome_of(error.code, error)
        return "ok"

    def release(self, contact_id: str, moment: int) -> str:
        """`ok` or the code of the error."""
        message = ReleaseContactRequest(contact_id=contact_id, as_of_time=timestamp(moment))
        try:
            self._arbiter.release_contact(message.SerializeToString())
        except ArbiterError as error:
            return outcome_of(error.code, error)
        return "ok"

    def record(self, customer: str, engagement: Engagement, contact_id: str, moment: int) -> EngineRecorded:
        """Report an engagement of a contact, or of none where `contact_id` is empty."""
        report = EngagementMessage(
            event_id=engagement.event_id,
            customer_id=customer,
            kind=EngagementKind.Value(f"ENGAGEMENT_KIND_{engagement.kind.upper()}"),
            contact_id=contact_id,
            campaign_id=engagement.campaign or "",
            channel=engagement.channel or "",
            offer_family=engagement.family or "",
            value=engagement.value,
            event_time=timestamp(engagement.time),
            segments=engagement.segments,
        )
        message = RecordEngagementsRequest(engagements=[report], as_of_time=timestamp(moment))
        answer = RecordEngagementsResponse.FromString(self._arbiter.record_engagements(message.SerializeToString()))
        (result,) = answer.results
        if result.HasField("error"):
            return EngineRecorded(outcome_of(result.error.code, AssertionError(result.error.message)), "")
        return EngineRecorded("duplicate" if result.is_duplicate else "recorded", result.contact_id)


def fill(message: Message, asked: Request) -> Message:
    """Write what is asked into either message."""
    message.customer_id = asked.customer
    message.candidates.extend(candidate_of(candidate) for candidate in asked.candidates)
    message.max_grants = asked.max_grants
    message.customer.CopyFrom(CustomerContext(segments=asked.segments, time_zone=asked.zone or ""))
    message.as_of_time.CopyFrom(timestamp(asked.time))
    return message


def candidate_of(candidate: Candidate) -> CandidateMessage:
    """A candidate as a message."""
    deadline = None if candidate.deadline is None else timestamp(candidate.deadline)
    return CandidateMessage(
        campaign_id=candidate.campaign, channel=candidate.channel, score=candidate.score, deadline_time=deadline
    )


def decision_of(message: DecisionMessage) -> EngineDecision:
    """A decision as plain values."""
    denials = tuple(
        EngineDenial(
            DenialReason.Name(denial.reason).removeprefix("DENIAL_REASON_"),
            denial.policy,
            denial.rule,
            milliseconds(denial.earliest_time) if denial.HasField("earliest_time") else None,
            denial.used,
            denial.limit,
            denial.outranked_by,
        )
        for denial in message.denials
    )
    return EngineDecision(
        Verdict.Name(message.verdict).removeprefix("VERDICT_"),
        denials,
        milliseconds(message.earliest_time) if message.HasField("earliest_time") else None,
        message.contact_id,
        milliseconds(message.expire_time) if message.HasField("expire_time") else None,
        tuple((cap.policy, cap.rule, cap.limit, cap.used, cap.left) for cap in message.remaining),
    )


def outcome_of(code: int, error: Exception) -> str:
    """The outcome that a code of gRPC stands for; raises `error` where it stands for none."""
    if code not in CODES:
        raise error
    return CODES[code]


def timestamp(moment: int) -> Timestamp:
    """An instant in ms as a message."""
    return Timestamp(seconds=moment // 1000, nanos=moment % 1000 * 1_000_000)


def milliseconds(message: Timestamp) -> int:
    """A message as an instant in ms; AssertionError where it is not whole."""
    if message.nanos % 1_000_000:
        raise AssertionError(f"{message} is not a whole millisecond")
    return message.seconds * 1000 + message.nanos // 1_000_000
