"""Redis is killed, paused or comes back empty while it is asked: an error that says when to ask again, no grant."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
import pytest
from redis import Redis

from repit.v1 import arbitration_service_pb2 as messages
from repit.v1.arbitration_service_pb2_grpc import ArbitrationServiceStub
from repit.v1.catalog_service_pb2 import ApplyCatalogRequest, GetCatalogRequest
from repit.v1.customer_pb2 import ContactState
from repit.v1.engagement_pb2 import Engagement, EngagementKind
from tests.faults.conftest import Serve
from tests.faults.contact_log import logged_of
from tests.faults.cut_line import CutLine
from tests.faults.refusals import Refusal, of_status, refusal_of
from tests.faults.served import NOT_SERVING, SERVING, Served
from tests.faults.worlds import CALL_SECONDS, caps, contact_of, contact_states, fill, held, question
from tests.redis_server import RedisServer

pytestmark = pytest.mark.redis

LIMIT = 3
CONNECTIONS = 4
CUSTOMERS = 5_000
LOAD_SECONDS = 60
ANSWERS = 200
# An answer of Redis may take one second; twice that where the connection is made anew, and room for a busy machine.
GIVEN_UP_SECONDS = 10


@pytest.fixture
def server(serve: Serve, redis: RedisServer, catalog_file: Callable[[str], str]) -> Served:
    return serve(redis.url, "--catalog", catalog_file(caps(LIMIT)))


@contextmanager
def paused(redis: RedisServer) -> Iterator[None]:
    """A Redis that does nothing for the length of a block, and then what it was sent meanwhile."""
    os.kill(redis.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(redis.pid, signal.SIGCONT)


def every_refusal(server: Served, contact: str) -> dict[str, Refusal]:
    """What every verb that needs the store fails with."""
    arbitration, catalogs = server.arbitration, server.catalogs
    asked = question("away", LIMIT)
    check = messages.CheckContactRequest(customer_id="away", candidates=asked.candidates)
    sent = Engagement(event_id="e", customer_id="away", kind=EngagementKind.ENGAGEMENT_KIND_PURCHASED)
    batch = arbitration.BatchRequestContacts(
        messages.BatchRequestContactsRequest(requests=[asked]), timeout=CALL_SECONDS
    )
    (streamed,) = arbitration.StreamRequestContacts(
        iter([messages.StreamRequestContactsRequest(request=asked)]), timeout=CALL_SECONDS
    )
    recorded = arbitration.RecordEngagements(
        messages.RecordEngagementsRequest(engagements=[sent]), timeout=CALL_SECONDS
    )
    explain = messages.ExplainCustomerRequest(customer_id="away")
    return {
        "RequestContact": refusal_of(arbitration.RequestContact, asked),
        "CheckContact": refusal_of(arbitration.CheckContact, check),
        "BatchRequestContacts": of_status(batch.results[0].error),
        "StreamRequestContacts": of_status(streamed.result.error),
        "ConfirmContact": refusal_of(arbitration.ConfirmContact, messages.ConfirmContactRequest(contact_id=contact)),
        "ReleaseContact": refusal_of(arbitration.ReleaseContact, messages.ReleaseContactRequest(contact_id=contact)),
        "RecordEngagements": of_status(recorded.results[0].error),
        "ExplainCustomer": refusal_of(arbitration.ExplainCustomer, explain),
        "ApplyCatalog": refusal_of(catalogs.ApplyCatalog, ApplyCatalogRequest(document=caps(LIMIT, 7))),
        "GetCatalog": refusal_of(catalogs.GetCatalog, GetCatalogRequest()),
    }


def test_every_verb_says_that_the_store_is_away_and_when_to_ask_again(server: Served, redis: RedisServer) -> None:
    contacts = fill(server, "kept", LIMIT)
    redis.kill()
    for _ in range(3):
        refusals = every_refusal(server, contacts[0])
        wrong = {verb: refusal for verb, refusal in refusals.items() if not refusal.is_retryable}
        assert wrong == {}
        assert {refusal.details.reason for refusal in refusals.values()} == {"STORE_UNAVAILABLE"}
    server.wait_for_health(NOT_SERVING)
    assert server.is_alive

    redis.start()
    server.wait_for_health(SERVING)
    assert held(contact_states(server, "kept")) == set(contacts)
    assert fill(server, "kept", LIMIT) == []
    assert len(fill(server, "away", LIMIT)) == LIMIT
    assert server.stop() == 0


@dataclass(slots=True)
class Answers:
    """What connections were told before Redis was killed, while it went, and after."""

    is_killed: threading.Event = field(default_factory=threading.Event)
    is_over: threading.Event = field(default_factory=threading.Event)
    granted: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The contact and the customer of each granted request."""
    granted_after: list[str] = field(default_factory=list)
    errors: list[grpc.RpcError] = field(default_factory=list)
    enough: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def ask(self, address: str, number: int) -> None:
        with grpc.insecure_channel(address, options=[("grpc.enable_retries", 0)]) as channel:
            stub = ArbitrationServiceStub(channel)
            for count in range(CUSTOMERS):
                if self.is_over.is_set():
                    return
                self._ask_once(stub, f"{number}-{count}")
        raise AssertionError("the load ended before Redis was killed")

    def _ask_once(self, stub: ArbitrationServiceStub, customer: str) -> None:
        is_after = self.is_killed.is_set()
        try:
            contact = contact_of(stub.RequestContact(question(customer, LIMIT, customer), timeout=CALL_SECONDS))
        except grpc.RpcError as error:
            self.errors.append(error)
            if is_after:
                self.enough.release()
            return
        self.granted[customer] = (contact, customer)
        if is_after:
            self.granted_after.append(contact)
        self.enough.release()


def test_no_grant_is_answered_once_redis_was_killed_and_none_is_lost(server: Served, redis: RedisServer) -> None:
    answers = Answers()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        connections = [threads.submit(answers.ask, server.address, number) for number in range(CONNECTIONS)]
        try:
            for _ in range(ANSWERS):
                assert answers.enough.acquire(timeout=LOAD_SECONDS)
            redis.kill()
            answers.is_killed.set()
            while answers.enough.acquire(blocking=False):
                pass
            for _ in range(ANSWERS):
                assert answers.enough.acquire(timeout=LOAD_SECONDS)
        finally:
            answers.is_over.set()
        for connection in connections:
            connection.result(LOAD_SECONDS)
    assert answers.granted_after == []
    assert all(is_store_away(error) for error in answers.errors)

    redis.start()
    server.wait_for_health(SERVING)
    for request_id, (contact, customer) in answers.granted.items():
        again = server.arbitration.RequestContact(question(customer, LIMIT, request_id), timeout=CALL_SECONDS)
        assert contact_of(again) == contact
        assert held(contact_states(server, customer)) == {contact}


def is_store_away(error: grpc.RpcError) -> bool:
    def raise_it(_: object, timeout: float) -> None:
        raise error

    return refusal_of(raise_it, None).is_retryable


def test_a_redis_that_does_not_answer_is_given_up_in_time(server: Served, redis: RedisServer) -> None:
    asked = question("paused", LIMIT)
    with paused(redis):
        started = time.monotonic()
        refusal = refusal_of(server.arbitration.RequestContact, asked)
        assert refusal.is_retryable, refusal
        assert time.monotonic() - started < GIVEN_UP_SECONDS
    server.wait_for_health(SERVING)
    contact = contact_of(server.arbitration.RequestContact(asked, timeout=CALL_SECONDS))
    assert held(contact_states(server, "paused")) == {contact}


def test_what_redis_did_unheard_is_found_by_the_request_id(
    serve: Serve, redis: RedisServer, catalog_file: Callable[[str], str]
) -> None:
    with CutLine(redis.port) as line:
        server = serve(line.url, "--catalog", catalog_file(caps(LIMIT)))
        # Redis knows the script from here on.
        fill(server, "heard", LIMIT)
        asked = question("unheard", LIMIT)
        line.cut_after_next_script()
        refusal = refusal_of(server.arbitration.RequestContact, asked)
        assert refusal.is_retryable, refusal
        assert line.is_cut.is_set()
        (grant,) = (record.granted for _, record in logged_of(redis.url, "unheard"))
        assert grant.request_id == asked.request_id

        again = server.arbitration.RequestContact(asked, timeout=CALL_SECONDS)
        assert contact_of(again) == grant.contact_id
        release = messages.ReleaseContactRequest(contact_id=grant.contact_id)
        line.cut_after_next_script()
        assert refusal_of(server.arbitration.ReleaseContact, release).is_retryable
        released = server.arbitration.ReleaseContact(release, timeout=CALL_SECONDS).contact
        assert released.state == ContactState.CONTACT_STATE_RELEASED
        assert len(fill(server, "unheard", LIMIT)) == LIMIT
        assert len(logged_of(redis.url, "unheard")) == 1 + 1 + LIMIT
        server.stop()


def test_a_redis_that_came_back_empty_is_not_taken_for_a_new_store(
    serve: Serve, catalog_file: Callable[[str], str]
) -> None:
    with RedisServer() as forgetful:
        server = serve(forgetful.url, "--catalog", catalog_file(caps(LIMIT)))
        contacts = fill(server, "kept", LIMIT)
        forgetful.kill()
        server.wait_for_health(NOT_SERVING)
        forgetful.start()
        refusal = refusal_of(server.arbitration.RequestContact, question("kept", LIMIT))
        deadline = time.monotonic() + GIVEN_UP_SECONDS
        while refusal.details.reason == "STORE_UNAVAILABLE" and time.monotonic() < deadline:
            refusal = refusal_of(server.arbitration.RequestContact, question("kept", LIMIT))
        assert (refusal.details.reason, refusal.is_retryable) == ("STORE_STOPPED", True)
        assert "came back without" in refusal.message
        wrong = {
            verb: refusal
            for verb, refusal in every_refusal(server, contacts[0]).items()
            if not refusal.is_retryable or refusal.details.reason != "STORE_STOPPED"
        }
        assert wrong == {}
        assert server.is_alive


def test_a_full_redis_takes_nothing_more_until_it_has_room_and_forgets_nothing(
    server: Served, redis: RedisServer
) -> None:
    contacts = fill(server, "kept", LIMIT)
    asked = question("new", LIMIT)
    with Redis.from_url(redis.url) as raw:
        raw.config_set("maxmemory", "1")
        refusal = refusal_of(server.arbitration.RequestContact, asked)
        assert (refusal.details.reason, refusal.is_retryable) == ("STORE_FULL", True)
        assert held(contact_states(server, "kept")) == set(contacts)
        assert fill(server, "kept", LIMIT) == []
        raw.config_set("maxmemory", "0")
    assert contact_of(server.arbitration.RequestContact(asked, timeout=CALL_SECONDS))
    assert len(fill(server, "new", LIMIT)) == LIMIT - 1
