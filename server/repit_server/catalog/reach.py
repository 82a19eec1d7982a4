"""Which campaigns, by which channels, a selector surely takes, whoever the customer is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from repit_server.catalog.checks import API_CAMPAIGNS
from repit_server.catalog.coherence import channel_policy
from repit_server.catalog.document import Path
from repit_server.catalog.model import ApiCampaign, Campaign, Channel, Document
from repit_server.catalog.rules import Rule
from repit_server.catalog.selector import Selector

MAX_COMPARISONS: Final = 500_000
"""Most pairs of a rule and a campaign's channel that advice looks at; beyond, it says nothing of campaigns."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A campaign by one of its channels, as a rule may judge it."""

    name: str
    path: Path
    campaign: Campaign
    channel_name: str
    channel: Channel

    def weight(self, measure: str) -> float:
        """Give what one contact weighs in a cap of this measure."""
        if measure == "limit":
            return 1
        own = self.campaign.pressure
        return self.channel.cost if measure == "cost" else self.channel.pressure if own is None else own


@dataclass(frozen=True, slots=True)
class Judge:
    """A rule with what it judges and counts, its full name and its place."""

    name: str
    path: Path
    applies_to: Selector
    counts: Selector
    rule: Rule


def subjects(document: Document, api_campaigns: Iterable[ApiCampaign]) -> list[Subject]:
    """List each campaign by each of its channels."""
    campaigns: list[tuple[str, Path, Campaign]] = [
        (name, ("campaigns", name), campaign) for name, campaign in document.campaigns.items()
    ]
    campaigns += [(campaign.name, (API_CAMPAIGNS, campaign.name), campaign) for campaign in api_campaigns]
    return [
        Subject(name, path, campaign, channel, document.channels[channel])
        for name, path, campaign in campaigns
        for channel in dict.fromkeys(campaign.channels)
    ]


def judges(document: Document) -> Iterator[Judge]:
    """List the rules of all policies, and what is made of the capacities of channels."""
    for index, policy in enumerate(document.policies):
        counts = policy.applies_to if policy.counts is None else policy.counts
        for number, rule in enumerate(policy.rules):
            path = ("policies", index, "rules", number)
            yield Judge(f"{policy.name}/{rule.name}", path, policy.applies_to, counts, rule)
    for name, channel in document.channels.items():
        if channel.capacity is not None:
            taken = Selector(channels=[name])
            rule = Rule(name="capacity", capacity=channel.capacity)
            yield Judge(f"{channel_policy(name)}/capacity", ("channels", name), taken, taken, rule)


def takes(selector: Selector | None, subject: Subject) -> bool | None:
    """Tell whether a selector takes a contact of the subject; nothing where it depends on the customer."""
    if selector is None:
        return True
    campaign = subject.campaign
    wanted = (
        (selector.kinds, campaign.kind),
        (selector.channels, subject.channel_name),
        (selector.campaigns, subject.name),
        (selector.offer_families, campaign.offer_family),
        (selector.business_units, campaign.business_unit),
    )
    if any(names is not None and value not in names for names, value in wanted):
        return False
    if selector.min_priority is not None and campaign.priority < selector.min_priority:
        return False
    if selector.max_priority is not None and campaign.priority > selector.max_priority:
        return False
    excluded = False if selector.not_ is None else takes(selector.not_, subject)
    if excluded:
        return False
    return None if excluded is None or selector.segments is not None else True
