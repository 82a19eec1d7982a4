"""Reads an event file (CSV, gzip or Parquet) line by line, in constant memory, checking each line.

Nothing of a file may be taken while one of its lines is wrong, so whoever uses a file calls
`validate_events` first, which reads all of it and changes nothing, then `read_events`.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

from repit_server.history.csv_lines import CsvLines
from repit_server.history.event import (
    EARLIEST_TIME_MS,
    END_TIME_MS,
    Event,
    EventKind,
    FieldError,
    event_of_fields,
    time_text,
)
from repit_server.history.event_id import EventIds
from repit_server.history.parquet_lines import PARQUET_MAGIC, ParquetLines
from repit_server.history.raw_lines import BadLineError, BrokenFileError, RawLine, RawLines

FINDINGS_KEPT: Final = 20
"""How many bad lines a reader keeps for the report; all of them are counted."""

_PROGRESS_LINES: Final = 2_000


class Order(Enum):
    """Whether a line may be earlier than one before it."""

    ASCENDING = "ascending"
    """No: a late line is a bad line. What `replay` asks for."""
    ANY = "any"
    """Yes: each line counts at its own time. What `import` asks for."""


class BadLines(Enum):
    """What a bad line does to its file."""

    REFUSE = "refuse"
    """The first bad line raises `EventFileError`."""
    SKIP = "skip"
    """Bad lines are left out and counted."""


class EventFileError(Exception):
    """An event file, or one line of it, cannot be used.

    `line` counts from 1, the header included; in Parquet it is the number of the row, from 1.
    `line` and `column` are None where the whole file, or the whole line, is meant.
    """

    def __init__(self, path: Path, problem: str, remedy: str, *, line: int | None, column: str | None) -> None:
        """Keep the parts and put them together in one sentence."""
        place = f"`{path}`"
        if line is not None:
            place += f" line {line}"
        if column is not None:
            place += f" column `{column}`"
        super().__init__(f"{place}: {problem}; {remedy}")
        self.path = path
        self.line = line
        self.column = column
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class EventLine:
    """One good line: its number in the file (see `EventFileError`), its event, its stable id."""

    number: int
    event: Event
    event_id: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What a whole event file holds, as found by reading all of it."""

    lines: int
    """Good lines."""
    skipped: int
    """Bad lines left out; 0 unless they may be skipped."""
    findings: tuple[EventFileError, ...]
    """The first `FINDINGS_KEPT` of the bad lines."""
    by_kind: Mapping[EventKind, int]
    """Good lines of each kind; kinds that the file has not are absent."""
    first_time_ms: int | None
    """The earliest time of a good line; None where there is none."""
    last_time_ms: int | None
    """The latest time of a good line; None where there is none."""


Progress = Callable[[int, int], None]
"""Called now and then with the bytes read so far and the bytes of the file."""


@dataclass(slots=True)
class EventReader:
    """One pass over an event file; iterate over it once, and look at its counts at any time."""

    path: Path
    order: Order
    bad_lines: BadLines
    lines: int = 0
    skipped: int = 0
    findings: list[EventFileError] = field(default_factory=list)
    _raw: RawLines = field(init=False)

    def __post_init__(self) -> None:
        """Open the file and read its header. Raises `EventFileError` where that fails."""
        try:
            self._raw = _open_lines(self.path)
        except BrokenFileError as error:
            raise self._located(error, line=error.line) from None
        except OSError as error:
            broken = BrokenFileError(f"cannot be read ({error.strerror or error})", "name an event file")
            raise self._located(broken, line=None) from None

    @property
    def bytes_total(self) -> int:
        """The size of the file on disk, in bytes."""
        return self._raw.bytes_total

    @property
    def bytes_read(self) -> int:
        """How many of the file's bytes have been read; in Parquet, in proportion to the rows."""
        return self._raw.bytes_read

    def close(self) -> None:
        """Let go of a file that is not read to its end; otherwise reading does it."""
        self._raw.close()

    def __iter__(self) -> Iterator[EventLine]:
        """Yield the good lines in file order.

        Raises `EventFileError` at the first bad line, unless bad lines are skipped, and where the
        file breaks off or cannot be decompressed.
        """
        ids = EventIds()
        for number, event in self.checked_events():
            yield EventLine(number, event, ids.id_of(event))

    def checked_events(self) -> Iterator[tuple[int, Event]]:
        """Yield the good lines' numbers and events, without making ids for them."""
        latest_ms = EARLIEST_TIME_MS
        with closing(self._raw):
            for line in self._raw_lines():
                try:
                    event = event_of_fields(line.fields, time_ms=line.time_ms)
                    if event.time_ms < latest_ms:
                        self._require_late_allowed(event.time_ms, latest_ms)
                except FieldError as error:
                    self._take_bad(self._located(error, line=line.number))
                    continue
                latest_ms = max(latest_ms, event.time_ms)
                self.lines += 1
                yield line.number, event

    def _raw_lines(self) -> Iterator[RawLine]:
        while True:
            try:
                line = self._raw.next_line()
            except BadLineError as error:
                self._take_bad(self._located(error, line=error.line))
                continue
            except BrokenFileError as error:
                raise self._located(error, line=error.line) from None
            if line is None:
                return
            yield line

    def _require_late_allowed(self, time_ms: int, latest_ms: int) -> None:
        if self.order is Order.ASCENDING:
            problem = f"`{time_text(time_ms)}` is earlier than `{time_text(latest_ms)}` above it"
            raise FieldError("ts", problem, "sort the file by `ts`, or import it instead")

    def _take_bad(self, error: EventFileError) -> None:
        if self.bad_lines is BadLines.REFUSE:
            raise error from None
        self.skipped += 1
        if len(self.findings) < FINDINGS_KEPT:
            self.findings.append(error)

    def _located(self, error: FieldError | BadLineError | BrokenFileError, *, line: int | None) -> EventFileError:
        column = error.column if isinstance(error, FieldError) else None
        return EventFileError(self.path, error.problem, error.remedy, line=line, column=column)


def read_events(path: Path, *, order: Order = Order.ASCENDING, bad_lines: BadLines = BadLines.REFUSE) -> EventReader:
    """Open an event file for one pass; what it is, its first bytes tell, not its name.

    Raises `EventFileError` where it cannot be opened or its header is wrong.
    """
    return EventReader(path, order, bad_lines)


def validate_events(
    path: Path,
    *,
    order: Order = Order.ASCENDING,
    bad_lines: BadLines = BadLines.REFUSE,
    progress: Progress | None = None,
) -> Survey:
    """Read the whole file, take nothing of it, and say what it holds.

    Raises `EventFileError` for the first bad line, unless bad lines are skipped.
    """
    reader = read_events(path, order=order, bad_lines=bad_lines)
    by_kind: Counter[EventKind] = Counter()
    first_ms, last_ms = END_TIME_MS, EARLIEST_TIME_MS
    for _, event in reader.checked_events():
        by_kind[event.kind] += 1
        first_ms = min(first_ms, event.time_ms)
        last_ms = max(last_ms, event.time_ms)
        if progress is not None and reader.lines % _PROGRESS_LINES == 0:
            progress(reader.bytes_read, reader.bytes_total)
    if progress is not None:
        progress(reader.bytes_total, reader.bytes_total)
    return Survey(
        lines=reader.lines,
        skipped=reader.skipped,
        findings=tuple(reader.findings),
        by_kind=dict(by_kind),
        first_time_ms=first_ms if reader.lines else None,
        last_time_ms=last_ms if reader.lines else None,
    )


def _open_lines(path: Path) -> RawLines:
    if path.exists() and not path.is_file():
        problem = "is not a regular file"
        raise BrokenFileError(problem, "an event file is read twice, so it cannot be a pipe")
    with path.open("rb") as file:
        head = file.read(len(PARQUET_MAGIC))
    return ParquetLines(path) if head == PARQUET_MAGIC else CsvLines(path)
