"""What an explanation tells beside rules and timeline: streaks, affinities, capacities held, the ladder."""

from dataclasses import dataclass
from datetime import datetime

from repit.answers import Denial
from repit.kinds import DenialReason
from repit.language import message
from repit.times import time_in
from repit.v1.customer_pb2 import Affinity as AffinityMessage
from repit.v1.customer_pb2 import CapacityHolding as CapacityHoldingMessage
from repit.v1.customer_pb2 import LadderStep as LadderStepMessage
from repit.v1.customer_pb2 import Streak as StreakMessage
from repit.wording import Reader, figure

PASSES = {
    DenialReason.UNSPECIFIED: message("a rule that this version of the client does not know passes"),
    DenialReason.SUPPRESSED: message("no objection holds"),
    DenialReason.NO_CONSENT: message("consent is there, where it is needed"),
    DenialReason.CHANNEL_CLOSED: message("the channel is open"),
    DenialReason.CAMPAIGN_UNKNOWN: message("the catalog has the campaign"),
    DenialReason.CAMPAIGN_INACTIVE: message("the campaign is running"),
    DenialReason.NOT_ELIGIBLE: message("the customer is eligible"),
    DenialReason.HELD_OUT: message("the customer is not in the hold-out"),
    DenialReason.RESPITE: message("no respite is running"),
    DenialReason.BACK_OFF: message("no rest is running"),
    DenialReason.FREQUENCY_CAP: message("a place is free"),
    DenialReason.CAPACITY: message("there is capacity"),
    DenialReason.BUDGET: message("there is budget"),
    DenialReason.OUTRANKED: message("no better-ranked claim needs the place"),
}
ALIKE_IN = {
    "offer_family": message("offer family {name}"),
    "campaign": message("campaign {name}"),
    "channel": message("channel {name}"),
    "any": message("all contacts"),
}
NO_FAMILY = message("no offer family")


@dataclass(frozen=True, slots=True)
class Streak:
    """Contacts in a row that nobody answered, as a back-off rule counts them.

    `of` is what they are alike in: `offer_family`, `campaign`, `channel` or `any`; `name` says which one. The customer
    rests from `after` on.
    """

    policy: str
    rule: str
    of: str
    name: str
    length: int
    after: int

    @classmethod
    def from_message(cls, message: StreakMessage) -> "Streak":
        """The streak of a message."""
        return cls(message.policy, message.rule, message.of, message.name, message.length, message.after)

    def whose(self, reader: Reader) -> str:
        """What the contacts are alike in, in words: `offer family weekends`."""
        if self.of == "offer_family" and not self.name:
            return reader.language.say(NO_FAMILY)
        words = ALIKE_IN.get(self.of)
        return self.name if words is None else reader.language.say(words, name=self.name)

    def describe(self, reader: Reader) -> str:
        """The streak in words: `3 unanswered in a row, rests from 3 on`."""
        return streak_words(self.length, self.after, reader)


def streak_words(length: float, after: float, reader: Reader) -> str:
    """How many contacts in a row nobody answered, and from how many on the customer rests."""
    figures = {"length": figure(length, reader.language), "after": figure(after, reader.language)}
    return reader.language.say("{length} unanswered in a row, rests from {after} on", **figures)


@dataclass(frozen=True, slots=True)
class Affinity:
    """How much a customer likes an offer family.

    `strength` is what the engagements add up to, half of it left after `half_life_days`; the score of a candidate is
    multiplied by 1 + this.
    """

    offer_family: str
    strength: float
    half_life_days: float

    @classmethod
    def from_message(cls, message: AffinityMessage) -> "Affinity":
        """The affinity of a message."""
        return cls(message.offer_family, message.strength, message.half_life_days)

    def describe(self, reader: Reader) -> str:
        """The affinity in words: `weekends: 1.75, half of it left after 180 d`."""
        half_life = figure(self.half_life_days, reader.language)
        return reader.language.say(
            "{family}: {strength}, half of it left after {days} d",
            family=self.offer_family,
            strength=strength_words(self, reader),
            days=half_life,
        )


def strength_words(affinity: Affinity, reader: Reader) -> str:
    """How strong it is, to two decimals."""
    return figure(round(affinity.strength, 2), reader.language)


@dataclass(frozen=True, slots=True)
class CapacityHolding:
    """What the server that answered holds of a capacity or budget: `leased`, of that `used`, and `free`.

    `per` is the channel, campaign or business unit that it is counted for, `business_unit` whose share it is; both
    empty for what all share.
    """

    policy: str
    rule: str
    per: str
    business_unit: str
    window_start_time: datetime | None
    leased: float
    used: float
    free: float

    @classmethod
    def from_message(cls, message: CapacityHoldingMessage) -> "CapacityHolding":
        """The holding of a message."""
        return cls(
            policy=message.policy,
            rule=message.rule,
            per=message.per,
            business_unit=message.business_unit,
            window_start_time=time_in(message, "window_start_time"),
            leased=message.leased,
            used=message.used,
            free=message.free,
        )

    def describe(self, reader: Reader) -> str:
        """The holding in words: `calls: 12 of 20 leased are used`."""
        whose = " ".join(part for part in (self.per, self.business_unit) if part)
        name = f"{self.rule} ({whose})" if whose else self.rule
        used, leased = figure(self.used, reader.language), figure(self.leased, reader.language)
        return reader.language.say("{name}: {used} of {leased} leased are used", name=name, used=used, leased=leased)


@dataclass(frozen=True, slots=True)
class LadderStep:
    """One rung of the ladder: what one rule says of the campaign by a channel. `denial` where it speaks against.

    `policy` and `rule` are empty where the rule stands with customer or campaign.
    """

    reason: DenialReason
    policy: str
    rule: str
    channel: str
    is_against: bool
    denial: Denial | None

    @classmethod
    def from_message(cls, message: LadderStepMessage) -> "LadderStep":
        """The rung of a message."""
        return cls(
            reason=DenialReason.of_number(message.reason),
            policy=message.policy,
            rule=message.rule,
            channel=message.channel,
            is_against=message.is_against,
            denial=Denial.from_message(message.denial) if message.HasField("denial") else None,
        )

    def words(self, reader: Reader) -> str:
        """What it says: `3 of 3 in 7 d` where it speaks against, else what passes: `a place is free`."""
        return reader.language.say(PASSES[self.reason]) if self.denial is None else self.denial.words(reader.language)

    def describe(self, reader: Reader) -> str:
        """The rung in words: `✗ email, three-a-week: 3 of 3 in 7 d, until Thu 14:05`; `✓ sms: no objection holds`."""
        name = f"{self.channel}, {self.rule}" if self.rule else self.channel
        words = f"{'✗' if self.is_against else '✓'} {name}: {self.words(reader)}"
        if self.denial is None:
            return words
        until = self.denial.earliest_time
        if until is None:
            return f"{words}, {reader.language.say('no later time helps')}"
        return f"{words}, {reader.language.say('until {time}', time=reader.after(until))}"
