"""How a command fails: one line that says what went wrong, one that says what to do next, and the exit status."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import click
import grpc

from repit import RepitError
from repit_server.catalog import Finding
from repit_server.history.event_file import EventFileError
from repit_server.history.replay import EngineError
from repit_server.settings import SettingsError

ANSWER_IS_NO: Final = 1
WRONG_USE: Final = 2
SERVER_FAILED: Final = 3
INTERRUPTED: Final = 130
"""Stopped by Ctrl-C, as shells count it."""

_CALLERS_FAULT: Final = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
}
_CALLERS_FAULT_NUMBERS: Final = {code.value[0] for code in _CALLERS_FAULT}


class Failure(click.ClickException):
    """Ends a command: the first line says what went wrong, the second what to do next."""

    def __init__(self, problem: str, remedy: str, status: int) -> None:
        super().__init__(problem)
        self.remedy = remedy
        self.status = status

    @classmethod
    def of_use(cls, problem: str, remedy: str) -> "Failure":
        """Something was asked for or given that cannot be."""
        return cls(problem, remedy, WRONG_USE)

    @classmethod
    def of_server(cls, problem: str, remedy: str) -> "Failure":
        """The server or its store failed."""
        return cls(problem, remedy, SERVER_FAILED)

    def show(self, file: IO[Any] | None = None) -> None:
        """Write both lines to stderr."""
        click.echo(f"error: {self.message}", file=file, err=True)
        if self.remedy:
            click.echo(f"next: {self.remedy}", file=file, err=True)


@contextmanager
def speaking_to(target: str) -> Iterator[None]:
    """Turn what a server answers or fails with into a failure of the command."""
    try:
        yield
    except RepitError as error:
        raise _of_client_error(error, target) from None


def status_of(error: RepitError) -> int:
    """Give the exit status for what a server answered or failed with."""
    return WRONG_USE if error.code in _CALLERS_FAULT else SERVER_FAILED


def _of_client_error(error: RepitError, target: str) -> Failure:
    problem = one_line(error.message)
    if status_of(error) == WRONG_USE:
        return Failure.of_use(problem, error.remedy)
    if error.code is grpc.StatusCode.UNAVAILABLE and not error.reason:
        return Failure.of_server(
            problem, f"start a server there (`repit serve --listen {target}`), or name another with `--target`"
        )
    return Failure.of_server(problem, error.remedy)


@contextmanager
def event_file_failures() -> Iterator[None]:
    """Turn a wrong event file into a failure of the command."""
    try:
        yield
    except EventFileError as error:
        place = str(error).removesuffix(f"; {error.remedy}")
        raise Failure.of_use(place, error.remedy) from None


@contextmanager
def settings_failures() -> Iterator[None]:
    """Turn a wrong setting into a failure of the command."""
    try:
        yield
    except SettingsError as error:
        raise Failure.of_use(error.problem, error.remedy) from None


def engine_failure(store: str, error: EngineError) -> Failure:
    """Say that the engine in this process failed."""
    return store_failure(store, error.code, str(error))


def store_failure(store: str, code: int, message: str) -> Failure:
    """Say that a store cannot be used, and what to do about it."""
    kind = store.partition(":")[0]
    remedies = {
        "embedded": "stop the server that holds the directory, or name another with `--store embedded:DIR`",
        "redis": "start Redis 7 there, or name another with `--store redis://HOST:PORT/DB`",
    }
    remedies["rediss"] = remedies["redis"]
    remedy = remedies.get(kind, "name a store: `memory`, `embedded:DIR` or `redis://HOST:PORT/DB`")
    problem = one_line(message)
    if code == grpc.StatusCode.INVALID_ARGUMENT.value[0]:
        return Failure.of_use(problem, remedy)
    return Failure.of_server(problem, remedy)


def catalog_failure(path: Path | str, findings: Sequence[Finding]) -> Failure:
    """Say that a document cannot be the catalog, by its first finding."""
    errors = [finding for finding in findings if finding.severity == "error"] or list(findings)
    first = errors[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    place = f"{path}:{first.line}:{first.column}" if first.line else f"{path}"
    where = f"{first.path}: " if first.path else ""
    return Failure.of_use(f"{place}: {where}{first.problem}{more}", f"{first.remedy}; `repit lint {path}` shows all")


def unreadable_file(path: Path, error: OSError | UnicodeDecodeError) -> Failure:
    """Say that a file cannot be read."""
    why = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8"
    return Failure.of_use(f"the file `{path}` cannot be read ({why})", "name a readable text file")


def one_line(text: str) -> str:
    """Put a message on one line."""
    return " ".join(text.split())
