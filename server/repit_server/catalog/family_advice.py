"""Finds offer families whose fallback leads nowhere, and what they are told to learn in vain."""

import bisect
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

from repit_server.catalog import places
from repit_server.catalog.document import Node
from repit_server.catalog.findings import Finding
from repit_server.catalog.model import Active, ApiCampaign, Campaign, Document

_MAX_LISTED: Final = 8
_Days = tuple[date, date]
"""A first day, and the day at whose start it ends."""


def advise_of_families(document: Document, api_campaigns: Iterable[ApiCampaign], root: Node) -> Iterator[Finding]:
    """Find what is unwise in the offer families."""
    campaigns = [*document.campaigns.values(), *api_campaigns]
    yield from _fallbacks_that_never_run(document, campaigns, root)
    yield from _fallbacks_in_a_circle(document, root)
    for name, family in document.offer_families.items():
        if family.learns_from is not None and family.half_life is None:
            problem = "the family learns nothing: its affinity has no `half_life`"
            path = ("offer_families", name, "learns_from")
            yield places.warning(root, path, problem, "write `half_life`, as in `180d`, or leave `learns_from` out")


def _fallbacks_that_never_run(document: Document, campaigns: list[Campaign], root: Node) -> Iterator[Finding]:
    running: dict[str, list[Active]] = {}
    for campaign in campaigns:
        if campaign.offer_family is not None:
            running.setdefault(campaign.offer_family, []).append(campaign.active)
    days = {family: _merged(spans) for family, spans in running.items()}
    for name, family in document.offer_families.items():
        own, others = days.get(name, []), days.get(family.fallback or "", [])
        if family.fallback is None or family.fallback == name or not own or _some_overlap(own, others):
            continue
        what = "runs while one of this family does" if others else "is there"
        problem = f"the fallback never steps in: no campaign of `{family.fallback}` {what}"
        remedy = "name a family with campaigns of the same time, or leave `fallback` out"
        yield places.warning(root, ("offer_families", name, "fallback"), problem, remedy)


def _merged(spans: Iterable[Active]) -> list[_Days]:
    """Merge spans of days that overlap: the earliest first."""
    merged: list[_Days] = []
    for begin, end in sorted((active.from_ or date.min, active.until or date.max) for active in spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _some_overlap(mine: list[_Days], theirs: list[_Days]) -> bool:
    """Tell whether two of the merged spans share a day."""
    begins = [begin for begin, _ in theirs]
    before_ends = ((begin, bisect.bisect_left(begins, end) - 1) for begin, end in mine)
    return any(last >= 0 and theirs[last][1] > begin for begin, last in before_ends)


def _fallbacks_in_a_circle(document: Document, root: Node) -> Iterator[Finding]:
    told: set[str] = set()
    for name in document.offer_families:
        walked: dict[str, None] = {}
        here: str | None = name
        while here is not None and here not in walked and here not in told and here in document.offer_families:
            walked[here] = None
            here = document.offer_families[here].fallback
        if here is not None and here in walked:
            way = list(walked)
            circle = [*way[way.index(here) :], here]
            shown = circle if len(circle) <= _MAX_LISTED else [*circle[:_MAX_LISTED], "…", here]
            problem = f"the fallbacks go in a circle: {' -> '.join(shown)}"
            remedy = "let one of them have no fallback"
            yield places.warning(root, ("offer_families", here, "fallback"), problem, remedy)
        told.update(walked)
