"""The verbs of the control plane as calls: the catalog, its versions, campaigns."""

from collections.abc import Collection
from datetime import timedelta
from typing import Generic, NamedTuple, TypeVar

from google.protobuf.field_mask_pb2 import FieldMask

from repit.call import Call, Effort, Repeat, Service
from repit.catalog import AppliedCatalog, Campaign, CampaignChange, Catalog
from repit.difference import CatalogDifferences
from repit.v1 import catalog_service_pb2 as control

Item = TypeVar("Item")


class Page(NamedTuple, Generic[Item]):
    """Some items of a list, and the token of the next page; empty at the end."""

    items: tuple[Item, ...]
    next_page_token: str


def get_catalog(version: int) -> Call[Catalog]:
    """The catalog at a version; the active one where 0."""
    message = control.GetCatalogRequest(version=version)
    return Call(Service.CATALOG, "GetCatalog", message, lambda response: Catalog.from_message(response.catalog))


def apply_catalog(document: str, *, etag: str, author: str, message: str) -> Call[AppliedCatalog]:
    """Makes a document the catalog."""
    request = control.ApplyCatalogRequest(document=document, etag=etag, author=author, message=message)
    return Call(
        Service.CATALOG, "ApplyCatalog", request, AppliedCatalog.from_message, repeat=Repeat.UNSAFE, effort=Effort.BULK
    )


def validate_catalog(document: str) -> Call[AppliedCatalog]:
    """Says what is wrong with a document and changes nothing."""
    request = control.ApplyCatalogRequest(document=document, validate_only=True)
    return Call(Service.CATALOG, "ApplyCatalog", request, AppliedCatalog.from_message, effort=Effort.BULK)


def list_catalog_versions(page_token: str) -> Call[Page[Catalog]]:
    """One page of the versions."""
    message = control.ListCatalogVersionsRequest(page_token=page_token)

    def read(response: control.ListCatalogVersionsResponse) -> Page[Catalog]:
        return Page(tuple(Catalog.from_message(catalog) for catalog in response.catalogs), response.next_page_token)

    return Call(Service.CATALOG, "ListCatalogVersions", message, read)


def rollback_catalog(version: int, *, etag: str, author: str, message: str) -> Call[AppliedCatalog]:
    """Makes the next version from an earlier one."""
    request = control.RollbackCatalogRequest(version=version, etag=etag, author=author, message=message)
    return Call(
        Service.CATALOG,
        "RollbackCatalog",
        request,
        AppliedCatalog.from_message,
        repeat=Repeat.UNSAFE,
        effort=Effort.BULK,
    )


def diff_catalog(
    later: str | int, *, against_version: int, skip_log: bool, max_log_s: float | None
) -> Call[CatalogDifferences]:
    """Says what a document, or a version, changes."""
    request = control.DiffCatalogRequest(against_version=against_version, skip_log=skip_log)
    if isinstance(later, str):
        request.document = later
    else:
        request.version = later
    if max_log_s is not None:
        request.max_log_time.FromTimedelta(timedelta(seconds=max_log_s))
    return Call(Service.CATALOG, "DiffCatalog", request, CatalogDifferences.from_message, effort=Effort.BULK)


def shadow_catalog(document: str, *, interval_s: float | None) -> control.ShadowCatalogRequest:
    """The question of a second catalog, answered by a stream."""
    request = control.ShadowCatalogRequest(document=document)
    if interval_s is not None:
        request.interval.FromTimedelta(timedelta(seconds=interval_s))
    return request


def create_campaign(campaign: Campaign, *, author: str) -> Call[CampaignChange]:
    """Registers a campaign beside those of the document."""
    message = control.CreateCampaignRequest(campaign=campaign.to_message(), author=author)
    return Call(Service.CATALOG, "CreateCampaign", message, CampaignChange.from_message, repeat=Repeat.UNSAFE)


def get_campaign(campaign_id: str) -> Call[Campaign]:
    """One campaign."""
    message = control.GetCampaignRequest(campaign_id=campaign_id)
    return Call(Service.CATALOG, "GetCampaign", message, lambda response: Campaign.from_message(response.campaign))


def list_campaigns(page_token: str) -> Call[Page[Campaign]]:
    """One page of the campaigns."""
    message = control.ListCampaignsRequest(page_token=page_token)

    def read(response: control.ListCampaignsResponse) -> Page[Campaign]:
        return Page(tuple(Campaign.from_message(campaign) for campaign in response.campaigns), response.next_page_token)

    return Call(Service.CATALOG, "ListCampaigns", message, read)


def update_campaign(campaign: Campaign, *, fields: Collection[str], author: str) -> Call[CampaignChange]:
    """Changes a campaign that was registered over the API: the named fields, all where none is named."""
    mask = FieldMask(paths=fields) if fields else None
    message = control.UpdateCampaignRequest(campaign=campaign.to_message(), update_mask=mask, author=author)
    return Call(Service.CATALOG, "UpdateCampaign", message, CampaignChange.from_message, repeat=Repeat.UNSAFE)


def delete_campaign(campaign_id: str, *, author: str) -> Call[int]:
    """Removes a campaign that was registered over the API; gives the catalog version that it made."""
    message = control.DeleteCampaignRequest(campaign_id=campaign_id, author=author)
    return Call(
        Service.CATALOG, "DeleteCampaign", message, lambda response: int(response.catalog_version), repeat=Repeat.UNSAFE
    )
