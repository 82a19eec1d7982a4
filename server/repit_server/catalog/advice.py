"""Finds what can be said and is unwise: rules that never decide, places that leave nothing, segments that nothing uses.

Each finding is certain from the document alone; what only might be wrong is not said.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from repit_server.catalog import places, times
from repit_server.catalog.capacity_advice import advise_of_capacities
from repit_server.catalog.document import Node, Path
from repit_server.catalog.family_advice import advise_of_families
from repit_server.catalog.findings import Finding
from repit_server.catalog.hopeless import advise_of_campaigns
from repit_server.catalog.model import ApiCampaign, Document, Policy
from repit_server.catalog.rules import FrequencyCap
from repit_server.catalog.selector import Selector, selectors_within
from repit_server.catalog.windows import Window

_CONTAINED_IN: Final = {
    "day": ("day", "week", "month", "quarter", "year"),
    "week": ("week",),
    "month": ("month", "quarter", "year"),
    "quarter": ("quarter", "year"),
    "year": ("year",),
}
"""The calendar periods that hold each period whole."""


@dataclass(frozen=True, slots=True)
class _Cap:
    """A frequency cap with what it judges and counts, and its place."""

    name: str
    path: Path
    applies_to: Selector
    counts: Selector
    cap: FrequencyCap


def advise(document: Document, api_campaigns: Sequence[ApiCampaign], root: Node) -> Iterator[Finding]:
    """Find what is unwise in a document that can be applied; `root` tells the places."""
    caps = [cap for index, policy in enumerate(document.policies) for cap in _caps(index, policy)]
    yield from _caps_that_never_decide(caps, root)
    yield from _reserves_that_leave_nothing(caps, root)
    selectors = list(_selectors(document, api_campaigns))
    yield from _selectors_that_take_nothing(selectors, root)
    yield from _segments_that_nothing_uses(document, [selector for _, selector in selectors], root)
    yield from _holdouts_of_nobody(document, root)
    yield from advise_of_families(document, api_campaigns, root)
    yield from advise_of_capacities(document, root)
    yield from advise_of_campaigns(document, api_campaigns, root)


def _caps(index: int, policy: Policy) -> Iterator[_Cap]:
    for number, rule in enumerate(policy.rules):
        if rule.frequency_cap is not None:
            path = ("policies", index, "rules", number, "frequency_cap")
            counts = policy.applies_to if policy.counts is None else policy.counts
            yield _Cap(f"{policy.name}/{rule.name}", path, policy.applies_to, counts, rule.frequency_cap)


def _caps_that_never_decide(caps: list[_Cap], root: Node) -> Iterator[Finding]:
    for number, cap in enumerate(caps):
        for other_number, other in enumerate(caps):
            if number == other_number or not _is_implied(cap, other):
                continue
            if number < other_number and _is_implied(other, cap):
                continue  # they say the same: the later one is named
            problem = f"this cap never decides: `{other.name}` allows no more in a window that holds this one"
            yield places.warning(root, cap.path, problem, "remove it, or allow less here than there")
            break


def _is_implied(cap: _Cap, other: _Cap) -> bool:
    """Tell whether `cap` never speaks unless `other` does."""
    alike = (
        cap.applies_to == other.applies_to
        and cap.counts == other.counts
        and cap.cap.counted == other.cap.counted
        and other.cap.per in {cap.cap.per, "party"}  # a party's contacts are all of its customers' and contact points'
        and cap.cap.measured()[0] == other.cap.measured()[0]
    )
    if not alike or not _is_within(cap.cap.window, other.cap.window):
        return False
    reserves = (cap.cap.reserve, other.cap.reserve)
    priorities = [0, *(reserve.min_priority for reserve in reserves if reserve is not None)]
    return all(other.cap.allows(priority) <= cap.cap.allows(priority) for priority in priorities)


def _is_within(inner: Window, outer: Window) -> bool:
    """Tell whether each window of the one kind that holds an instant lies in one of the other that holds it."""
    if outer.lifetime:
        return True
    if inner.sliding is not None and outer.sliding is not None:
        return (times.span_ms(inner.sliding) or 0) <= (times.span_ms(outer.sliding) or 0)
    if (inner.zone or "brand") != (outer.zone or "brand"):
        return False
    if outer.rolling_days is not None:
        days = 1 if inner.calendar == "day" else inner.rolling_days
        return days is not None and days <= outer.rolling_days
    if inner.calendar is None or outer.calendar not in _CONTAINED_IN[inner.calendar]:
        return False
    weeks_differ = (inner.week_starts or "monday") != (outer.week_starts or "monday")
    return not (inner.calendar == "week" and weeks_differ)


def _reserves_that_leave_nothing(caps: list[_Cap], root: Node) -> Iterator[Finding]:
    for cap in caps:
        reserve, allowed = cap.cap.reserve, cap.cap.measured()[1]
        if reserve is not None and reserve.min_priority > 0 and reserve.places >= allowed > 0:
            problem = f"the reserve keeps all of the cap: below priority {reserve.min_priority} nothing is granted"
            yield places.warning(root, (*cap.path, "reserve", "places"), problem, f"keep less than {allowed:g}")


def _selectors(document: Document, api_campaigns: Iterable[ApiCampaign]) -> Iterator[tuple[Path, Selector]]:
    """List all selectors with their paths, those in `not` too; those of the API with an empty path."""
    outer: list[tuple[Path, Selector | None]] = []
    for index, policy in enumerate(document.policies):
        outer += [
            (("policies", index, "applies_to"), policy.applies_to),
            (("policies", index, "counts"), policy.counts),
        ]
        for number, rule in enumerate(policy.rules):
            if rule.prerequisite is not None:
                path: Path = ("policies", index, "rules", number, "prerequisite", "contact")
                outer.append((path, rule.prerequisite.contact))
    for name, campaign in document.campaigns.items():
        outer.append((("campaigns", name, "eligible"), campaign.eligible))
    outer += [((), campaign.eligible) for campaign in api_campaigns]
    for place, selector in outer:
        for depth, inner in enumerate(selectors_within(selector) if selector is not None else ()):
            yield (*place, *itertools.repeat("not", depth)) if place else (), inner


def _selectors_that_take_nothing(selectors: list[tuple[Path, Selector]], root: Node) -> Iterator[Finding]:
    for path, selector in selectors:
        least, most = selector.min_priority, selector.max_priority
        if path and least is not None and most is not None and least > most:
            problem = f"this takes nothing: no priority is at least {least} and at most {most}"
            yield places.warning(root, (*path, "max_priority"), problem, "exchange the two, or leave one out")


def _segments_that_nothing_uses(document: Document, selectors: list[Selector], root: Node) -> Iterator[Finding]:
    used = {name for selector in selectors for name in selector.segments or ()}
    for index, name in enumerate(document.segments):
        if name in used:
            continue
        remedy = "name it in a selector, or remove it"
        if isinstance(document.segments, list):
            yield places.warning(root, ("segments", index), f"nothing uses the segment `{name}`", remedy)
        else:
            yield places.key_warning(root, ("segments", name), f"nothing uses the segment `{name}`", remedy)


def _holdouts_of_nobody(document: Document, root: Node) -> Iterator[Finding]:
    for index, policy in enumerate(document.policies):
        for number, rule in enumerate(policy.rules):
            if rule.holdout is not None and rule.holdout.share == 0:
                path = ("policies", index, "rules", number, "holdout", "share")
                yield places.warning(root, path, "this holds out nobody", "write a share above 0, or remove the rule")
