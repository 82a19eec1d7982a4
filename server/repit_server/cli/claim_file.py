"""The file of places to claim: CSV, plain or gzip, one customer a line, read as it is sent."""

import csv
import gzip
import math
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from repit import ClaimedPlace
from repit_server.history.csv_lines import GZIP_MAGIC, MAX_LINE_BYTES

COLUMNS: Final = ("customer_id", "party_id", "score")
STDIN: Final = Path("-")

_HEADER: Final = f"the first line names the columns: `{','.join(COLUMNS)}`, of which only `customer_id` is needed"
_UTF8_MARK: Final = b"\xef\xbb\xbf"


class ClaimFileError(Exception):
    """A line that names no place; `remedy` says what would be right."""

    def __init__(self, path: Path, line: int, problem: str, remedy: str) -> None:
        super().__init__(f"`{path}` line {line}: {problem}")
        self.remedy = remedy


def read_places(path: Path) -> Iterator[ClaimedPlace]:
    """Read the places of a file, `-` for what comes in on stdin, one line at a time.

    Raises `ClaimFileError` at the first line that is wrong, and `OSError`.
    """
    with _opened(path) as file:
        lines = _lines(path, file)
        number, written = next(lines, (1, ""))
        columns = _columns(path, _values(path, number, written))
        for number, written in lines:
            values = _values(path, number, written)
            if len(values) != len(columns):
                problem = f"{len(values)} fields, and the header names {len(columns)}"
                raise ClaimFileError(path, number, problem, "quote a field that holds a comma")
            yield _place(path, number, dict(zip(columns, values, strict=True)))


def count_places(path: Path) -> int | None:
    """Count the places of a file before any is sent; None for stdin, which can be read once.

    Raises `ClaimFileError` and `OSError`.
    """
    return None if path == STDIN else sum(1 for _ in read_places(path))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path == STDIN:
        yield _unpacked(sys.stdin.buffer)
        return
    with path.open("rb") as file:
        yield _unpacked(file)


def _unpacked(file: BinaryIO) -> BinaryIO:
    peek: Callable[[int], bytes] | None = getattr(file, "peek", None)
    if peek is not None and peek(len(GZIP_MAGIC))[: len(GZIP_MAGIC)] == GZIP_MAGIC:
        return cast("BinaryIO", gzip.GzipFile(fileobj=file, mode="rb"))
    return file


def _lines(path: Path, file: BinaryIO) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, each with its number from 1."""
    number = 0
    while True:
        number += 1
        try:
            data = file.readline(MAX_LINE_BYTES + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ClaimFileError(path, number, f"cannot be read on ({error})", "write the file again") from None
        if not data:
            return
        if len(data) > MAX_LINE_BYTES:
            problem = f"longer than {MAX_LINE_BYTES:,} bytes"
            raise ClaimFileError(path, number, problem, "end each place with a line break")
        if number == 1:
            data = data.removeprefix(_UTF8_MARK)
        try:
            written = data.rstrip(b"\r\n").decode("utf-8")
        except UnicodeDecodeError:
            raise ClaimFileError(path, number, "not UTF-8", "write the file in UTF-8") from None
        if written:
            yield number, written


def _values(path: Path, number: int, written: str) -> list[str]:
    if '"' not in written:
        return written.split(",")
    try:
        return next(csv.reader([written], strict=True))
    except csv.Error as error:
        remedy = "close each quote on its line and double those inside a field"
        raise ClaimFileError(path, number, f"not CSV ({error})", remedy) from None


def _columns(path: Path, columns: list[str]) -> list[str]:
    for column in columns:
        if column not in COLUMNS:
            raise ClaimFileError(path, 1, f"column `{column}` is unknown", _HEADER)
        if columns.count(column) > 1:
            raise ClaimFileError(path, 1, f"column `{column}` stands twice", _HEADER)
    if "customer_id" not in columns:
        raise ClaimFileError(path, 1, "column `customer_id` is missing", _HEADER)
    return columns


def _place(path: Path, number: int, fields: Mapping[str, str]) -> ClaimedPlace:
    if not fields["customer_id"]:
        raise ClaimFileError(path, number, "no customer", "name the customer, or leave the line out")
    written = fields.get("score", "")
    try:
        score = float(written) if written else None
    except ValueError:
        score = math.nan
    if score is not None and not math.isfinite(score):
        problem = f"the score `{written}` is not a number"
        raise ClaimFileError(path, number, problem, "write it as `12.5`, or leave it empty")
    return ClaimedPlace(fields["customer_id"], score, fields.get("party_id", ""))
