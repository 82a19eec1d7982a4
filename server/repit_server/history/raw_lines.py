"""The lines of an event file as fields nobody has checked yet, whatever the file's format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from repit_server.history.event import COLUMNS, REQUIRED_COLUMNS

_HEADER_REMEDY: Final = f"the columns are `{','.join(COLUMNS)}`"


@dataclass(frozen=True, slots=True)
class RawLine:
    """One line: its number from 1, its fields as text, and its time where the file holds a number.

    `time_ms` is milliseconds since 1970 in UTC; None where `ts` is text among the fields.
    """

    number: int
    fields: Mapping[str, str]
    time_ms: int | None = None


class BadLineError(Exception):
    """One line has no fields to check; lines can follow it."""

    def __init__(self, problem: str, remedy: str, *, line: int) -> None:
        """Say what is wrong with which line, and what would be right."""
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.line = line


class BrokenFileError(Exception):
    """The file cannot be read, or not from `line` on (None: not at all)."""

    def __init__(self, problem: str, remedy: str, *, line: int | None = None) -> None:
        """Say what is wrong from which line on, and what would be right."""
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.line = line


class RawLines(Protocol):
    """An open event file of one format."""

    @property
    def bytes_total(self) -> int:
        """The size of the file on disk, in bytes."""

    @property
    def bytes_read(self) -> int:
        """How many of them have been read."""

    def next_line(self) -> RawLine | None:
        """Give the next line; None at the end.

        Raises `BadLineError` and can be called again, or `BrokenFileError` and cannot.
        """

    def close(self) -> None:
        """Let go of the file; twice does no harm."""


def require_columns(columns: Sequence[str], *, line: int | None) -> None:
    """Check the names of a file's columns: in any order, none unknown, none twice.

    Raises `BrokenFileError`, for without its columns no line of the file can be read.
    """
    for column in columns:
        if column not in COLUMNS:
            shown = column.encode(errors="replace").decode()
            raise BrokenFileError(f"column `{shown}` is unknown", _HEADER_REMEDY, line=line)
        if columns.count(column) > 1:
            raise BrokenFileError(f"column `{column}` stands twice", _HEADER_REMEDY, line=line)
    for column in REQUIRED_COLUMNS:
        if column not in columns:
            raise BrokenFileError(f"column `{column}` is missing", _HEADER_REMEDY, line=line)
