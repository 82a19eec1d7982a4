"""What commands print: text for people, one JSON document for programs, progress on a terminal alone."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Final, Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

FILE_COLUMNS: Final = 160
"""How wide tables are drawn where stdout is no terminal."""


def print_json(value: object) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(json_of(value), ensure_ascii=False, indent=2))


def json_of(value: object) -> Any:  # noqa: ANN401 - JSON
    """Turn results into what JSON can say; times in UTC with milliseconds, keys spelt as in Python."""
    if is_dataclass(value):
        value = {entry.name.rstrip("_"): getattr(value, entry.name) for entry in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): json_of(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_of(entry) for entry in value]
    return _scalar(value)


def _scalar(value: object) -> object:
    if isinstance(value, Enum):
        return _scalar(value.value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value) if isinstance(value, date | Path) else value


def console() -> Console:
    """The terminal, or wherever stdout goes: there lines may be long, so that programs find words whole."""
    return Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else FILE_COLUMNS)


def note(text: str) -> None:
    """Say something beside the result, on stderr."""
    click.echo(text, err=True)


class Advance(Protocol):
    """Moves a progress bar."""

    def __call__(self, steps: int, /) -> None:
        """Move it by some steps."""


@contextmanager
def progress_bar(label: str, total: int | None) -> Iterator[Advance]:
    """Show progress on stderr while work goes on, where that is a terminal."""
    terminal = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=terminal, disable=not terminal.is_terminal, transient=True) as progress:
        task = progress.add_task(label, total=total)

        def advance(steps: int, /) -> None:
            progress.advance(task, steps)

        yield advance
