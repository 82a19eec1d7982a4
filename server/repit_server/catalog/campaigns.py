"""Campaigns outside of the document: registered over the API, or adopted from an event file."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from repit_server.catalog.document import read_document
from repit_server.catalog.findings import CatalogError
from repit_server.catalog.model import ApiCampaign, Campaign
from repit_server.catalog.problems import Reporter
from repit_server.catalog.values import Surroundings

ADOPTED_PRIORITY: Final = 50


def campaign_from_dict(written: Mapping[str, Any]) -> ApiCampaign:
    """Make a campaign from plain values: the keys of one in the document, and `name`.

    Names that it refers to are checked when the catalog is compiled. Raises `CatalogError`, whose findings have a path,
    as in `active.from`, and no line.
    """
    try:
        return ApiCampaign.model_validate(dict(written))
    except ValidationError as error:
        raise CatalogError(Reporter(Surroundings(), ApiCampaign).findings(error, None)) from None


def campaign_to_dict(campaign: Campaign) -> dict[str, Any]:
    """Give the plain values of a campaign, fit for JSON and for `campaign_from_dict`; what is absent is left out."""
    return campaign.model_dump(mode="json", by_alias=True, exclude_none=True)


@dataclass(frozen=True, slots=True)
class Adopted:
    """Campaigns that a catalog lacks, made from an event file, and the offer families that they need beside its own."""

    campaigns: tuple[ApiCampaign, ...]
    offer_families: tuple[str, ...]

    def written_into(self, text: str) -> str:
        """Write them into the catalog document `text`: the whole as JSON, to be applied where adoption is not at hand.

        Comments and places of `text` are lost: compile it with these first, so that findings name its own lines.
        """
        plain = _plain(text)
        families = _mapping(plain.get("offer_families"))
        plain["offer_families"] = {**families, **{name: {} for name in self.offer_families}}
        written = {campaign.name: campaign_to_dict(campaign) for campaign in self.campaigns}
        for campaign in written.values():
            del campaign["name"]
        plain["campaigns"] = {**_mapping(plain.get("campaigns")), **written}
        return json.dumps(plain, ensure_ascii=False, indent=2)


def adopt_campaigns(text: str, sends: Iterable[tuple[str, str, str]]) -> Adopted:
    """Make campaigns of those in `sends` that the catalog document `text` lacks: marketing, priority 50.

    `sends` are campaign id, channel and offer family (empty for none) of each `sent` of an event file. A campaign gets
    all channels that it was sent on and the first offer family that it was sent with.
    Raises `CatalogError` where `text` cannot be read, or an id cannot be a campaign's name.
    """
    plain = _plain(text)
    known = _mapping(plain.get("campaigns"))
    channels: dict[str, dict[str, None]] = {}
    families: dict[str, str] = {}
    for campaign_id, channel, offer_family in sends:
        if campaign_id not in known:
            channels.setdefault(campaign_id, {})[channel] = None
            if offer_family:
                families.setdefault(campaign_id, offer_family)
    campaigns = tuple(_adopted(name, list(channels[name]), families.get(name)) for name in sorted(channels))
    lacking = set(families.values()) - set(_mapping(plain.get("offer_families")))
    return Adopted(campaigns, tuple(sorted(lacking)))


def _adopted(name: str, channels: list[str], offer_family: str | None) -> ApiCampaign:
    written = {"name": name, "priority": ADOPTED_PRIORITY, "channels": channels}
    return campaign_from_dict(written if offer_family is None else {**written, "offer_family": offer_family})


def _plain(text: str) -> dict[str, Any]:
    root, _ = read_document(text)
    return _mapping(root.plain())


def _mapping(written: object) -> dict[str, Any]:
    return written if isinstance(written, dict) else {}
