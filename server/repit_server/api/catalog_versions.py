"""The catalog versions in the store: each a compiled catalog and, attached, the document and campaigns it came from."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import grpc

from arbiter_rs import Arbiter, ArbiterError
from repit.v1.catalog_pb2 import Catalog
from repit_server.api.campaigns import Plain
from repit_server.api.errors import ErrorReason, RpcError, not_found
from repit_server.catalog import etag

RESOURCE_TYPE: Final = "repit.v1.Catalog"

_FORMAT: Final = 1
_ABORTED: Final[int] = grpc.StatusCode.ABORTED.value[0]
_NOT_FOUND: Final[int] = grpc.StatusCode.NOT_FOUND.value[0]


class ConflictError(Exception):
    """Another version was written first."""


@dataclass(frozen=True, slots=True)
class CatalogSource:
    """What a version was made from; `campaigns` are those registered over the API, as a document writes them."""

    document: str
    campaigns: tuple[Plain, ...]
    author: str
    message: str
    create_time_ms: int
    change: str

    def attachment(self) -> bytes:
        """Write it as the store keeps it."""
        return json.dumps({"format": _FORMAT, **asdict(self)}, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class CatalogRecord:
    """One version; `etag` differs between any two, also of different stores."""

    version: int
    etag: str
    source: CatalogSource

    def message(self, *, document: bool = True) -> Catalog:
        """Write it as a message, with or without its document."""
        catalog = Catalog(
            version=self.version,
            etag=self.etag,
            document=self.source.document if document else "",
            api_campaign_ids=[campaign["name"] for campaign in self.source.campaigns],
            author=self.source.author,
            message=self.source.message,
            from_version=self.version - 1,
            change=self.source.change,
        )
        catalog.create_time.FromMilliseconds(self.source.create_time_ms)
        return catalog


class CatalogVersions:
    """Reads and writes versions; the store is asked on threads, never on the event loop."""

    def __init__(self, arbiter: Arbiter) -> None:
        self._arbiter = arbiter

    async def newest(self) -> CatalogRecord | None:
        """Read the newest version of the store; None where there is none yet."""
        version, _, attachment = await asyncio.to_thread(self._arbiter.catalog)
        return _record(version, attachment) if version else None

    async def at(self, version: int) -> CatalogRecord:
        """Read one version, the newest where 0. Raises `RpcError` where it does not exist."""
        if version == 0:
            newest = await self.newest()
            if newest is None:
                raise missing_version("newest", "no catalog was applied yet")
            return newest
        try:
            found, _, attachment = await asyncio.to_thread(self._arbiter.catalog, version)
        except ArbiterError as error:
            if error.code == _NOT_FOUND:
                raise missing_version(str(version), f"there is no catalog version {version}") from None
            raise
        return _record(found, attachment)

    async def page(self, newest: int, size: int) -> Sequence[CatalogRecord]:
        """Read up to `size` versions from `newest` down."""
        return [await self.at(version) for version in range(newest, max(newest - size, 0), -1)]

    async def write(
        self, compiled: bytes, source: CatalogSource, *, made_from: int, withdrawn_campaigns: Sequence[str] = ()
    ) -> CatalogRecord:
        """Write the version after `made_from`, active at once. Raises `ConflictError` where that is not the newest."""
        attachment = source.attachment()
        try:
            version = await asyncio.to_thread(
                self._arbiter.apply_catalog,
                compiled,
                attachment,
                expected_version=made_from,
                withdrawn_campaigns=list(withdrawn_campaigns),
            )
        except ArbiterError as error:
            if error.code == _ABORTED:
                raise ConflictError from None
            raise
        return _record(version, attachment)


def missing_version(name: str, message: str) -> RpcError:
    """Say that a version does not exist."""
    return not_found(ErrorReason.CATALOG_VERSION_UNKNOWN, message, resource_type=RESOURCE_TYPE, name=name)


def _record(version: int, attachment: bytes) -> CatalogRecord:
    fields: dict[str, Any] = json.loads(attachment or b"{}")
    source = CatalogSource(
        document=fields.get("document", ""),
        campaigns=tuple(fields.get("campaigns", ())),
        author=fields.get("author", ""),
        message=fields.get("message", ""),
        create_time_ms=fields.get("create_time_ms", 0),
        change=fields.get("change", ""),
    )
    return CatalogRecord(version=version, etag=etag(version, attachment), source=source)
