"""An explanation with every kind of section, and how it is read and drawn."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rich.console import Console

from repit import (
    Affinity,
    CapacityHolding,
    ChannelAvailability,
    Claim,
    Contact,
    ContactState,
    Denial,
    DenialReason,
    Engagement,
    EngagementKind,
    Explanation,
    Kind,
    LadderStep,
    RuleUsage,
    Streak,
    TimelineEntry,
)
from repit.wording import Reader
from repit_server.cli.explain_view import explanation_view
from repit_server.cli.language import language_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
THURSDAY = datetime(2026, 3, 5, 14, 5, tzinfo=UTC)
WEEK = timedelta(days=7)


def reader(name: str = "en") -> Reader:
    return Reader(UTC, NOON, language_of(name))


def denial(reason: DenialReason, *, earliest: datetime | None = None, outranked_by: str = "") -> Denial:
    return Denial(reason, "p", "three-a-week", 3, 3, "sliding 7d", (), outranked_by, earliest)


def step(reason: DenialReason, channel: str, *, rule: str = "", against: Denial | None = None) -> LadderStep:
    return LadderStep(reason, "p" if rule else "", rule, channel, against is not None, against)


def usage(reason: DenialReason, rule: str, channel: str, *, used: float = 1, window: str = "sliding 7d") -> RuleUsage:
    return RuleUsage(
        policy="p",
        rule=rule,
        reason=reason,
        limit=3,
        used=used,
        window=window,
        is_against=used >= 3,
        earliest_time=THURSDAY if used >= 3 else None,
        campaign_id="spring",
        channel=channel,
    )


CONTACT = Contact(
    contact_id="1-abc",
    campaign_id="spring",
    channel="email",
    kind=Kind.SERVICE,
    offer_family="weekends",
    contact_time=NOON - WEEK,
    state=ContactState.CONFIRMED,
    expire_time=None,
    is_answered=True,
    count=3,
)
CAP, REST = DenialReason.FREQUENCY_CAP, DenialReason.BACK_OFF
WHOLE = Explanation(
    customer_id="customer-42",
    timeline=(
        TimelineEntry(NOON, Engagement("customer-42", EngagementKind.CLICKED, campaign_id="spring", value=2.5)),
        TimelineEntry(NOON - WEEK, CONTACT),
    ),
    rules=(
        usage(CAP, "three-a-week", "email", used=3),
        usage(CAP, "three-a-week", "sms"),
        usage(REST, "silence", "email", window="rests 30d, 60 days (brand), never"),
        usage(REST, "silence", "sms", window="rests 30d, 60 days (brand), never"),
    ),
    channels=(
        ChannelAvailability("email", "spring", THURSDAY),
        ChannelAvailability("sms", "spring", NOON),
        ChannelAvailability("fax", "", None),
    ),
    suppressions=(Engagement("customer-42", EngagementKind.OPTED_OUT, channel="fax"),),
    catalog_version=7,
    as_of_time=NOON,
    contact_count=1,
    value_bytes=194,
    streaks=(Streak("p", "silence", "offer_family", "weekends", 3, 3),),
    affinities=(Affinity("weekends", 1.756, 180), Affinity("long-stays", 0, 30)),
    claims=(Claim("customer-42", "summer", ("email", "post"), NOON, NOON + 4 * WEEK, 2.5, 60),),
    holdings=(CapacityHolding("p", "calls", "call", "leisure", NOON, 20, 12, 8),),
    ladder=(
        step(DenialReason.SUPPRESSED, "email"),
        step(DenialReason.SUPPRESSED, "sms"),
        step(REST, "email", rule="silence"),
        step(REST, "sms", rule="silence"),
        step(CAP, "email", rule="three-a-week", against=denial(CAP, earliest=THURSDAY)),
        step(CAP, "sms", rule="three-a-week"),
    ),
    derived_segments=("engaged", "newcomer"),
    party_customer_ids=("customer-42", "customer-43"),
)
NOT_NOW = replace(WHOLE, channels=WHOLE.channels[::2])
NEVER = replace(WHOLE, channels=WHOLE.channels[2:])


def drawn(explanation: Explanation, name: str = "en", *, width: int = 120) -> str:
    """The whole explanation as a terminal shows it."""
    terminal = Console(width=width)
    with terminal.capture() as shown:
        terminal.print(explanation_view(explanation, UTC, language_of(name)))
    return shown.get()
