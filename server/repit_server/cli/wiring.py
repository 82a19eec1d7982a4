"""What the commands are given to work with; `repit_server.app` gives it, so that commands construct nothing."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

import click

from repit_server.history.replay import Engine
from repit_server.settings import Clock, Settings


class LocalEngine(Engine, Protocol):
    """An engine in this process, on a store of its own."""

    def active_version(self) -> int:
        """Give the version of the active catalog; 0 where there is none."""

    def apply_catalog(self, compiled: bytes) -> int:
        """Make a compiled catalog the active one; gives its version."""


class Wiring(Protocol):
    """The program, as far as commands need it."""

    engine_version: str

    def serve(self, settings: Settings, announce: Callable[[str, int], None]) -> None:
        """Serve until a signal comes."""

    def open_engine(self, store: str, clock: Clock) -> AbstractContextManager[LocalEngine]:
        """Open an engine in this process."""


def wiring_of(context: click.Context) -> Wiring:
    """Give what this command was started with."""
    wiring: Wiring = context.find_root().obj
    return wiring
