"""What is answered: decisions with their denials and caps, for one request and for each of a batch or stream."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from repit.contact import ContactReference
from repit.errors import RepitError, error_of_status
from repit.kinds import AlternativeKind, DenialReason, Verdict
from repit.language import ENGLISH, Language
from repit.requests import ContactRequest
from repit.times import time_in
from repit.v1.arbitration_service_pb2 import CheckContactResponse, RequestContactResponse, RequestContactResult
from repit.v1.decision_pb2 import Alternative as AlternativeMessage
from repit.v1.decision_pb2 import CapUsage as CapUsageMessage
from repit.v1.decision_pb2 import Decision as DecisionMessage
from repit.v1.decision_pb2 import Score as ScoreMessage
from repit.v1.denial_pb2 import Denial as DenialMessage
from repit.wording import (
    ALTERNATIVES,
    Reader,
    figure,
    outranked_words,
    prerequisite_words,
    reason_words,
    retry_words,
)


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
        return self.describe()

    def describe(self, language: Language = ENGLISH) -> str:
        """The usage in words: `three-a-week 1 of 3 left`."""
        left, limit = figure(self.left, language), figure(self.limit, language)
        return language.say("{rule} {left} of {limit} left", rule=self.rule, left=left, limit=limit)


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

    def describe(self, zone: tzinfo | None = None, language: Language = ENGLISH) -> str:
        """The denial in words; times in `zone`, in the local one where none."""
        return _refused((self,), self.earliest_time, Reader(zone, language=language))

    def why(self, language: Language = ENGLISH) -> str:
        """`by three-a-week: 3 of 3 in 7 d`, or only the words where no rule of a policy spoke."""
        words = self.words(language)
        return language.say("by {rule}: {words}", rule=self.rule, words=words) if self.rule else words

    def words(self, language: Language = ENGLISH) -> str:
        """What spoke against, with its figures: `3 of 3 in 7 d`."""
        if self.reason is DenialReason.NOT_ELIGIBLE and self.rule:
            return prerequisite_words(self.window, language)
        if self.reason is DenialReason.OUTRANKED and self.rule:
            return outranked_words(
                self.outranked_by, used=self.used, limit=self.limit, window=self.window, language=language
            )
        return reason_words(
            self.reason,
            used=self.used,
            limit=self.limit,
            window=self.window,
            outranked_by=self.outranked_by,
            language=language,
        )


def _refused(denials: tuple[Denial, ...], earliest_time: datetime | None, reader: Reader) -> str:
    say = reader.language.say
    whys = "; ".join(denial.why(reader.language) for denial in denials)
    refused = say("refused {whys}", whys=whys) if denials and denials[0].rule else say("refused: {whys}", whys=whys)
    return f"{refused}; {retry_words(earliest_time, reader)}"


@dataclass(frozen=True, slots=True)
class Score:
    """What a candidate was ranked by, after its priority, and what it was made of.

    answer_probability x value x affinity x fatigue - cost; where the score `is_given`, the factors are not looked at.
    """

    score: float
    is_given: bool
    answer_probability: float
    value: float
    affinity: float
    fatigue: float
    cost: float

    @classmethod
    def from_message(cls, message: ScoreMessage) -> "Score":
        """The score of a message."""
        return cls(
            score=message.score,
            is_given=message.is_given,
            answer_probability=message.answer_probability,
            value=message.value,
            affinity=message.affinity,
            fatigue=message.fatigue,
            cost=message.cost,
        )

    def __str__(self) -> str:
        return self.describe()

    def describe(self, language: Language = ENGLISH) -> str:
        """The score in words: as given, or what it was worked out from."""
        if self.is_given:
            return language.say("score {score}, as given", score=figure(self.score, language))
        return language.say(
            "score {score} = probability {probability} x value {value} x affinity {affinity} x fatigue {fatigue}"
            " - cost {cost}",
            score=figure(self.score, language),
            probability=figure(self.answer_probability, language),
            value=figure(self.value, language),
            affinity=figure(self.affinity, language),
            fatigue=figure(self.fatigue, language),
            cost=figure(self.cost, language),
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict for one candidate, with everything that spoke for or against it. `bool()` is whether it was granted.

    `contact_id` names the reservation of a grant: confirm or release it, and name it with engagements. CheckContact
    gives none. `earliest_time` is the first instant at which no rule speaks against, if nothing else happens; none
    where no time helps, and on grants. `score` is none where nothing but the priority was known. `asked_time` is when
    it was asked: `str()` leaves out the date of times near to it.
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
    score: Score | None = None

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
            score=Score.from_message(message.score) if message.HasField("score") else None,
        )

    @property
    def is_granted(self) -> bool:
        """Whether the contact may be made."""
        return self.verdict is Verdict.GRANT

    def __bool__(self) -> bool:
        return self.is_granted

    def __str__(self) -> str:
        return self.describe()

    def describe(self, zone: tzinfo | None = None, language: Language = ENGLISH) -> str:
        """The decision in words; times in `zone`, in the local one where none.

        `granted until 14:35: spring by email; three-a-week 1 of 3 left`, or
        `refused by three-a-week: 3 of 3 in 7 d; ask again after Thu 14:05`.
        """
        reader = Reader(zone, self.asked_time, language)
        return self._grant_words(reader) if self.is_granted else _refused(self.denials, self.earliest_time, reader)

    def _grant_words(self, reader: Reader) -> str:
        say, way = reader.language.say, {"campaign": self.campaign_id, "channel": self.channel}
        if not self.contact_id:
            words = say("would be granted: {campaign} by {channel}", **way)
        elif self.expire_time is None:
            words = say("granted: {campaign} by {channel}", **way)
        else:
            until = reader.until(self.expire_time)
            words = say("granted until {time}: {campaign} by {channel}", time=until, **way)
        caps = ", ".join(usage.describe(reader.language) for usage in self.remaining)
        return f"{words}; {caps}" if caps else words


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another way where nothing that was asked for was granted, and why it is proposed.

    `kind` says in which way it differs, `time` when it would be granted, if nothing else happens.
    """

    campaign_id: str
    channel: str
    why: str
    kind: AlternativeKind = AlternativeKind.UNSPECIFIED
    time: datetime | None = None

    @classmethod
    def from_message(cls, message: AlternativeMessage) -> "Alternative":
        """The alternative of a message."""
        return cls(
            campaign_id=message.campaign_id,
            channel=message.channel,
            why=message.why,
            kind=AlternativeKind.of_number(message.kind),
            time=time_in(message, "time"),
        )

    def __str__(self) -> str:
        return self.describe(Reader())

    def describe(self, reader: Reader) -> str:
        """The alternative in words: `open instead: spring by sms (the same campaign by another channel)`.

        In English the server's own words say why it is proposed; in other languages its kind does.
        """
        say, way = reader.language.say, {"campaign": self.campaign_id, "channel": self.channel}
        if self.kind is AlternativeKind.TIME and self.time is not None:
            words = say("open later: {campaign} by {channel} from {time}", time=reader.after(self.time), **way)
        else:
            words = say("open instead: {campaign} by {channel}", **way)
        why = self.why if reader.language.name == ENGLISH.name else say(ALTERNATIVES[self.kind])
        return f"{words} ({why})" if why else words


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
    asked_time: datetime | None = None

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
            asked_time=asked_time,
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

    def describe(self, zone: tzinfo | None = None, language: Language = ENGLISH) -> str:
        """The answer in words, one line for each decision, for what it was ranked by, and for each alternative.

        Times in `zone`, in the local one where none.
        """
        lines = []
        for decision in self.decisions:
            words = decision.describe(zone, language)
            is_named = decision.is_granted or len(self.decisions) == 1
            lines.append(words if is_named else f"{_way(decision, language)} {words}")
            lines += [f"  {decision.score.describe(language)}"] if decision.score is not None else []
        reader = Reader(zone, self.asked_time, language)
        return "\n".join([*lines, *(alternative.describe(reader) for alternative in self.alternatives)])


def _way(decision: Decision, language: Language) -> str:
    return language.say("{campaign} by {channel}", campaign=decision.campaign_id, channel=decision.channel)


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
