"""Sixteen clients ask four servers on one Redis: capacities and budgets are granted to the last place, not beyond."""

import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from tests.faults.conftest import CLIENTS
from tests.faults.contact_log import held_in_log
from tests.faults.crowd import CAPACITY, Caller, Crowd, Errand, Heard, Way, most_held_at_once, together
from tests.faults.scarce import (
    CATALOG,
    IDLE_SECONDS,
    LEASE_SECONDS,
    LOWERED,
    RAISED,
    by_campaign,
    calls,
    cents,
    hold_denials,
    holdings,
    last_tenth,
    week,
)
from tests.faults.served import Served, embedded_in, fleet
from tests.faults.worlds import apply
from tests.redis_server import RedisServer

SERVERS = 4
# Requests of the race in which half of the grants are given back.
REQUESTS = int(os.environ.get("TEST_RACE_REQUESTS", "1000"))
SEED = int(os.environ.get("TEST_RACE_SEED") or random.SystemRandom().getrandbits(32))
RELEASED_SHARE = 0.5


class Arena(NamedTuple):
    """Servers on one store, and the clients that ask them."""

    servers: tuple[Served, ...]
    redis: RedisServer | None
    crowd: Crowd

    def errand(self, name: str, *ways: Way, requests: int = 0, released_share: float = 0.0) -> Errand:
        return Errand(tuple(server.address for server in self.servers), name, ways, SEED, requests, released_share)

    def exhaust(self, *errands: Errand) -> Heard:
        """Race until every client was denied everywhere; ask on until no server has a place in its block any more."""
        heard = self.crowd.run(*errands)
        for errand in errands:
            heard.add(self.sweep(errand, quiet_s=IDLE_SECONDS if errand is errands[-1] else 0.1))
        for server in self.servers if self.redis else ():
            assert holdings(server, errands[0].ways[0].moment_ms) == []
        return heard

    def sweep(self, errand: Errand, *, quiet_s: float) -> Heard:
        """One client asks for what is left, until nothing is for so long; a single server never leaves anything."""
        last = Errand(errand.targets, f"{errand.prefix}-last", errand.ways, errand.seed)
        with Caller(last) as caller:
            heard = caller.sweep(quiet_s=quiet_s if self.redis else 0.1)
        assert self.redis or not heard.grants, "a place was left behind"
        return heard

    def denied_at_last(self, errand: Errand) -> Heard:
        """Every server is asked once more, for every way."""
        with Caller(Errand(errand.targets, f"{errand.prefix}-denied", errand.ways, errand.seed)) as caller:
            granted = [caller.ask(target, way) for target, way in caller.rounds()]
            assert not any(granted)
            return caller.heard

    def hold_the_log(self, held: set[str], *campaigns: str) -> None:
        """What the clients were granted is what the contact log says."""
        if self.redis is not None:
            assert held_in_log(self.redis.url, campaigns).keys() == held


@pytest.fixture(scope="module", params=[pytest.param("redis", marks=pytest.mark.redis), "embedded"])
def arena(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, crowd: Crowd) -> Iterator[Arena]:
    """Four servers on one Redis, or the one that holds an embedded store."""
    directory = tmp_path_factory.mktemp("capacity")
    catalog = directory / "catalog.yaml"
    catalog.write_text(CATALOG, encoding="utf-8")
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer()) if request.param == "redis" else None
        store = redis.url if redis else embedded_in(directory)
        servers = fleet(store, SERVERS if redis else 1, "--clock", "request", catalog=catalog, directory=directory)
        print(f"TEST_RACE_SEED={SEED}")  # noqa: T201 - shown where a test fails
        yield Arena(tuple(stack.enter_context(servers)), redis, crowd)


def test_a_capacity_of_1000_is_granted_exactly_1000_times(arena: Arena) -> None:
    errand = arena.errand("calls", calls(0))
    heard = arena.exhaust(errand)
    assert len(heard.contacts) == 1_000
    arrived = sorted(grant.granted_ns / 1e9 for grant in heard.grants)
    print(  # noqa: T201 - shown with `-s`
        f"{len(arena.servers)} servers, {CLIENTS} clients: 990 of 1,000 in {arrived[989] - arrived[0]:.2f} s, "
        f"the last after {arrived[-1] - arrived[0]:.2f} s"
    )
    arena.hold_the_log(heard.contacts, "calls")
    hold_denials(heard.denials, "channel:call/capacity", 1_000)
    assert hold_denials(arena.denied_at_last(errand).denials, "channel:call/capacity", 1_000) == 1_000
    # The week after has a capacity of its own.
    with Caller(arena.errand("calls-later", calls(1))) as caller:
        assert all(caller.ask(server.address, calls(1)) for server in arena.servers)


def test_a_budget_of_100_with_contacts_of_6_cents_ends_at_99_euros_96(arena: Arena) -> None:
    errand = arena.errand("messages", Way("messages", "sms", week(0)))
    heard = arena.exhaust(errand)
    assert len(heard.contacts) * 6 == 9_996
    arena.hold_the_log(heard.contacts, "messages")
    if arena.redis:
        assert cents(held_in_log(arena.redis.url, {"messages"})) == 9_996
    denied = arena.denied_at_last(errand).denials
    assert hold_denials(denied, "campaign:messages/budget", 100, need=0.06) == pytest.approx(99.96)


def test_a_budget_of_two_prices_is_spent_until_not_even_the_lower_one_is_left(arena: Arena) -> None:
    errand = arena.errand("mixed", Way("mixed", "sms", week(0)), Way("mixed", "letter", week(0)))
    heard = arena.exhaust(errand)
    spent = sum({"sms": 6, "letter": 25}[grant.way.channel] for grant in heard.grants)
    assert 10_000 - 6 < spent <= 10_000
    arena.hold_the_log(heard.contacts, "mixed")
    denied = arena.denied_at_last(errand).denials
    assert hold_denials(denied, "campaign:mixed/budget", 100, need=0.06) == pytest.approx(spent / 100)


def test_a_contact_takes_its_capacity_and_its_budget_or_neither(arena: Arena) -> None:
    """The budget ends first: what was denied by it has taken nothing of the channel's capacity."""
    paid = arena.exhaust(arena.errand("desk-paid", Way("desk-paid", "desk", week(0))))
    assert len(paid.contacts) == 300
    hold_denials(paid.denials, "campaign:desk-paid/budget", 18, need=0.06)
    free = arena.exhaust(arena.errand("desk-free", Way("desk-free", "desk", week(0))))
    assert len(free.contacts) == 300
    hold_denials(free.denials, "channel:desk/capacity", 600)
    arena.hold_the_log(paid.contacts | free.contacts, "desk-paid", "desk-free")


def test_what_is_given_back_in_the_race_can_be_had_again_and_no_more(arena: Arena) -> None:
    way = Way("chats", "chat", week(0))
    mixed = arena.errand("chats", way, requests=-(-REQUESTS // CLIENTS), released_share=RELEASED_SHARE)
    heard = arena.crowd.run(mixed)
    assert len(heard.grants) > len(heard.held) > 0
    rest = arena.exhaust(arena.errand("chats-rest", way))
    heard.add(rest)
    assert len(heard.contacts) == len(heard.grants)
    assert most_held_at_once(heard.grants) == len(heard.held) == 150
    arena.hold_the_log(heard.held, "chats")
    hold_denials(heard.denials, "channel:chat/capacity", 150)


def test_a_unit_gets_its_share_and_what_is_left_to_all_while_nothing_is_lent(arena: Arena) -> None:
    before, _ = last_tenth(0)
    retail, business = (arena.errand(f"{unit}-share", Way(unit, "visit", before)) for unit in ("retail", "business"))
    heard = arena.exhaust(retail, business)
    granted = {unit: sum(grant.way.campaign == unit for grant in heard.grants) for unit in ("retail", "business")}
    # 180 and 90 for sure; both may use the 30 that nobody has for sure.
    assert sum(granted.values()) == 300
    assert granted["retail"] >= 180
    assert granted["business"] >= 90
    hold_denials(heard.denials, "visits/week", 300, need=300)
    if arena.redis:
        assert by_campaign(held_in_log(arena.redis.url, {"retail", "business"})) == granted


def test_what_a_unit_leaves_is_lent_in_the_last_tenth_and_not_before(arena: Arena) -> None:
    before, lent = last_tenth(1)
    early = arena.exhaust(arena.errand("retail-early", Way("retail", "visit", before)))
    assert len(early.contacts) == 180 + 30
    late = arena.exhaust(
        arena.errand("retail-late", Way("retail", "visit", lent)),
        arena.errand("business-late", Way("business", "visit", lent)),
    )
    assert len(early.contacts | late.contacts) == 300
    hold_denials(late.denials, "visits/week", 300)


def test_a_capacity_that_is_changed_in_the_race_is_granted_to_its_last_place(arena: Arena) -> None:
    errand = arena.errand("halls", Way("halls", "hall", week(0)))
    sent = arena.crowd.send([errand])
    arena.crowd.wait_for_grants(50)
    apply(arena.servers[-1], RAISED)
    heard = together(sent)
    # Clients that were denied before the change was heard of have gone home.
    with Caller(arena.errand("halls-rest", *errand.ways)) as caller:
        wanted = 400 - len(heard.contacts)
        heard.add(caller.sweep(quiet_s=IDLE_SECONDS if arena.redis else 0.1, wanted=wanted, wanted_s=LEASE_SECONDS))
    assert len(heard.contacts) == 400
    arena.hold_the_log(heard.contacts, "halls")
    # Lowered below what is used, it denies, and takes nothing back.
    apply(arena.servers[0], LOWERED)
    with Caller(arena.errand("halls-lowered", *errand.ways)) as caller:
        assert not caller.sweep(quiet_s=IDLE_SECONDS).grants
    assert {denial.used for denial in caller.heard.denials} == {400}
    assert (CAPACITY, 50) in {(denial.reason, denial.limit) for denial in caller.heard.denials}
