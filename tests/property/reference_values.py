"""What the reference model holds and answers: contacts, engagements, decisions; times in milliseconds of UTC."""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True)
class Candidate:
    """One way to contact the customer; `deadline` in ms."""

    campaign: str
    channel: str
    score: float = 0.0
    deadline: int | None = None


@dataclass(frozen=True)
class Request:
    """May I contact this customer? `zone` is the customer's, where the caller knows it."""

    customer: str
    time: int
    candidates: tuple[Candidate, ...]
    request_id: str = ""
    max_grants: int = 1
    segments: tuple[str, ...] = ()
    zone: str | None = None


@dataclass(eq=False)
class Contact:
    """A contact, or one asked for: what the selectors look at, and where it stands."""

    time: int
    campaign: str
    channel: str
    kind: str
    priority: int
    family: str | None
    unit: str | None
    segments: frozenset[str]
    points: Decimal
    cost: Decimal
    expire: int
    lapses: bool
    request_id: str = ""
    confirmed: bool = False
    released: bool = False
    answered: bool = False

    def stands_at(self, moment: int) -> bool:
        """Whether it is neither released nor expired on a channel whose unconfirmed reservations are released."""
        return not self.released and (self.confirmed or not self.lapses or moment < self.expire)


@dataclass(frozen=True)
class Engagement:
    """What came back, as reported."""

    event_id: str
    kind: str
    time: int
    contact: Contact | None = None
    campaign: str | None = None
    channel: str | None = None
    family: str | None = None
    value: float = 0.0
    segments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Event:
    """What came back, as understood: with the values of the contact or campaign that it belongs to."""

    kind: str
    time: int
    value: float
    campaign: str
    channel: str
    offer_family: str | None


@dataclass(frozen=True)
class Recorded:
    """What became of an engagement: `recorded`, `duplicate`, `not_found` or `failed_precondition`, and its contact."""

    outcome: str
    contact: Contact | None = None


@dataclass
class History:
    """Everything that happened with one customer."""

    contacts: list[Contact] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    event_ids: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Denial:
    """One rule that spoke against; `used` and `limit` of frequency caps and back-offs."""

    reason: str
    policy: str = ""
    rule: str = ""
    earliest: int | None = None
    used: Decimal | None = None
    limit: Decimal | None = None
    outranked_by: str = ""


@dataclass(frozen=True)
class CapUsage:
    """What a frequency cap holds once the contact is granted, that one included."""

    policy: str
    rule: str
    limit: Decimal
    used: Decimal

    def figures(self) -> tuple[str, str, float, float, float]:
        """Policy, rule, limit, used and left."""
        return self.policy, self.rule, float(self.limit), float(self.used), float(self.limit - self.used)


@dataclass(frozen=True)
class Decision:
    """Verdict for one candidate, with every denial; a grant has its contact, a fresh one what remains."""

    verdict: str
    denials: tuple[Denial, ...] = ()
    earliest: int | None = None
    contact: Contact | None = None
    remaining: tuple[CapUsage, ...] | None = None
