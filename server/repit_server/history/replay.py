"""Puts an event file through the engine: each send asked for, each answer kept or lost with its send."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from repit.v1.arbitration_service_pb2 import (
    BatchRequestContactsRequest,
    BatchRequestContactsResponse,
    RecordEngagementsRequest,
    RecordEngagementsResponse,
)
from repit.v1.decision_pb2 import Decision
from repit_server.history.answer_ledger import AnswerLedger
from repit_server.history.event import EventKind
from repit_server.history.event_file import EventLine
from repit_server.history.event_message import (
    CatalogNames,
    add_confirmation,
    add_engagement,
    add_request,
    set_time,
)
from repit_server.history.replay_tally import ReplayResult, Tally, is_grant

CHUNK_EVENTS: Final = 1_000
"""How many events go to the engine together at most; no result depends on it."""


class EngineError(Exception):
    """An engine in this process failed; `code` is the number of the gRPC status that a server would answer with."""

    def __init__(self, code: int, message: str) -> None:
        """Keep both parts."""
        super().__init__(message)
        self.code = code


class Engine(Protocol):
    """What a replay needs of an engine, in process or far away: serialized `repit.v1` messages in and out.

    In process it raises `EngineError`, far away `repit.RepitError`.
    """

    def batch_request_contacts(self, request: bytes) -> bytes:
        """Ask for many contacts."""

    def record_engagements(self, request: bytes) -> bytes:
        """Record many engagements."""


class LineRefusedError(Exception):
    """The engine took no answer from one line: `line` is its number, `message` the engine's words."""

    def __init__(self, line: int, message: str) -> None:
        """Keep both parts."""
        super().__init__(f"line {line}: {message}")
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class ReplayedRequest:
    """One send of the file and what the engine said to it."""

    line: EventLine
    decision: Decision


DecisionObserver: TypeAlias = Callable[[ReplayedRequest], None]
ProgressObserver: TypeAlias = Callable[[int], None]


def ignore_decision(_request: ReplayedRequest) -> None:
    """Observe nothing."""


def ignore_progress(_events: int) -> None:
    """Observe nothing."""


@dataclass(slots=True)
class _Chunk:
    """Events that go to the engine together.

    INVARIANT: of one customer it holds at most one send, and nothing before that send, so that all sends may go first
    and everything else after them without any customer's order being changed; and it spans less time than a
    reservation may wait for its confirmation.
    """

    max_events: int
    confirm_within_ms: int | None
    sends: list[EventLine] = field(default_factory=list)
    others: list[EventLine] = field(default_factory=list)
    customers: set[str] = field(default_factory=set)
    last_time_ms: int = 0

    def __len__(self) -> int:
        return len(self.sends) + len(self.others)

    def has_room(self, line: EventLine) -> bool:
        """Whether the line may join."""
        event = line.event
        if len(self) >= self.max_events:
            return False
        waits_ms = event.time_ms - self.sends[0].event.time_ms if self.sends else 0
        if self.confirm_within_ms is not None and waits_ms >= self.confirm_within_ms:
            return False
        return event.kind is not EventKind.SENT or event.customer_id not in self.customers

    def add(self, line: EventLine) -> None:
        """Take the line in."""
        (self.sends if line.event.kind is EventKind.SENT else self.others).append(line)
        self.customers.add(line.event.customer_id)
        self.last_time_ms = line.event.time_ms


@dataclass(slots=True)
class Replay:
    """One run of an event file through an engine that starts empty and takes the time from each request."""

    engine: Engine
    names: CatalogNames
    chunk_events: int = CHUNK_EVENTS
    confirm_within_ms: int | None = None
    """How soon a grant must be confirmed lest the catalog gives its place back; None where it never does."""
    on_decision: DecisionObserver = ignore_decision
    on_progress: ProgressObserver = ignore_progress
    _ledger: AnswerLedger = field(default_factory=AnswerLedger)
    _tally: Tally = field(default_factory=Tally)

    def run(self, lines: Iterable[EventLine]) -> ReplayResult:
        """Replay the lines, ascending by time, and say what became of them.

        Raises `LineRefusedError` where the engine takes a line for wrong, and what the engine raises.
        """
        started = time.perf_counter()
        chunk = _Chunk(self.chunk_events, self.confirm_within_ms)
        for line in lines:
            if not chunk.has_room(line):
                self._flush(chunk)
                chunk = _Chunk(self.chunk_events, self.confirm_within_ms)
            chunk.add(line)
        self._flush(chunk)
        return self._tally.result(self._ledger.totals(), seconds=time.perf_counter() - started)

    def _flush(self, chunk: _Chunk) -> None:
        if not len(chunk):
            return
        record = RecordEngagementsRequest()
        set_time(record.as_of_time, chunk.last_time_ms)
        recorded = self._ask(chunk.sends, record)
        for line in chunk.others:
            if self._take(line, record):
                recorded.append(line)
        self._record(recorded, record)
        self._tally.events += len(chunk)
        self.on_progress(len(chunk))

    def _ask(self, sends: list[EventLine], record: RecordEngagementsRequest) -> list[EventLine]:
        """Ask for the sends, add the confirmations of the granted ones to `record` and return their lines."""
        if not sends:
            return []
        batch = BatchRequestContactsRequest()
        for line in sends:
            add_request(batch, line, self.names)
        answer = BatchRequestContactsResponse.FromString(self.engine.batch_request_contacts(batch.SerializeToString()))
        granted = []
        for line, result in zip(sends, answer.results, strict=True):
            if result.HasField("error"):
                raise LineRefusedError(line.number, result.error.message)
            decision = result.response.decisions[0]
            self._tally.take(line.event, decision, catalog_version=result.response.catalog_version)
            self._ledger.take_send(line.event, contact_id=decision.contact_id)
            self.on_decision(ReplayedRequest(line, decision))
            if is_grant(decision):
                add_confirmation(record, line, decision.contact_id)
                granted.append(line)
        return granted

    def _take(self, line: EventLine, record: RecordEngagementsRequest) -> bool:
        """Add an engagement to `record`, unless it answers a send that was denied: then it did not happen."""
        event = line.event
        if event.kind is EventKind.CONVERTED:
            self._ledger.take_conversion(event)
        happens = event.kind is EventKind.PURCHASED or not self._ledger.was_spared(event)
        contact_id = self._ledger.contact_id(event)
        if happens and add_engagement(record, line, self.names, contact_id=contact_id):
            return True
        self._tally.engagements_dropped += 1
        return False

    def _record(self, lines: list[EventLine], record: RecordEngagementsRequest) -> None:
        if not lines:
            return
        answer = RecordEngagementsResponse.FromString(self.engine.record_engagements(record.SerializeToString()))
        for line, result in zip(lines, answer.results, strict=True):
            if result.HasField("error"):
                raise LineRefusedError(line.number, result.error.message)
