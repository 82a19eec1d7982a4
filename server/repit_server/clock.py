"""The clock of the control plane: when a catalog version was made. Decisions take their time in the engine."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Now: TypeAlias = Callable[[], datetime]
"""Gives the present moment, in UTC; time is an argument, so that tests can hold it."""


def system_now() -> datetime:
    """Read this machine's clock."""
    return datetime.now(tz=UTC)
