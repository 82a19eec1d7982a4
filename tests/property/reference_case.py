"""What every rule of the reference model looks at: the question, the rule as it judges it, the voice that it gives."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from tests.property.reference_segments import derived_names, derived_segments, turning_points
from tests.property.reference_time import DAY, NEVER, span_ms
from tests.property.reference_values import CapUsage, Contact, Document, History, Party, Payment, Rank

FURTHEST_SILENCE = 10 * 366 * DAY
"""Two capacities that never have room together are not followed for ever."""
Place = Document | str
"""A window or a span."""
Account = tuple[str, str, str | None, int, str]
"""Policy, rule, whose account, start of its period, pool."""


@dataclass(frozen=True)
class Finding:
    """What a rule that speaks against says of itself."""

    used: Decimal | None = None
    limit: Decimal | None = None
    contacts: tuple[Contact, ...] = ()
    outranked_by: str = ""


@dataclass(frozen=True)
class Voice:
    """One rule as it judges one candidate: what it finds at (asked, contact time), and when it could fall silent."""

    reason: str
    finds: Callable[[int, int], Finding | None]
    moments: frozenset[int] = frozenset()
    policy: str = ""
    rule: str = ""
    usage: Callable[[int, int], CapUsage] | None = None
    applies: Callable[[int, int], bool] = lambda _now, _t: True
    silent_from: Callable[[int], int | None] = lambda _: None
    """The first instant from a given one at which the voice is silent, where `moments` cannot name it beforehand."""

    def finding(self, now: int, t: int) -> Finding | None:
        """What speaks against a contact at `t` that is asked for at `now`."""
        return self.finds(now, t) if self.applies(now, t) else None


@dataclass
class Accounts:
    """What is taken of every capacity and budget, counted over all customers."""

    taken: defaultdict[Account, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def pay(self, payment: Payment) -> None:
        """Take an amount from its pool."""
        self.taken[account_of(payment)] += payment.amount

    def give_back(self, payment: Payment) -> None:
        """Give an amount back to the pool that it came from."""
        self.taken[account_of(payment)] -= payment.amount


def account_of(payment: Payment) -> Account:
    """What is paid from."""
    return payment.policy, payment.rule, payment.whose, payment.start, payment.pool


@dataclass(frozen=True)
class Question:
    """A contact asked for (`asked.time` is its own moment), by whom and when, and all that is known."""

    catalog: Document
    asked: Contact
    customer: str
    named: str
    zone: str
    party: Party
    accounts: Accounts
    rank: Rank

    @property
    def history(self) -> History:
        """The customer's own."""
        return self.party.history(self.customer)

    @property
    def horizon(self) -> int:
        """How long a contact is remembered, in ms."""
        return span_ms(self.catalog["horizon"])

    def segments_at(self, now: int, t: int) -> frozenset[str]:
        """The segments given, and those that the customer's doings put it in."""
        if not derived_names(self.catalog):
            return self.asked.segments
        return self.asked.segments | derived_segments(self.catalog, self.history, now, t)


@dataclass(frozen=True)
class Case:
    """One rule of one policy, and the question that it judges."""

    question: Question
    policy: Document
    rule: Document

    @property
    def judges(self) -> Document:
        """The selector of the requests that the policy judges."""
        return dict(self.policy.get("applies_to", {}))

    @property
    def counts(self) -> Document:
        """The selector of the contacts that the policy counts."""
        return dict(self.policy.get("counts", self.judges))

    def applies(self, now: int, t: int) -> bool:
        """Whether the rule judges the candidate at this moment."""
        return takes(self.judges, self.question.asked, self.question.segments_at(now, t))

    def zone_of(self, place: Place) -> str:
        """The zone that a window or span names: the customer's, the brand's (the default) or a fixed one."""
        zone = place.get("zone", "brand") if isinstance(place, dict) else "brand"
        return str({"customer": self.question.zone, "brand": self.question.catalog["zone"]}.get(zone, zone))

    def counted(self, contacts: list[Contact], now: int, t: int) -> list[Contact]:
        """Those that hold their place at `now` and are within the horizon of `t`."""
        return [contact for contact in standing(contacts, now) if t - self.question.horizon < contact.time]

    def leavings(self, contacts: list[Contact]) -> set[int]:
        """The instants at which contacts leave by themselves, whatever the rule."""
        return {moment for contact in contacts for moment in (contact.expire, contact.time + self.question.horizon)}

    def voice(
        self,
        reason: str,
        finds: Callable[[int, int], Finding | None],
        moments: Iterable[int] = (),
        usage: Callable[[int, int], CapUsage] | None = None,
    ) -> Voice:
        """The rule's voice, which is heard only while the policy applies to the candidate."""
        turns = turning_points(self.question.catalog, self.question.history)
        names = (self.policy["name"], self.rule["name"])
        return Voice(reason, finds, frozenset(moments) | turns, *names, usage, self.applies)


def takes(selector: Document, thing: Contact, segments: frozenset[str] | None = None) -> bool:
    """Whether a selector takes a contact: all keys given must hold, each by any of its values.

    `segments` are looked at instead of those frozen into the contact.
    """
    values = {
        "kinds": thing.kind,
        "channels": thing.channel,
        "campaigns": thing.campaign,
        "offer_families": thing.family,
        "business_units": thing.unit,
    }
    known = thing.segments if segments is None else segments
    return (
        all(value in selector[key] for key, value in values.items() if key in selector)
        and ("segments" not in selector or bool(known & set(selector["segments"])))
        and selector.get("min_priority", 0) <= thing.priority <= selector.get("max_priority", 100)
        and not ("not" in selector and takes(selector["not"], thing, segments))
    )


def standing(contacts: list[Contact], moment: int) -> list[Contact]:
    """Those that stand at `moment`, however old."""
    return [contact for contact in contacts if contact.stands_at(moment)]


def newest(contacts: Iterable[Contact]) -> tuple[Contact, ...]:
    """The contacts, the latest first."""
    return tuple(sorted(contacts, key=lambda contact: -contact.time))


def first_silence(voices: Iterable[Voice], start: int) -> int | None:
    """First instant from `start` at which the same, asked at that instant, meets no voice; None where there is none."""
    choir = list(voices)
    ahead = {start}.union(*(voice.moments for voice in choir))
    ahead = {moment for moment in ahead if start <= moment < NEVER}
    while ahead:
        moment = min(ahead)
        ahead.remove(moment)
        speaking = [voice for voice in choir if voice.finding(moment, moment) is not None]
        if not speaking:
            return moment
        later = {voice.silent_from(moment) for voice in speaking}
        ahead |= {silent for silent in later if silent is not None and silent < start + FURTHEST_SILENCE}
    return None


def policies_of(catalog: Document) -> Iterator[Document]:
    """The policies written down, then those that stand with channels (capacity) and campaigns (budget)."""
    yield from catalog["policies"]
    for name, channel in catalog["channels"].items():
        bodies = channel.get("capacity", [])
        rules = [{"name": f"capacity-{n}" if n > 1 else "capacity", "capacity": b} for n, b in enumerate(bodies, 1)]
        yield {"name": f"channel:{name}", "applies_to": {"channels": [name]}, "rules": rules}
    for name, campaign in catalog["campaigns"].items():
        bodies = [campaign["budget"]] if "budget" in campaign else []
        rules = [{"name": "budget", "budget": body} for body in bodies]
        yield {"name": f"campaign:{name}", "applies_to": {"campaigns": [name]}, "rules": rules}
