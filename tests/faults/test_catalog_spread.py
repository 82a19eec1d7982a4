"""A catalog applied through one server is what every server on its Redis decides by, whole, within one second."""

import math
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from repit.v1.decision_pb2 import Decision, Verdict
from repit.v1.denial_pb2 import DenialReason
from tests.faults.conftest import Serve, rounds
from tests.faults.crowd import Crowd
from tests.faults.served import Served, fleet
from tests.faults.versions import BASE, Check, Noted, Watch, check, numbered, watching
from tests.faults.worlds import CALL_SECONDS, apply, caps, question
from tests.redis_server import RedisServer

pytestmark = pytest.mark.redis

SPREAD_SECONDS = 1.0
LIMIT = 3
KNOWN = caps(LIMIT)
ROUNDS = rounds(4)
REPLICAS = 4
CHANGES = int(os.environ.get("TEST_FAULT_CHANGES", "50"))
# How long is waited for a version at most: a bound for a busy machine, not the figure that is reported.
SEEN_SECONDS = 20.0


def seconds_until(server: Served, customer: str, version: int) -> tuple[float, Decision]:
    """Ask, one call after the other, until the catalog of that version decides; gives how long that took."""
    begun = time.monotonic()
    while True:
        response = server.arbitration.RequestContact(question(customer, LIMIT), timeout=CALL_SECONDS)
        seconds = time.monotonic() - begun
        if response.catalog_version >= version or seconds > SPREAD_SECONDS:
            assert response.catalog_version >= version, f"after {seconds:.3f} s it is {response.catalog_version}"
            return seconds, response.decisions[0]


def test_another_server_decides_by_a_new_catalog_within_one_second(
    serve: Serve, redis: RedisServer, catalog_file: Callable[[str], str]
) -> None:
    first = serve(redis.url, "--catalog", catalog_file(KNOWN))
    second = serve(redis.url)
    taken = []
    for number in range(ROUNDS):
        # Each round takes the campaign away or brings it back, through one server and then the other.
        is_known = number % 2 == 1
        by, other = (first, second) if number % 4 < 2 else (second, first)
        version = apply(by, KNOWN if is_known else caps(LIMIT + 1))
        seconds, decision = seconds_until(other, f"customer-{number}", version)
        taken.append(seconds)
        reasons = [denial.reason for denial in decision.denials]
        assert reasons == ([] if is_known else [DenialReason.DENIAL_REASON_CAMPAIGN_UNKNOWN])
        assert (decision.verdict == Verdict.VERDICT_GRANT) == is_known
    print(f"a new catalog was active elsewhere after {max(taken):.3f} s at most")  # noqa: T201 - shown with `-s`
    assert max(taken) <= SPREAD_SECONDS


def test_a_contact_of_a_campaign_that_a_server_has_not_heard_of_is_counted_there_at_once(
    serve: Serve, redis: RedisServer, catalog_file: Callable[[str], str]
) -> None:
    """The value names what the newer catalog has: the server that is behind reads it rather than guess."""
    document = "".join(caps(LIMIT).partition("policies:")[:1]) + (
        "policies:\n  - name: all\n    rules: [{name: cap, frequency_cap: {limit: 1, window: {sliding: 30d}}}]\n"
    )
    first = serve(redis.url, "--catalog", catalog_file(document))
    second = serve(redis.url)
    wider = document.replace("campaigns:\n", "campaigns:\n  new: {priority: 1, channels: [email]}\n", 1)
    version = apply(first, wider)
    asked = question("customer", LIMIT)
    asked.candidates[0].campaign_id = "new"
    granted = first.arbitration.RequestContact(asked, timeout=CALL_SECONDS)
    assert granted.decisions[0].verdict == Verdict.VERDICT_GRANT
    denied = second.arbitration.RequestContact(question("customer", LIMIT), timeout=CALL_SECONDS)
    assert denied.decisions[0].verdict == Verdict.VERDICT_DENY
    assert denied.catalog_version == version


def change(servers: list[Served], watches: list[Watch], number: int, version: int) -> tuple[float, float]:
    """Apply a document; gives the seconds until all decide by it, from before the call and from its answer."""
    begun = time.monotonic()
    assert apply(servers[number % len(servers)], numbered(number)) == version
    answered = time.monotonic()
    last = max(watch.seen(version, SEEN_SECONDS) for watch in watches)
    return last - begun, last - answered


def percentile(seconds: list[float], share: float) -> float:
    return sorted(seconds)[math.ceil(len(seconds) * share) - 1]


def hold_every_answer(noted: Noted, first: int) -> None:
    """All figures of an answer are those of the version that it names."""
    for version, figures in noted:
        assert figures == {BASE + version - first}, f"version {version} answered with {sorted(figures)}"


def test_no_decision_mixes_two_catalogs_while_four_servers_take_over_change_after_change(
    redis: RedisServer, catalog_file: Callable[[str], str], tmp_path: Path, crowd: Crowd
) -> None:
    catalog = Path(catalog_file(numbered(0)))
    noted: Noted = Counter()
    with (
        fleet(redis.url, REPLICAS, catalog=catalog, directory=tmp_path) as servers,
        watching(servers) as watches,
    ):
        for watch in watches:
            watch.seen(1, SEEN_SECONDS)
        first = watches[0].version
        targets = [servers[number % REPLICAS].address for number in range(crowd.processes)]
        sent = crowd.start(check, [Check(target, target, first + CHANGES) for target in targets])
        taken = [change(servers, watches, number, first + number) for number in range(1, CHANGES + 1)]
        for checked in sent:
            noted += checked.result(SEEN_SECONDS)
    for watch in watches:
        noted += watch.noted
    hold_every_answer(noted, first)
    assert len({version for version, _ in noted}) == CHANGES + 1
    from_call, from_answer = zip(*taken, strict=True)
    print(  # noqa: T201 - shown with `-s`
        f"{CHANGES} changes on {REPLICAS} servers, {noted.total()} answers; in force everywhere, from the call: "
        f"median {percentile(list(from_call), 0.5):.3f} s, p99 {percentile(list(from_call), 0.99):.3f} s, "
        f"longest {max(from_call):.3f} s; from its answer: p99 {percentile(list(from_answer), 0.99):.3f} s"
    )
