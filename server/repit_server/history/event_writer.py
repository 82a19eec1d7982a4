"""Writes an event file (CSV, gzip or Parquet), whole or not at all."""

import csv
import gzip
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, TextIO

from repit_server.history.event import COLUMNS, Event, time_text
from repit_server.history.event_file import EventFileError
from repit_server.history.parquet_lines import load_pyarrow
from repit_server.history.raw_lines import BrokenFileError

_ROW_GROUP: Final = 65_536


def write_events(path: Path, events: Iterable[Event]) -> int:
    """Write events in the order given and return how many they were.

    The format is the one that the name of the file says: `.csv`, `.csv.gz` or `.parquet`. The same
    events give the same bytes in CSV and gzip. An existing file is replaced when all is written;
    until then, and where writing fails, it stays as it was.

    Raises `EventFileError` for another name, and for Parquet where pyarrow is absent; `OSError`
    where the file cannot be written.
    """
    writers = {".csv": _write_csv, ".gz": _write_gzip, ".parquet": _write_parquet}
    write = writers.get(path.suffix)
    if write is None:
        remedy = "name it `.csv`, `.csv.gz` or `.parquet`"
        raise EventFileError(path, "is of no known format", remedy, line=None, column=None)
    part = path.with_name(f"{path.name}.part")
    try:
        written = write(part, events)
        part.replace(path)
    except BrokenFileError as error:
        raise EventFileError(path, error.problem, error.remedy, line=None, column=None) from None
    finally:
        part.unlink(missing_ok=True)
    return written


def _write_csv(path: Path, events: Iterable[Event]) -> int:
    with path.open("w", encoding="utf-8", newline="") as file:
        return _write_lines(file, events)


def _write_gzip(path: Path, events: Iterable[Event]) -> int:
    with (
        path.open("wb") as raw,
        # No name and no time in the header, so that the same events give the same bytes.
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as file,
    ):
        return _write_lines(file, events)


def _write_lines(file: TextIO, events: Iterable[Event]) -> int:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    written = 0
    for event in events:
        writer.writerow((time_text(event.time_ms), *_values(event)))
        written += 1
    return written


def _write_parquet(path: Path, events: Iterable[Event]) -> int:
    pyarrow = load_pyarrow("pyarrow")
    parquet = load_pyarrow("pyarrow.parquet")
    types = {"ts": pyarrow.timestamp("ms", tz="UTC")}
    types |= dict.fromkeys(("value", "cost"), pyarrow.float64())
    schema = pyarrow.schema([(name, types.get(name, pyarrow.string())) for name in COLUMNS])
    written = 0
    with parquet.ParquetWriter(path, schema) as writer:
        for rows in _groups(events):
            columns = zip(*rows, strict=True)
            arrays = [
                pyarrow.array(column, type=schema.field(name).type)
                for name, column in zip(COLUMNS, columns, strict=True)
            ]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
            written += len(rows)
    return written


def _groups(events: Iterable[Event]) -> Iterator[Sequence[Sequence[object]]]:
    rows = ((event.time_ms, *(None if value == "" else value for value in _values(event))) for event in events)
    while group := list(islice(rows, _ROW_GROUP)):
        yield group


def _values(event: Event) -> Sequence[str | float | None]:
    """Give what the line says after `ts`, in the order of `COLUMNS`."""
    return (
        event.customer_id,
        event.channel,
        event.campaign_id,
        event.kind.value,
        event.value,
        event.cost,
        event.offer_family,
        event.segment,
    )
