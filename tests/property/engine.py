"""The engine as the comparison drives it: plain values in, plain values out."""

from dataclasses import dataclass
from typing import Protocol

from tests.property.reference_values import Alternative, Claim, Document, Engagement, Request, Score


@dataclass(frozen=True)
class EngineDenial:
    """One rule that spoke against, as the engine says it; times in ms, contacts as id and time."""

    reason: str
    policy: str
    rule: str
    earliest: int | None
    used: float
    limit: float
    outranked_by: str
    contacts: tuple[tuple[str, int], ...] = ()


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
    score: Score | None = None


@dataclass(frozen=True)
class EngineResponse:
    """The engine's answer to a request."""

    decisions: tuple[EngineDecision, ...]
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True)
class EngineRecorded:
    """What became of an engagement: `recorded`, `duplicate`, `not_found` or `failed_precondition`."""

    outcome: str
    contact_id: str


Reply = EngineResponse | str | EngineRecorded | tuple[Claim, ...]


class Engine(Protocol):
    """What decides, counts and remembers."""

    def begin(self) -> None:
        """Forget everything: go on with an empty store."""

    def apply(self, catalog: Document, withdrawn: tuple[str, ...] = ()) -> None:
        """Decide by this catalog document from here on; every claim of the campaigns withdrawn is dead."""

    def request(self, asked: Request) -> EngineResponse | str:
        """Decide and reserve; the code of the error where that is refused."""

    def check(self, asked: Request) -> EngineResponse | str:
        """Decide alone; the code of the error where that is refused."""

    def confirm(self, contact_id: str, moment: int) -> str:
        """`ok` or the code of the error."""

    def release(self, contact_id: str, moment: int) -> str:
        """`ok` or the code of the error."""

    def record(self, customer: str, engagement: Engagement, contact_id: str, moment: int, party: str) -> EngineRecorded:
        """Report an engagement of a contact, or of none where `contact_id` is empty."""

    def register(self, claim: Claim, moment: int, party: str) -> str:
        """`registered`, `known` or the code of the error."""

    def withdraw(self, campaign: str, customer: str, moment: int, party: str) -> str:
        """`n withdrawn`, of the live claims, or the code of the error."""

    def claims(self, customer: str, moment: int, party: str) -> tuple[Claim, ...]:
        """The customer's live claims."""
