"""The rows of a Parquet event file, a batch at a time; pyarrow is loaded only here."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from repit_server.history.raw_lines import BrokenFileError, RawLine, require_columns

PARQUET_MAGIC: Final = b"PAR1"
BATCH_ROWS: Final = 8_192
"""Rows held in memory at a time."""


class ParquetLines:
    """An open Parquet event file (see `RawLines`); its lines are its rows, counted from 1."""

    def __init__(self, path: Path) -> None:
        """Open the file and read its columns.

        Raises `BrokenFileError` where pyarrow is absent, the file is damaged, or a column is wrong.
        """
        self._pyarrow = load_pyarrow("pyarrow")
        parquet = load_pyarrow("pyarrow.parquet")
        self.bytes_total = path.stat().st_size
        self._row = 0
        try:
            self._file = parquet.ParquetFile(path)
        except (self._pyarrow.ArrowException, OSError) as error:
            raise _broken(error, row=None) from None
        self._rows_total: int = self._file.metadata.num_rows
        self._columns: list[str] = list(self._file.schema_arrow.names)
        try:
            require_columns(self._columns, line=None)
            self._ts_is_number = self._has_timestamps()
        except BrokenFileError:
            self.close()
            raise
        self._rows = self._read_rows()

    @property
    def bytes_read(self) -> int:
        """The file's bytes in proportion to the rows that were read."""
        if self._rows_total == 0:
            return self.bytes_total
        return self.bytes_total * self._row // self._rows_total

    def next_line(self) -> RawLine | None:
        """Give the next row (see `RawLines.next_line`); it is never a `BadLineError`."""
        values = next(self._rows, None)
        if values is None:
            return None
        self._row += 1
        fields = dict(zip(self._columns, values, strict=True))
        if self._ts_is_number:
            return RawLine(self._row, fields, int(fields["ts"]) if fields["ts"] else None)
        return RawLine(self._row, fields)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _read_rows(self) -> Iterator[Sequence[str]]:
        batches = self._file.iter_batches(batch_size=BATCH_ROWS)
        while True:
            try:
                batch = next(batches, None)
                if batch is None:
                    return
                columns = [self._values(name, batch.column(name)) for name in self._columns]
            except (self._pyarrow.ArrowException, OSError) as error:
                raise _broken(error, row=self._row + 1) from None
            yield from zip(*columns, strict=True)

    def _has_timestamps(self) -> bool:
        kind = self._file.schema_arrow.field("ts").type
        if not self._pyarrow.types.is_timestamp(kind):
            return False
        if kind.tz is None:
            remedy = "store it as a timestamp with a zone, or as ISO 8601 text"
            raise BrokenFileError("column `ts` has no zone", remedy)
        return True

    def _values(self, name: str, column: Any) -> list[str]:  # noqa: ANN401 - pyarrow is untyped
        """Turn a column into what CSV would hold: text, nothing for null; `ts` in milliseconds."""
        if name == "ts" and self._ts_is_number:
            in_utc = self._pyarrow.timestamp("ms", tz="UTC")
            column = column.cast(in_utc, safe=False).cast(self._pyarrow.int64())
        return ["" if value is None else value for value in column.cast(self._pyarrow.string()).to_pylist()]


def load_pyarrow(module: str) -> Any:  # noqa: ANN401 - pyarrow is untyped
    """Import `pyarrow` or one of its modules. Raises `BrokenFileError` where it is absent."""
    try:
        return import_module(module)
    except ImportError:
        remedy = "run `pip install 'repit[parquet]'`, or use CSV"
        raise BrokenFileError("is Parquet, which needs pyarrow", remedy) from None


def _broken(error: Exception, *, row: int | None) -> BrokenFileError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return BrokenFileError(f"is not readable Parquet ({reason})", "write the file again", line=row)
