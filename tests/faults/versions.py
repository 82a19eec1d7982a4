"""Catalogs that say their number in every figure, and clients that check it while the catalog changes."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc

from repit.v1.arbitration_service_pb2 import RequestContactRequest, RequestContactResponse
from repit.v1.arbitration_service_pb2_grpc import ArbitrationServiceStub
from repit.v1.candidate_pb2 import Candidate
from tests.faults.crowd import START_SECONDS, wait_for_all
from tests.faults.served import Served
from tests.faults.worlds import CALL_SECONDS

# Every figure is this and the number: nothing that an answer says anyway.
BASE = 1_000
CHECK_SECONDS = 150

DOCUMENT = """\
repit: 1
zone: Europe/Paris
horizon: 400d
channels: {{email: {{cost: {figure}}}, post: {{pressure: 90000, cost: 9000}}}}
campaigns:
  light: {{priority: 50, channels: [email], value: {figure}}}
  heavy: {{priority: 40, channels: [post], value: {figure}, budget: {{amount: {figure}}}}}
policies:
  - name: days
    rules:
      - {{name: one, frequency_cap: {{limit: {figure}, window: {{sliding: 1d}}}}}}
      - {{name: many, frequency_cap: {{limit: {figure}, window: {{sliding: 30d}}}}}}
  - name: light
    applies_to: {{channels: [email]}}
    rules: [{{name: calendar, frequency_cap: {{limit: {figure}, window: {{calendar: week}}}}}}]
  - name: heavy
    applies_to: {{channels: [post]}}
    rules:
      - {{name: one, frequency_cap: {{points: {figure}, window: {{sliding: 1d}}}}}}
      - {{name: many, frequency_cap: {{points: {figure}, window: {{calendar: month}}}}}}
"""


def numbered(number: int) -> str:
    """A document whose figures are all the same."""
    return DOCUMENT.format(figure=BASE + number)


def figures_of(response: RequestContactResponse) -> frozenset[float]:
    """Every figure of an answer that the document sets: one, where one document made it."""
    light, heavy = response.decisions
    assert (len(light.remaining), len(heavy.denials)) == (3, 3), response
    limits = {cap.limit for cap in light.remaining} | {denial.limit for denial in heavy.denials}
    totals = {cap.used + cap.left for cap in light.remaining}
    return frozenset(limits | totals | {light.score.value, light.score.cost, heavy.score.value})


def ask_both(stub: ArbitrationServiceStub, customer: str) -> RequestContactResponse:
    """A request of which one candidate is granted and the other denied, both with figures."""
    request = RequestContactRequest(
        request_id=customer,
        customer_id=customer,
        candidates=[
            Candidate(campaign_id="light", channel="email", answer_probability=1),
            Candidate(campaign_id="heavy", channel="post", answer_probability=1),
        ],
        max_grants=2,
    )
    return stub.RequestContact(request, timeout=CALL_SECONDS)


@dataclass(frozen=True, slots=True)
class Check:
    """What one client process checks: one server, until it decides by the last version."""

    target: str
    name: str
    last_version: int


Noted = Counter[tuple[int, frozenset[float]]]


def check(task: Check) -> Noted:
    """How often each version was named beside which figures; runs in a process of its own."""
    noted = Noted()
    wait_for_all()
    begun, asked, version = time.monotonic(), 0, 0
    with grpc.insecure_channel(task.target) as channel:
        grpc.channel_ready_future(channel).result(START_SECONDS)
        stub = ArbitrationServiceStub(channel)
        while version < task.last_version:
            asked += 1
            response = ask_both(stub, f"{task.name}-{asked}")
            assert response.catalog_version >= version, "a server went back to an earlier version"
            version = response.catalog_version
            noted[version, figures_of(response)] += 1
            assert time.monotonic() - begun < CHECK_SECONDS, "the last version never came"
    return noted


@dataclass(slots=True)
class Watch:
    """Asks one server without end, and knows since when it decides by which version."""

    server: Served
    name: str
    noted: Noted = field(default_factory=Counter)
    version: int = 0
    since: float = 0.0
    _is_over: bool = False
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def run(self) -> None:
        asked = 0
        while not self._is_over:
            asked += 1
            response = ask_both(self.server.arbitration, f"{self.name}-{asked}")
            self.noted[response.catalog_version, figures_of(response)] += 1
            if response.catalog_version != self.version:
                with self._changed:
                    self.version, self.since = response.catalog_version, time.monotonic()
                    self._changed.notify_all()

    def end(self) -> None:
        self._is_over = True

    def seen(self, version: int, seconds: float) -> float:
        """When the server first decided by that version; fails where that is not within so many seconds."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.version >= version, seconds), f"{self.name} is behind {version}"
            return self.since


@contextmanager
def watching(servers: list[Served]) -> Iterator[list[Watch]]:
    """A watch on each server for the length of a block."""
    watches = [Watch(server, f"watch-{number}") for number, server in enumerate(servers)]
    with ThreadPoolExecutor(len(watches)) as threads:
        running = [threads.submit(watch.run) for watch in watches]
        try:
            yield watches
        finally:
            for watch in watches:
                watch.end()
    for ended in running:
        ended.result()
