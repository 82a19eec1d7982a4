"""What the reference model holds and answers: contacts, engagements, decisions; times in milliseconds of UTC."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Document = dict[str, Any]
Rank = tuple[int, float, int, bytes]
"""Priority and score (both negated), deadline, campaign: the smallest goes first."""


@dataclass(frozen=True)
class Candidate:
    """One way to contact the customer; `deadline` in ms, `value` 0 where the caller knows none."""

    campaign: str
    channel: str
    score: float | None = None
    deadline: int | None = None
    probability: float | None = None
    value: float = 0.0


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
    party: str = ""
    contact_point: str = ""
    subject: str = ""
    planned: int | None = None

    @property
    def contact_time(self) -> int:
        """The moment at which everything is judged."""
        return self.time if self.planned is None else self.planned


@dataclass(frozen=True)
class Payment:
    """What a contact took of a capacity or budget: rule, whose account, start of its period, pool and amount."""

    policy: str
    rule: str
    whose: str | None
    start: int
    pool: str
    amount: Decimal


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
    asked: int
    contact_point: str = ""
    subject: str = ""
    request_id: str = ""
    confirmed: bool = False
    released: bool = False
    answered: bool = False
    payments: tuple[Payment, ...] = ()

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


@dataclass(frozen=True)
class Claim:
    """A place asked for in advance; `channels` empty: all of the campaign's."""

    customer: str
    campaign: str
    begins: int
    until: int
    channels: tuple[str, ...] = ()
    score: float | None = None

    @property
    def identity(self) -> tuple[str, str, int, int]:
        """What makes it the same claim when it is registered again."""
        return self.customer, self.campaign, self.begins, self.until


@dataclass
class History:
    """Everything that happened with one customer."""

    contacts: list[Contact] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    event_ids: set[str] = field(default_factory=set)


@dataclass
class Party:
    """A household or account: its members' histories and their claims."""

    members: dict[str, History] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)

    def history(self, customer: str) -> History:
        """The member's history, empty at first."""
        return self.members.setdefault(customer, History())

    def contacts(self) -> list[Contact]:
        """The contacts of all members."""
        return [contact for history in self.members.values() for contact in history.contacts]


@dataclass(frozen=True)
class Denial:
    """One rule that spoke against; `used` and `limit` of caps, capacities and back-offs, with the contacts counted."""

    reason: str
    policy: str = ""
    rule: str = ""
    earliest: int | None = None
    used: Decimal | None = None
    limit: Decimal | None = None
    outranked_by: str = ""
    contacts: tuple[Contact, ...] = ()


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
class Factors:
    """What a score was worked out of."""

    probability: float
    value: float
    affinity: float
    fatigue: float
    cost: float


@dataclass(frozen=True)
class Score:
    """What ranks a candidate after its priority; without factors where the caller gave it."""

    score: float
    factors: Factors | None = None


@dataclass(frozen=True)
class Decision:
    """Verdict for one candidate, with every denial; a grant has its contact, a fresh one what remains."""

    verdict: str
    denials: tuple[Denial, ...] = ()
    earliest: int | None = None
    contact: Contact | None = None
    remaining: tuple[CapUsage, ...] | None = None
    score: Score | None = None


@dataclass(frozen=True)
class Alternative:
    """What is open where no candidate was granted: another `channel`, a `fallback`, or the same at another `time`."""

    kind: str
    campaign: str
    channel: str
    time: int


@dataclass(frozen=True)
class Response:
    """One decision per candidate, in the order asked, and what is open instead."""

    decisions: tuple[Decision, ...]
    alternatives: tuple[Alternative, ...] = ()
