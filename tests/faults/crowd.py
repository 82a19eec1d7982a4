"""Many clients that ask for ever other customers, through every server, until all servers deny."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier, Semaphore
from typing import NamedTuple, Self, TypeVar

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from repit.v1 import arbitration_service_pb2 as messages
from repit.v1.arbitration_service_pb2_grpc import ArbitrationServiceStub
from repit.v1.candidate_pb2 import Candidate
from repit.v1.denial_pb2 import DenialReason
from tests.faults.worlds import CALL_SECONDS, code_of, contact_of

START_SECONDS = 60
RUN_SECONDS = 200
# So often in a row every server denies each of an errand's ways before a client believes it.
DENIED_TIMES = 2
# Clients of one process; each has connections of its own.
THREADS = 4

Task = TypeVar("Task")
Result = TypeVar("Result")
CAPACITY = DenialReason.DENIAL_REASON_CAPACITY
BUDGET = DenialReason.DENIAL_REASON_BUDGET


class NobodyLeftError(Exception):
    """No server answers any more."""


class Way(NamedTuple):
    """What is asked for, at which moment; servers of `--clock request` take it for the time."""

    campaign: str
    channel: str
    moment_ms: int


class Said(NamedTuple):
    """One denial: the rule and its figures."""

    way: Way
    reason: int
    rule: str
    limit: float
    used: float


@dataclass(frozen=True, slots=True)
class Errand:
    """What one client process is sent for."""

    targets: tuple[str, ...]
    prefix: str
    """Of its customers, no two requests are for one."""
    ways: tuple[Way, ...]
    seed: int
    requests: int = 0
    """How many requests; 0: until every server denies every way."""
    released_share: float = 0.0
    """This share of the grants is given back at once."""
    keeps_servers: bool = False
    """A server that is not answered for is asked again later: it is its store that was away."""


@dataclass(slots=True)
class Granted:
    """One grant. Times are of one clock for all processes, in nanoseconds."""

    way: Way
    customer: str
    request_id: str
    contact: str
    granted_ns: int
    release_ns: int | None = None


@dataclass(slots=True)
class Heard:
    """What clients were answered."""

    grants: list[Granted] = field(default_factory=list)
    denials: set[Said] = field(default_factory=set)
    unanswered: Counter[str] = field(default_factory=Counter)
    """Requests that a server did not answer and that were asked again elsewhere, by its address."""
    left_open: list[tuple[Way, bytes]] = field(default_factory=list)
    """Requests that nobody answered."""

    def add(self, other: "Heard") -> None:
        self.grants += other.grants
        self.denials |= other.denials
        self.unanswered += other.unanswered
        self.left_open += other.left_open

    @property
    def contacts(self) -> set[str]:
        """The contacts, each granted to one request."""
        contacts = {grant.contact for grant in self.grants}
        assert len(contacts) == len(self.grants), "two requests were given one contact"
        return contacts

    @property
    def held(self) -> set[str]:
        """Those that were not given back."""
        return {grant.contact for grant in self.grants if grant.release_ns is None}


class Caller:
    """One client with a connection of its own to every server."""

    def __init__(self, errand: Errand) -> None:
        self.errand = errand
        self.heard = Heard()
        self._draw = random.Random(errand.seed)
        self._asked = 0
        self._connections = ExitStack()
        self._stubs: dict[str, ArbitrationServiceStub] = {}

    def __enter__(self) -> Self:
        for target in self.errand.targets:
            channel = grpc.insecure_channel(target, options=[("grpc.enable_retries", 0)])
            self._connections.enter_context(channel)
            grpc.channel_ready_future(channel).result(START_SECONDS)
            self._stubs[target] = ArbitrationServiceStub(channel)
        return self

    def __exit__(self, *_: object) -> None:
        self._connections.close()

    def rounds(self) -> Iterator[tuple[str, Way]]:
        """Every server with every way, in another order each time."""
        pairs = [(target, way) for target in self._stubs for way in self.errand.ways]
        self._draw.shuffle(pairs)
        return iter(pairs)

    def run(self) -> Heard:
        """Do the errand, or as much of it as there are servers for."""
        denied_rounds = 0
        try:
            while denied_rounds < DENIED_TIMES and not 0 < self.errand.requests <= self._asked:
                grants = [grant for grant in (self.ask(*pair) for pair in self.rounds()) if grant is not None]
                denied_rounds = denied_rounds + 1 if not grants and not self.errand.requests else 0
                for grant in grants:
                    self._maybe_release(grant)
        except NobodyLeftError:
            assert self.heard.left_open
        return self.heard

    def sweep(self, *, quiet_s: float, wanted: int = 0, wanted_s: float = 0.0) -> Heard:
        """Ask, one after the other, until nothing was granted for so long; longer until what is wanted is there."""
        begun = last = time.monotonic()
        while (now := time.monotonic()) - last < (quiet_s if len(self.heard.grants) >= wanted else wanted_s):
            assert now - begun < START_SECONDS, "places are granted without end"
            granted = [self.ask(target, way) for target, way in self.rounds()]
            last = time.monotonic() if any(granted) else last
        return self.heard

    def ask(self, target: str, way: Way) -> Granted | None:
        """Ask for a customer who was never asked for; where the server is gone, ask the same of another."""
        self._asked += 1
        request = messages.RequestContactRequest(
            request_id=f"{self._draw.getrandbits(128):032x}",
            customer_id=f"{self.errand.prefix}-{self._asked}",
            candidates=[Candidate(campaign_id=way.campaign, channel=way.channel)],
            as_of_time=stamp(way.moment_ms),
        )
        return self.ask_for(target, way, request)

    def ask_for(self, target: str, way: Way, request: messages.RequestContactRequest) -> Granted | None:
        """Ask, and note what was answered."""
        response = self._answer(target, way, request)
        if contact := contact_of(response):
            grant = Granted(way, request.customer_id, request.request_id, contact, time.monotonic_ns())
            self.heard.grants.append(grant)
            if _progress is not None:
                _progress.release()
            return grant
        for denial in response.decisions[0].denials:
            rule = f"{denial.policy}/{denial.rule}"
            self.heard.denials.add(Said(way, denial.reason, rule, denial.limit, denial.used))
        return None

    def _answer(
        self, target: str, way: Way, request: messages.RequestContactRequest
    ) -> messages.RequestContactResponse:
        begun = time.monotonic()
        while self._stubs and time.monotonic() - begun < START_SECONDS:
            asked = target if target in self._stubs else self._draw.choice(list(self._stubs))
            try:
                return self._stubs[asked].RequestContact(request, timeout=CALL_SECONDS)
            except grpc.RpcError as error:
                if code_of(error) is not grpc.StatusCode.UNAVAILABLE:
                    raise
                self.heard.unanswered[asked] += 1
                if not self.errand.keeps_servers:
                    del self._stubs[asked]
        self.heard.left_open.append((way, request.SerializeToString()))
        raise NobodyLeftError

    def _maybe_release(self, grant: Granted) -> None:
        if self._draw.random() < self.errand.released_share:
            grant.release_ns = time.monotonic_ns()
            stub = self._draw.choice(list(self._stubs.values()))
            release = messages.ReleaseContactRequest(contact_id=grant.contact, as_of_time=stamp(grant.way.moment_ms))
            stub.ReleaseContact(release, timeout=CALL_SECONDS)


_barrier: Barrier | None = None
_progress: Semaphore | None = None


def _begin(barrier: Barrier, progress: Semaphore) -> None:
    global _barrier, _progress
    _barrier, _progress = barrier, progress


def wait_for_all() -> None:
    """Wait until every process of the crowd has come so far."""
    if _barrier is not None:
        _barrier.wait(START_SECONDS)


def do_errands(errands: Sequence[Errand]) -> Heard:
    """Errands side by side, begun together with those of the other processes; runs in a process of its own."""
    try:
        with ExitStack() as stack:
            callers = [stack.enter_context(Caller(errand)) for errand in errands]
            threads = stack.enter_context(ThreadPoolExecutor(len(callers)))
            wait_for_all()
            return together([threads.submit(caller.run) for caller in callers])
    except grpc.RpcError as error:
        # As it is, it cannot go from one process to the other.
        raise RuntimeError(f"a call failed: {error}") from None


class Crowd:
    """A fixed number of clients, in a few processes."""

    def __init__(self, processes: int, executor: ProcessPoolExecutor, barrier: Barrier, progress: Semaphore) -> None:
        self.processes = processes
        self._executor = executor
        self._barrier = barrier
        self._progress = progress

    def send(self, errands: Sequence[Errand]) -> "list[Future[Heard]]":
        """Send every client for one of the errands, in turn; they begin together."""
        self._make_ready()
        while self._progress.acquire(block=False):
            pass
        each = [one_of(errands, number) for number in range(self.processes * THREADS)]
        return [self._executor.submit(do_errands, each[first :: self.processes]) for first in range(self.processes)]

    def run(self, *errands: Errand) -> Heard:
        """Send them and wait for all; gives what they heard together."""
        return together(self.send(errands))

    def start(self, work: Callable[[Task], Result], tasks: Iterable[Task]) -> "list[Future[Result]]":
        """Other work, a task for every process."""
        self._make_ready()
        return [self._executor.submit(work, task) for task in tasks]

    def _make_ready(self) -> None:
        """A test that failed may have left the barrier broken."""
        if self._barrier.broken:
            self._barrier.reset()

    def wait_for_grants(self, wanted: int) -> None:
        """Wait until the processes that were sent have heard of so many grants."""
        for _ in range(wanted):
            assert self._progress.acquire(timeout=START_SECONDS), "the crowd is not granted what was waited for"


def one_of(errands: Sequence[Errand], number: int) -> Errand:
    """The errand of one client: with customers and a seed of its own."""
    errand = errands[number % len(errands)]
    return replace(errand, prefix=f"{errand.prefix}-{number}", seed=errand.seed * 1_000 + number)


def together(sent: "Iterable[Future[Heard]]") -> Heard:
    """What all of them heard, once they have ended."""
    heard = Heard()
    for future in sent:
        heard.add(future.result(RUN_SECONDS))
    return heard


@contextmanager
def crowd_of(clients: int) -> Iterator[Crowd]:
    """So many clients for the length of a block."""
    processes = clients // THREADS
    context = get_context("spawn")
    barrier, progress = context.Barrier(processes), context.Semaphore(0)
    with ProcessPoolExecutor(processes, context, _begin, (barrier, progress)) as executor:
        yield Crowd(processes, executor, barrier, progress)


def most_held_at_once(grants: Iterable[Granted]) -> int:
    """The most places that were held for certain at one moment, from outside."""
    changes = [(grant.granted_ns, 1) for grant in grants]
    changes += [(grant.release_ns, -1) for grant in grants if grant.release_ns is not None]
    most = now = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def stamp(moment_ms: int) -> Timestamp:
    """A moment as the wire has it."""
    seconds, rest = divmod(moment_ms, 1_000)
    return Timestamp(seconds=seconds, nanos=rest * 1_000_000)
