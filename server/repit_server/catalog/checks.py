"""Looks at a document as a whole: which names its sections hold, which stand twice, which the API has too."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from repit_server.catalog import times
from repit_server.catalog.document import Entry, Node, Path, Position, path_text
from repit_server.catalog.findings import Finding, Severity, quoted
from repit_server.catalog.model import DEFAULT_HORIZON, ApiCampaign
from repit_server.catalog.values import CURRENCY_PATTERN, Surroundings

SECTIONS: Final = ("channels", "segments", "offer_families", "business_units", "campaigns")
"""The sections whose names other parts of the document refer to."""

API_CAMPAIGNS: Final = "api_campaigns"
"""Begins the path of a finding about a campaign that was registered over the API."""


def survey(
    written: Mapping[str, Any], api_campaigns: Iterable[ApiCampaign], adopted_families: Collection[str]
) -> Surroundings:
    """List what a document's references are checked against, whatever else is wrong with it."""
    names = {section: _names(written.get(section)) for section in SECTIONS}
    names["campaigns"] |= {campaign.name for campaign in api_campaigns}
    names["offer_families"] |= set(adopted_families)
    horizon = written.get("horizon", DEFAULT_HORIZON)
    horizon_ms = times.span_ms(horizon) if isinstance(horizon, str) else None
    return Surroundings(names, horizon_ms, _currency(written, api_campaigns))


def _currency(written: Mapping[str, Any], api_campaigns: Iterable[ApiCampaign]) -> str | None:
    """Find the currency of the catalog: what it says, else what the first budget that names one says."""
    campaigns = written.get("campaigns")
    entries = list(campaigns.values()) if isinstance(campaigns, dict) else []
    budgets = [entry["budget"] for entry in entries if isinstance(entry, dict) and "budget" in entry]
    named = [written.get("currency"), *(budget.get("currency") for budget in budgets if isinstance(budget, dict))]
    named += [campaign.budget.currency for campaign in api_campaigns if campaign.budget is not None]
    return next((code for code in named if isinstance(code, str) and re.fullmatch(CURRENCY_PATTERN, code)), None)


def _names(section: object) -> frozenset[str]:
    if isinstance(section, dict):
        return frozenset(section)
    return frozenset(entry for entry in section if isinstance(entry, str)) if isinstance(section, list) else frozenset()


def repeated_names(root: Node) -> Iterator[Finding]:
    """Find policies, rules of one policy and segments that have the name of an earlier one."""
    yield from _repeated("segment", _texts(root, ("segments",)))
    policies = _named(root, ("policies",))
    yield from _repeated("policy", policies)
    for index in range(len(_entries(root, ("policies",)))):
        yield from _repeated("rule", _named(root, ("policies", index, "rules")))


def taken_names(root: Node, api_campaigns: Iterable[ApiCampaign]) -> Iterator[Finding]:
    """Find campaigns of the API that share their name with one of the document, or with each other."""
    written = root.at(("campaigns",))
    entries = written.value if written is not None and isinstance(written.value, dict) else {}
    seen: set[str] = set()
    for campaign in api_campaigns:
        entry = entries.get(campaign.name)
        if entry is not None:
            problem = f"the campaign {quoted(campaign.name)} is registered over the API"
            remedy = "rename it here, or delete it over the API"
            yield _error(entry.key, ("campaigns", campaign.name), problem, remedy)
        if campaign.name in seen:
            problem = f"the campaign {quoted(campaign.name)} is registered twice"
            yield _error(Position(0, 0), (API_CAMPAIGNS, campaign.name), problem, "keep one of the two")
        seen.add(campaign.name)


def _repeated(what: str, named: Iterable[tuple[Path, str, Position]]) -> Iterator[Finding]:
    first: dict[str, Position] = {}
    for path, name, position in named:
        if name in first:
            problem = f"the {what} {quoted(name)} stands twice, first on line {first[name].line}"
            yield _error(position, path, problem, "rename one of the two")
        else:
            first[name] = position


def _texts(root: Node, path: Path) -> Iterator[tuple[Path, str, Position]]:
    for index, node in enumerate(_entries(root, path)):
        if isinstance(node.value, str):
            yield (*path, index), node.value, node.position


def _named(root: Node, path: Path) -> Iterator[tuple[Path, str, Position]]:
    for index, node in enumerate(_entries(root, path)):
        entry = node.value.get("name") if isinstance(node.value, dict) else None
        if isinstance(entry, Entry) and isinstance(entry.node.value, str):
            yield (*path, index, "name"), entry.node.value, entry.node.position


def _entries(root: Node, path: Path) -> list[Node]:
    node = root.at(path)
    return node.value if node is not None and isinstance(node.value, list) else []


def _error(position: Position, path: Path, problem: str, remedy: str) -> Finding:
    return Finding(Severity.ERROR, position.line, position.column, path_text(path), problem, remedy)
