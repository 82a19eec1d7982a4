"""Asks for places in advance and goes on once after a cut: `register_claims.py [HOST:PORT] [CAMPAIGN]`."""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from repit import ClaimedPlace, Client, UnavailableError

DEFAULTS = [os.environ.get("REPIT_TARGET", "127.0.0.1:7447"), "basket"]
CUSTOMERS = 2_500


def audience() -> Iterator[ClaimedPlace]:
    """Whom the campaign wants to contact, and how much: read as it is sent, also from a large file."""
    for number in range(CUSTOMERS):
        yield ClaimedPlace(f"customer-claimed-{number}", score=number / CUSTOMERS)


def main() -> int:
    """1 where a place was refused."""
    given = sys.argv[1:3]
    target, campaign = given + DEFAULTS[len(given) :]
    begin = datetime.now(UTC)
    until = begin + timedelta(days=14)
    with Client(target) as client:
        try:
            done = client.register_claims(campaign, audience(), from_time=begin, until_time=until)
        except UnavailableError as cut:
            position = cut.position or 0
            done = client.register_claims(campaign, audience(), from_time=begin, until_time=until, resume_at=position)
        print(done)
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
