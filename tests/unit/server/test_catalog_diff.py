"""What differs between catalogs, with how many customers of the log it touches: over a log in memory."""

from itertools import count
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest

from repit.v1.catalog_pb2 import DifferenceEffect, DifferenceKind
from repit.v1.catalog_service_pb2 import DiffCatalogRequest
from repit.v1.kind_pb2 import Kind
from repit_server.api.catalog_change import CatalogChanges, Change
from repit_server.api.catalog_diff import CatalogDiff
from repit_server.api.errors import RpcError
from repit_server.clock import system_now
from tests.unit.server.catalog_world import BROKEN, DOCUMENT, LOOSER, MemoryEngine, granted, opened, sent, versions_of

LOG = (
    (granted("a"), granted("a", "sms"), granted("b", kind=Kind.KIND_LEGAL), opened("c"), sent("d", "spring")),
    (),
    (sent("e", "gone"), granted("f", kind=Kind.KIND_SERVICE)),
)
WHO = Change("ann", "", "document applied")


async def world(*documents: str, log: Any = LOG, **options: Any) -> tuple[CatalogDiff, MemoryEngine]:
    """A difference service over these versions."""
    engine = MemoryEngine(log)
    versions = versions_of(engine)
    changes = CatalogChanges(versions, system_now)
    for document in documents:
        await changes.replace_document(document, WHO, etag="")
    return CatalogDiff(versions, engine, **options), engine


def violations(error: RpcError) -> list[tuple[str, str]]:
    for detail in error.status.details:
        bad = BadRequest()
        if detail.Unpack(bad):
            return [(entry.field, entry.description) for entry in bad.field_violations]
    return []


async def test_a_document_is_compared_with_the_active_version_and_its_customers_counted_once() -> None:
    diff, _ = await world(DOCUMENT)
    answer = await diff.diff(DiffCatalogRequest(document=LOOSER))
    (difference,) = answer.differences
    assert answer.against_version == 1
    assert (difference.section, difference.name) == ("policies", "pressure/one-a-day")
    assert difference.kind == DifferenceKind.DIFFERENCE_KIND_CHANGED
    assert difference.effect == DifferenceEffect.DIFFERENCE_EFFECT_LOOSER
    assert "at most 1 -> 2 in 24 h: looser, for all customers" in difference.words
    # a and d by marketing; e by a campaign that nobody knows any more; b, f are of other kinds, c was not contacted.
    assert difference.customer_count == 3
    touched = answer.touched
    assert (touched.touched_count, touched.customer_count, touched.record_count) == (3, 5, 7)
    assert not touched.is_at_least


async def test_two_versions_are_compared_either_way() -> None:
    diff, _ = await world(DOCUMENT, LOOSER, DOCUMENT.replace("limit: 1", "limit: 5"))
    forth = await diff.diff(DiffCatalogRequest(version=2, against_version=1, skip_log=True))
    back = await diff.diff(DiffCatalogRequest(version=1, against_version=2, skip_log=True))
    assert [entry.effect for entry in forth.differences] == [DifferenceEffect.DIFFERENCE_EFFECT_LOOSER]
    assert [entry.effect for entry in back.differences] == [DifferenceEffect.DIFFERENCE_EFFECT_TIGHTER]
    assert (forth.against_version, back.against_version) == (1, 2)


async def test_the_log_is_not_read_where_nothing_differs_or_nobody_asks() -> None:
    diff, engine = await world(DOCUMENT)
    same = await diff.diff(DiffCatalogRequest(document=f"# the same\n{DOCUMENT}"))
    unread = await diff.diff(DiffCatalogRequest(document=LOOSER, skip_log=True))
    assert list(same.differences) == []
    assert not same.HasField("touched")
    assert not unread.HasField("touched")
    assert not unread.differences[0].HasField("customer_count")
    assert engine.pages_read == 0


async def test_where_there_is_no_time_for_all_of_the_log_the_figures_are_lower_bounds() -> None:
    seconds = count()
    diff, engine = await world(DOCUMENT, seconds=lambda: float(next(seconds)))
    answer = await diff.diff(DiffCatalogRequest(document=LOOSER, max_log_time=Duration(seconds=2)))
    assert engine.pages_read == 2
    assert answer.touched.is_at_least
    assert answer.touched.record_count == 4
    assert answer.touched.customer_count == 2


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (DiffCatalogRequest(), ["document"]),
        (DiffCatalogRequest(document=BROKEN), ["document"]),
        (DiffCatalogRequest(document="repit: 1\nrepit: ["), ["document"]),
        (DiffCatalogRequest(document=LOOSER, max_log_time=Duration(seconds=3_601)), ["max_log_time"]),
        (DiffCatalogRequest(document=LOOSER, max_log_time=Duration(seconds=-1)), ["max_log_time"]),
    ],
)
async def test_a_side_that_is_no_catalog_is_refused(request_: DiffCatalogRequest, fields: list[str]) -> None:
    diff, _ = await world(DOCUMENT)
    with pytest.raises(RpcError) as refusal:
        await diff.diff(request_)
    assert refusal.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert [field for field, _ in violations(refusal.value)] == fields


async def test_what_is_wrong_with_a_document_is_said_with_its_place() -> None:
    diff, _ = await world(DOCUMENT)
    with pytest.raises(RpcError) as refusal:
        await diff.diff(DiffCatalogRequest(document=BROKEN))
    ((_, problem),) = violations(refusal.value)
    assert "line 11" in problem
    assert "policies[0].rules[0].frequency_cap.window.sliding" in problem


@pytest.mark.parametrize("request_", [DiffCatalogRequest(version=7), DiffCatalogRequest(version=1, against_version=7)])
async def test_a_version_that_never_was_is_not_found(request_: DiffCatalogRequest) -> None:
    diff, _ = await world(DOCUMENT)
    with pytest.raises(RpcError) as refusal:
        await diff.diff(request_)
    assert refusal.value.code is grpc.StatusCode.NOT_FOUND


async def test_a_version_that_this_server_cannot_read_any_more_is_said_to_be_so() -> None:
    diff, engine = await world(DOCUMENT)
    compiled, attachment = engine.versions[0]
    engine.versions.append((compiled, attachment.replace(b"sliding: 24h", b"sliding: soon")))
    with pytest.raises(RpcError, match="version 2 is no catalog that this server can read") as refusal:
        await diff.diff(DiffCatalogRequest(document=LOOSER))
    assert refusal.value.code is grpc.StatusCode.FAILED_PRECONDITION


async def test_nothing_is_compared_before_a_catalog_was_applied() -> None:
    diff, _ = await world()
    with pytest.raises(RpcError, match="no catalog was applied yet"):
        await diff.diff(DiffCatalogRequest(document=LOOSER))
