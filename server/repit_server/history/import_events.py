"""Takes an event file into a running server: contacts and engagements that happened elsewhere, each at its own time."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from repit.v1.arbitration_service_pb2 import RecordEngagementsRequest, RecordEngagementsResponse
from repit_server.history.event_file import BadLines, EventFileError, EventLine, Order, read_events
from repit_server.history.event_message import CatalogNames, add_engagement, set_time
from repit_server.history.replay import Engine, LineRefusedError

CHUNK_EVENTS: Final = 1_000
"""How many events go to the server together."""
FINDINGS_KEPT: Final = 20
"""How many bad lines are kept for the report; all of them are counted."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of an event file."""

    lines: int
    """Lines that the server took."""
    duplicates: int
    """Those of them that it knew already, and that changed nothing."""
    skipped: int
    """Bad lines that were left out."""
    by_kind: dict[str, int]
    """Lines taken, by what they report."""


@dataclass(slots=True)
class EventImport:
    """One import of one file, for a catalog's names; call `survey` first, which takes nothing."""

    path: Path
    names: CatalogNames
    bad_lines: BadLines
    findings: list[EventFileError] = field(default_factory=list)
    skipped: int = 0

    def survey(self) -> int:
        """Read the whole file and count its good lines. Raises `EventFileError` for a bad line, unless skipped."""
        return sum(1 for _ in self._good_lines())

    def run(self, engine: Engine, on_progress: Callable[[int], None], *, as_of_ms: int | None) -> ImportResult:
        """Record the good lines in file order; `as_of_ms` is for servers that take the time from each request.

        Raises `LineRefusedError` where the server takes a line for wrong, and what the engine raises; the lines before
        that are taken, and count once when the file is imported again.
        """
        lines, duplicates = 0, 0
        by_kind: Counter[str] = Counter()
        good = self._good_lines()
        while chunk := list(islice(good, CHUNK_EVENTS)):
            duplicates += _record(engine, chunk, self.names, as_of_ms)
            by_kind.update(line.event.kind.value for line in chunk)
            lines += len(chunk)
            on_progress(len(chunk))
        return ImportResult(lines, duplicates, self.skipped, dict(by_kind))

    def _good_lines(self) -> Iterator[EventLine]:
        self.findings, self.skipped = [], 0
        reader = read_events(self.path, order=Order.ANY, bad_lines=self.bad_lines)
        unknown = 0
        for line in reader:
            if add_engagement(RecordEngagementsRequest(), line, self.names, contact_id=""):
                yield line
                continue
            self._take_bad(line)
            unknown += 1
        self.findings = sorted([*self.findings, *reader.findings], key=lambda bad: bad.line or 0)[:FINDINGS_KEPT]
        self.skipped = unknown + reader.skipped

    def _take_bad(self, line: EventLine) -> None:
        event = line.event
        column = "campaign_id" if event.campaign_id and event.campaign_id not in self.names.campaigns else "channel"
        name = event.campaign_id if column == "campaign_id" else event.channel
        problem = f"`{name}` is not in the server's catalog"
        remedy = "add it to the catalog and apply that first, or leave the line out"
        error = EventFileError(self.path, problem, remedy, line=line.number, column=column)
        if self.bad_lines is BadLines.REFUSE:
            raise error
        if len(self.findings) < FINDINGS_KEPT:
            self.findings.append(error)


def _record(engine: Engine, chunk: Iterable[EventLine], names: CatalogNames, as_of_ms: int | None) -> int:
    """Record some lines; gives how many of them the server knew already."""
    request = RecordEngagementsRequest()
    if as_of_ms is not None:
        set_time(request.as_of_time, as_of_ms)
    lines = list(chunk)
    for line in lines:
        add_engagement(request, line, names, contact_id="")
    answer = RecordEngagementsResponse.FromString(engine.record_engagements(request.SerializeToString()))
    duplicates = 0
    for line, result in zip(lines, answer.results, strict=True):
        if result.HasField("error"):
            raise LineRefusedError(line.number, result.error.message)
        duplicates += result.is_duplicate
    return duplicates
