"""Client processes that ask at the same moment, and what each of them saw."""

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier

import grpc

from repit.v1.arbitration_service_pb2 import ReleaseContactRequest, RequestContactResponse
from repit.v1.arbitration_service_pb2_grpc import ArbitrationServiceStub
from tests.faults.worlds import CALL_SECONDS, code_of, contact_of, is_denied_by_full_cap, question

START_SECONDS = 60
HASTY_SECONDS = (0.000_5, 0.004)


@dataclass(frozen=True, slots=True)
class Task:
    """So many requests of one process for one customer."""

    targets: tuple[str, ...]
    customer: str
    limit: int
    requests: int
    seed: int
    most_copies: int = 1
    """Each request is sent 1 to this many times."""
    released_share: float = 0.0
    """This share of the grants is given back at once."""


@dataclass(slots=True)
class Seen:
    """What one request looked like from outside. Times are of one clock for all processes, in nanoseconds."""

    request_id: str
    contacts: set[str] = field(default_factory=set)
    """The contacts that its copies were granted: never more than one."""
    granted_ns: int | None = None
    """When the first grant had arrived: from here on the place is held for certain."""
    release_ns: int | None = None
    """When the release was about to be sent: until here the place was held for certain."""
    timed_out: int = 0
    """Copies that were given up before an answer came."""


_barrier: Barrier | None = None


def _begin(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603 - given once, when the process starts
    _barrier = barrier


class Askers:
    """A fixed number of processes, each with a connection of its own to every server."""

    def __init__(self, processes: int, executor: ProcessPoolExecutor) -> None:
        self.processes = processes
        self._executor = executor

    def run(self, task: Task, *, requests: int) -> list[Seen]:
        """Share the requests among all processes, which begin together; gives what each request saw."""
        each, rest = divmod(requests, self.processes)
        tasks = [
            replace(task, requests=each + (number < rest), seed=task.seed * self.processes + number)
            for number in range(self.processes)
        ]
        return [seen for batch in self._executor.map(ask_all, tasks) for seen in batch]


@contextmanager
def askers(processes: int) -> Iterator[Askers]:
    """Processes for the length of a block."""
    context = get_context("spawn")
    barrier = context.Barrier(processes)
    with ProcessPoolExecutor(processes, context, _begin, (barrier,)) as executor:
        yield Askers(processes, executor)


def ask_all(task: Task) -> list[Seen]:
    """Work through one task; runs in a process of its own."""
    draw = random.Random(task.seed)
    channels = [grpc.insecure_channel(target, options=[("grpc.enable_retries", 0)]) for target in task.targets]
    try:
        for channel in channels:
            grpc.channel_ready_future(channel).result(START_SECONDS)
        stubs = [ArbitrationServiceStub(channel) for channel in channels]
        if _barrier is not None:
            _barrier.wait(START_SECONDS)
        return [_ask(task, stubs, draw) for _ in range(task.requests)]
    except grpc.RpcError as error:
        # As it is, it cannot go from one process to the other.
        raise RuntimeError(f"a call failed: {error}") from None
    finally:
        for channel in channels:
            channel.close()


def _ask(task: Task, stubs: Sequence[ArbitrationServiceStub], draw: random.Random) -> Seen:
    """One request: copies that are given up early, copies at the same time, and one that is waited for."""
    request_id = f"{draw.getrandbits(128):032x}"
    request = question(task.customer, task.limit, request_id)
    seen = Seen(request_id)
    beside: list[grpc.Future[RequestContactResponse]] = []
    for _ in range(draw.randint(1, task.most_copies) - 1):
        is_hasty = draw.random() < 0.5
        seconds = draw.uniform(*HASTY_SECONDS) if is_hasty else CALL_SECONDS
        copy = draw.choice(stubs).RequestContact.future(request, timeout=seconds)
        if is_hasty:
            _take(copy, task, seen)
        else:
            beside.append(copy)
    _take(draw.choice(stubs).RequestContact.future(request, timeout=CALL_SECONDS), task, seen)
    if seen.contacts and draw.random() < task.released_share:
        (contact,) = seen.contacts
        seen.release_ns = time.monotonic_ns()
        draw.choice(stubs).ReleaseContact(ReleaseContactRequest(contact_id=contact), timeout=CALL_SECONDS)
    for late in beside:
        _take(late, task, seen)
    return seen


def _take(copy: "grpc.Future[RequestContactResponse]", task: Task, seen: Seen) -> None:
    """Note what a copy was answered."""
    try:
        response = copy.result()
    except grpc.RpcError as error:
        if code_of(error) is not grpc.StatusCode.DEADLINE_EXCEEDED:
            raise
        seen.timed_out += 1
        return
    if contact := contact_of(response):
        seen.contacts.add(contact)
        seen.granted_ns = seen.granted_ns or time.monotonic_ns()
    else:
        assert is_denied_by_full_cap(response.decisions[0], task.limit), response


def most_held_at_once(seen: Sequence[Seen]) -> int:
    """The most places that were held for certain at one moment, from outside."""
    changes = [(request.granted_ns, 1) for request in seen if request.granted_ns is not None]
    changes += [(request.release_ns, -1) for request in seen if request.release_ns is not None]
    most = now = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most
