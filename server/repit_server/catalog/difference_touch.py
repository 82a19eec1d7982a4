"""Counts the customers of a contact log whose contacts a difference judges or counts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from repit_server.catalog.contact_terms import ContactTerms, PlainSelector, may_take
from repit_server.catalog.difference import Differences

MAX_CUSTOMERS: Final = 1_000_000
"""Most customers of one part of the log that are told apart: about 200 MB."""


@dataclass(frozen=True, slots=True)
class TouchedCustomers:
    """Distinct customers: in all, touched by something, and by each difference in its order.

    Where `is_at_least`, there are as many or more.
    """

    customers: int
    touched: int
    by_difference: tuple[int, ...]
    is_at_least: bool


class TouchCounter:
    """Counts part by part: the contacts of a customer lie in one part of the log."""

    def __init__(self, differences: Differences, max_customers: int = MAX_CUSTOMERS) -> None:
        self._derived = differences.derived_segments
        self._named: dict[tuple[str, str], int] = {}
        self._others: list[tuple[int, tuple[PlainSelector, ...]]] = []
        for number, difference in enumerate(differences.items):
            self._place(1 << number, difference.judged)
        self._max_customers = max_customers
        self._touching: dict[ContactTerms, int] = {}
        self._part: dict[str, int] = {}
        self._customers = 0
        self._touched = 0
        self._by_difference = [0] * len(differences.items)
        self._is_at_least = False

    def add(self, customer_id: str, terms: ContactTerms) -> None:
        """Count a contact."""
        touching = self._touching.get(terms)
        if touching is None:
            touching = self._touching[terms] = self._differences_touched_by(terms)
        before = self._part.get(customer_id)
        if before is None and len(self._part) >= self._max_customers:
            self._is_at_least = True
        else:
            self._part[customer_id] = (before or 0) | touching

    def end_part(self) -> None:
        """Forget the customers of a part once it is read; what they add up to stays."""
        self._customers += len(self._part)
        touchings: dict[int, int] = {}
        for touching in self._part.values():
            touchings[touching] = touchings.get(touching, 0) + 1
        for touching, customers in touchings.items():
            self._touched += customers if touching else 0
            for number in _bits(touching):
                self._by_difference[number] += customers
        self._part.clear()

    def total(self) -> TouchedCustomers:
        """Give what the parts read add up to."""
        return TouchedCustomers(self._customers, self._touched, tuple(self._by_difference), self._is_at_least)

    def _differences_touched_by(self, terms: ContactTerms) -> int:
        """Give a number with one bit for each difference that such a contact concerns."""
        touching = self._named.get(("campaigns", terms.campaign), 0) | self._named.get(("channels", terms.channel), 0)
        for bit, judged in self._others:
            if any(may_take(selector, terms, self._derived) for selector in judged):
                touching |= bit
        return touching

    def _place(self, bit: int, judged: tuple[PlainSelector, ...]) -> None:
        """Put a difference where it is found by name, if it is of campaigns or channels: there may be thousands."""
        names = [_campaign_or_channel(selector) for selector in judged]
        if None in names:
            self._others.append((bit, judged))
            return
        for name in names:
            if name is not None:
                self._named[name] = self._named.get(name, 0) | bit


def _campaign_or_channel(selector: PlainSelector) -> tuple[str, str] | None:
    """Give the one campaign or channel that a selector means; None where it means something else."""
    (key, names), *more = selector.items() or [("", [])]
    return (key, names[0]) if key in {"campaigns", "channels"} and len(names) == 1 and not more else None


def _bits(number: int) -> Iterator[int]:
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


def terms_of_campaign(
    campaigns: Mapping[str, Mapping[str, Any]], campaign_id: str, channel: str, segments: frozenset[str]
) -> ContactTerms:
    """Give the terms of a contact made elsewhere: those of its campaign, unknown ones where the catalog lacks it."""
    campaign = campaigns.get(campaign_id)
    if campaign is None:
        return ContactTerms(campaign_id, channel, None, None, None, None, segments)
    return ContactTerms(
        campaign=campaign_id,
        channel=channel,
        kind=campaign.get("kind", "marketing"),
        offer_family=campaign.get("offer_family", ""),
        business_unit=campaign.get("business_unit", ""),
        priority=campaign["priority"],
        segments=segments,
    )
