"""A canned server, a clock that does not sleep, and a client of both."""

from collections.abc import Iterator

import pytest

from repit import Client, RetryPolicy
from tests.unit.client.canned_server import CannedServer, FakeClock, start


@pytest.fixture
def canned() -> Iterator[CannedServer]:
    canned = CannedServer()
    server = start(canned)
    yield canned
    server.stop(grace=None).wait()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def policy() -> RetryPolicy:
    return RetryPolicy(jitter=lambda: 1.0)


@pytest.fixture
def client(canned: CannedServer, clock: FakeClock, policy: RetryPolicy) -> Iterator[Client]:
    with Client(canned.target, clock=clock, sleep=clock.sleep, retry=policy) as client:
        yield client
