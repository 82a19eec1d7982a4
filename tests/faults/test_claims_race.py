"""Two campaigns and one last place: exactly one wins, always the better ranked where its claim was there first."""

import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

import grpc
import pytest

from repit.v1 import arbitration_service_pb2 as messages
from repit.v1.arbitration_service_pb2_grpc import ArbitrationServiceStub
from repit.v1.candidate_pb2 import Candidate
from repit.v1.denial_pb2 import DenialReason
from tests.faults.contact_log import Logged, logged_by_customer
from tests.faults.crowd import RUN_SECONDS, START_SECONDS, Crowd, stamp, wait_for_all
from tests.faults.served import Served, embedded_in, fleet
from tests.faults.worlds import CALL_SECONDS, contact_of
from tests.redis_server import RedisServer

SERVERS = 4
CUSTOMERS = int(os.environ.get("TEST_RACE_CUSTOMERS", "60"))
DAY_MS = 24 * 3_600_000
BEATEN = {DenialReason.DENIAL_REASON_OUTRANKED, DenialReason.DENIAL_REASON_FREQUENCY_CAP}

CATALOG = """\
repit: 1
zone: UTC
channels: {email: {}, post: {}}
campaigns:
  major: {priority: 80, channels: [email, post]}
  minor: {priority: 40, channels: [email, post]}
  likely: {priority: 60, channels: [email]}
  unlikely: {priority: 60, channels: [email]}
policies:
  - name: customer
    applies_to: {channels: [email]}
    rules: [{name: one, frequency_cap: {limit: 1, window: {sliding: 7d}}}]
  - name: household
    applies_to: {channels: [post]}
    rules: [{name: one, frequency_cap: {limit: 1, window: {sliding: 7d}, per: party}}]
"""


class Asked(NamedTuple):
    """How one side of the race asks for each customer."""

    campaign: str
    channel: str = "email"
    score: float | None = None
    member: str = ""
    """Which member of the household; the customer alone where empty."""

    def place(self, name: str) -> messages.ClaimedPlace:
        """Whose place it is: the customer's own, or a member's of the household."""
        party = name if self.member else ""
        return messages.ClaimedPlace(customer_id=f"{name}{self.member}", party_id=party, score=self.score)


class Answer(NamedTuple):
    """What one process was answered for one customer."""

    name: str
    campaign: str
    contact: str
    reasons: tuple[int, ...]
    outranked_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Role:
    """What one process does for every customer, at the same moment as the others."""

    targets: tuple[str, ...]
    does: str
    """`ask`, `claim` or `withdraw`."""
    side: Asked
    names: tuple[str, ...]
    seed: int


def play(role: Role) -> list[Answer]:
    """Play a role to its end; runs in a process of its own."""
    draw = random.Random(role.seed)
    with ExitStack() as stack:
        channels = [stack.enter_context(grpc.insecure_channel(target)) for target in role.targets]
        for channel in channels:
            grpc.channel_ready_future(channel).result(START_SECONDS)
        stubs = [ArbitrationServiceStub(channel) for channel in channels]
        answers = []
        for name in role.names:
            wait_for_all()
            stub = draw.choice(stubs)
            if role.does == "ask":
                answers.append(ask(stub, role.side, name))
            elif role.does == "claim":
                claim(stub, role.side, [name])
            else:
                withdraw(stub, role.side, name)
        return answers


def ask(stub: ArbitrationServiceStub, side: Asked, name: str) -> Answer:
    candidate = Candidate(campaign_id=side.campaign, channel=side.channel, score=side.score)
    place = side.place(name)
    request = messages.RequestContactRequest(
        request_id=f"{random.getrandbits(128):032x}",
        customer_id=place.customer_id,
        party_id=place.party_id,
        candidates=[candidate],
    )
    response = stub.RequestContact(request, timeout=CALL_SECONDS)
    denials = response.decisions[0].denials
    reasons = tuple(int(denial.reason) for denial in denials)
    outranked_by = tuple(denial.outranked_by for denial in denials if denial.outranked_by)
    return Answer(name, side.campaign, contact_of(response), reasons, outranked_by)


def claim(stub: ArbitrationServiceStub, side: Asked, names: Sequence[str]) -> None:
    """Register a place for each, and wait for the answer."""
    places = [side.place(name) for name in names]
    until = stamp(time.time_ns() // 1_000_000 + DAY_MS)
    message = messages.RegisterClaimsRequest(campaign_id=side.campaign, until_time=until, places=places)
    (response,) = stub.RegisterClaims(iter([message]), timeout=CALL_SECONDS)
    assert response.registered_count == len(names), response


def withdraw(stub: ArbitrationServiceStub, side: Asked, name: str) -> None:
    message = messages.WithdrawClaimsRequest(campaign_id=side.campaign, places=[side.place(name)])
    response = stub.WithdrawClaims(message, timeout=CALL_SECONDS)
    assert response.withdrawn_count == 1, response


class Arena(NamedTuple):
    """Servers on one store, and the processes that ask them."""

    servers: list[Served]
    redis: RedisServer | None
    crowd: Crowd

    def race(self, names: Sequence[str], *roles: tuple[str, Asked]) -> dict[str, list[Answer]]:
        """Every process plays one of the roles; gives what was answered for each customer."""
        targets = tuple(server.address for server in self.servers)
        played = [
            Role(targets, *roles[number % len(roles)], tuple(names), seed=number)
            for number in range(self.crowd.processes)
        ]
        answers: dict[str, list[Answer]] = {name: [] for name in names}
        for answer in (answer for heard in self.crowd.start(play, played) for answer in heard.result(RUN_SECONDS)):
            answers[answer.name].append(answer)
        return answers

    def hold_the_log(self, names: Sequence[str], better: str, worse: str) -> None:
        """In every log: one place at most, and none for the worse ranked while the better had a claim."""
        if self.redis is not None:
            logs = logged_by_customer(self.redis.url)
            for name in names:
                hold_the_order(logs.get(name, []), better, worse)


@pytest.fixture(scope="module", params=[pytest.param("redis", marks=pytest.mark.redis), "embedded"])
def arena(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, crowd: Crowd) -> Iterator[Arena]:
    """Four servers on one Redis, or the one that holds an embedded store."""
    directory = tmp_path_factory.mktemp("claims")
    catalog = directory / "catalog.yaml"
    catalog.write_text(CATALOG, encoding="utf-8")
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer()) if request.param == "redis" else None
        store = redis.url if redis else embedded_in(directory)
        servers = fleet(store, SERVERS if redis else 1, catalog=catalog, directory=directory)
        yield Arena(stack.enter_context(servers), redis, crowd)


def hold_the_order(log: list[Logged], better: str, worse: str) -> None:
    """Follow the log of one customer or household, one commit after the other.

    Commits come in another order than the clocks of those who asked: a claim is only used by a contact at or after its
    first instant.
    """
    starts: list[int] = []
    winners: list[str] = []
    for _, record in log:
        if record.HasField("claims_registered"):
            starts.extend(claimed.from_time.ToNanoseconds() for claimed in record.claims_registered.claims)
        elif record.HasField("claims_withdrawn"):
            starts.clear()
        elif record.HasField("granted"):
            granted = record.granted
            winners.append(granted.campaign_id)
            assert winners == [better] or not starts, log
            is_begun = any(start <= granted.contact_time.ToNanoseconds() for start in starts)
            assert granted.HasField("claim") == (is_begun and winners == [better]), log
    assert winners in ([better], [worse], []), winners


def names_of(case: str) -> list[str]:
    return [f"{case}-{number}" for number in range(CUSTOMERS)]


def winner(answers: Sequence[Answer]) -> str:
    """The campaign of the one request that was granted."""
    (granted,) = [answer for answer in answers if answer.contact]
    return granted.campaign


MAJOR, MINOR = Asked("major"), Asked("minor")
RANKS = {
    "priority": (MAJOR, MINOR),
    "score": (Asked("likely", score=0.9), Asked("unlikely", score=0.5)),
    "household": (Asked("major", "post", member="-anna"), Asked("minor", "post", member="-bert")),
}


@pytest.mark.parametrize("rank", RANKS)
def test_of_two_campaigns_for_one_place_exactly_one_wins(arena: Arena, rank: str) -> None:
    better, worse = RANKS[rank]
    names = names_of(f"open-{rank}")
    answers = arena.race(names, ("ask", better), ("ask", worse))
    winners = [winner(answers[name]) for name in names]
    print(f"{rank}: {winners.count(better.campaign)} of {len(names)} to the better ranked")  # noqa: T201 - shown with `-s`
    arena.hold_the_log(names, better.campaign, worse.campaign)


@pytest.mark.parametrize("rank", RANKS)
def test_a_claim_that_was_there_first_always_wins(arena: Arena, rank: str) -> None:
    better, worse = RANKS[rank]
    names = names_of(f"claimed-{rank}")
    claim(arena.servers[0].arbitration, better, names)
    answers = arena.race(names, ("ask", better), ("ask", worse))
    for name in names:
        assert winner(answers[name]) == better.campaign
        for answer in answers[name]:
            assert set(answer.reasons) <= BEATEN, answer
            assert set(answer.outranked_by) <= {better.campaign}, answer
    arena.hold_the_log(names, better.campaign, worse.campaign)


def test_a_claim_that_comes_in_the_race_wins_or_finds_the_place_taken(arena: Arena) -> None:
    names = names_of("coming")
    answers = arena.race(names, ("claim", MAJOR), ("ask", MINOR), ("ask", MAJOR), ("ask", MINOR))
    winners = [winner(answers[name]) for name in names]
    print(f"{winners.count('major')} of {len(names)} to the claim's campaign")  # noqa: T201 - shown with `-s`
    arena.hold_the_log(names, "major", "minor")


def test_a_claim_that_is_withdrawn_in_the_race_holds_its_place_until_then(arena: Arena) -> None:
    names = names_of("going")
    claim(arena.servers[-1].arbitration, MAJOR, names)
    answers = arena.race(names, ("withdraw", MAJOR), ("ask", MINOR), ("ask", MINOR), ("ask", MINOR))
    early = 0
    for name in names:
        granted = [answer for answer in answers[name] if answer.contact]
        # What the claim held is free once it is withdrawn, whichever server is asked.
        granted.append(ask(arena.servers[0].arbitration, MINOR, name))
        early += bool(granted[0].contact) and len(granted) > 1
        assert winner(granted) == "minor"
    print(f"{early} of {len(names)} were free already")  # noqa: T201 - shown with `-s`
    arena.hold_the_log(names, "major", "minor")
