"""Many processes ask for one customer at the same moment, through several servers: a cap of N is N grants."""

import os
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from tests.faults.askers import Askers, Seen, Task, askers, most_held_at_once
from tests.faults.contact_log import Places, logged_of
from tests.faults.served import Served, embedded_in
from tests.faults.worlds import CALL_SECONDS, caps, contact_of, contact_states, fill, held, question
from tests.redis_server import RedisServer

LIMITS = (1, 3, 30)
PROCESSES = 8
REQUESTS = int(os.environ.get("TEST_RACE_REQUESTS", "1000"))
SEED = int(os.environ.get("TEST_RACE_SEED") or random.SystemRandom().getrandbits(32))
# With a cap of 1 a race is over with its first grants: many short ones meet more of them.
SHORT_RACES = 20
COPIES = 3
RELEASED_SHARE = 0.5


class Arena(NamedTuple):
    """Servers on one store."""

    servers: tuple[Served, ...]
    redis: RedisServer | None

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(server.address for server in self.servers)


@pytest.fixture(scope="module", params=[pytest.param("redis", marks=pytest.mark.redis), "embedded"])
def arena(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Two servers on one Redis, or the one that holds an embedded store."""
    directory = tmp_path_factory.mktemp("race")
    catalog = directory / "catalog.yaml"
    catalog.write_text(caps(*LIMITS), encoding="utf-8")
    with ExitStack() as stack:
        if request.param == "redis":
            redis = stack.enter_context(RedisServer())
            first = stack.enter_context(Served(redis.url, "--catalog", str(catalog), directory=directory))
            yield Arena((first, stack.enter_context(Served(redis.url, directory=directory))), redis)
        else:
            server = stack.enter_context(Served(embedded_in(directory), "--catalog", str(catalog), directory=directory))
            yield Arena((server,), None)


@pytest.fixture(scope="module")
def crowd() -> Iterator[Askers]:
    with askers(PROCESSES) as processes:
        yield processes


def granted(seen: Sequence[Seen]) -> set[str]:
    """The contacts that were granted, each to one request."""
    contacts = [contact for request in seen for contact in request.contacts]
    assert len(contacts) == len(set(contacts)), "two requests were given one contact"
    assert all(len(request.contacts) <= 1 for request in seen), "one request was given two contacts"
    return set(contacts)


def places_of(arena: Arena, customer: str, limit: int) -> Places | None:
    """The contact log of a customer, where it can be read, held to what must hold for every log."""
    if arena.redis is None:
        return None
    log = logged_of(arena.redis.url, customer)
    versions = [version for version, _ in log]
    assert versions == list(range(1, len(log) + 1)), "each commit made the next version"
    places = Places(log)
    assert places.most_held <= limit
    return places


@pytest.mark.parametrize("limit", LIMITS)
def test_a_cap_of_n_is_exactly_n_grants(arena: Arena, crowd: Askers, limit: int) -> None:
    customer = f"plain-{limit}"
    seen = crowd.run(Task(arena.targets, customer, limit, 0, SEED), requests=REQUESTS)
    contacts = granted(seen)
    assert (len(seen), len(contacts)) == (REQUESTS, limit)
    for server in arena.servers:
        assert held(contact_states(server, customer)) == contacts
        assert fill(server, customer, limit) == []
    if places := places_of(arena, customer, limit):
        assert places.held == contacts
        assert (places.most_held, places.released) == (limit, set())


def test_a_cap_of_one_is_one_grant_in_many_short_races(arena: Arena, crowd: Askers) -> None:
    for number in range(SHORT_RACES):
        task = Task(arena.targets, f"short-{number}", 1, 0, SEED + number)
        seen = crowd.run(task, requests=2 * PROCESSES)
        contacts = granted(seen)
        assert len(contacts) == 1
        assert held(contact_states(arena.servers[-1], task.customer)) == contacts


@pytest.mark.parametrize("limit", LIMITS)
def test_a_cap_holds_with_releases_and_repeated_requests(arena: Arena, crowd: Askers, limit: int) -> None:
    print(f"TEST_RACE_SEED={SEED}")  # noqa: T201 - shown where the test fails
    customer = f"mixed-{limit}"
    task = Task(arena.targets, customer, limit, 0, SEED, most_copies=COPIES, released_share=RELEASED_SHARE)
    seen = crowd.run(task, requests=REQUESTS)
    contacts = granted(seen)
    assert len(contacts) >= limit
    assert sum(request.timed_out for request in seen) > 0, "no copy was given up early"
    assert most_held_at_once(seen) <= limit

    # What was given back can be had again, to the last place and not beyond.
    released = {contact for request in seen if request.release_ns is not None for contact in request.contacts}
    contacts |= set(fill(arena.servers[0], customer, limit))
    assert contacts <= (states := contact_states(arena.servers[-1], customer)).keys()
    assert len(held(states)) == limit
    assert held(states).isdisjoint(released)
    assert_repeats_come_back(arena, customer, limit, seen)
    if places := places_of(arena, customer, limit):
        assert places.held == held(states)
        assert places.contacts.keys() == states.keys()
        assert places.released == released
        assert places.most_held == limit
        requests = {contact: request.request_id for request in seen for contact in request.contacts}
        assert requests.items() <= places.contacts.items()


def assert_repeats_come_back(arena: Arena, customer: str, limit: int, seen: Sequence[Seen]) -> None:
    """A request that was granted is granted the same contact again, whichever server is asked."""
    for number, request in enumerate(seen):
        if not request.contacts:
            continue
        server = arena.servers[number % len(arena.servers)]
        message = question(customer, limit, request.request_id)
        assert {contact_of(server.arbitration.RequestContact(message, timeout=CALL_SECONDS))} == request.contacts
