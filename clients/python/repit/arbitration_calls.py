"""The verbs of the data plane as calls: ask, confirm, release, record, explain."""

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Iterable, Iterator
from datetime import datetime
from typing import NamedTuple, TypedDict

from repit.answers import Answer, RequestResult
from repit.call import Call, Effort, Service
from repit.contact import Contact, EngagementResult
from repit.explanation import Explanation
from repit.requests import ContactRequest, Engagement, context_of, one_batch
from repit.times import timestamp_of
from repit.v1 import arbitration_service_pb2 as arbitration


def request_contact(request: ContactRequest, *, now: datetime) -> Call[Answer]:
    """May I contact this customer? The winners are reserved. Safe to repeat by its request id."""
    return Call(
        Service.ARBITRATION,
        "RequestContact",
        request.to_message(),
        lambda answer: Answer.from_message(request, answer, now=now),
    )


def check_contact(request: ContactRequest, *, now: datetime) -> Call[Answer]:
    """The same answer, nothing reserved."""
    return Call(
        Service.ARBITRATION,
        "CheckContact",
        request.to_check_message(),
        lambda answer: Answer.from_message(request, answer, now=now),
    )


def batch_request_contacts(requests: Iterable[ContactRequest], *, now: datetime) -> Call[tuple[RequestResult, ...]]:
    """Many requests, answered in order, each alone. ValueError for none and for more than 10,000."""
    batch = one_batch(requests, what="requests")

    def read(response: arbitration.BatchRequestContactsResponse) -> tuple[RequestResult, ...]:
        return tuple(
            RequestResult.from_message(request, result, now=now)
            for request, result in zip(batch, response.results, strict=True)
        )

    message = arbitration.BatchRequestContactsRequest(requests=[request.to_message() for request in batch])
    return Call(Service.ARBITRATION, "BatchRequestContacts", message, read, effort=Effort.BULK)


def confirm_contact(contact_id: str, *, send_time: datetime | None, as_of: datetime | None) -> Call[Contact]:
    """The contact was made."""
    message = arbitration.ConfirmContactRequest(
        contact_id=contact_id,
        send_time=timestamp_of(send_time, name="send_time"),
        as_of_time=timestamp_of(as_of, name="as_of"),
    )
    return Call(Service.ARBITRATION, "ConfirmContact", message, lambda response: Contact.from_message(response.contact))


def release_contact(contact_id: str, *, reason: str, as_of: datetime | None) -> Call[Contact]:
    """The contact was not made: its place is given back."""
    message = arbitration.ReleaseContactRequest(
        contact_id=contact_id, reason=reason, as_of_time=timestamp_of(as_of, name="as_of")
    )
    return Call(Service.ARBITRATION, "ReleaseContact", message, lambda response: Contact.from_message(response.contact))


def record_engagements(
    engagements: Iterable[Engagement], *, as_of: datetime | None
) -> Call[tuple[EngagementResult, ...]]:
    """What came back. Safe to repeat by the event ids. ValueError for none and for more than 10,000."""
    batch = one_batch(engagements, what="engagements")

    def read(response: arbitration.RecordEngagementsResponse) -> tuple[EngagementResult, ...]:
        return tuple(
            EngagementResult.from_message(engagement, result)
            for engagement, result in zip(batch, response.results, strict=True)
        )

    message = arbitration.RecordEngagementsRequest(
        engagements=[engagement.to_message() for engagement in batch], as_of_time=timestamp_of(as_of, name="as_of")
    )
    return Call(Service.ARBITRATION, "RecordEngagements", message, read, effort=Effort.BULK)


class ExplainAsked(TypedDict, total=False):
    """What can be said with the question why."""

    campaign: str
    segments: Collection[str]
    time_zone: str
    party_id: str
    contact_point: str
    subject: str
    as_of: datetime | None
    max_entries: int


class Explained(NamedTuple):
    """Who is to be explained, and how."""

    customer_id: str
    campaign: str = ""
    segments: Collection[str] = ()
    time_zone: str = ""
    party_id: str = ""
    contact_point: str = ""
    subject: str = ""
    as_of: datetime | None = None
    max_entries: int = 0


def explain_customer(explained: Explained) -> Call[Explanation]:
    """Why is this customer contacted or left alone?"""
    message = arbitration.ExplainCustomerRequest(
        customer_id=explained.customer_id,
        customer=context_of(explained.segments, explained.time_zone),
        campaign_id=explained.campaign,
        as_of_time=timestamp_of(explained.as_of, name="as_of"),
        max_entries=explained.max_entries,
        party_id=explained.party_id,
        contact_point=explained.contact_point,
        subject=explained.subject,
    )
    return Call(Service.ARBITRATION, "ExplainCustomer", message, Explanation.from_message)


class StreamPairing:
    """Brings the results of a stream together with their requests: they come in the order asked.

    Where the caller's own requests fail to come, sending ends there; what was asked before is still answered, and then
    `raise_failure` tells.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        # Appended to by the thread or task that sends, taken from by the one that reads.
        self._asked: deque[tuple[ContactRequest, datetime]] = deque()
        self._failure: Exception | None = None

    def messages(self, requests: Iterable[ContactRequest]) -> Iterator[arbitration.StreamRequestContactsRequest]:
        """The messages of the requests, as they are sent."""
        try:
            for request in requests:
                yield self._message(request)
        except Exception as failure:  # noqa: BLE001 - handed to the caller by raise_failure
            self._failure = failure

    async def messages_async(
        self, requests: AsyncIterable[ContactRequest]
    ) -> AsyncIterator[arbitration.StreamRequestContactsRequest]:
        """The messages of requests that are awaited, as they are sent."""
        try:
            async for request in requests:
                yield self._message(request)
        except Exception as failure:  # noqa: BLE001 - handed to the caller by raise_failure
            self._failure = failure

    def _message(self, request: ContactRequest) -> arbitration.StreamRequestContactsRequest:
        message = arbitration.StreamRequestContactsRequest(request=request.to_message())
        self._asked.append((request, self._now()))
        return message

    def read(self, response: arbitration.StreamRequestContactsResponse) -> RequestResult:
        """The result that came, beside the request that it answers."""
        request, now = self._asked.popleft()
        return RequestResult.from_message(request, response.result, now=now)

    def raise_failure(self) -> None:
        """Raise what kept the caller's requests from coming, if anything did."""
        if self._failure is not None:
            raise self._failure
