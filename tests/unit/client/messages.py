"""Messages that a server might send."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from repit.v1 import arbitration_service_pb2 as arbitration
from repit.v1.decision_pb2 import VERDICT_DENY, VERDICT_GRANT, CapUsage, Decision
from repit.v1.denial_pb2 import DENIAL_REASON_FREQUENCY_CAP, Denial


def at(text: str) -> Timestamp:
    """`2026-12-03 14:05` (UTC) as a timestamp."""
    timestamp = Timestamp()
    timestamp.FromDatetime(datetime.fromisoformat(text).replace(tzinfo=UTC))
    return timestamp


NEXT_PAGE = "more"
GRANT = Decision(
    campaign_id="spring",
    channel="email",
    verdict=VERDICT_GRANT,
    contact_id="1-abc@customer-42",
    expire_time=at("2026-12-02 14:35"),
    remaining=[CapUsage(policy="pressure", rule="three-a-week", limit=3, used=2, left=1)],
)
FULL = Denial(
    reason=DENIAL_REASON_FREQUENCY_CAP,
    policy="pressure",
    rule="three-a-week",
    limit=3,
    used=3,
    window="sliding 7d",
    earliest_time=at("2026-12-03 14:05"),
)
DENY = Decision(
    campaign_id="spring",
    channel="email",
    verdict=VERDICT_DENY,
    denials=[FULL],
    earliest_time=at("2026-12-03 14:05"),
)
GRANTED = arbitration.RequestContactResponse(decisions=[GRANT], catalog_version=7)
DENIED = arbitration.RequestContactResponse(decisions=[DENY], catalog_version=7)
