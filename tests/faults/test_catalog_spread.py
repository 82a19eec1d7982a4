"""A catalog applied through one server is what all servers on the same Redis decide by, within one second; none mixes two."""

import time
from collections.abc import Callable

import pytest

from repit.v1.catalog_service_pb2 import ApplyCatalogRequest
from repit.v1.decision_pb2 import Decision, Verdict
from repit.v1.denial_pb2 import DenialReason
from tests.faults.conftest import Serve, rounds
from tests.faults.served import Served
from tests.faults.worlds import CALL_SECONDS, caps, question
from tests.redis_server import RedisServer

pytestmark = pytest.mark.redis

SPREAD_SECONDS = 1.0
LIMIT = 3
KNOWN = caps(LIMIT)
ROUNDS = rounds(4)


def apply(server: Served, document: str) -> int:
    response = server.catalogs.ApplyCatalog(ApplyCatalogRequest(document=document), timeout=CALL_SECONDS)
    assert list(response.findings) == []
    return response.catalog.version


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
