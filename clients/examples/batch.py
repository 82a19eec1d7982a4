"""Asks for many customers at once, in batches, and counts the answers: `batch.py [HOST:PORT] [CAMPAIGN] [CHANNEL]`."""

import os
import sys
from collections import Counter

from repit import Client, ContactRequest

DEFAULTS = [os.environ.get("REPIT_TARGET", "127.0.0.1:7447"), "spring", "email"]
CUSTOMERS = 2_500


def main() -> None:
    """Each request is answered alone: a refusal or an error of one is none of another."""
    given = sys.argv[1:4]
    target, campaign, channel = given + DEFAULTS[len(given) :]
    requests = (
        ContactRequest.of(f"customer-{number}", campaign=campaign, channel=channel) for number in range(CUSTOMERS)
    )
    outcomes: Counter[str] = Counter()
    with Client(target) as client:
        for result in client.request_contacts(requests, batch_size=1_000):
            if result.answer is None:
                outcomes["no answer"] += 1
            elif result.is_granted:
                outcomes["granted"] += 1
            else:
                outcomes["refused"] += 1
    for outcome, count in sorted(outcomes.items()):
        print(f"{outcome}: {count}")


if __name__ == "__main__":
    main()
