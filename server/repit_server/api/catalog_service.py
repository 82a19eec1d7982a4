"""`CatalogService`: the catalog as one versioned document, and campaigns registered beside it."""

import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Final

import grpc

from repit.v1 import catalog_service_pb2 as messages
from repit.v1.catalog_pb2 import Finding as FindingMessage
from repit.v1.catalog_pb2 import Severity as SeverityMessage
from repit.v1.catalog_service_pb2 import DESCRIPTOR
from repit_server.api.calls import Admission, answering, streaming
from repit_server.api.campaign_changes import CampaignChanges
from repit_server.api.catalog_change import CatalogChanges, Change, check_etag
from repit_server.api.catalog_diff import CatalogDiff
from repit_server.api.catalog_versions import CatalogRecord, CatalogVersions
from repit_server.api.errors import invalid_fields
from repit_server.api.pages import page_size, page_start, page_token
from repit_server.api.shadow import Shadow
from repit_server.catalog import CatalogError, Finding, Severity
from repit_server.catalog.document import MAX_DOCUMENT_BYTES

SERVICE: Final = "repit.v1.CatalogService"

MAX_AUTHOR_BYTES: Final = 128
MAX_MESSAGE_BYTES: Final = 1_024
MAX_VERSIONS_PAGE: Final = 500
MAX_CAMPAIGNS_PAGE: Final = 1_000
DEFAULT_PAGE: Final = 50

_SEVERITIES: Final = {
    Severity.ERROR: SeverityMessage.SEVERITY_ERROR,
    Severity.WARNING: SeverityMessage.SEVERITY_WARNING,
}


class CatalogService:
    """Answers each verb; what it raises becomes the status of the call."""

    def __init__(
        self, versions: CatalogVersions, changes: CatalogChanges, catalog_diff: CatalogDiff, shadow: Shadow
    ) -> None:
        self._versions = versions
        self._changes = changes
        self._diff = catalog_diff
        self._shadow = shadow
        self._campaigns = CampaignChanges(versions, changes)

    async def GetCatalog(self, request: messages.GetCatalogRequest) -> messages.GetCatalogResponse:
        """Give the catalog at a version."""
        return messages.GetCatalogResponse(catalog=(await self._versions.at(request.version)).message())

    async def ApplyCatalog(self, request: messages.ApplyCatalogRequest) -> messages.ApplyCatalogResponse:
        """Make a document the catalog, or say what is wrong with it."""
        check_lengths(
            document=(request.document, MAX_DOCUMENT_BYTES),
            author=(request.author, MAX_AUTHOR_BYTES),
            message=(request.message, MAX_MESSAGE_BYTES),
        )
        if not request.document.strip():
            raise invalid_fields([("document", "is empty; send the catalog document, YAML or JSON")])
        change = Change(request.author, request.message, "document applied")
        current = await self._versions.newest()
        check_etag(request.etag, current)
        try:
            if request.validate_only:
                compiled = await self._changes.compiled_document(request.document, current)
                return _applied(current, compiled.findings)
            record, compiled = await self._changes.replace_document(request.document, change, etag=request.etag)
        except CatalogError as error:
            return _applied(current, error.findings)
        return _applied(record, compiled.findings)

    async def ListCatalogVersions(
        self, request: messages.ListCatalogVersionsRequest
    ) -> messages.ListCatalogVersionsResponse:
        """List the versions, newest first."""
        newest = await self._versions.newest()
        if newest is None:
            return messages.ListCatalogVersionsResponse()
        start = page_start(request.page_token)
        first = min(_version_of_token(start), newest.version) if start else newest.version
        size = page_size(request.page_size, default=DEFAULT_PAGE, highest=MAX_VERSIONS_PAGE)
        records = await self._versions.page(first, size)
        last = records[-1].version if records else 0
        return messages.ListCatalogVersionsResponse(
            catalogs=[record.message(document=False) for record in records],
            next_page_token=page_token(str(last - 1)) if last > 1 else "",
        )

    async def RollbackCatalog(self, request: messages.RollbackCatalogRequest) -> messages.RollbackCatalogResponse:
        """Make the next version from an earlier one."""
        check_lengths(author=(request.author, MAX_AUTHOR_BYTES), message=(request.message, MAX_MESSAGE_BYTES))
        if request.version == 0:
            raise invalid_fields([("version", "is 0; say which version to go back to")])
        record = await self._versions.at(request.version)
        change = Change(request.author, request.message, f"rolled back to version {record.version}")
        try:
            made, compiled = await self._changes.restore(record, change, etag=request.etag)
        except CatalogError as error:
            return _rolled_back(await self._versions.newest(), error.findings)
        return _rolled_back(made, compiled.findings)

    async def DiffCatalog(self, request: messages.DiffCatalogRequest) -> messages.DiffCatalogResponse:
        """Say what differs, in words, and whom it touches."""
        return await self._diff.diff(request)

    async def ShadowCatalog(
        self, request: messages.ShadowCatalogRequest
    ) -> AsyncGenerator[messages.ShadowCatalogResponse, None]:
        """Report what a second catalog would have decided, until the caller is gone."""
        async with contextlib.aclosing(self._shadow.reports(request)) as responses:
            async for response in responses:
                yield response

    async def CreateCampaign(self, request: messages.CreateCampaignRequest) -> messages.CreateCampaignResponse:
        """Register a campaign beside those of the document."""
        check_lengths(author=(request.author, MAX_AUTHOR_BYTES))
        campaign, version = await self._campaigns.create(request.campaign, author=request.author)
        return messages.CreateCampaignResponse(campaign=campaign, catalog_version=version)

    async def GetCampaign(self, request: messages.GetCampaignRequest) -> messages.GetCampaignResponse:
        """Give one campaign."""
        return messages.GetCampaignResponse(campaign=await self._campaigns.get(request.campaign_id))

    async def ListCampaigns(self, request: messages.ListCampaignsRequest) -> messages.ListCampaignsResponse:
        """List all campaigns, by campaign id in byte order."""
        start = page_start(request.page_token)
        size = page_size(request.page_size, default=DEFAULT_PAGE, highest=MAX_CAMPAIGNS_PAGE)
        campaigns = [campaign for campaign in await self._campaigns.all() if campaign.campaign_id >= start]
        after = campaigns[size].campaign_id if len(campaigns) > size else ""
        return messages.ListCampaignsResponse(
            campaigns=campaigns[:size], next_page_token=page_token(after) if after else ""
        )

    async def UpdateCampaign(self, request: messages.UpdateCampaignRequest) -> messages.UpdateCampaignResponse:
        """Change a campaign that was registered over the API."""
        check_lengths(author=(request.author, MAX_AUTHOR_BYTES))
        mask = request.update_mask if request.HasField("update_mask") else None
        campaign, version = await self._campaigns.update(request.campaign, mask, author=request.author)
        return messages.UpdateCampaignResponse(campaign=campaign, catalog_version=version)

    async def DeleteCampaign(self, request: messages.DeleteCampaignRequest) -> messages.DeleteCampaignResponse:
        """Remove a campaign that was registered over the API."""
        check_lengths(author=(request.author, MAX_AUTHOR_BYTES))
        version = await self._campaigns.delete(request.campaign_id, author=request.author)
        return messages.DeleteCampaignResponse(catalog_version=version)


def catalog_handlers(service: CatalogService, admission: Admission) -> grpc.GenericRpcHandler:
    """Make the service's handlers, one for each method of the proto."""
    methods = {}
    for method in DESCRIPTOR.services_by_name["CatalogService"].methods:
        answer = getattr(service, method.name)
        make, handler = (
            (grpc.unary_stream_rpc_method_handler, streaming(method.name, admission, answer))
            if method.server_streaming
            else (grpc.unary_unary_rpc_method_handler, answering(method.name, admission, answer))
        )
        methods[method.name] = make(
            handler,
            request_deserializer=getattr(messages, method.input_type.name).FromString,
            response_serializer=getattr(messages, method.output_type.name).SerializeToString,
        )
    return grpc.method_handlers_generic_handler(SERVICE, methods)


def check_lengths(**texts: tuple[str, int]) -> None:
    """Refuse texts that are longer, in bytes, than their stated maximum."""
    wrong = []
    for field, (text, max_bytes) in texts.items():
        length = len(text.encode())
        if length > max_bytes:
            wrong.append((field, f"is {length:,} bytes long; at most {max_bytes:,} are taken"))
    if wrong:
        raise invalid_fields(wrong)


def _applied(record: CatalogRecord | None, findings: Sequence[Finding]) -> messages.ApplyCatalogResponse:
    response = messages.ApplyCatalogResponse(findings=[_finding(finding) for finding in findings])
    if record is not None:
        response.catalog.CopyFrom(record.message())
    return response


def _rolled_back(record: CatalogRecord | None, findings: Sequence[Finding]) -> messages.RollbackCatalogResponse:
    applied = _applied(record, findings)
    return messages.RollbackCatalogResponse(catalog=applied.catalog, findings=applied.findings)


def _finding(finding: Finding) -> FindingMessage:
    return FindingMessage(
        severity=_SEVERITIES[finding.severity],
        line=finding.line,
        column=finding.column,
        path=finding.path,
        problem=finding.problem,
        remedy=finding.remedy,
    )


def _version_of_token(start: str) -> int:
    if not start.isdecimal() or not 0 < int(start) < 2**63:
        raise invalid_fields([("page_token", "is not from this list; begin again without one")])
    return int(start)
