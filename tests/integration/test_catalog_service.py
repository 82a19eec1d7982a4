"""The catalog over the wire: versions, etags, findings, campaigns one by one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, ResourceInfo
from google.rpc.status_pb2 import Status

from repit.v1 import catalog_service_pb2 as messages
from repit.v1.campaign_pb2 import Campaign, CampaignOrigin
from repit.v1.catalog_pb2 import Severity
from repit.v1.catalog_service_pb2_grpc import CatalogServiceStub
from tests.servers import CATALOG, ServerProcess

NO_VERSION = "eA=="
OTHER = CATALOG.replace("limit: 1", "limit: 2")


class RefusedError(Exception):
    """An error of the server: its code and its details by their type."""

    def __init__(self, error: Any) -> None:
        super().__init__(error.details())
        self.code = error.code()
        packed = dict(error.trailing_metadata())["grpc-status-details-bin"]
        self.details: dict[type, Any] = {}
        for detail in Status.FromString(packed).details:
            for kind in (BadRequest, ErrorInfo, PreconditionFailure, ResourceInfo):
                if detail.Is(kind.DESCRIPTOR):
                    self.details[kind] = kind.FromString(detail.value)

    @property
    def reason(self) -> str:
        assert self.details[ErrorInfo].domain == "repit.dev"
        return str(self.details[ErrorInfo].reason)

    @property
    def fields(self) -> list[str]:
        return [violation.field for violation in self.details[BadRequest].field_violations]


class Catalogs:
    """The service, with errors that tests can look into."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = CatalogServiceStub(channel)

    def __call__(self, request: Any) -> Any:
        verb = type(request).__name__.removesuffix("Request")
        try:
            return getattr(self._stub, verb)(request, timeout=20)
        except grpc.RpcError as error:
            raise RefusedError(error) from None

    def refusal(self, request: Any) -> RefusedError:
        with pytest.raises(RefusedError) as refusal:
            self(request)
        return refusal.value

    def apply(self, document: str = CATALOG, **rest: Any) -> Any:
        return self(messages.ApplyCatalogRequest(document=document, **rest))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    directory: Path = tmp_path_factory.mktemp("catalogs")
    with ServerProcess("--store", "memory", directory=directory) as process:
        yield process


@pytest.fixture
def catalogs(server: ServerProcess) -> Iterator[Catalogs]:
    """The service, with `CATALOG` as its catalog and no campaign beside it."""
    with server.channel() as channel:
        call = Catalogs(channel)
        call.apply()
        for campaign in call(messages.ListCampaignsRequest(page_size=1_000)).campaigns:
            if campaign.origin == CampaignOrigin.CAMPAIGN_ORIGIN_API:
                call(messages.DeleteCampaignRequest(campaign_id=campaign.campaign_id))
        yield call


def extra(**fields: Any) -> Campaign:
    return Campaign(**{"campaign_id": "autumn", "priority": 30, "channels": ["email"], **fields})


def test_a_document_becomes_the_next_version_and_comes_back_as_written(catalogs: Catalogs) -> None:
    before = catalogs(messages.GetCatalogRequest()).catalog
    applied = catalogs.apply(OTHER, author="ann", message="two a day")
    assert applied.catalog.version == before.version + 1
    assert applied.catalog == catalogs(messages.GetCatalogRequest()).catalog
    assert (applied.catalog.document, applied.catalog.author, applied.catalog.message) == (OTHER, "ann", "two a day")
    assert applied.catalog.create_time.seconds > 0
    assert catalogs(messages.GetCatalogRequest(version=before.version)).catalog == before


def test_the_document_that_is_the_catalog_already_makes_no_version(catalogs: Catalogs) -> None:
    assert catalogs.apply().catalog.version == catalogs.apply().catalog.version


def test_a_stale_etag_is_aborted_with_the_current_one(catalogs: Catalogs) -> None:
    stale = catalogs(messages.GetCatalogRequest()).catalog.etag
    current = catalogs.apply(OTHER, etag=stale).catalog.etag
    refusal = catalogs.refusal(messages.ApplyCatalogRequest(document=CATALOG, etag=stale))
    assert refusal.code is grpc.StatusCode.ABORTED
    assert refusal.reason == "ETAG_DIFFERS"
    assert refusal.details[ErrorInfo].metadata["etag"] == current
    assert catalogs(messages.GetCatalogRequest()).catalog.etag == current


@pytest.mark.parametrize(
    ("document", "line", "column"),
    [
        ("repit: 1\n  zone: {", 2, 7),
        (CATALOG.replace("cost: 0.06", "cots: 0.06"), 6, 9),
        (CATALOG.replace("offer_family: weekends", "offer_family: holidays"), 10, 65),
        (CATALOG.replace("sliding: 24h", "sliding: 500d"), 16, 68),
    ],
)
def test_what_is_wrong_is_found_at_its_place_and_nothing_is_applied(
    catalogs: Catalogs, document: str, line: int, column: int
) -> None:
    before = catalogs(messages.GetCatalogRequest()).catalog
    refused = catalogs.apply(document)
    finding = refused.findings[0]
    assert (finding.severity, finding.line) == (Severity.SEVERITY_ERROR, line)
    assert finding.column > 0, column
    assert finding.problem
    assert finding.remedy
    assert refused.catalog == before == catalogs(messages.GetCatalogRequest()).catalog


def test_validating_only_changes_nothing(catalogs: Catalogs) -> None:
    before = catalogs(messages.GetCatalogRequest()).catalog
    assert catalogs.apply(OTHER, validate_only=True).catalog == before
    assert catalogs(messages.GetCatalogRequest()).catalog == before


def test_what_is_unwise_is_found_and_applied_all_the_same(catalogs: Catalogs) -> None:
    applied = catalogs.apply(OTHER)
    assert [finding.severity for finding in applied.findings] == [Severity.SEVERITY_WARNING]
    assert applied.catalog.document == OTHER


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"document": ""}, ["document"]),
        ({"document": "a" * (4 * 1024 * 1024 + 1)}, ["document"]),
        ({"document": CATALOG, "author": "a" * 129, "message": "m" * 1_025}, ["author", "message"]),
    ],
)
def test_a_request_over_a_maximum_is_refused_by_its_fields(
    catalogs: Catalogs, fields: dict[str, str], named: list[str]
) -> None:
    refusal = catalogs.refusal(messages.ApplyCatalogRequest(**fields))  # type: ignore[arg-type]
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT")
    assert refusal.fields == named


def test_an_unknown_version_is_not_found(catalogs: Catalogs) -> None:
    refusal = catalogs.refusal(messages.GetCatalogRequest(version=10_000))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "CATALOG_VERSION_UNKNOWN")
    assert refusal.details[ResourceInfo].resource_name == "10000"


def test_versions_are_listed_newest_first_page_by_page(catalogs: Catalogs) -> None:
    catalogs.apply(OTHER)
    newest = catalogs.apply().catalog.version
    versions, token = [], ""
    while True:
        page = catalogs(messages.ListCatalogVersionsRequest(page_size=2, page_token=token))
        versions += [catalog.version for catalog in page.catalogs]
        assert not any(catalog.document for catalog in page.catalogs)
        token = page.next_page_token
        if not token:
            break
    assert versions == list(range(newest, 0, -1))
    assert catalogs.refusal(messages.ListCatalogVersionsRequest(page_token=NO_VERSION)).fields == ["page_token"]


def test_a_campaign_is_registered_changed_and_removed_each_a_version(catalogs: Catalogs) -> None:
    version = catalogs(messages.GetCatalogRequest()).catalog.version
    created = catalogs(messages.CreateCampaignRequest(campaign=extra(), author="ann"))
    assert created.catalog_version == version + 1
    assert created.campaign.origin == CampaignOrigin.CAMPAIGN_ORIGIN_API
    assert list(catalogs(messages.GetCatalogRequest()).catalog.api_campaign_ids) == ["autumn"]
    mask = FieldMask(paths=["priority"])
    updated = catalogs(messages.UpdateCampaignRequest(campaign=extra(priority=99, channels=[]), update_mask=mask))
    assert (updated.campaign.priority, list(updated.campaign.channels)) == (99, ["email"])
    assert catalogs(messages.GetCampaignRequest(campaign_id="autumn")).campaign == updated.campaign
    deleted = catalogs(messages.DeleteCampaignRequest(campaign_id="autumn"))
    assert deleted.catalog_version == version + 3
    refusal = catalogs.refusal(messages.GetCampaignRequest(campaign_id="autumn"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "CAMPAIGN_UNKNOWN")
    assert refusal.details[ResourceInfo].resource_name == "autumn"


def test_a_registered_campaign_is_decided_by_and_stays_when_the_document_changes(
    server: ServerProcess, catalogs: Catalogs
) -> None:
    catalogs(messages.CreateCampaignRequest(campaign=extra()))
    catalogs.apply(OTHER)
    with server.client() as client:
        assert client.check_contact("42", campaign="autumn", channel="email")


def test_a_campaign_of_the_document_is_not_editable(catalogs: Catalogs) -> None:
    for request in (
        messages.UpdateCampaignRequest(campaign=extra(campaign_id="spring")),
        messages.DeleteCampaignRequest(campaign_id="spring"),
    ):
        refusal = catalogs.refusal(request)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CAMPAIGN_IN_DOCUMENT")
        (violation,) = refusal.details[PreconditionFailure].violations
        assert (violation.type, violation.subject) == ("CAMPAIGN_IN_DOCUMENT", "spring")


@pytest.mark.parametrize("name", ["spring", "autumn"])
def test_a_name_that_is_taken_is_refused(catalogs: Catalogs, name: str) -> None:
    catalogs(messages.CreateCampaignRequest(campaign=extra()))
    refusal = catalogs.refusal(messages.CreateCampaignRequest(campaign=extra(campaign_id=name)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "CAMPAIGN_EXISTS")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"campaign_id": ""}, "campaign.campaign_id"),
        ({"campaign_id": "a" * 65}, "campaign.campaign_id"),
        ({"priority": 101}, "campaign.priority"),
        ({"channels": []}, "campaign.channels"),
        ({"channels": ["fax"]}, "campaign.channels[0]"),
        ({"offer_family": "holidays"}, "campaign.offer_family"),
        ({"active_from": "yesterday"}, "campaign.active_from"),
        ({"value": float("nan")}, "campaign.value"),
        ({"kind": 9}, "campaign.kind"),
    ],
)
def test_a_wrong_campaign_is_refused_by_its_field(catalogs: Catalogs, fields: dict[str, Any], named: str) -> None:
    refusal = catalogs.refusal(messages.CreateCampaignRequest(campaign=extra(**fields)))
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.fields == [named]


def test_a_mask_of_unknown_fields_is_refused(catalogs: Catalogs) -> None:
    catalogs(messages.CreateCampaignRequest(campaign=extra()))
    request = messages.UpdateCampaignRequest(campaign=extra(), update_mask=FieldMask(paths=["origin"]))
    assert catalogs.refusal(request).fields == ["update_mask"]


def test_campaigns_are_listed_by_their_ids_page_by_page(catalogs: Catalogs) -> None:
    catalogs(messages.CreateCampaignRequest(campaign=extra()))
    first = catalogs(messages.ListCampaignsRequest(page_size=2))
    rest = catalogs(messages.ListCampaignsRequest(page_size=2, page_token=first.next_page_token))
    names = [campaign.campaign_id for campaign in (*first.campaigns, *rest.campaigns)]
    assert names == ["autumn", "spring", "summer"]
    assert rest.next_page_token == ""


def test_a_document_that_takes_the_name_of_a_registered_campaign_is_refused(catalogs: Catalogs) -> None:
    catalogs(messages.CreateCampaignRequest(campaign=extra()))
    finding = catalogs.apply(CATALOG.replace("  summer:", "  autumn:")).findings[0]
    assert "registered over the API" in finding.problem


def test_without_a_catalog_there_is_nothing_to_register_a_campaign_beside(tmp_path: Path) -> None:
    with ServerProcess("--store", "memory", directory=tmp_path) as server, server.channel() as channel:
        refusal = Catalogs(channel).refusal(messages.CreateCampaignRequest(campaign=extra()))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NO_CATALOG")
        assert not Catalogs(channel)(messages.ListCampaignsRequest()).campaigns
        assert not Catalogs(channel)(messages.ListCatalogVersionsRequest()).catalogs


def test_changes_made_at_once_all_take_place(catalogs: Catalogs, server: ServerProcess) -> None:
    before = catalogs(messages.GetCatalogRequest()).catalog.version
    with server.channel() as channel:
        create = CatalogServiceStub(channel).CreateCampaign
        calls = [create.future(messages.CreateCampaignRequest(campaign=extra(campaign_id=f"c{n}"))) for n in range(6)]
        versions = sorted(call.result(timeout=30).catalog_version for call in calls)
    assert versions == list(range(before + 1, before + 7))
