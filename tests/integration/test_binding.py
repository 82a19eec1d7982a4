"""The engine in a Python process: closed while asked, let go of, used again after a request id."""

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from arbiter_rs import Arbiter
from repit.v1.arbitration_service_pb2 import RequestContactRequest, RequestContactResponse
from repit.v1.candidate_pb2 import Candidate
from repit.v1.decision_pb2 import Decision, Verdict
from repit_server.catalog import compile_catalog
from tests.servers import CATALOG, environment

MANY = """
import asyncio, sys, threading
from pathlib import Path
from arbiter_rs import Arbiter, ArbiterError
from repit.v1.arbitration_service_pb2 import BatchRequestContactsRequest
from repit_server.catalog import compile_catalog

arbiter = Arbiter.open("memory")
arbiter.apply_catalog(compile_catalog(Path(sys.argv[1]).read_text()).compiled)
batch = BatchRequestContactsRequest()
for number in range(10_000):
    request = batch.requests.add(request_id=f"r{number}", customer_id=f"c{number}")
    request.candidates.add(campaign_id="spring", channel="email")
asked = batch.SerializeToString()
"""

CLOSED_WHILE_ASKED = """
async def main():
    thread = threading.Thread(target=lambda: arbiter.batch_request_contacts(asked))
    thread.start()
    futures = [arbiter.batch_request_contacts_async(asked) for _ in range(100)]
    await asyncio.to_thread(arbiter.close)
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    thread.join()
    assert len(outcomes) == 100
    assert all(isinstance(outcome, bytes | ArbiterError) for outcome in outcomes)
asyncio.run(main())
"""

LET_GO_OF = """
async def main():
    global arbiter
    futures = [arbiter.batch_request_contacts_async(asked) for _ in range(10)]
    arbiter = None
    assert len(await asyncio.gather(*futures, return_exceptions=True)) == 10
asyncio.run(main())
"""


@pytest.mark.parametrize("script", [CLOSED_WHILE_ASKED, LET_GO_OF], ids=["closed while asked", "let go of"])
def test_an_engine_that_ends_with_work_in_flight_answers_every_caller_and_lets_the_process_end(
    script: str, tmp_path: Path
) -> None:
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(CATALOG, encoding="utf-8")
    command = [sys.executable, "-c", MANY + script, str(catalog)]
    ended = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def ask(arbiter: Arbiter, request_id: str, *candidates: Candidate, max_grants: int = 1) -> list[Decision]:
    request = RequestContactRequest(
        request_id=request_id,
        customer_id="customer-1",
        candidates=candidates,
        max_grants=max_grants,
        as_of_time=Timestamp(seconds=1_772_400_000),
    )
    return list(RequestContactResponse.FromString(arbiter.request_contact(request.SerializeToString())).decisions)


@pytest.fixture
def arbiter() -> Arbiter:
    opened = Arbiter.open("memory", clock="request")
    free = CATALOG.replace("limit: 1, window: {sliding: 24h}", "limit: 9, window: {sliding: 24h}")
    opened.apply_catalog(compile_catalog(free).compiled)
    return opened


def test_a_request_id_takes_no_further_place_for_other_candidates(arbiter: Arbiter) -> None:
    (first,) = ask(arbiter, "q", Candidate(campaign_id="spring", channel="email"))
    (second,) = ask(arbiter, "q", Candidate(campaign_id="summer", channel="email"))
    assert first.verdict == Verdict.VERDICT_GRANT
    assert (second.verdict, second.denials[0].outranked_by) == (Verdict.VERDICT_DENY, "spring")


def test_a_repeated_request_gives_each_of_two_alike_candidates_its_own_answer_again(arbiter: Arbiter) -> None:
    alike = [Candidate(campaign_id="spring", channel="email", score=score) for score in (0.0, 1.0)]
    first, again = ask(arbiter, "q", *alike), ask(arbiter, "q", *alike)
    assert [decision.verdict for decision in first] == [Verdict.VERDICT_DENY, Verdict.VERDICT_GRANT]
    assert [decision.contact_id for decision in again] == [decision.contact_id for decision in first]


def test_minus_zero_is_no_lower_a_score_than_zero(arbiter: Arbiter) -> None:
    soon = Timestamp(seconds=1_772_400_100)
    first = Candidate(campaign_id="spring", channel="email", score=-0.0, deadline_time=soon)
    second = Candidate(campaign_id="spring", channel="email", score=0.0)
    decisions = ask(arbiter, "q", second, first)
    assert [decision.verdict for decision in decisions] == [Verdict.VERDICT_DENY, Verdict.VERDICT_GRANT]
