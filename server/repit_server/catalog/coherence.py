"""Refuses what each part of a document says rightly and the whole cannot mean."""

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from repit_server.catalog import places
from repit_server.catalog.capacity import listed, numbered
from repit_server.catalog.document import Node, Path
from repit_server.catalog.findings import Finding, quoted
from repit_server.catalog.model import ApiCampaign, Document, Policy
from repit_server.catalog.selector import Selector, selectors_within

_NOT_FROZEN: Final = "write what contacts keep: their channel, campaign, kind, priority, family, unit, given segments"


def channel_policy(name: str) -> str:
    """Name the policy that is made of a channel's capacity."""
    return f"channel:{name}"


def campaign_policy(name: str) -> str:
    """Name the policy that is made of a campaign's budget."""
    return f"campaign:{name}"


def incoherent(document: Document, api_campaigns: Iterable[ApiCampaign], root: Node) -> Iterator[Finding]:
    """Find the errors that no part of the document shows alone; `root` tells the places."""
    campaigns = {*document.campaigns, *(campaign.name for campaign in api_campaigns)}
    made = {channel_policy(name) for name in document.channels} | {campaign_policy(name) for name in campaigns}
    derived = frozenset(document.derived_segments())
    for index, policy in enumerate(document.policies):
        if policy.name in made:
            problem = f"{quoted(policy.name)} is the policy of its capacity or budget"
            yield places.error(root, ("policies", index, "name"), problem, "rename the policy")
        yield from _capacities_that_count_otherwise(index, policy, root)
        yield from _names_of_several_capacities(index, policy, root)
        yield from _derived_segments_of_contacts(index, policy, derived, root)


def _capacities_that_count_otherwise(index: int, policy: Policy, root: Node) -> Iterator[Finding]:
    capacity = next((rule.name for rule in policy.rules if rule.capacity is not None), None)
    if capacity is not None and policy.counts is not None and policy.counts != policy.applies_to:
        problem = f"the capacity {quoted(capacity)} counts what it judges, and `counts` is not `applies_to`"
        remedy = "leave `counts` out, or put the capacity into a policy of its own"
        yield places.error(root, ("policies", index, "counts"), problem, remedy)


def _names_of_several_capacities(index: int, policy: Policy, root: Node) -> Iterator[Finding]:
    written = {rule.name for rule in policy.rules}
    for number, rule in enumerate(policy.rules):
        made = [numbered(rule.name, later) for later in range(1, len(listed(rule.capacity)))]
        taken = next((name for name in made if name in written), None)
        if taken is not None:
            problem = f"one of these capacities is the rule {quoted(taken)}, which another rule is called"
            yield places.error(root, ("policies", index, "rules", number, "name"), problem, "rename one of the two")


def _derived_segments_of_contacts(
    index: int, policy: Policy, derived: Collection[str], root: Node
) -> Iterator[Finding]:
    looked_at: list[tuple[Path, Selector | None]] = [(("policies", index, "counts"), policy.counts)]
    for number, rule in enumerate(policy.rules):
        if rule.prerequisite is not None:
            asked: Path = ("policies", index, "rules", number, "prerequisite", "contact")
            looked_at.append((asked, rule.prerequisite.contact))
    for path, selector in looked_at:
        for place, name in _named(path, selector, derived):
            problem = f"the derived segment {quoted(name)} is kept with no contact"
            yield places.error(root, place, problem, _NOT_FROZEN)
    counting = next((rule.name for rule in policy.rules if rule.frequency_cap or rule.back_off), None)
    if policy.counts is None and counting is not None:
        for place, name in _named(("policies", index, "applies_to"), policy.applies_to, derived):
            problem = f"the rule {quoted(counting)} would count contacts in {quoted(name)}, which is kept with none"
            yield places.error(root, place, problem, "write `counts`, as in `counts: {kinds: [marketing]}`")


def _named(path: Path, selector: Selector | None, names: Collection[str]) -> Iterator[tuple[Path, str]]:
    """Find where a selector names one of these segments."""
    for depth, inner in enumerate(selectors_within(selector) if selector is not None else ()):
        for number, name in enumerate(inner.segments or ()):
            if name in names:
                yield (*path, *(["not"] * depth), "segments", number), name
