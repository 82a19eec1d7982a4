"""Why a customer is contacted or left alone: timeline, what each rule has used, next free moment per channel."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TypeAlias

from repit.claims import Claim
from repit.contact import Contact
from repit.explanation_parts import Affinity, CapacityHolding, LadderStep, Streak
from repit.kinds import DenialReason
from repit.requests import Engagement
from repit.times import time_in
from repit.v1.arbitration_service_pb2 import ExplainCustomerResponse
from repit.v1.customer_pb2 import ChannelAvailability as ChannelAvailabilityMessage
from repit.v1.customer_pb2 import RuleUsage as RuleUsageMessage
from repit.v1.customer_pb2 import TimelineEntry as TimelineEntryMessage
from repit.wording import Reader, figure, reason_words

Sections: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One entry of the timeline: a contact or an engagement."""

    time: datetime | None
    entry: Contact | Engagement

    @classmethod
    def from_message(cls, message: TimelineEntryMessage) -> "TimelineEntry":
        """The entry of a message."""
        if message.WhichOneof("entry") == "contact":
            return cls(time_in(message, "time"), Contact.from_message(message.contact))
        return cls(time_in(message, "time"), Engagement.from_message(message.engagement))

    def describe(self, reader: Reader) -> str:
        """The entry in words."""
        words = self.entry.describe(reader.zone) if isinstance(self.entry, Contact) else _engagement_words(self.entry)
        return f"{reader.until(self.time)}  {words}" if self.time is not None else words


@dataclass(frozen=True, slots=True)
class RuleUsage:
    """What one rule has used for this customer, taken for one campaign and channel.

    A rule may read differently for each.

    `is_against` is whether it speaks against one more contact; `earliest_time` is the first instant from which it no
    longer would.
    """

    policy: str
    rule: str
    reason: DenialReason
    limit: float
    used: float
    window: str
    is_against: bool
    earliest_time: datetime | None
    campaign_id: str
    channel: str

    @classmethod
    def from_message(cls, message: RuleUsageMessage) -> "RuleUsage":
        """The usage of a message."""
        return cls(
            policy=message.policy,
            rule=message.rule,
            reason=DenialReason.of_number(message.reason),
            limit=message.limit,
            used=message.used,
            window=message.window,
            is_against=message.is_against,
            earliest_time=time_in(message, "earliest_time"),
            campaign_id=message.campaign_id,
            channel=message.channel,
        )

    def describe(self, reader: Reader) -> str:
        """The usage in words: `three-a-week: 3 of 3 in 7 d, against spring by email until Thu 14:05`."""
        if self.is_against:
            words = reason_words(self.reason, used=self.used, limit=self.limit, window=self.window, outranked_by="")
            until = "for ever" if self.earliest_time is None else f"until {reader.after(self.earliest_time)}"
            return f"{self.rule}: {words}, against {self.campaign_id} by {self.channel} {until}"
        used = f"{figure(self.used)} of {figure(self.limit)}"
        return f"{self.rule}: {used}, not against {self.campaign_id} by {self.channel}"


@dataclass(frozen=True, slots=True)
class ChannelAvailability:
    """When a channel is next free, and for which campaign; `earliest_time` is none where no time helps."""

    channel: str
    campaign_id: str
    earliest_time: datetime | None

    @classmethod
    def from_message(cls, message: ChannelAvailabilityMessage) -> "ChannelAvailability":
        """The availability of a message."""
        return cls(message.channel, message.campaign_id, time_in(message, "earliest_time"))

    def describe(self, reader: Reader) -> str:
        """The availability in words: `email: free for spring from Thu 14:05`."""
        if self.earliest_time is None:
            return f"{self.channel}: not free, no later time helps"
        is_free = reader.seen_from is not None and self.earliest_time <= reader.seen_from
        when = "at once" if is_free else f"from {reader.after(self.earliest_time)}"
        return f"{self.channel}: free for {self.campaign_id} {when}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What Répit knows of a customer.

    Timeline newest first, rules, channels in the catalog's order, objections that hold (`suppressions`), streaks of
    unanswered contacts, affinities, live claims (the best ranked first), what the server that answered holds of
    capacities and budgets (`holdings`), the derived segments that the customer is in, and who shares its state
    (`party_customer_ids`). For one campaign also the `ladder`: every rule from the first in precedence to the last.
    """

    customer_id: str
    timeline: tuple[TimelineEntry, ...]
    rules: tuple[RuleUsage, ...]
    channels: tuple[ChannelAvailability, ...]
    suppressions: tuple[Engagement, ...]
    catalog_version: int
    as_of_time: datetime | None
    contact_count: int
    value_bytes: int
    streaks: tuple[Streak, ...] = ()
    affinities: tuple[Affinity, ...] = ()
    claims: tuple[Claim, ...] = ()
    holdings: tuple[CapacityHolding, ...] = ()
    ladder: tuple[LadderStep, ...] = ()
    derived_segments: tuple[str, ...] = ()
    party_customer_ids: tuple[str, ...] = ()

    @classmethod
    def from_message(cls, message: ExplainCustomerResponse) -> "Explanation":
        """The explanation of a message."""
        return cls(
            customer_id=message.customer_id,
            timeline=tuple(TimelineEntry.from_message(entry) for entry in message.timeline),
            rules=tuple(RuleUsage.from_message(usage) for usage in message.rules),
            channels=tuple(ChannelAvailability.from_message(channel) for channel in message.channels),
            suppressions=tuple(Engagement.from_message(engagement) for engagement in message.suppressions),
            catalog_version=message.catalog_version,
            as_of_time=time_in(message, "as_of_time"),
            contact_count=message.contact_count,
            value_bytes=message.value_bytes,
            streaks=tuple(Streak.from_message(streak) for streak in message.streaks),
            affinities=tuple(Affinity.from_message(affinity) for affinity in message.affinities),
            claims=tuple(Claim.from_message(claim) for claim in message.claims),
            holdings=tuple(CapacityHolding.from_message(holding) for holding in message.holdings),
            ladder=tuple(LadderStep.from_message(step) for step in message.ladder),
            derived_segments=tuple(message.derived_segments),
            party_customer_ids=tuple(message.party_customer_ids),
        )

    def __str__(self) -> str:
        return self.describe()

    def describe(self, zone: tzinfo | None = None) -> str:
        """The explanation in words, some lines; times in `zone`, in the local one where none."""
        near, dated = Reader(zone, self.as_of_time), Reader(zone)
        at = f" at {dated.until(self.as_of_time)}" if self.as_of_time is not None else ""
        always: Sections = (
            ("objections", tuple(_engagement_words(engagement) for engagement in self.suppressions)),
            ("channels", tuple(channel.describe(near) for channel in self.channels)),
            ("rules", tuple(usage.describe(near) for usage in self.rules)),
            ("timeline, newest first", tuple(entry.describe(dated) for entry in self.timeline)),
        )
        lines = [f"{self.customer_id}{at}: {self.contact_count} contacts, catalog version {self.catalog_version}"]
        for title, words in (*always[:2], *self._where_any(near), *always[2:]):
            lines += [f"{title}:", *(f"  {line}" for line in words)] if words else [f"{title}: none"]
        return "\n".join(lines)

    def _where_any(self, near: Reader) -> "Sections":
        sections: Sections = (
            ("party", self.party_customer_ids),
            ("derived segments", self.derived_segments),
            ("ladder", tuple(step.describe(near) for step in self.ladder)),
            ("streaks", tuple(f"{streak.whose(near)}: {streak.describe(near)}" for streak in self.streaks)),
            ("affinities", tuple(affinity.describe(near) for affinity in self.affinities)),
            ("claims", tuple(claim.describe(near.zone) for claim in self.claims)),
            ("capacities held by this server", tuple(holding.describe(near) for holding in self.holdings)),
        )
        return tuple((title, words) for title, words in sections if words)


def _engagement_words(engagement: Engagement) -> str:
    words = str(engagement.kind)
    if engagement.campaign_id:
        words += f" {engagement.campaign_id}"
    if engagement.channel:
        words += f" by {engagement.channel}"
    return f"{words}, value {figure(engagement.value)}" if engagement.value else words
