"""A server is killed or stands still in the middle of a race for a capacity: its block comes back, nothing twice."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from repit.v1.arbitration_service_pb2 import RequestContactRequest
from tests.faults.conftest import Serve, rounds
from tests.faults.contact_log import held_in_log
from tests.faults.crowd import Caller, Crowd, Errand, Heard, Way, together
from tests.faults.cut_line import CutLine
from tests.faults.scarce import BLOCK_PART, CATALOG, IDLE_SECONDS, LEASE_SECONDS, calls, hold_denials, holdings
from tests.faults.served import Served, embedded_in, fleet
from tests.redis_server import RedisServer

LIMIT = 1_000
SERVERS = 4
ROUNDS = rounds(1)
RESTARTS = rounds(2)
RULE = "channel:call/capacity"
CUTS = rounds(3)
CLOCK = ("--clock", "request")
DAY_MS = 24 * 3_600_000


class Fleet:
    """Four servers on one Redis; one that was killed is replaced before the next test."""

    def __init__(self, redis: RedisServer, servers: list[Served], stack: ExitStack, directory: Path) -> None:
        self.redis = redis
        self.servers = servers
        self._stack = stack
        self.directory = directory

    def complete(self) -> list[Served]:
        """Four servers that run."""
        self.servers = [server for server in self.servers if server.is_alive]
        while len(self.servers) < SERVERS:
            self.servers.append(self._stack.enter_context(Served(self.redis.url, *CLOCK, directory=self.directory)))
        return self.servers

    def held(self, way: Way) -> set[str]:
        """The contacts that the log has in that week."""
        begin = way.moment_ms - 2 * DAY_MS
        contacts = held_in_log(self.redis.url, {way.campaign})
        return {
            contact
            for contact, granted in contacts.items()
            if begin <= granted.contact_time.ToMilliseconds() < begin + 7 * DAY_MS
        }


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    directory = tmp_path_factory.mktemp("fleet")
    catalog = directory / "catalog.yaml"
    catalog.write_text(CATALOG, encoding="utf-8")
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer())
        servers = stack.enter_context(fleet(redis.url, SERVERS, *CLOCK, catalog=catalog, directory=directory))
        yield Fleet(redis, servers, stack, directory)


def errand(servers: list[Served], name: str, way: Way, seed: int = 0) -> Errand:
    return Errand(tuple(server.address for server in servers), name, (way,), seed)


def ask_until_denied(servers: list[Served], name: str, way: Way) -> Heard:
    """One client asks until every server has denied in a row: then none has anything left in its own block."""
    with Caller(errand(servers, name, way)) as caller:
        return caller.run()


def ask_for_the_rest(servers: list[Served], name: str, way: Way, rest: int) -> Heard:
    """One client asks until the rest is granted, for longer than a lease lasts; and then whether nothing more is."""
    with Caller(errand(servers, name, way)) as caller:
        return caller.sweep(quiet_s=IDLE_SECONDS, wanted=rest, wanted_s=LEASE_SECONDS)


@contextmanager
def standing_still(server: Served) -> Iterator[None]:
    """A server that does nothing for the length of a block, as if its machine were suspended."""
    server.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.signal(signal.SIGCONT)


@pytest.mark.redis
def test_a_killed_server_strands_what_it_held_until_its_lease_ends(machines: Fleet) -> None:
    killed, *others = machines.complete()
    way = calls(0)
    with Caller(errand([killed], "alone", way)) as caller:
        granted = [caller.ask(killed.address, way) for _ in range(5)]
    heard = caller.heard
    (holding,) = holdings(killed, way.moment_ms)
    killed.kill()
    begun = time.monotonic()
    assert all(granted)
    assert holding.leased <= LIMIT / BLOCK_PART
    heard.add(ask_until_denied(others, "at-once", way))
    stranded = LIMIT - len(heard.contacts)
    # Fewer where the block was idle for a second before the server was gone, or its lease has ended meanwhile.
    assert stranded <= holding.leased - holding.used
    heard.add(ask_for_the_rest(others, "later", way, stranded))
    last = max(grant.granted_ns for grant in heard.grants) / 1e9 - begun
    print(f"stranded: {stranded} of {holding.leased - holding.used:.0f} left, for {last:.1f} s")  # noqa: T201 - shown with `-s`
    assert len(heard.contacts) == LIMIT
    assert machines.held(way) == heard.contacts


@pytest.mark.redis
@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_server_killed_in_the_race_strands_no_more_than_its_block(machines: Fleet, crowd: Crowd, number: int) -> None:
    killed, *others = machines.complete()
    way = calls(1 + number)
    seed = random.SystemRandom().getrandbits(32)
    after = random.Random(seed).randint(1, LIMIT // 2)
    print(f"seed {seed}: killed after {after} grants")  # noqa: T201 - shown where the test fails
    sent = crowd.send([errand(machines.servers, f"race-{number}", way, seed)])
    crowd.wait_for_grants(after)
    killed.kill()
    begun = time.monotonic()
    heard = together(sent)
    heard.add(ask_until_denied(others, f"rest-{number}", way))
    stranded = LIMIT - len(heard.contacts)
    assert 0 <= stranded <= LIMIT / BLOCK_PART
    assert heard.unanswered.keys() <= {killed.address}
    heard.add(ask_for_the_rest(others, f"later-{number}", way, stranded))
    last = max(grant.granted_ns for grant in heard.grants) / 1e9 - begun
    print(f"stranded: {stranded}, for {last:.1f} s; asked again: {heard.unanswered.total()}")  # noqa: T201 - shown with `-s`
    # What the killed server did not answer any more was asked again elsewhere, and is one contact all the same.
    assert len(heard.contacts) == LIMIT
    assert machines.held(way) == heard.contacts
    hold_denials(heard.denials, RULE, LIMIT)
    assert all(holdings(server, way.moment_ms) == [] for server in others)


@pytest.mark.redis
def test_a_server_that_stood_still_grants_nothing_that_others_were_granted(machines: Fleet, crowd: Crowd) -> None:
    still, *others = machines.complete()
    way = calls(1 + ROUNDS)
    sent = crowd.send([errand(machines.servers, "race", way, seed=1)])
    crowd.wait_for_grants(LIMIT // 10)
    # Its lease is found dead, and what it held is granted by the others.
    with standing_still(still), Caller(errand(others, "others", way)) as caller:
        heard = caller.sweep(quiet_s=LEASE_SECONDS)
    heard.add(together(sent))
    heard.add(ask_for_the_rest(machines.servers, "later", way, LIMIT - len(heard.contacts)))
    # It may not know what became of a commit from before: that is asked again elsewhere.
    assert heard.unanswered.keys() <= {still.address}
    assert len(heard.contacts) == LIMIT
    assert machines.held(way) == heard.contacts
    assert hold_denials(heard.denials, RULE, LIMIT) == LIMIT


@pytest.mark.redis
def test_a_lost_answer_of_redis_loses_no_place_and_grants_none_twice(machines: Fleet, crowd: Crowd) -> None:
    """Whether Redis made a commit is not known: its place counts as taken until the store has said that it is not."""
    machines.complete()
    way = calls(2 + ROUNDS)
    with CutLine(machines.redis.port) as line, Served(line.url, *CLOCK, directory=machines.directory) as behind:
        servers = [machines.servers[0], behind]
        sent = crowd.send([replace(errand(servers, "cut", way, seed=2), keeps_servers=True)])
        for _ in range(CUTS):
            crowd.wait_for_grants(LIMIT // (2 * CUTS))
            line.cut_after_next_script()
            assert line.is_cut.wait(LEASE_SECONDS), "no script was sent"
        heard = together(sent)
        heard.add(ask_for_the_rest(servers, "rest", way, LIMIT - len(heard.contacts)))
    print(f"asked again: {heard.unanswered.total()}")  # noqa: T201 - shown with `-s`
    assert heard.unanswered.keys() <= {behind.address}
    assert len(heard.contacts) == LIMIT
    assert machines.held(way) == heard.contacts
    hold_denials(heard.denials, RULE, LIMIT)


def killed_in_the_race(server: Served, crowd: Crowd, name: str, draw: random.Random) -> Heard:
    """Put the crowd on the only server and kill it after some grants; gives what was heard before."""
    after = draw.randint(1, LIMIT // (2 * RESTARTS))
    print(f"{name}: killed after {after} grants")  # noqa: T201 - shown where the test fails
    sent = crowd.send([errand([server], name, calls(0), draw.getrandbits(32))])
    crowd.wait_for_grants(after)
    server.kill()
    return together(sent)


def test_an_embedded_store_goes_on_exactly_where_a_killed_server_ended(
    serve: Serve, catalog_file: Callable[[str], str], tmp_path: Path, crowd: Crowd
) -> None:
    store = embedded_in(tmp_path)
    draw = random.Random(seed := random.SystemRandom().getrandbits(32))
    print(f"seed {seed}")  # noqa: T201 - shown where the test fails
    server = serve(store, "--catalog", catalog_file(CATALOG), *CLOCK)
    heard = Heard()
    for number in range(RESTARTS):
        raced = killed_in_the_race(server, crowd, f"round-{number}", draw)
        server = serve(store, *CLOCK)
        with Caller(errand([server], f"again-{number}", calls(0))) as caller:
            for way, request in raced.left_open:
                assert caller.ask_for(server.address, way, RequestContactRequest.FromString(request))
        heard.add(raced)
        heard.add(caller.heard)
    assert len(heard.contacts) < LIMIT, "killed too late"
    # Nothing is stranded: every single question is granted until the capacity is used.
    with Caller(errand([server], "rest", calls(0))) as caller:
        assert all(caller.ask(server.address, calls(0)) for _ in range(LIMIT - len(heard.contacts)))
        assert not caller.ask(server.address, calls(0))
    heard.add(caller.heard)
    assert len(heard.contacts) == LIMIT
    assert hold_denials(heard.denials, RULE, LIMIT) == LIMIT
