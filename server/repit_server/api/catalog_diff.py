"""Compares catalogs over the wire: what differs, in words, and how many customers of the contact log it touches."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from google.protobuf.duration_pb2 import Duration

from repit.v1.catalog_pb2 import Difference as DifferenceMessage
from repit.v1.catalog_pb2 import DifferenceEffect, TouchedCustomers
from repit.v1.catalog_pb2 import DifferenceKind as DifferenceKindMessage
from repit.v1.catalog_service_pb2 import DiffCatalogRequest, DiffCatalogResponse
from repit_server.api.catalog_change import Content
from repit_server.api.catalog_versions import RESOURCE_TYPE, CatalogRecord, CatalogVersions
from repit_server.api.contact_log import ContactLog, count_touched
from repit_server.api.errors import ErrorReason, RpcError, failed_precondition, invalid_fields
from repit_server.catalog import MAX_DOCUMENT_BYTES, CatalogError, CompiledCatalog
from repit_server.catalog.difference import Difference, DifferenceKind, Differences, differences, plain_catalog
from repit_server.catalog.difference_clause import Effect
from repit_server.catalog.difference_touch import TouchCounter

MAX_DIFFERENCES: Final = 10_000
MAX_LOG_SECONDS: Final = 3_600.0
LOG_SECONDS: Final = 30.0
"""How long the log is read where the caller does not say."""

_KINDS: Final = {
    DifferenceKind.ADDED: DifferenceKindMessage.DIFFERENCE_KIND_ADDED,
    DifferenceKind.REMOVED: DifferenceKindMessage.DIFFERENCE_KIND_REMOVED,
    DifferenceKind.CHANGED: DifferenceKindMessage.DIFFERENCE_KIND_CHANGED,
}
_EFFECTS: Final = {
    Effect.LOOSER: DifferenceEffect.DIFFERENCE_EFFECT_LOOSER,
    Effect.TIGHTER: DifferenceEffect.DIFFERENCE_EFFECT_TIGHTER,
    Effect.OTHER: DifferenceEffect.DIFFERENCE_EFFECT_OTHER,
}


@dataclass(frozen=True, slots=True)
class _Pair:
    """The two catalogs of a question."""

    earlier: CompiledCatalog
    later: CompiledCatalog


class CatalogDiff:
    """Answers what differs; the contact log is read on a thread, for one question at a time."""

    def __init__(
        self, versions: CatalogVersions, log: ContactLog, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._versions = versions
        self._log = log
        self._seconds = seconds
        self._reading = asyncio.Lock()

    async def diff(self, request: DiffCatalogRequest) -> DiffCatalogResponse:
        """Compare, and count whom it touches. Raises `RpcError` where a side is no catalog, or no version."""
        log_seconds = seconds_of(request.max_log_time, "max_log_time") if request.HasField("max_log_time") else None
        against = await self._versions.at(request.against_version)
        pair = _Pair(await _compiled_version(against), await self._later(request, against))
        found = await asyncio.to_thread(differences, pair.earlier, pair.later)
        found = Differences(found.items[:MAX_DIFFERENCES], found.derived_segments)
        response = DiffCatalogResponse(
            differences=[_message(difference) for difference in found.items], against_version=against.version
        )
        if found.items and not request.skip_log:
            await self._count(response, found, pair, LOG_SECONDS if log_seconds is None else log_seconds)
        return response

    async def _later(self, request: DiffCatalogRequest, against: CatalogRecord) -> CompiledCatalog:
        if request.WhichOneof("later") == "version":
            return await _compiled_version(await self._versions.at(request.version))
        check_document(request.document)
        # The campaigns stand beside the document, whichever it is: those of the version that it is compared with.
        content = Content(request.document, against.source.campaigns)
        try:
            return await asyncio.to_thread(content.compiled)
        except CatalogError as error:
            raise wrong_document(error) from None

    async def _count(self, response: DiffCatalogResponse, found: Differences, pair: _Pair, log_seconds: float) -> None:
        stopped = threading.Event()
        async with self._reading:
            end = self._seconds() + log_seconds
            try:
                await asyncio.to_thread(
                    self._read, response, found, pair, lambda: not stopped.is_set() and self._seconds() < end
                )
            finally:
                # A caller that is gone leaves the thread behind: it ends with its page.
                stopped.set()

    def _read(
        self, response: DiffCatalogResponse, found: Differences, pair: _Pair, has_time: Callable[[], bool]
    ) -> None:
        counter = TouchCounter(found)
        campaigns = {**plain_catalog(pair.earlier)["campaigns"], **plain_catalog(pair.later)["campaigns"]}
        records, is_whole = count_touched(self._log, counter, campaigns, has_time)
        total = counter.total()
        for difference, customers in zip(response.differences, total.by_difference, strict=True):
            difference.customer_count = customers
        touched = TouchedCustomers(
            touched_count=total.touched,
            customer_count=total.customers,
            record_count=records,
            is_at_least=total.is_at_least or not is_whole,
        )
        response.touched.CopyFrom(touched)


def check_document(document: str) -> None:
    """Refuse a document that is empty or too long."""
    if not document.strip():
        raise invalid_fields([("document", "is empty; send the catalog document, YAML or JSON")])
    size = len(document.encode())
    if size > MAX_DOCUMENT_BYTES:
        raise invalid_fields([("document", f"is {size:,} bytes long; at most {MAX_DOCUMENT_BYTES:,} are taken")])


def wrong_document(error: CatalogError) -> RpcError:
    """Refuse a document that cannot be a catalog, with all that is wrong and where."""
    return invalid_fields(("document", str(finding)) for finding in error.findings[:MAX_FINDINGS])


MAX_FINDINGS: Final = 100
"""Most findings of a document that an error names."""


def seconds_of(span: Duration, field: str, *, least: float = 0.0, most: float = MAX_LOG_SECONDS) -> float:
    """Read a span within its bounds. Raises `RpcError`."""
    seconds = span.seconds + span.nanos / 1e9
    if not least <= seconds <= most:
        raise invalid_fields([(field, f"is {seconds:g} s; from {least:g} s to {most:g} s are taken")])
    return seconds


async def _compiled_version(record: CatalogRecord) -> CompiledCatalog:
    content = Content(record.source.document, record.source.campaigns)
    try:
        return await asyncio.to_thread(content.compiled)
    except CatalogError as error:
        message = f"version {record.version} is no catalog that this server can read: {error.findings[0]}"
        raise failed_precondition(ErrorReason.CATALOG_OUTDATED, message, subject=RESOURCE_TYPE) from None


def _message(difference: Difference) -> DifferenceMessage:
    return DifferenceMessage(
        section=difference.section,
        name=difference.name,
        kind=_KINDS[difference.kind],
        words=difference.words,
        effect=_EFFECTS[difference.effect],
    )
