"""A small engine for replays: it decides as a test says, and remembers what it was told."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from repit.v1.arbitration_service_pb2 import (
    BatchRequestContactsRequest,
    BatchRequestContactsResponse,
    RecordEngagementsRequest,
    RecordEngagementsResponse,
    RequestContactRequest,
)
from repit.v1.decision_pb2 import Verdict
from repit.v1.denial_pb2 import DenialReason
from repit.v1.engagement_pb2 import EngagementKind
from repit_server.history.event import Event, EventKind
from repit_server.history.event_file import EventLine
from repit_server.history.event_id import EventIds
from repit_server.history.event_message import CatalogNames

NAMES = CatalogNames(
    campaigns={"a": frozenset({"email"}), "b": frozenset({"email"})},
    channels=frozenset({"email", "sms"}),
    segments=frozenset({"loyal"}),
    offer_families=frozenset({"weekends"}),
)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


def event(time_ms: int, customer: str, kind: str, campaign: str = "", **rest: object) -> Event:
    channel = "" if kind in {"purchased", "opted_out"} else "email"
    fields = {"channel": channel, **rest}
    return Event(time_ms=time_ms, customer_id=customer, kind=EventKind(kind), campaign_id=campaign, **fields)  # type: ignore[arg-type]


def lines_of(events: Iterable[Event]) -> list[EventLine]:
    ids = EventIds()
    return [EventLine(number, entry, ids.id_of(entry)) for number, entry in enumerate(events, start=2)]


class SmallEngine:
    """Decides by `grants`, which sees the request and the customer's history so far."""

    def __init__(
        self, grants: Callable[[RequestContactRequest, list[str]], bool] = lambda _request, _history: True
    ) -> None:
        self.grants = grants
        self.history: dict[str, list[str]] = defaultdict(list)
        self.calls: list[str] = []
        self.refused_line = ""

    def batch_request_contacts(self, request: bytes) -> bytes:
        self.calls.append("batch")
        answer = BatchRequestContactsResponse()
        for asked in BatchRequestContactsRequest.FromString(request).requests:
            self._answer(asked, answer)
        return answer.SerializeToString()

    def _answer(self, asked: RequestContactRequest, answer: BatchRequestContactsResponse) -> None:
        result = answer.results.add()
        if asked.customer_id == self.refused_line:
            result.error.message = "too long"
            return
        history = self.history[asked.customer_id]
        campaign = asked.candidates[0].campaign_id
        decision = result.response.decisions.add(campaign_id=campaign, channel=asked.candidates[0].channel)
        result.response.catalog_version = 3
        at_ms = asked.as_of_time.ToMilliseconds()
        if self.grants(asked, history):
            decision.verdict = Verdict.VERDICT_GRANT
            decision.contact_id = f"{campaign}-{at_ms}"
        else:
            decision.verdict = Verdict.VERDICT_DENY
            decision.denials.add(reason=DenialReason.DENIAL_REASON_FREQUENCY_CAP, policy="p", rule="one")
            decision.earliest_time.FromMilliseconds(at_ms + 1)
        history.append(f"{campaign} {at_ms} {Verdict.Name(decision.verdict)} {list(asked.customer.segments)}")

    def record_engagements(self, request: bytes) -> bytes:
        self.calls.append("record")
        answer = RecordEngagementsResponse()
        message = RecordEngagementsRequest.FromString(request)
        for entry in message.engagements:
            result = answer.results.add()
            if entry.customer_id == self.refused_line:
                result.error.message = "too long"
            assert entry.event_time.ToMilliseconds() <= message.as_of_time.ToMilliseconds()
            about = entry.contact_id or entry.campaign_id
            words = f"{EngagementKind.Name(entry.kind)} {entry.event_time.ToMilliseconds()} {about}"
            self.history[entry.customer_id].append(f"{words} {entry.channel} {entry.offer_family} {entry.value}")
        return answer.SerializeToString()
