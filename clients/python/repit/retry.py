"""When a call is made again: which errors, how often, after which wait, and never past the deadline."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from repit.errors import RepitError


class Clock(Protocol):
    """What the client knows of time."""

    def now(self) -> datetime:
        """The time of day, aware."""
        ...

    def monotonic_s(self) -> float:
        """Seconds from some fixed instant, which never go back."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """The time of day, in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Seconds from some fixed instant, which never go back."""
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a call that may be repeated is made again.

    It is after UNAVAILABLE, and after RESOURCE_EXHAUSTED where the server says when; at most `attempts` calls in all,
    within the deadline. The waits double from `first_wait_s` up to `longest_wait_s`; of each, half is fixed and half
    is drawn by `jitter` (0 to 1). Where the server names a wait (`RetryInfo`), that is kept and the drawn one added,
    so that not everybody comes back at once.
    """

    attempts: int = 6
    first_wait_s: float = 0.1
    longest_wait_s: float = 2.0
    jitter: Callable[[], float] = random.SystemRandom().random

    def wait_s(self, attempt: int, retry_after_s: float | None) -> float:
        """Seconds to wait after the attempt of that number, counted from 1."""
        doubled = min(self.first_wait_s * 2.0 ** (attempt - 1), self.longest_wait_s)
        drawn = doubled / 2 * (1 + self.jitter())
        return drawn if retry_after_s is None else retry_after_s + drawn


SYSTEM_CLOCK = SystemClock()
RETRY_POLICY = RetryPolicy()
NEVER_RETRY = RetryPolicy(attempts=1)


class Attempts:
    """The attempts of one call, all within one deadline."""

    def __init__(self, policy: RetryPolicy, clock: Clock, deadline_s: float) -> None:
        self._policy = policy
        self._clock = clock
        self._end_s = clock.monotonic_s() + deadline_s
        self._made = 0

    def remaining_s(self) -> float:
        """Seconds that are left until the deadline."""
        return max(0.0, self._end_s - self._clock.monotonic_s())

    def wait_s_after(self, error: RepitError) -> float:
        """Seconds to wait before the next attempt; raises the error where there is none."""
        self._made += 1
        error.attempts = self._made
        if not error.is_retryable or self._made >= self._policy.attempts:
            raise error
        wait_s = self._policy.wait_s(self._made, error.retry_after_s)
        if wait_s >= self.remaining_s():
            raise error
        return wait_s
