"""Asks over one stream, from asyncio, and prints each answer: `stream_async.py [HOST:PORT] [CAMPAIGN] [CHANNEL]`."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

from repit import AsyncClient, Candidate, ContactRequest

DEFAULTS = [os.environ.get("REPIT_TARGET", "127.0.0.1:7447"), "spring", "email"]


async def triggers(campaign: str, channel: str) -> AsyncIterator[ContactRequest]:
    """What comes in through the day: here ten abandoned baskets."""
    for number in range(10):
        candidate = Candidate(campaign, channel, score=float(number))
        yield ContactRequest.of(f"customer-{number}", candidates=[candidate])


async def main() -> None:
    """The answers come in the order of the requests, while more are sent."""
    given = sys.argv[1:4]
    target, campaign, channel = given + DEFAULTS[len(given) :]
    async with AsyncClient(target) as client:
        async for result in client.stream_request_contacts(triggers(campaign, channel)):
            print(result)


if __name__ == "__main__":
    asyncio.run(main())
