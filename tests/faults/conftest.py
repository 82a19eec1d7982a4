"""Servers, stores and client processes for the tests of faults; everything ends with its test or module."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.crowd import Crowd, crowd_of
from tests.faults.served import Served
from tests.redis_server import RedisServer

CLIENTS = 16

Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts servers, `serve(store, *options)`, and stops those that still run when the test ends."""
    with ExitStack() as servers:

        def start(store: str, *options: str) -> Served:
            return servers.enter_context(Served(store, *options, directory=tmp_path))

        yield start


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis that keeps what it has acknowledged when it is killed.

    With `everysec` it does not: while its disk is slow, what it answered may wait in its memory for two seconds.
    """
    with RedisServer("--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


@pytest.fixture
def catalog_file(tmp_path: Path) -> Callable[[str], str]:
    """Writes a catalog document into a file; gives its path as `--catalog` takes it."""

    def write(document: str) -> str:
        path = tmp_path / "catalog.yaml"
        path.write_text(document, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture(scope="session")
def crowd() -> Iterator[Crowd]:
    """The clients of all races: their processes are long in starting."""
    with crowd_of(CLIENTS) as processes:
        yield processes


def rounds(default: int) -> int:
    """How often a test with random moments is done: `TEST_FAULT_ROUNDS`, else a small number."""
    return int(os.environ.get("TEST_FAULT_ROUNDS", default))
