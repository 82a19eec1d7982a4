"""The lines of a CSV event file, plain or gzip, each read alone so that one cannot spoil the next."""

import csv
import gzip
import zlib
from pathlib import Path
from typing import BinaryIO, Final, cast

from repit_server.history.event import COLUMNS
from repit_server.history.raw_lines import (
    BadLineError,
    BrokenFileError,
    RawLine,
    require_columns,
)

GZIP_MAGIC: Final = b"\x1f\x8b"
MAX_LINE_BYTES: Final = 65_536
"""A longer line is a bad line; it bounds the memory that a file without line ends can take."""

_UTF8_MARK: Final = b"\xef\xbb\xbf"


class CsvLines:
    """An open CSV event file (see `RawLines`); line 1 is its header."""

    def __init__(self, path: Path) -> None:
        """Open the file and read its header.

        Raises `BrokenFileError` where the header is wrong, `OSError` where the file is not there.
        """
        self._file = path.open("rb")
        self._text: BinaryIO = self._file
        self.bytes_total = path.stat().st_size
        self._line = 0
        if self._file.peek(len(GZIP_MAGIC))[: len(GZIP_MAGIC)] == GZIP_MAGIC:
            self._text = cast("BinaryIO", gzip.GzipFile(fileobj=self._file, mode="rb"))
        try:
            self._columns = self._header()
        except BaseException:
            self.close()
            raise

    @property
    def bytes_read(self) -> int:
        """How many bytes of the file, compressed where it is, have been read."""
        return self.bytes_total if self._file.closed else self._file.tell()

    def next_line(self) -> RawLine | None:
        """Give the next line that is not blank (see `RawLines.next_line`)."""
        while (written := self._next_text()) is not None:
            if not written:
                continue
            values = self._values(written)
            if len(values) != len(self._columns):
                problem = f"has {len(values)} fields"
                remedy = f"the header names {len(self._columns)}; quote a field that holds a comma"
                raise BadLineError(problem, remedy, line=self._line)
            return RawLine(self._line, dict(zip(self._columns, values, strict=True)))
        return None

    def close(self) -> None:
        """Let go of the file."""
        self._text.close()
        self._file.close()

    def _header(self) -> list[str]:
        remedy = f"the first line is the header `{','.join(COLUMNS)}`"
        try:
            written = self._next_text()
            columns = self._values(written) if written else []
        except BadLineError as error:
            raise BrokenFileError(error.problem, remedy, line=error.line) from None
        if not columns:
            raise BrokenFileError("has no header", remedy, line=1)
        require_columns(columns, line=1)
        return columns

    def _next_text(self) -> str | None:
        """Give the next line without its end; None at the end of the file."""
        self._line += 1
        data = self._read()
        if not data:
            return None
        if self._line == 1:
            data = data.removeprefix(_UTF8_MARK)
        # Bytes that are not UTF-8 become what no name and no id may hold, and are found there.
        return data.rstrip(b"\r\n").decode("utf-8", "surrogateescape")

    def _read(self) -> bytes:
        try:
            data = self._text.readline(MAX_LINE_BYTES + 1)
            whole = len(data) <= MAX_LINE_BYTES
            while len(data) > MAX_LINE_BYTES and not data.endswith(b"\n"):
                data = self._text.readline(MAX_LINE_BYTES + 1)
        except (EOFError, OSError, zlib.error) as error:
            problem = f"cannot be read on ({error})"
            raise BrokenFileError(problem, "write or copy the file again", line=self._line) from None
        if not whole:
            problem = f"is longer than {MAX_LINE_BYTES:,} bytes"
            raise BadLineError(problem, "end each event with a line break", line=self._line)
        return data

    def _values(self, written: str) -> list[str]:
        if '"' not in written:
            return written.split(",")
        try:
            return next(csv.reader([written], strict=True))
        except csv.Error as error:
            remedy = "close each quote on its line and double those inside a field"
            raise BadLineError(f"is not CSV ({error})", remedy, line=self._line) from None
