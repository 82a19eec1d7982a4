"""Turns lines of the event file into `repit.v1` messages, with the names that the catalog knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from repit.v1.arbitration_service_pb2 import BatchRequestContactsRequest, RecordEngagementsRequest
from repit.v1.engagement_pb2 import Engagement, EngagementKind
from repit_server.history.event import NEEDS_CAMPAIGN, EventKind
from repit_server.history.event_file import EventLine

_KINDS: Final = {kind: EngagementKind.Value(f"ENGAGEMENT_KIND_{kind.name}") for kind in EventKind}
_OBJECTIONS: Final = frozenset({EventKind.COMPLAINED, EventKind.OPTED_OUT})
_STANDS_ALONE: Final = frozenset(EventKind) - NEEDS_CAMPAIGN


@dataclass(frozen=True, slots=True)
class CatalogNames:
    """The names that a catalog knows: the engine refuses others in requests and engagements."""

    campaigns: Mapping[str, frozenset[str]]
    """Campaigns, and the channels of each."""
    channels: frozenset[str]
    segments: frozenset[str]
    offer_families: frozenset[str]


def set_time(field: Timestamp, time_ms: int) -> None:
    """Set a timestamp to milliseconds since 1970."""
    field.seconds, rest_ms = divmod(time_ms, 1_000)
    field.nanos = rest_ms * 1_000_000


def add_request(batch: BatchRequestContactsRequest, line: EventLine, names: CatalogNames) -> None:
    """Add the question that a `sent` line asks: this campaign, by this channel, at its own time."""
    event = line.event
    request = batch.requests.add(request_id=line.event_id, customer_id=event.customer_id)
    request.candidates.add(campaign_id=event.campaign_id, channel=event.channel)
    if event.segment in names.segments:
        request.customer.segments.append(event.segment)
    set_time(request.as_of_time, event.time_ms)


def add_confirmation(record: RecordEngagementsRequest, line: EventLine, contact_id: str) -> None:
    """Add the engagement that confirms a granted contact at the time of its line."""
    engagement = record.engagements.add(
        event_id=line.event_id,
        customer_id=line.event.customer_id,
        kind=EngagementKind.ENGAGEMENT_KIND_SENT,
        contact_id=contact_id,
    )
    set_time(engagement.event_time, line.event.time_ms)


def add_engagement(record: RecordEngagementsRequest, line: EventLine, names: CatalogNames, *, contact_id: str) -> bool:
    """Add what a line reports, for the contact that it belongs to (empty: none known).

    Returns False, and adds nothing, where the line speaks of nothing that the catalog knows: an answer to
    an unknown campaign, an objection to an unknown channel.
    """
    event = line.event
    engagement = Engagement(
        event_id=line.event_id,
        customer_id=event.customer_id,
        kind=_KINDS[event.kind],
        contact_id=contact_id,
        value=event.value or 0.0,
    )
    if not contact_id and not _name_origin(engagement, line, names):
        return False
    if event.offer_family in names.offer_families:
        engagement.offer_family = event.offer_family
    set_time(engagement.event_time, event.time_ms)
    record.engagements.append(engagement)
    return True


def _name_origin(engagement: Engagement, line: EventLine, names: CatalogNames) -> bool:
    """Name campaign and channel as far as the catalog knows them; False where what is left says nothing."""
    event = line.event
    knows_campaign = event.campaign_id in names.campaigns
    knows_channel = event.channel in names.channels
    if knows_campaign:
        engagement.campaign_id = event.campaign_id
    if knows_channel or event.kind is EventKind.PURCHASED:
        engagement.channel = event.channel
    if event.kind in _OBJECTIONS:
        return knows_channel or not event.channel
    if event.kind is EventKind.SENT:
        if event.segment in names.segments:
            engagement.segments.append(event.segment)
        return event.channel in names.campaigns.get(event.campaign_id, ())
    return knows_campaign or event.kind in _STANDS_ALONE
