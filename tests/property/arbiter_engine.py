"""The native module behind the plain values of the comparison: the only file here that knows its messages."""

from collections.abc import Callable
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from arbiter_rs import Arbiter, ArbiterError
from repit.v1.arbitration_service_pb2 import (
    CheckContactRequest,
    CheckContactResponse,
    ClaimedPlace,
    ConfirmContactRequest,
    ListClaimsRequest,
    ListClaimsResponse,
    RecordEngagementsRequest,
    RecordEngagementsResponse,
    RegisterClaimsRequest,
    RegisterClaimsResponse,
    ReleaseContactRequest,
    RequestContactRequest,
    RequestContactResponse,
    WithdrawClaimsRequest,
    WithdrawClaimsResponse,
)
from repit.v1.candidate_pb2 import Candidate as CandidateMessage
from repit.v1.candidate_pb2 import CustomerContext
from repit.v1.claim_pb2 import Claim as ClaimMessage
from repit.v1.decision_pb2 import Alternative as AlternativeMessage
from repit.v1.decision_pb2 import AlternativeKind, Verdict
from repit.v1.decision_pb2 import Decision as DecisionMessage
from repit.v1.decision_pb2 import Score as ScoreMessage
from repit.v1.denial_pb2 import Denial as DenialMessage
from repit.v1.denial_pb2 import DenialReason
from repit.v1.engagement_pb2 import Engagement as EngagementMessage
from repit.v1.engagement_pb2 import EngagementKind
from repit_server.catalog import compile_catalog
from tests.property.engine import EngineDecision, EngineDenial, EngineRecorded, EngineResponse
from tests.property.reference_values import (
    Alternative,
    Candidate,
    Claim,
    Document,
    Engagement,
    Factors,
    Request,
    Score,
)
from tests.property.report import yaml_of

Message = TypeVar("Message", RequestContactRequest, CheckContactRequest)
CODES = {3: "invalid_argument", 5: "not_found", 8: "resource_exhausted", 9: "failed_precondition"}
"""The codes of gRPC that are outcomes; every other error is a failure of the test."""


class ArbiterEngine:
    """The native module on an empty store each time it begins, with the time taken from each call."""

    def __init__(self, empty_store: Callable[[], str]) -> None:
        self._empty_store = empty_store
        self._arbiter: Arbiter | None = None

    def begin(self) -> None:
        """Forget everything: go on with an empty store."""
        self.close()
        self._arbiter = Arbiter.open(self._empty_store(), clock="request")

    def close(self) -> None:
        """Let go of the store."""
        if self._arbiter is not None:
            self._arbiter.close()

    @property
    def arbiter(self) -> Arbiter:
        """The native module; AssertionError before it began."""
        if self._arbiter is None:
            raise AssertionError("the engine has not begun")
        return self._arbiter

    def apply(self, catalog: Document, withdrawn: tuple[str, ...] = ()) -> None:
        """Decide by this catalog document from here on; every claim of the campaigns withdrawn is dead."""
        self.arbiter.apply_catalog(compile_catalog(yaml_of(catalog)).compiled, withdrawn_campaigns=list(withdrawn))

    def request(self, asked: Request) -> EngineResponse | str:
        """Decide and reserve; the code of the error where that is refused."""
        message = fill(RequestContactRequest(request_id=asked.request_id), asked)
        try:
            answer = self.arbiter.request_contact(message.SerializeToString())
        except ArbiterError as error:
            return outcome_of(error.code, error)
        return response_of(RequestContactResponse.FromString(answer))

    def check(self, asked: Request) -> EngineResponse | str:
        """Decide alone; the code of the error where that is refused."""
        message = fill(CheckContactRequest(), asked)
        try:
            answer = self.arbiter.check_contact(message.SerializeToString())
        except ArbiterError as error:
            return outcome_of(error.code, error)
        return response_of(CheckContactResponse.FromString(answer))

    def confirm(self, contact_id: str, moment: int) -> str:
        """`ok` or the code of the error."""
        message = ConfirmContactRequest(
            contact_id=contact_id, send_time=timestamp(moment), as_of_time=timestamp(moment)
        )
        try:
            self.arbiter.confirm_contact(message.SerializeToString())
        except ArbiterError as error:
            return outcome_of(error.code, error)
        return "ok"

    def release(self, contact_id: str, moment: int) -> str:
        """`ok` or the code of the error."""
        message = ReleaseContactRequest(contact_id=contact_id, as_of_time=timestamp(moment))
        try:
            self.arbiter.release_contact(message.SerializeToString())
        except ArbiterError as error:
            return outcome_of(error.code, error)
        return "ok"

    def record(self, customer: str, engagement: Engagement, contact_id: str, moment: int, party: str) -> EngineRecorded:
        """Report an engagement of a contact, or of none where `contact_id` is empty."""
        report = EngagementMessage(
            event_id=engagement.event_id,
            customer_id=customer,
            party_id=party,
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
        answer = RecordEngagementsResponse.FromString(self.arbiter.record_engagements(message.SerializeToString()))
        (result,) = answer.results
        if result.HasField("error"):
            return EngineRecorded(outcome_of(result.error.code, AssertionError(result.error.message)), "")
        return EngineRecorded("duplicate" if result.is_duplicate else "recorded", result.contact_id)

    def register(self, claim: Claim, moment: int, party: str) -> str:
        """`registered`, `known` or the code of the error."""
        message = RegisterClaimsRequest(
            campaign_id=claim.campaign,
            channels=claim.channels,
            from_time=None if claim.begins == moment else timestamp(claim.begins),
            until_time=timestamp(claim.until),
            places=[ClaimedPlace(customer_id=claim.customer, party_id=party, score=claim.score)],
            as_of_time=timestamp(moment),
        )
        answer = RegisterClaimsResponse.FromString(self.arbiter.register_claims(message.SerializeToString()))
        for error in (answer.error, *(refusal.error for refusal in answer.refusals)):
            if error.code:
                return outcome_of(error.code, AssertionError(error.message))
        return {(1, 0): "registered", (1, 1): "known"}[answer.registered_count, answer.known_count]

    def withdraw(self, campaign: str, customer: str, moment: int, party: str) -> str:
        """`n withdrawn`, of the live claims, or the code of the error."""
        place = ClaimedPlace(customer_id=customer, party_id=party)
        message = WithdrawClaimsRequest(campaign_id=campaign, places=[place], as_of_time=timestamp(moment))
        try:
            answer = self.arbiter.withdraw_claims(message.SerializeToString())
        except ArbiterError as error:
            return outcome_of(error.code, error)
        return f"{WithdrawClaimsResponse.FromString(answer).withdrawn_count} withdrawn"

    def claims(self, customer: str, moment: int, party: str) -> tuple[Claim, ...]:
        """The customer's live claims."""
        message = ListClaimsRequest(customer_id=customer, party_id=party, as_of_time=timestamp(moment))
        answer = ListClaimsResponse.FromString(self.arbiter.list_claims(message.SerializeToString()))
        return tuple(claim_of(claim) for claim in answer.claims)


def fill(message: Message, asked: Request) -> Message:
    """Write what is asked into either message."""
    message.customer_id = asked.customer
    message.candidates.extend(candidate_of(candidate) for candidate in asked.candidates)
    message.max_grants = asked.max_grants
    message.party_id = asked.party
    message.contact_point = asked.contact_point
    message.subject = asked.subject
    message.customer.CopyFrom(CustomerContext(segments=asked.segments, time_zone=asked.zone or ""))
    if asked.planned is not None:
        message.planned_time.CopyFrom(timestamp(asked.planned))
    message.as_of_time.CopyFrom(timestamp(asked.time))
    return message


def candidate_of(candidate: Candidate) -> CandidateMessage:
    """A candidate as a message."""
    return CandidateMessage(
        campaign_id=candidate.campaign,
        channel=candidate.channel,
        score=candidate.score,
        deadline_time=None if candidate.deadline is None else timestamp(candidate.deadline),
        answer_probability=candidate.probability,
        value=candidate.value,
    )


def response_of(message: RequestContactResponse | CheckContactResponse) -> EngineResponse:
    """An answer as plain values."""
    decisions = tuple(decision_of(decision) for decision in message.decisions)
    return EngineResponse(decisions, tuple(alternative_of(alternative) for alternative in message.alternatives))


def alternative_of(message: AlternativeMessage) -> Alternative:
    """An alternative as plain values."""
    kind = AlternativeKind.Name(message.kind).removeprefix("ALTERNATIVE_KIND_").lower()
    return Alternative(kind, message.campaign_id, message.channel, moment_of(message.time))


def decision_of(message: DecisionMessage) -> EngineDecision:
    """A decision as plain values."""
    return EngineDecision(
        Verdict.Name(message.verdict).removeprefix("VERDICT_"),
        tuple(denial_of(denial) for denial in message.denials),
        moment_of(message.earliest_time) if message.HasField("earliest_time") else None,
        message.contact_id,
        moment_of(message.expire_time) if message.HasField("expire_time") else None,
        tuple((cap.policy, cap.rule, cap.limit, cap.used, cap.left) for cap in message.remaining),
        score_of(message.score) if message.HasField("score") else None,
    )


def denial_of(message: DenialMessage) -> EngineDenial:
    """A denial as plain values."""
    return EngineDenial(
        DenialReason.Name(message.reason).removeprefix("DENIAL_REASON_"),
        message.policy,
        message.rule,
        moment_of(message.earliest_time) if message.HasField("earliest_time") else None,
        message.used,
        message.limit,
        message.outranked_by,
        tuple((contact.contact_id, moment_of(contact.contact_time)) for contact in message.contacts),
    )


def score_of(message: ScoreMessage) -> Score:
    """A score as plain values."""
    factors = (message.answer_probability, message.value, message.affinity, message.fatigue, message.cost)
    return Score(message.score, None if message.is_given else Factors(*factors))


def claim_of(message: ClaimMessage) -> Claim:
    """A claim as plain values."""
    return Claim(
        message.customer_id,
        message.campaign_id,
        moment_of(message.from_time),
        moment_of(message.until_time),
        tuple(sorted(message.channels)),
        message.score if message.HasField("score") else None,
    )


def outcome_of(code: int, error: Exception) -> str:
    """The outcome that a code of gRPC stands for; raises `error` where it stands for none."""
    if code not in CODES:
        raise error
    return CODES[code]


def timestamp(moment: int) -> Timestamp:
    """An instant in ms as a message."""
    return Timestamp(seconds=moment // 1000, nanos=moment % 1000 * 1_000_000)


def moment_of(message: Timestamp) -> int:
    """A message as an instant in ms; AssertionError where it is not whole."""
    if message.nanos % 1_000_000:
        raise AssertionError(f"{message} is not a whole millisecond")
    return message.seconds * 1000 + message.nanos // 1_000_000
