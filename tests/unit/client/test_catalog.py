"""The control plane: the catalog, its findings, its versions, its campaigns."""

from datetime import UTC, date, datetime

import grpc
import pytest

from repit import AbortedError, Campaign, CampaignOrigin, Client, Kind, Selector, Severity
from repit.v1 import campaign_pb2, catalog_pb2
from repit.v1 import catalog_service_pb2 as control
from repit.v1.campaign_pb2 import Campaign as CampaignMessage
from repit.v1.campaign_pb2 import Selector as SelectorMessage
from repit.v1.kind_pb2 import KIND_LEGAL, KIND_MARKETING
from tests.unit.client.canned_server import CannedServer, Failure
from tests.unit.client.messages import NEXT_PAGE, at

CATALOG = catalog_pb2.Catalog(
    version=7,
    etag="e7",
    document="repit: 1",
    api_campaign_ids=["spring"],
    author="ann",
    message="spring",
    create_time=at("2026-12-02 14:00"),
)
SPRING = Campaign(
    "spring",
    ("email", "sms"),
    40,
    offer_family="weekends",
    business_unit="leisure",
    active_from=date(2026, 3, 1),
    active_until=date(2026, 5, 31),
    value=32.0,
    pressure=2.0,
    budget=2_000.0,
    eligible=Selector(segments=("loyal",), min_priority=0, not_=Selector(kinds=("legal",), channels=("fax",))),
)


def test_the_catalog_comes_with_its_etag(canned: CannedServer, client: Client) -> None:
    canned.answers = [control.GetCatalogResponse(catalog=CATALOG)]
    catalog = client.get_catalog(7)
    assert canned.asked == [("GetCatalog", control.GetCatalogRequest(version=7))]
    assert (catalog.version, catalog.etag, catalog.document) == (7, "e7", "repit: 1")
    assert catalog.api_campaign_ids == ("spring",)
    assert catalog.create_time == datetime(2026, 12, 2, 14, tzinfo=UTC)


def test_an_applied_document_tells_what_is_wrong_and_where(canned: CannedServer, client: Client) -> None:
    findings = [
        catalog_pb2.Finding(
            severity=catalog_pb2.SEVERITY_ERROR,
            line=3,
            column=5,
            path="zone",
            problem="unknown zone",
            remedy="write `UTC`",
        ),
        catalog_pb2.Finding(severity=catalog_pb2.SEVERITY_WARNING, problem="a dead rule"),
    ]
    canned.answers = [control.ApplyCatalogResponse(catalog=CATALOG, findings=findings)]
    applied = client.apply_catalog("repit: 1", etag="e7", author="ann", message="why")
    assert canned.asked[0][1] == control.ApplyCatalogRequest(
        document="repit: 1", etag="e7", author="ann", message="why"
    )
    assert not applied
    assert [finding.severity for finding in applied.errors] == [Severity.ERROR]
    assert str(applied).splitlines() == [
        "refused; version 7 stays",
        "  3:5: error: unknown zone; write `UTC`",
        "  warning: a dead rule",
    ]


def test_a_document_with_warnings_alone_is_applied(canned: CannedServer, client: Client) -> None:
    canned.answers = [control.ApplyCatalogResponse(catalog=CATALOG)]
    applied = client.apply_catalog("repit: 1")
    assert applied
    assert str(applied) == "version 7 is active"


def test_a_stale_etag_is_an_error_that_says_what_to_do(canned: CannedServer, client: Client) -> None:
    canned.answers = [Failure(grpc.StatusCode.ABORTED, "the etag is that of version 6")]
    with pytest.raises(AbortedError, match="get the catalog again"):
        client.apply_catalog("repit: 1", etag="e6")


def test_lists_are_read_page_by_page_as_they_are_used(canned: CannedServer, client: Client) -> None:
    canned.answers = [
        control.ListCatalogVersionsResponse(catalogs=[CATALOG, CATALOG], next_page_token=NEXT_PAGE),
        control.ListCatalogVersionsResponse(catalogs=[CATALOG]),
        control.ListCampaignsResponse(campaigns=[CampaignMessage(campaign_id="a")], next_page_token=NEXT_PAGE),
        control.ListCampaignsResponse(campaigns=[CampaignMessage(campaign_id="b")]),
    ]
    versions = client.list_catalog_versions()
    assert canned.asked == []
    assert [catalog.version for catalog in versions] == [7, 7, 7]
    assert [campaign.campaign_id for campaign in client.list_campaigns()] == ["a", "b"]
    tokens = [message.page_token for _, message in canned.asked if hasattr(message, "page_token")]
    assert tokens == ["", NEXT_PAGE, "", NEXT_PAGE]


def test_a_campaign_is_registered_as_it_was_written(canned: CannedServer, client: Client) -> None:
    canned.answers = [control.CreateCampaignResponse(campaign=SPRING.to_message(), catalog_version=8)]
    change = client.create_campaign(SPRING, author="ann")
    ((_, message),) = canned.asked
    assert isinstance(message, control.CreateCampaignRequest)
    excluded = SelectorMessage(kinds=[KIND_LEGAL], channels=["fax"])
    eligible = SelectorMessage(segments=["loyal"], min_priority=0)
    getattr(eligible, "not").CopyFrom(excluded)
    assert message.campaign == CampaignMessage(
        campaign_id="spring",
        priority=40,
        kind=KIND_MARKETING,
        channels=["email", "sms"],
        offer_family="weekends",
        business_unit="leisure",
        active_from="2026-03-01",
        active_until="2026-05-31",
        value=32,
        pressure=2,
        budget=2_000,
        eligible=eligible,
    )
    assert change.catalog_version == 8
    assert change.campaign == SPRING


def test_what_a_campaign_leaves_open_stays_open(canned: CannedServer, client: Client) -> None:
    bare = CampaignMessage(campaign_id="spring", channels=["email"], origin=campaign_pb2.CAMPAIGN_ORIGIN_DOCUMENT)
    canned.answers = [control.GetCampaignResponse(campaign=bare)]
    campaign = client.get_campaign("spring")
    assert campaign.origin is CampaignOrigin.DOCUMENT
    assert campaign.kind is Kind.UNSPECIFIED
    assert campaign.value is None
    assert campaign.active_from is None
    assert campaign.eligible is None
    message = campaign.to_message()
    assert not message.HasField("value")
    assert not message.HasField("eligible")


def test_an_update_names_the_fields_that_change(canned: CannedServer, client: Client) -> None:
    canned.answers = [control.UpdateCampaignResponse(catalog_version=9)] * 2
    client.update_campaign(SPRING, fields=["priority", "value"])
    client.update_campaign(SPRING)
    some, every = (
        message for message in canned.messages("UpdateCampaign") if isinstance(message, control.UpdateCampaignRequest)
    )
    assert list(some.update_mask.paths) == ["priority", "value"]
    assert not every.HasField("update_mask")


def test_a_removed_campaign_gives_the_version_that_removed_it(canned: CannedServer, client: Client) -> None:
    canned.answers = [control.DeleteCampaignResponse(catalog_version=10)]
    assert client.delete_campaign("spring", author="ann") == 10
    assert canned.asked[0][1] == control.DeleteCampaignRequest(campaign_id="spring", author="ann")
