"""Makes the next catalog version: compile, compare and set, and try again where another change came between."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from repit_server.api.campaigns import Plain
from repit_server.api.catalog_versions import CatalogRecord, CatalogSource, CatalogVersions, ConflictError
from repit_server.api.errors import catalog_busy, etag_differs
from repit_server.catalog import CompiledCatalog, campaign_from_dict, compile_catalog
from repit_server.clock import Now

MAX_ATTEMPTS: Final = 8
"""How often a change is tried again when others come between."""


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes the catalog, why, and what is done, in words.

    `withdrawn_campaigns` lose all claims that were ever registered; such a change makes a version in any case.
    """

    author: str
    message: str
    what: str
    withdrawn_campaigns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """What a version is made from: the document, and the campaigns registered over the API."""

    document: str
    campaigns: tuple[Plain, ...]

    def compiled(self) -> CompiledCatalog:
        """Compile it. Raises `CatalogError`."""
        return compile_catalog(self.document, [campaign_from_dict(campaign) for campaign in self.campaigns])


class CatalogChanges:
    """Writes changes, each made from what was newest when it was written."""

    def __init__(self, versions: CatalogVersions, now: Now) -> None:
        self._versions = versions
        self._now = now

    async def compiled_document(self, document: str, current: CatalogRecord | None) -> CompiledCatalog:
        """Compile a document with the campaigns that are registered. Raises `CatalogError`."""
        content = Content(document, current.source.campaigns if current else ())
        return await asyncio.to_thread(content.compiled)

    async def replace_document(
        self, document: str, change: Change, *, etag: str
    ) -> tuple[CatalogRecord, CompiledCatalog]:
        """Make a document the catalog. The one that is the catalog already makes no version.

        Raises `CatalogError` where it cannot be one, and `RpcError` where `etag` is given and no longer holds.
        """

        def replaced(current: CatalogRecord | None) -> Content:
            check_etag(etag, current)
            return Content(document, current.source.campaigns if current else ())

        return await self.make(replaced, change)

    async def restore(
        self, record: CatalogRecord, change: Change, *, etag: str
    ) -> tuple[CatalogRecord, CompiledCatalog]:
        """Make the next version from the document and campaigns of an earlier one; none where they hold already.

        Raises `CatalogError` where it cannot be a catalog any more, and `RpcError` where `etag` is given and no longer
        holds.
        """

        def restored(current: CatalogRecord | None) -> Content:
            check_etag(etag, current)
            return Content(record.source.document, record.source.campaigns)

        return await self.make(restored, change)

    async def make(
        self, content_after: Callable[[CatalogRecord | None], Content], change: Change
    ) -> tuple[CatalogRecord, CompiledCatalog]:
        """Write what `content_after` makes of the newest version, again from the newer one after a conflict."""
        for _ in range(MAX_ATTEMPTS):
            current = await self._versions.newest()
            content = await asyncio.to_thread(content_after, current)
            compiled = await asyncio.to_thread(content.compiled)
            is_same = current and content == Content(current.source.document, current.source.campaigns)
            if current and is_same and not change.withdrawn_campaigns:
                return current, compiled
            try:
                return await self._write(content, compiled, change, current), compiled
            except ConflictError:
                continue
        newest = await self._versions.newest()
        raise catalog_busy(newest.etag if newest else "")

    async def _write(
        self, content: Content, compiled: CompiledCatalog, change: Change, current: CatalogRecord | None
    ) -> CatalogRecord:
        source = CatalogSource(
            document=content.document,
            campaigns=content.campaigns,
            author=change.author,
            message=change.message,
            change=change.what,
            create_time_ms=_milliseconds(self._now()),
        )
        made_from = current.version if current else 0
        return await self._versions.write(
            compiled.compiled, source, made_from=made_from, withdrawn_campaigns=change.withdrawn_campaigns
        )


def check_etag(etag: str, current: CatalogRecord | None) -> None:
    """Raise `RpcError` where an etag is given and is not that of the newest version."""
    if etag and (current is None or etag != current.etag):
        raise etag_differs(current.etag if current else "")


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000)
