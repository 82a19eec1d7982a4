"""Tells what came back, then explains: `record_engagements.py [HOST:PORT] [CUSTOMER] [CAMPAIGN] [CHANNEL]`."""

import os
import sys
from datetime import UTC, datetime, timedelta

from repit import Client, Engagement, EngagementKind

DEFAULTS = [os.environ.get("REPIT_TARGET", "127.0.0.1:7447"), "customer-42", "spring", "email"]


def main() -> int:
    """1 where an engagement was not recorded."""
    given = sys.argv[1:5]
    target, customer, campaign, channel = given + DEFAULTS[len(given) :]
    sent = datetime.now(UTC) - timedelta(hours=2)
    engagements = [
        # A contact made elsewhere: it takes its place at its own time.
        Engagement(customer, EngagementKind.SENT, campaign_id=campaign, channel=channel, event_time=sent),
        Engagement(customer, "clicked", campaign_id=campaign, event_time=sent + timedelta(minutes=5)),
        Engagement(customer, "purchased", channel="shop", value=120.0),
    ]
    with Client(target) as client:
        results = client.record_engagements(engagements)
        for result in results:
            words = "known already" if result.is_duplicate else "recorded"
            print(f"{result.engagement.kind}: {result.error or words}")
        print(client.explain_customer(customer))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
