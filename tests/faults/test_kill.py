"""A server is killed in the middle of its work and started again: whatever a client has seen still holds."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from repit.v1.arbitration_service_pb2 import ConfirmContactRequest, ReleaseContactRequest
from repit.v1.arbitration_service_pb2_grpc import ArbitrationServiceStub
from repit.v1.customer_pb2 import ContactState
from tests.faults.conftest import Serve, rounds
from tests.faults.served import Served, embedded_in
from tests.faults.worlds import CALL_SECONDS, caps, code_of, contact_of, contact_states, fill, held, question
from tests.redis_server import RedisServer

LIMIT = 3
CUSTOMERS = 40
CONNECTIONS = 6
ROUNDS = rounds(3)
MOST_ANSWERS = 500
LOAD_SECONDS = 60
SETTLED: dict[str, int] = {
    "confirmed": ContactState.CONTACT_STATE_CONFIRMED,
    "released": ContactState.CONTACT_STATE_RELEASED,
}


@dataclass(slots=True)
class Asked:
    """One request and what its client saw of it before the server was gone."""

    customer: str
    request_id: str
    contact: str = ""
    """The contact that was granted; empty where it was denied or not answered."""
    settled: str = ""
    """`confirmed` or `released`, where that was answered."""
    unsure: str = ""
    """`confirmed` or `released`, where that was asked and not answered any more."""


@dataclass(slots=True)
class Load:
    """Connections that ask until their server is gone."""

    address: str
    prefix: str
    seed: int
    answers: int = 0
    asked: list[Asked] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def ask_until_gone(self, number: int) -> None:
        draw = random.Random(self.seed * CONNECTIONS + number)
        with grpc.insecure_channel(self.address, options=[("grpc.enable_retries", 0)]) as channel:
            stub = ArbitrationServiceStub(channel)
            while self._ask(stub, draw):
                pass

    def wait_for_answers(self, wanted: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.answers >= wanted, LOAD_SECONDS), "the load did not get going"

    def _ask(self, stub: ArbitrationServiceStub, draw: random.Random) -> bool:
        """One request, and what becomes of its contact; gives whether the server was there for all of it."""
        asked = Asked(f"{self.prefix}-{draw.randrange(CUSTOMERS)}", f"{draw.getrandbits(128):032x}")
        self.asked.append(asked)
        try:
            message = question(asked.customer, LIMIT, asked.request_id)
            asked.contact = contact_of(stub.RequestContact(message, timeout=CALL_SECONDS))
            self._answered()
            if asked.contact:
                asked.unsure = draw.choice(["", "confirmed", "released"])
                if asked.unsure == "confirmed":
                    stub.ConfirmContact(ConfirmContactRequest(contact_id=asked.contact), timeout=CALL_SECONDS)
                if asked.unsure == "released":
                    stub.ReleaseContact(ReleaseContactRequest(contact_id=asked.contact), timeout=CALL_SECONDS)
                asked.settled, asked.unsure = asked.unsure, ""
        except grpc.RpcError as error:
            if code_of(error) is not grpc.StatusCode.UNAVAILABLE:
                raise
            return False
        return True

    def _answered(self) -> None:
        with self._changed:
            self.answers += 1
            self._changed.notify_all()


def killed_under_load(server: Served, prefix: str, seed: int, answers: int) -> list[Asked]:
    """Put load on a server and kill it after so many answers; gives what its clients asked and saw."""
    load = Load(server.address, prefix, seed)
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        connections = [threads.submit(load.ask_until_gone, number) for number in range(CONNECTIONS)]
        try:
            load.wait_for_answers(answers)
        finally:
            server.kill()
        for connection in connections:
            connection.result(LOAD_SECONDS)
    return load.asked


def hold_what_was_seen(server: Served, asked: list[Asked]) -> None:
    """Every contact that a client was granted is there, stands as it was settled, and comes back to its request."""
    states = {customer: contact_states(server, customer) for customer in {request.customer for request in asked}}
    for request in asked:
        if not request.contact:
            continue
        state = states[request.customer].get(request.contact)
        possible: set[int | None] = {SETTLED.get(request.settled, ContactState.CONTACT_STATE_PENDING)}
        if request.unsure:
            possible.add(SETTLED[request.unsure])
        assert state in possible, request
        message = question(request.customer, LIMIT, request.request_id)
        again = contact_of(server.arbitration.RequestContact(message, timeout=CALL_SECONDS))
        assert again == request.contact, request


def hold_the_caps(server: Served, customers: set[str]) -> None:
    """No customer has more than the cap allows, and each can have exactly that."""
    for customer in sorted(customers):
        before = held(contact_states(server, customer))
        assert len(before) <= LIMIT, customer
        assert len(fill(server, customer, LIMIT)) == LIMIT - len(before), customer
        assert len(held(contact_states(server, customer))) == LIMIT, customer


@pytest.fixture(params=[pytest.param("redis", marks=pytest.mark.redis), "embedded"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with ExitStack() as stack:
        if request.param == "redis":
            yield stack.enter_context(RedisServer()).url
        else:
            yield embedded_in(tmp_path)


def test_every_grant_that_a_client_saw_survives_a_kill(
    store: str, serve: Serve, catalog_file: Callable[[str], str]
) -> None:
    seed = random.SystemRandom().getrandbits(32)
    draw = random.Random(seed)
    server = serve(store, "--catalog", catalog_file(caps(LIMIT)))
    everything: list[Asked] = []
    for number in range(ROUNDS):
        answers = draw.randint(1, MOST_ANSWERS)
        print(f"seed {seed}, round {number}: killed after {answers} answers")  # noqa: T201 - shown where the test fails
        asked = killed_under_load(server, f"round-{number}", draw.getrandbits(32), answers)
        everything += asked
        assert any(request.contact for request in asked)
        server = serve(store)
        hold_what_was_seen(server, asked)
        hold_the_caps(server, {request.customer for request in asked})
    hold_what_was_seen(server, everything)


@pytest.mark.redis
def test_a_server_that_is_killed_takes_nothing_from_the_other_one(
    serve: Serve, redis: RedisServer, catalog_file: Callable[[str], str]
) -> None:
    killed = serve(redis.url, "--catalog", catalog_file(caps(LIMIT)))
    other = serve(redis.url)
    asked = killed_under_load(killed, "shared", seed=1, answers=MOST_ANSWERS)
    hold_what_was_seen(other, asked)
    hold_the_caps(other, {request.customer for request in asked})
