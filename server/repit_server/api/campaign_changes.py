"""Campaigns one by one: those of the document can be read, those registered over the API also changed."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias

from google.protobuf.field_mask_pb2 import FieldMask

from repit.v1.campaign_pb2 import Campaign, CampaignOrigin
from repit_server.api.campaigns import Plain, campaign_of_plain, changed_campaign, plain_of_campaign
from repit_server.api.catalog_change import CatalogChanges, Change, Content
from repit_server.api.catalog_versions import CatalogRecord, CatalogVersions
from repit_server.api.errors import (
    ErrorReason,
    RpcError,
    already_exists,
    failed_precondition,
    invalid_fields,
    not_found,
)
from repit_server.catalog import CatalogError, campaign_from_dict, campaign_to_dict, compile_catalog
from repit_server.catalog.checks import API_CAMPAIGNS
from repit_server.catalog.document import path_text

RESOURCE_TYPE: Final = "repit.v1.Campaign"

Campaigns: TypeAlias = dict[str, Campaign]


class CampaignChanges:
    """Reads and changes campaigns; each change makes the next catalog version."""

    def __init__(self, versions: CatalogVersions, changes: CatalogChanges) -> None:
        self._versions = versions
        self._changes = changes

    async def all(self) -> list[Campaign]:
        """Give every campaign, by campaign id in byte order."""
        campaigns = await asyncio.to_thread(_campaigns_of, await self._versions.newest())
        return [campaigns[name] for name in sorted(campaigns)]

    async def get(self, campaign_id: str) -> Campaign:
        """Give one campaign. Raises `RpcError` where there is none of that name."""
        campaigns = await asyncio.to_thread(_campaigns_of, await self._versions.newest())
        return _found(campaigns, campaign_id)

    async def create(self, campaign: Campaign, *, author: str) -> tuple[Campaign, int]:
        """Register a campaign; gives it as it stands and the catalog version that it made."""
        _check(campaign)

        def added(campaigns: Campaigns) -> Campaign:
            if campaign.campaign_id in campaigns:
                message = f"the campaign `{campaign.campaign_id}` exists; update it or choose another name"
                raise already_exists(message, resource_type=RESOURCE_TYPE, name=campaign.campaign_id)
            return campaign

        return await self._write(campaign.campaign_id, added, _change(author, campaign.campaign_id, "created"))

    async def update(self, campaign: Campaign, mask: FieldMask | None, *, author: str) -> tuple[Campaign, int]:
        """Change the fields of a campaign that `mask` names, all where None."""
        name = campaign.campaign_id

        def changed(campaigns: Campaigns) -> Campaign:
            after = changed_campaign(_editable(campaigns, name), campaign, mask)
            _check(after)
            return after

        return await self._write(name, changed, _change(author, name, "updated"))

    async def delete(self, campaign_id: str, *, author: str) -> int:
        """Remove a campaign; its contacts stay counted. Gives the catalog version that this made."""

        def removed(current: CatalogRecord | None) -> Content:
            record = _catalog(current)
            _editable(_campaigns_of(record), campaign_id)
            return Content(record.source.document, _without(record, campaign_id))

        try:
            record, _ = await self._changes.make(removed, _change(author, campaign_id, "deleted"))
        except CatalogError as error:
            message = f"the campaign `{campaign_id}` is still needed: {error.findings[0]}"
            raise failed_precondition(ErrorReason.CAMPAIGN_IN_USE, message, subject=campaign_id) from None
        return record.version

    async def withdraw_claims(self, campaign_id: str, *, author: str) -> int:
        """Give back all claims of a campaign; gives the catalog version from which on they are dead."""

        def unchanged(current: CatalogRecord | None) -> Content:
            record = _catalog(current)
            _found(_campaigns_of(record), campaign_id)
            return Content(record.source.document, record.source.campaigns)

        change = Change(author, "", f"claims of `{campaign_id}` withdrawn", withdrawn_campaigns=(campaign_id,))
        record, _ = await self._changes.make(unchanged, change)
        return record.version

    async def _write(
        self, name: str, campaign_after: Callable[[Campaigns], Campaign], change: Change
    ) -> tuple[Campaign, int]:
        def written(current: CatalogRecord | None) -> Content:
            record = _catalog(current)
            plain = plain_of_campaign(campaign_after(_campaigns_of(record)))
            campaigns = sorted((*_without(record, name), plain), key=lambda campaign: str(campaign["name"]))
            return Content(record.source.document, tuple(campaigns))

        try:
            record, _ = await self._changes.make(written, change)
        except CatalogError as error:
            raise _refused(error, name) from None
        return _campaigns_of(record)[name], record.version


def _change(author: str, name: str, done: str) -> Change:
    return Change(author, "", f"campaign `{name}` {done}")


def _campaigns_of(record: CatalogRecord | None) -> Campaigns:
    if record is None:
        return {}
    own = [campaign_from_dict(plain) for plain in record.source.campaigns]
    document = compile_catalog(record.source.document, own).document
    campaigns = {
        name: campaign_of_plain(name, campaign_to_dict(campaign), CampaignOrigin.CAMPAIGN_ORIGIN_DOCUMENT)
        for name, campaign in document.campaigns.items()
    }
    for plain in record.source.campaigns:
        name = str(plain["name"])
        campaigns[name] = campaign_of_plain(name, plain, CampaignOrigin.CAMPAIGN_ORIGIN_API)
    return campaigns


def _without(record: CatalogRecord, name: str) -> tuple[Plain, ...]:
    return tuple(campaign for campaign in record.source.campaigns if campaign["name"] != name)


def _catalog(current: CatalogRecord | None) -> CatalogRecord:
    if current is None:
        message = "no catalog was applied yet: apply a document before registering campaigns beside it"
        raise failed_precondition(ErrorReason.NO_CATALOG, message, subject="catalog")
    return current


def _found(campaigns: Campaigns, name: str) -> Campaign:
    if name not in campaigns:
        message = f"there is no campaign `{name}`"
        raise not_found(ErrorReason.CAMPAIGN_UNKNOWN, message, resource_type=RESOURCE_TYPE, name=name)
    return campaigns[name]


def _editable(campaigns: Campaigns, name: str) -> Campaign:
    campaign = _found(campaigns, name)
    if campaign.origin == CampaignOrigin.CAMPAIGN_ORIGIN_DOCUMENT:
        message = f"the campaign `{name}` is written in the catalog document: change it there and apply the document"
        raise failed_precondition(ErrorReason.CAMPAIGN_IN_DOCUMENT, message, subject=name)
    return campaign


def _check(campaign: Campaign) -> None:
    """Refuse a campaign that is malformed by itself, before anything is read or compiled."""
    if not campaign.campaign_id:
        raise invalid_fields([("campaign.campaign_id", "is empty; name the campaign")])
    try:
        campaign_from_dict(plain_of_campaign(campaign))
    except CatalogError as error:
        raise _refused(error, campaign.campaign_id) from None


def _refused(error: CatalogError, name: str) -> RpcError:
    return invalid_fields(
        (_field_path(finding.path, name), f"{finding.problem}; {finding.remedy}") for finding in error.findings
    )


def _field_path(path: str, name: str) -> str:
    """Say a path of the catalog's findings in the words of the message."""
    own = path.removeprefix(path_text((API_CAMPAIGNS, name))).lstrip(".")
    if own.startswith(API_CAMPAIGNS):
        return "campaign"
    field = {
        "name": "campaign_id",
        "active.from": "active_from",
        "active.until": "active_until",
        "budget.amount": "budget",
    }.get(own, own)
    return f"campaign.{field}" if field else "campaign"
