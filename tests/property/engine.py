"""The engine as the comparison drives it: plain values in, plain values out."""

from dataclasses import dataclass
from typing import Protocol

from tests.property.reference_rules import Document
from tests.property.reference_values import Engagement, Request


@dataclass(frozen=True)
class EngineDenial:
    """One rule that spoke against, as the engine says it; times in ms."""

    reason: str
    policy: str
    rule: str
    earliest: int | None
    used: float
    limit: float
    outranked_by: str


@dataclass(frozen=True)
class EngineDecision:
    """The engine's answer for one candidate; times in ms."""

    verdict: str
    denials: tuple[EngineDenial, ...]
    earliest: int | None
    contact_id: str
    expire: int | None
    remaining: tuple[tuple[str, str, float, float, float], ...] = ()
    """Policy, rule, limit, used and left of each cap, for grants."""


@dataclass(frozen=True)
class EngineRecorded:
    """What became of an engagement: `recorded`, `duplicate`, `not_found` or `failed_precondition`."""

    outcome: str
    contact_id: str


Reply = list[EngineDecision] | str | EngineRecorded


class Engine(Protocol):
    """What decides, counts and remembers."""

    def apply(self, catalog: Document) -> None:
        """Decide by this catalog document from here on."""

    def request(self, asked: Request) -> list[EngineDecision]:
        """Decide and reserve."""

    def check(self, asked: Request) -> list[EngineDecision]:
        """Decide alone."""

    def confirm(self, contact_id: str, moment: int) -> str:
        """`ok` or the code of the error."""

    def release(self, contact_id: str, moment: int) -> str:
        """`ok` or the code of the error."""

    def record(self, customer: str, engagement: Engagement, contact_id: str, moment: int) -> EngineRecorded:
        """Report an engagement of a contact, or of none where `contact_id` is empty."""
