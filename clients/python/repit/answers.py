"""What is answered: decisions with their denials and caps, for one request and for each of a batch or stream."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from repit.contact import ContactReference
from repit.errors import RepitError, error_of_status
from repit.kinds import DenialReason, Verdict
from repit.requests import ContactRequest
from repit.times import time_in
from repit.v1.arbitration_service_pb2 import CheckContactResponse, RequestContactResponse, RequestContactResult
from repit.v1.decision_pb2 import Alternative as AlternativeMessage
from repit.v1.decision_pb2 import CapUsage as CapUsageMessage
from repit.v1.decision_pb2 import Decision as DecisionMessage
from repit.v1.denial_pb2 import Denial as DenialMessage
from repit.wording import Reader, figure, reason_words, retry_words


@dataclass(frozen=True, slots=True)
class CapUsage:
    """How much of a frequency cap is used, this contact included.

    `limit`, `used` and `left` in contacts, pressure points or money.
    """

    policy: str
    rule: str
    limit: float
    used: float
    left: float

    @classmethod
    def from_message(cls, message: CapUsageMessage) -> "CapUsage":
        """The usage of a message."""
        return cls(message.policy, message.rule, message.limit, message.used, message.left)

    def __str__(self) -> str:
        return f"{self.rule} {figure(self.left)} of {figure(self.limit)} left"


@dataclass(frozen=True, slots=True)
class Denial:
    """One rule that spoke against, with its figures.

    `earliest_time` is the first instant from which this rule no longer speaks against, if nothing else happens; none
    where no time helps.
    """

    reason: DenialReason
    policy: str
    rule: str
    limit: float
    used: float
    window: str
    contacts: tuple[ContactReference, ...]
    outranked_by: str
    earliest_time: datetime | None

    @classmethod
    def from_message(cls, message: DenialMessage) -> "Denial":
        """The denial of a message."""
        return cls(
            reason=DenialReason.of_number(message.reason),
            policy=message.policy,
            rule=message.rule,
            limit=message.limit,
            used=message.used,
            window=message.window,
            contacts=tuple(ContactReference.from_message(contact) for contact in message.contacts),
            outranked_by=message.outranked_by,
            earliest_time=time_in(message, "earliest_time"),
        )

    def __str__(self) -> str:
        return self.describe()

    def describe(self, zone: tzinfo | None = None) -> str:
        """The denial in words; times in `zone`, in the local one where none."""
        return _refused((self,), self.earliest_time, Reader(zone))

    def why(self) -> str:
        """`by three-a-week: 3 of 3 in 7 d`, or only the words where no rule of a policy spoke."""
        words = reason_words(
            self.reason, used=self.used, limit=self.limit, window=self.window, outranked_by=self.outranked_by
        )
        return f"by {self.rule}: {words}" if self.rule else words


def _refused(denials: tuple[Denial, ...], earliest_time: datetime | None, reader: Reader) -> str:
    refused = "refused" if denials and denials[0].rule else "refused:"
    whys = "; ".join(denial.why() for denial in denials)
    return f"{refused} {whys}; {retry_words(earliest_time, reader)}"


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict for one candidate, with everything that spoke for or against it. `bool()` is whether it was granted.

    `contact_id` names the reservation of a grant: confirm or release it, and name it with engagements. CheckContact
    gives none. `earliest_time` is the first instant at which no rule speaks against, if nothing else happens; none
    where no time helps, and on grants. `asked_time` is when it was asked: `str()` leaves out the date of times near to
    it.
    """

    campaign_id: str
    channel: str
    verdict: Verdict
    contact_id: str
    expire_time: datetime | None
    remaining: tuple[CapUsage, ...]
    denials: tuple[Denial, ...]
    earliest_time: datetime | None
    asked_time: datetime | None = None

    @classmethod
    def from_message(cls, message: DecisionMessage, *, asked_time: datetime | None = None) -> "Decision":
        """The decision of a message."""
        return cls(
            campaign_id=message.campaign_id,
            channel=message.channel,
            verdict=Verdict.of_number(message.verdict),
            contact_id=message.contact_id,
            expire_time=time_in(message, "expire_time"),
            remaining=tuple(CapUsage.from_message(usage) for usage in message.remaining),
            denials=tuple(Denial.from_message(denial) for denial in message.denials),
            earliest_time=time_in(message, "earliest_time"),
            asked_time=asked_time,
        )

    @property
    def is_granted(self) -> bool:
        """Whether the contact may be made."""
        return self.verdict is Verdict.GRANT

    def __bool__(self) -> bool:
        return self.is_granted

    def __str__(self) -> str:
        return self.describe()

    def describe(self, zone: tzinfo | None = None) -> str:
        """The decision in words; times in `zone`, in the local one where none.

        `granted until 14:35: spring by email; three-a-week 1 of 3 left`, or
        `refused by three-a-week: 3 of 3 in 7 d; ask again after Thu 14:05`.
        """
        reader = Reader(zone, self.asked_time)
        return self._grant_words(reader) if self.is_granted else _refused(self.denials, self.earliest_time, reader)

    def _grant_words(self, reader: Reader) -> str:
        granted = "granted" if self.contact_id else "would be granted"
        if self.contact_id and self.expire_time is not None:
            granted += f" until {reader.until(self.expire_time)}"
        caps = ", ".join(str(usage) for usage in self.remaining)
        words = f"{granted}: {self.campaign_id} by {self.channel}"
        return f"{words}; {caps}" if caps else words


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another way that was open at the same instant, and why it is proposed."""

    campaign_id: str
    channel: str
    why: str

    @classmethod
    def from_message(cls, message: AlternativeMessage) -> "Alternative":
        """The alternative of a message."""
        return cls(message.campaign_id, message.channel, message.why)

    def __str__(self) -> str:
        return f"open instead: {self.campaign_id} by {self.channel} ({self.why})"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request: one decision per candidate, in the order asked.

    `bool()` is whether anything was granted, so that `if answer:` never takes a refusal for a yes; `is_granted` says
    the same and reads better.
    """

    request: ContactRequest
    decisions: tuple[Decision, ...]
    catalog_version: int
    alternatives: tuple[Alternative, ...] = ()

    @classmethod
    def from_message(
        cls, request: ContactRequest, message: RequestContactResponse | CheckContactResponse, *, now: datetime
    ) -> "Answer":
        """The answer of a message, beside its request; `now` is when it was asked, unless the request says `as_of`."""
        asked_time = request.as_of or now
        return cls(
            request=request,
            decisions=tuple(Decision.from_message(decision, asked_time=asked_time) for decision in message.decisions),
            catalog_version=message.catalog_version,
            alternatives=tuple(Alternative.from_message(alternative) for alternative in message.alternatives),
        )

    @property
    def granted(self) -> tuple[Decision, ...]:
        """The decisions that are grants."""
        return tuple(decision for decision in self.decisions if decision.is_granted)

    @property
    def is_granted(self) -> bool:
        """Whether at least one candidate was granted."""
        return any(decision.is_granted for decision in self.decisions)

    @property
    def decision(self) -> Decision:
        """The decision of a request with one candidate; ValueError where there are several."""
        if len(self.decisions) != 1:
            raise ValueError(f"{len(self.decisions)} decisions, not one; look at `decisions` or `granted`")
        return self.decisions[0]

    @property
    def contact_id(self) -> str:
        """The reservation of the first grant; empty where nothing was granted, and for CheckContact."""
        return next((decision.contact_id for decision in self.decisions if decision.is_granted), "")

    def __bool__(self) -> bool:
        return self.is_granted

    def __str__(self) -> str:
        return self.describe()

    def describe(self, zone: tzinfo | None = None) -> str:
        """The answer in words, one line for each decision and alternative.

        Times in `zone`, in the local one where none.
        """
        is_alone = len(self.decisions) == 1
        lines = [
            decision.describe(zone) if is_alone or decision.is_granted else _named(decision, zone)
            for decision in self.decisions
        ]
        return "\n".join([*lines, *(str(alternative) for alternative in self.alternatives)])


def _named(decision: Decision, zone: tzinfo | None) -> str:
    return f"{decision.campaign_id} by {decision.channel} {decision.describe(zone)}"


@dataclass(frozen=True, slots=True)
class RequestResult:
    """The answer to one request of a batch or stream, or the error of that request alone.

    `bool()` is whether something was granted.
    """

    request: ContactRequest
    answer: Answer | None
    error: RepitError | None

    @classmethod
    def from_message(cls, request: ContactRequest, message: RequestContactResult, *, now: datetime) -> "RequestResult":
        """The result of a message, beside its request."""
        if message.WhichOneof("result") == "error":
            return cls(request, None, error_of_status(message.error))
        return cls(request, Answer.from_message(request, message.response, now=now), None)

    @property
    def is_granted(self) -> bool:
        """Whether there is an answer, and at least one candidate was granted."""
        return self.answer is not None and self.answer.is_granted

    def require_answer(self) -> Answer:
        """The answer; raises the error where there is none."""
        if self.answer is not None:
            return self.answer
        if self.error is not None:
            raise self.error
        raise ValueError("a result without answer and without error; make results with `from_message`")

    def __bool__(self) -> bool:
        return self.is_granted

    def __str__(self) -> str:
        return f"{self.request.customer_id}: {self.error if self.answer is None else self.answer}"
