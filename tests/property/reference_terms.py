"""What the reference model freezes into a contact when it is granted."""

from collections.abc import Iterable
from decimal import Decimal

from tests.property.reference_segments import given_segments
from tests.property.reference_time import span_ms
from tests.property.reference_values import Contact, Document


def contact_of(catalog: Document, campaign_id: str, channel: str, moment: int, segments: Iterable[str]) -> Contact:
    """A contact of a known campaign at `moment`, asked for then; a channel that nobody knows weighs nothing."""
    campaign = catalog["campaigns"][campaign_id]
    means = catalog["channels"].get(channel, {"cost": 0, "pressure": 0})
    reservation = means.get("reservation", {})
    return Contact(
        moment,
        campaign_id,
        channel,
        kind=campaign["kind"],
        priority=campaign["priority"],
        family=campaign.get("offer_family"),
        unit=campaign.get("business_unit"),
        segments=given_segments(catalog, frozenset(segments)),
        points=Decimal(str(campaign.get("pressure", means.get("pressure", 1)))),
        cost=Decimal(str(means.get("cost", 0))),
        expire=moment + span_ms(reservation.get("expires_after", "24h")),
        lapses=reservation.get("unconfirmed", "counts") == "released",
        asked=moment,
    )
