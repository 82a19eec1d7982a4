"""A contact as it stands, and what became of a reported engagement."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from repit.errors import RepitError, error_of_status
from repit.kinds import ContactState, Kind
from repit.requests import Engagement
from repit.times import time_in
from repit.v1.arbitration_service_pb2 import EngagementResult as EngagementResultMessage
from repit.v1.customer_pb2 import Contact as ContactMessage
from repit.v1.denial_pb2 import ContactReference as ContactReferenceMessage
from repit.wording import Reader


@dataclass(frozen=True, slots=True)
class ContactReference:
    """A contact, named."""

    contact_id: str
    campaign_id: str
    channel: str
    contact_time: datetime | None

    @classmethod
    def from_message(cls, message: ContactReferenceMessage) -> "ContactReference":
        """The reference of a message."""
        return cls(message.contact_id, message.campaign_id, message.channel, time_in(message, "contact_time"))


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact as it stands in the customer's state.

    Kind and offer family are frozen at the grant. `count` is more than 1 where old contacts were folded into one entry.
    `customer_id` is whose it is, where several share the state.
    """

    contact_id: str
    campaign_id: str
    channel: str
    kind: Kind
    offer_family: str
    contact_time: datetime | None
    state: ContactState
    expire_time: datetime | None
    is_answered: bool
    count: int
    customer_id: str = ""

    @classmethod
    def from_message(cls, message: ContactMessage) -> "Contact":
        """The contact of a message."""
        return cls(
            contact_id=message.contact_id,
            campaign_id=message.campaign_id,
            channel=message.channel,
            kind=Kind.of_number(message.kind),
            offer_family=message.offer_family,
            contact_time=time_in(message, "contact_time"),
            state=ContactState.of_number(message.state),
            expire_time=time_in(message, "expire_time"),
            is_answered=message.is_answered,
            count=message.count,
            customer_id=message.customer_id,
        )

    def __str__(self) -> str:
        return self.describe()

    def describe(self, zone: tzinfo | None = None) -> str:
        """The contact in words, for example `spring by email, pending until Thu 3 Dec 2026 14:35`.

        Times in `zone`, in the local one where none.
        """
        words = f"{self.campaign_id} by {self.channel}, {self.state}"
        if self.state is ContactState.PENDING and self.expire_time is not None:
            words += f" until {Reader(zone).until(self.expire_time)}"
        if self.is_answered:
            words += ", answered"
        return f"{self.count} times {words}" if self.count > 1 else words


@dataclass(frozen=True, slots=True)
class EngagementResult:
    """What became of one engagement. `bool()` is whether it was recorded, now or before.

    `contact_id` is the contact that it belongs to, or that it made; `error` is what went wrong with this engagement
    alone.
    """

    engagement: Engagement
    is_duplicate: bool
    contact_id: str
    error: RepitError | None

    @classmethod
    def from_message(cls, engagement: Engagement, message: EngagementResultMessage) -> "EngagementResult":
        """The result of a message, beside the engagement that it is about."""
        error = error_of_status(message.error) if message.HasField("error") else None
        return cls(engagement, message.is_duplicate, message.contact_id, error)

    def __bool__(self) -> bool:
        return self.error is None
