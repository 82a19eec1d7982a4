"""The catalog as code from the client: its audit log, differences, the way back, a second catalog beside."""

from datetime import UTC, datetime, timedelta

import grpc
import pytest

from repit import (
    AbortedError,
    AsyncClient,
    Client,
    DenialReason,
    DifferenceEffect,
    DifferenceKind,
    FailedPreconditionError,
    NotFoundError,
    Verdict,
)
from repit.v1 import catalog_pb2, decision_pb2, denial_pb2, shadow_pb2
from repit.v1 import catalog_service_pb2 as control
from tests.unit.client.canned_server import CannedServer, Failure
from tests.unit.client.messages import FULL, at

DIFFERENCE = catalog_pb2.Difference(
    section="policies",
    name="pressure/one-a-day",
    kind=catalog_pb2.DIFFERENCE_KIND_CHANGED,
    words="at most 1 -> 2 in 24 h: looser",
    effect=catalog_pb2.DIFFERENCE_EFFECT_LOOSER,
    customer_count=3,
)
TOUCHED = catalog_pb2.TouchedCustomers(touched_count=1_203, customer_count=1_559, record_count=9_000, is_at_least=True)
COUNT = shadow_pb2.ShadowDenialCount(
    reason=denial_pb2.DENIAL_REASON_FREQUENCY_CAP,
    policy="pressure",
    rule="one-a-day",
    active_count=5,
    shadow_count=1,
    only_active_count=4,
)
REPORT = shadow_pb2.ShadowReport(
    start_time=at("2026-12-02 14:00"),
    report_time=at("2026-12-02 14:01"),
    catalog_version=7,
    request_count=10,
    left_out_count=1,
    decision_count=12,
    same_count=8,
    only_shadow_count=4,
    reasons=[COUNT],
    rules=[COUNT],
    samples=[
        shadow_pb2.ShadowSample(
            customer_id="a",
            campaign_id="spring",
            channel="email",
            ask_time=at("2026-12-02 14:00"),
            active_verdict=decision_pb2.VERDICT_DENY,
            shadow_verdict=decision_pb2.VERDICT_GRANT,
            active_denial=FULL,
        )
    ],
    active_us=100,
    shadow_us=120,
)


def test_each_version_says_what_was_done_to_which(canned: CannedServer, client: Client) -> None:
    catalog = catalog_pb2.Catalog(version=7, from_version=6, change="rolled back to version 3", author="eve")
    canned.answers = [control.ListCatalogVersionsResponse(catalogs=[catalog])]
    (read,) = client.list_catalog_versions()
    assert (read.version, read.from_version, read.change, read.author) == (7, 6, "rolled back to version 3", "eve")


def test_the_way_back_is_asked_for_once(canned: CannedServer, client: Client) -> None:
    canned.answers = [control.RollbackCatalogResponse(catalog=catalog_pb2.Catalog(version=8))]
    applied = client.rollback_catalog(3, etag="e7", author="eve", message="too many")
    expected = control.RollbackCatalogRequest(version=3, etag="e7", author="eve", message="too many")
    assert canned.asked == [("RollbackCatalog", expected)]
    assert applied
    assert applied.catalog.version == 8


@pytest.mark.parametrize(
    ("code", "error"), [(grpc.StatusCode.NOT_FOUND, NotFoundError), (grpc.StatusCode.ABORTED, AbortedError)]
)
def test_a_way_back_that_is_refused_raises(
    canned: CannedServer, client: Client, code: grpc.StatusCode, error: type[Exception]
) -> None:
    canned.answers = [Failure(code, "no")]
    with pytest.raises(error):
        client.rollback_catalog(3)


def test_differences_come_with_their_words_and_customers(canned: CannedServer, client: Client) -> None:
    canned.answers = [
        control.DiffCatalogResponse(differences=[DIFFERENCE], against_version=7, touched=TOUCHED),
        control.DiffCatalogResponse(against_version=6),
    ]
    found = client.diff_catalog("repit: 1", max_log_s=2.5)
    assert found
    (difference,) = found.differences
    assert (difference.kind, difference.effect) == (DifferenceKind.CHANGED, DifferenceEffect.LOOSER)
    assert difference.customer_count == 3
    assert str(found).splitlines() == [
        "at most 1 -> 2 in 24 h: looser",
        "touches at least 1,203 of 1,559 customers of the contact log",
    ]
    none = client.diff_catalog(3, against_version=6, skip_log=True)
    assert not none
    assert (none.touched, str(none)) == (None, "no difference")
    first, second = canned.messages("DiffCatalog")
    assert isinstance(first, control.DiffCatalogRequest)
    assert first.max_log_time.ToTimedelta() == timedelta(seconds=2.5)
    assert second == control.DiffCatalogRequest(version=3, against_version=6, skip_log=True)


def test_a_second_catalog_is_reported_on_while_the_caller_listens(canned: CannedServer, client: Client) -> None:
    canned.answers = [control.ShadowCatalogResponse(report=shadow_pb2.ShadowReport())]
    canned.answers += [control.ShadowCatalogResponse(report=REPORT)]
    first, last = client.shadow_catalog("repit: 1", interval_s=0.5)
    assert (first.decision_count, first.samples, first.start_time) == (0, (), None)
    assert last.start_time == datetime(2026, 12, 2, 14, tzinfo=UTC)
    assert (last.differing_count, last.only_shadow_count, last.active_us, last.shadow_us) == (4, 4, 100, 120)
    assert (last.rules[0].reason, last.rules[0].only_active_count) == (DenialReason.FREQUENCY_CAP, 4)
    (sample,) = last.samples
    assert (sample.active_verdict, sample.shadow_verdict) == (Verdict.DENY, Verdict.GRANT)
    assert sample.active_denial is not None
    assert sample.active_denial.rule == "three-a-week"
    assert sample.shadow_denial is None
    assert str(last).startswith("4 of 12 decisions differ: 0 granted by the active catalog alone")
    (asked,) = canned.messages("ShadowCatalog")
    assert isinstance(asked, control.ShadowCatalogRequest)
    assert asked.interval.ToTimedelta() == timedelta(seconds=0.5)


def test_a_second_catalog_that_is_refused_raises(canned: CannedServer, client: Client) -> None:
    canned.answers = [Failure(grpc.StatusCode.FAILED_PRECONDITION, "one at a time")]
    with pytest.raises(FailedPreconditionError, match="one at a time"):
        list(client.shadow_catalog("repit: 1"))


async def test_from_asyncio_they_are_the_same(canned: CannedServer) -> None:
    canned.answers = [
        control.RollbackCatalogResponse(catalog=catalog_pb2.Catalog(version=8)),
        control.DiffCatalogResponse(differences=[DIFFERENCE]),
    ]
    async with AsyncClient(canned.target) as client:
        assert (await client.rollback_catalog(3)).catalog.version == 8
        assert await client.diff_catalog(3)
        canned.answers = [control.ShadowCatalogResponse(report=REPORT)]
        assert [report.request_count async for report in client.shadow_catalog("repit: 1")] == [10]
        canned.answers = [Failure(grpc.StatusCode.FAILED_PRECONDITION, "one at a time")]
        with pytest.raises(FailedPreconditionError):
            _ = [report async for report in client.shadow_catalog("repit: 1")]
