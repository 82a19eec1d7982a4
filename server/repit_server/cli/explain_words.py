"""The sentences of an explanation: whether the customer may be contacted, what happened, what the ladder says."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from repit import (
    ChannelAvailability,
    Contact,
    ContactState,
    DenialReason,
    Engagement,
    EngagementKind,
    Explanation,
    Kind,
    LadderStep,
    RuleUsage,
    Verdict,
)
from repit.explanation_parts import streak_words
from repit.language import message
from repit.wording import REASONS, VERDICTS, Reader, figure, span_words, window_words

ENGAGEMENTS: Final = {
    EngagementKind.UNSPECIFIED: message("something that this version does not know"),
    EngagementKind.SENT: message("sent"),
    EngagementKind.DELIVERED: message("delivered"),
    EngagementKind.OPENED: message("opened"),
    EngagementKind.CLICKED: message("clicked"),
    EngagementKind.ANSWERED: message("answered"),
    EngagementKind.CONVERTED: message("converted"),
    EngagementKind.PURCHASED: message("purchased"),
    EngagementKind.REFUSED: message("refused"),
    EngagementKind.COMPLAINED: message("complained"),
    EngagementKind.OPTED_OUT: message("opted out"),
    EngagementKind.BOUNCED: message("bounced"),
}
CONTACTS: Final = {
    Kind.UNSPECIFIED: message("contact {campaign} by {channel}"),
    Kind.MARKETING: message("marketing contact {campaign} by {channel}"),
    Kind.SERVICE: message("service contact {campaign} by {channel}"),
    Kind.TRANSACTIONAL: message("transactional contact {campaign} by {channel}"),
    Kind.LEGAL: message("legal contact {campaign} by {channel}"),
}
STATES: Final = {
    ContactState.UNSPECIFIED: message("in a state that this version does not know"),
    ContactState.PENDING: message("pending"),
    ContactState.CONFIRMED: message("confirmed"),
    ContactState.RELEASED: message("released"),
    ContactState.EXPIRED: message("expired"),
}
_COUNTED: Final = {DenialReason.FREQUENCY_CAP, DenialReason.CAPACITY, DenialReason.BUDGET}
"""What has figures also where it passes, besides the back-off."""


def may_be_contacted(explanation: Explanation, reader: Reader) -> str:
    """Answer in one sentence whether the customer may be contacted, by which channel, and from when on."""
    say, customer = reader.language.say, explanation.customer_id
    free = [entry for entry in explanation.channels if is_free(entry, explanation)]
    if free:
        ways = ", ".join(_way(entry, reader) for entry in free)
        return say("{customer} may be contacted now: {ways}.", customer=customer, ways=ways)
    later = [(entry.earliest_time, entry) for entry in explanation.channels if entry.earliest_time is not None]
    if not later:
        return say("{customer} may not be contacted by any channel; no later time helps.", customer=customer)
    first = min(time for time, _ in later)
    ways = ", ".join(_way(entry, reader) for time, entry in later if time == first)
    return say(
        "{customer} may not be contacted now; from {time} on: {ways}.",
        customer=customer,
        time=reader.after(first),
        ways=ways,
    )


def is_free(entry: ChannelAvailability, explanation: Explanation) -> bool:
    """Whether the channel is free at the time that the explanation is for."""
    if entry.earliest_time is None or explanation.as_of_time is None:
        return False
    return entry.earliest_time <= explanation.as_of_time


def _way(entry: ChannelAvailability, reader: Reader) -> str:
    return reader.language.say("by {channel} for {campaign}", channel=entry.channel, campaign=entry.campaign_id)


def engagement_words(event: Engagement, reader: Reader) -> str:
    """Say what came back: `clicked spring by email, value 32.5`."""
    say = reader.language.say
    words = say(ENGAGEMENTS[EngagementKind(event.kind)])
    words += f" {event.campaign_id}" if event.campaign_id else ""
    words += f" {say('by {channel}', channel=event.channel)}" if event.channel else ""
    value = say("value {value}", value=figure(event.value, reader.language))
    return f"{words}, {value}" if event.value else words


def contact_words(contact: Contact, reader: Reader) -> str:
    """Say which contact it is: `marketing contact spring by email (and 2 more)`."""
    say = reader.language.say
    words = say(CONTACTS[contact.kind], campaign=contact.campaign_id, channel=contact.channel)
    more = say("(and {number} more)", number=contact.count - 1)
    return f"{words} {more}" if contact.count > 1 else words


def state_words(contact: Contact, reader: Reader) -> str:
    """Say where a contact stands: `confirmed, answered`."""
    words = reader.language.say(STATES[contact.state])
    return f"{words}, {reader.language.say('answered')}" if contact.is_answered else words


def window_of(usage: RuleUsage, reader: Reader) -> str:
    """Say over what a rule looks: `in 7 d`, `rests 30 d, 60 d`, `7 d`."""
    if usage.reason is DenialReason.BACK_OFF:
        rests = (span_words(rest.partition(" (")[0], reader.language) for rest in _rests(usage.window))
        return reader.language.say("rests {spans}", spans=", ".join(rests))
    if usage.reason is DenialReason.RESPITE:
        return span_words(usage.window.partition(" (")[0], reader.language)
    window = window_words(usage.window, reader.language)
    if usage.reason is DenialReason.OUTRANKED:
        return reader.language.say("{window}, with claims", window=window)
    return window


def _rests(window: str) -> list[str]:
    return window.removeprefix("rests ").split(", ")


@dataclass(frozen=True, slots=True)
class Rung:
    """A rung of the ladder as it is drawn: by which channels, what it says, and until when it speaks against."""

    step: LadderStep
    channels: tuple[str, ...]
    words: str
    until: str


def rungs(explanation: Explanation, reader: Reader) -> list[Rung]:
    """Put together what a rule says alike by several channels; from the first in precedence to the last."""
    usages = {(usage.policy, usage.rule, usage.reason, usage.channel): usage for usage in explanation.rules}
    found: dict[tuple[object, ...], Rung] = {}
    for step in explanation.ladder:
        words = rung_words(step, usages.get((step.policy, step.rule, step.reason, step.channel)), reader)
        rung = Rung(step, (step.channel,), words, _until(step, reader))
        alike = (step.reason, step.policy, step.rule, rung.words, rung.until)
        held = found.get(alike)
        found[alike] = rung if held is None else replace(held, channels=(*held.channels, step.channel))
    return list(found.values())


def rung_words(step: LadderStep, usage: RuleUsage | None, reader: Reader) -> str:
    """Say what a rung says, with its figures also where it passes: `a place is free, 1 of 3 in 7 d`."""
    words, language = step.words(reader), reader.language
    if step.is_against or usage is None:
        return words
    if step.reason is DenialReason.BACK_OFF:
        return f"{words}, {streak_words(usage.used, usage.limit, reader)}"
    if step.reason not in _COUNTED:
        return words
    window = window_words(usage.window, language)
    used, limit = figure(usage.used, language), figure(usage.limit, language)
    figures = language.say(REASONS[DenialReason.FREQUENCY_CAP], used=used, limit=limit, window=window)
    return f"{words}, {figures.rstrip()}"


def _until(step: LadderStep, reader: Reader) -> str:
    return "" if step.denial is None else again_words(step.denial.earliest_time, reader)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What comes of the ladder by a channel: `refused`, and from when it would be granted."""

    channel: str
    verdict: Verdict
    words: str
    again: str


def outcomes(explanation: Explanation, reader: Reader) -> list[Outcome]:
    """Say what comes of the ladder by each channel."""
    against: dict[str, bool] = {}
    for step in explanation.ladder:
        against[step.channel] = against.get(step.channel, False) or step.is_against
    times = {entry.channel: entry.earliest_time for entry in explanation.channels}
    found = []
    for channel, is_against in against.items():
        verdict = Verdict.DENY if is_against else Verdict.GRANT
        again = again_words(times.get(channel), reader) if is_against else ""
        found.append(Outcome(channel, verdict, reader.language.say(VERDICTS[verdict]), again))
    return found


def again_words(time: datetime | None, reader: Reader) -> str:
    """Say from when on a rule no longer speaks against: a time, or never."""
    return reader.language.say("never") if time is None else reader.after(time)
