"""What is asked and reported: candidates, requests for a contact, engagements; and their messages."""

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TypedDict, TypeVar

from repit.kinds import EngagementKind
from repit.times import time_in, timestamp_of
from repit.v1.arbitration_service_pb2 import CheckContactRequest, RequestContactRequest
from repit.v1.candidate_pb2 import Candidate as CandidateMessage
from repit.v1.candidate_pb2 import CustomerContext
from repit.v1.engagement_pb2 import Engagement as EngagementMessage
from repit.v1.engagement_pb2 import EngagementKind as EngagementKindMessage

MAX_CANDIDATES = 64
MAX_BATCH = 10_000
BATCH_SIZE = 1_000

Item = TypeVar("Item")
RequestMessage = TypeVar("RequestMessage", RequestContactRequest, CheckContactRequest)


def new_id() -> str:
    """A name that no other request or event has: 32 hexadecimal digits."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to contact the customer: a campaign by a channel.

    `score` ranks after the campaign's priority. Where none is given it is worked out from `answer_probability` (0 to 1)
    and `value`, what an answer would be worth in the currency of the catalog: the campaign's own where 0. Of two
    candidates alike in priority and score the one with the earlier `deadline_time` goes first.
    """

    campaign_id: str
    channel: str
    score: float | None = None
    value: float = 0.0
    deadline_time: datetime | None = None
    answer_probability: float | None = None

    def to_message(self) -> CandidateMessage:
        """The candidate as a message."""
        return CandidateMessage(
            campaign_id=self.campaign_id,
            channel=self.channel,
            score=self.score,
            value=self.value,
            deadline_time=timestamp_of(self.deadline_time, name="deadline_time"),
            answer_probability=self.answer_probability,
        )


class Asked(TypedDict, total=False):
    """What can be said with a question; either `campaign` and `channel`, or `candidates`."""

    campaign: str
    channel: str
    candidates: Sequence[Candidate]
    max_grants: int
    segments: Collection[str]
    time_zone: str
    party_id: str
    contact_point: str
    subject: str
    planned_time: datetime | None
    as_of: datetime | None
    request_id: str


@dataclass(frozen=True, slots=True)
class ContactRequest:
    """May I contact this customer, by one of these ways?

    `request_id` names the request, for retries: the same object asked again within 24 hours takes one place. It is made
    where absent. `segments` and `time_zone` (IANA) are what the caller knows of the customer. `party_id` names its
    household or account, `contact_point` is a hash of the address, `subject` says what it is about. `planned_time` is
    when the contact will be made, at most 31 days ahead. `as_of` is for servers that run with `--clock request`.
    """

    customer_id: str
    candidates: tuple[Candidate, ...]
    max_grants: int = 1
    segments: tuple[str, ...] = ()
    time_zone: str = ""
    party_id: str = ""
    contact_point: str = ""
    subject: str = ""
    planned_time: datetime | None = None
    as_of: datetime | None = None
    request_id: str = field(default_factory=new_id)

    @classmethod
    def of(  # noqa: PLR0913 - the keys of `Asked`, so that Python itself names the one that is mistyped
        cls,
        customer_id: str,
        *,
        campaign: str = "",
        channel: str = "",
        candidates: Sequence[Candidate] = (),
        max_grants: int = 1,
        segments: Collection[str] = (),
        time_zone: str = "",
        party_id: str = "",
        contact_point: str = "",
        subject: str = "",
        planned_time: datetime | None = None,
        as_of: datetime | None = None,
        request_id: str = "",
    ) -> "ContactRequest":
        """A request for one candidate, named by `campaign` and `channel`, or for several `candidates`.

        ValueError for both or neither.
        """
        is_single = bool(campaign or channel)
        if is_single == bool(candidates):
            raise ValueError("give either `campaign` and `channel`, or `candidates`")
        if len(candidates) > MAX_CANDIDATES:
            raise ValueError(f"{len(candidates)} candidates; a request holds at most {MAX_CANDIDATES}")
        return cls(
            customer_id=customer_id,
            candidates=(Candidate(campaign, channel),) if is_single else tuple(candidates),
            max_grants=max_grants,
            segments=tuple(segments),
            time_zone=time_zone,
            party_id=party_id,
            contact_point=contact_point,
            subject=subject,
            planned_time=planned_time,
            as_of=as_of,
            request_id=request_id or new_id(),
        )

    def to_message(self) -> RequestContactRequest:
        """The request as a message that reserves."""
        return self._fill(RequestContactRequest())

    def to_check_message(self) -> CheckContactRequest:
        """The request as a message that changes nothing."""
        return self._fill(CheckContactRequest())

    def _fill(self, message: RequestMessage) -> RequestMessage:
        message.request_id = self.request_id
        message.customer_id = self.customer_id
        message.candidates.extend(candidate.to_message() for candidate in self.candidates)
        message.max_grants = self.max_grants
        message.party_id, message.contact_point, message.subject = self.party_id, self.contact_point, self.subject
        customer = context_of(self.segments, self.time_zone)
        if customer is not None:
            message.customer.CopyFrom(customer)
        planned_time = timestamp_of(self.planned_time, name="planned_time")
        if planned_time is not None:
            message.planned_time.CopyFrom(planned_time)
        as_of_time = timestamp_of(self.as_of, name="as_of")
        if as_of_time is not None:
            message.as_of_time.CopyFrom(as_of_time)
        return message


def context_of(segments: Collection[str], time_zone: str) -> CustomerContext | None:
    """What the caller knows of the customer; none where nothing is known."""
    if not segments and not time_zone:
        return None
    return CustomerContext(segments=segments, time_zone=time_zone)


@dataclass(frozen=True, slots=True)
class Engagement:
    """One thing that came back from a customer, or a contact made elsewhere (`sent` without `contact_id`).

    It belongs to the contact `contact_id`; else to the customer's latest contact of `campaign_id` (by `channel`, where
    given) at or before `event_time`. `value` is in the currency of the catalog. `event_time` is the server's clock
    where absent. `event_id` is made where absent: the same one counts once. `party_id` is the customer's household or
    account, where contacts of it were asked for with one.
    """

    customer_id: str
    kind: EngagementKind | str
    contact_id: str = ""
    campaign_id: str = ""
    channel: str = ""
    offer_family: str = ""
    value: float = 0.0
    event_time: datetime | None = None
    segments: tuple[str, ...] = ()
    event_id: str = field(default_factory=new_id)
    party_id: str = ""

    def to_message(self) -> EngagementMessage:
        """The engagement as a message. ValueError for a kind that does not exist."""
        return EngagementMessage(
            event_id=self.event_id,
            customer_id=self.customer_id,
            kind=EngagementKindMessage.Value(f"ENGAGEMENT_KIND_{EngagementKind(self.kind).name}"),
            contact_id=self.contact_id,
            campaign_id=self.campaign_id,
            channel=self.channel,
            offer_family=self.offer_family,
            value=self.value,
            event_time=timestamp_of(self.event_time, name="event_time"),
            segments=self.segments,
            party_id=self.party_id,
        )

    @classmethod
    def from_message(cls, message: EngagementMessage) -> "Engagement":
        """The engagement of a message."""
        return cls(
            customer_id=message.customer_id,
            kind=EngagementKind.of_number(message.kind),
            contact_id=message.contact_id,
            campaign_id=message.campaign_id,
            channel=message.channel,
            offer_family=message.offer_family,
            value=message.value,
            event_time=time_in(message, "event_time"),
            segments=tuple(message.segments),
            event_id=message.event_id,
            party_id=message.party_id,
        )


def one_batch(items: Iterable[Item], *, what: str) -> tuple[Item, ...]:
    """The items, if they fit into one batch.

    ValueError for none and for more than `MAX_BATCH`: nothing is split silently.
    """
    batch = tuple(items)
    if not 1 <= len(batch) <= MAX_BATCH:
        raise ValueError(f"{len(batch):,} {what}; one batch holds 1 to {MAX_BATCH:,}")
    return batch


def batches_of(items: Iterable[Item], size: int) -> Iterator[tuple[Item, ...]]:
    """The items in batches of `size`, the last one smaller. ValueError for a size outside 1 to `MAX_BATCH`."""
    if not 1 <= size <= MAX_BATCH:
        raise ValueError(f"batches of {size:,}; one batch holds 1 to {MAX_BATCH:,}")
    iterator = iter(items)
    while batch := tuple(islice(iterator, size)):
        yield batch
