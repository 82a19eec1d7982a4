"""An engine that keeps catalog versions, a contact log and a shadow in memory, for tests without the native module."""

import threading
from collections.abc import Sequence
from typing import Any

import grpc

from arbiter_rs import ArbiterError
from repit.v1.contact_log_pb2 import ContactGranted, ContactLogRecord
from repit.v1.engagement_pb2 import Engagement, EngagementKind
from repit.v1.kind_pb2 import Kind
from repit.v1.shadow_pb2 import ShadowReport
from repit_server.api.catalog_versions import CatalogVersions

DOCUMENT = """\
repit: 1
zone: UTC
channels: {email: {}, sms: {}}
segments: [loyal]
campaigns:
  spring: {priority: 40, channels: [email, sms]}
policies:
  - name: pressure
    applies_to: {kinds: [marketing]}
    rules:
      - {name: one-a-day, frequency_cap: {limit: 1, window: {sliding: 24h}}}
"""
LOOSER = DOCUMENT.replace("limit: 1", "limit: 2")
BROKEN = DOCUMENT.replace("sliding: 24h", "sliding: soon")


def engine_error(code: grpc.StatusCode, message: str) -> ArbiterError:
    """An error as the engine raises it."""
    error = ArbiterError(message)
    error.code, error.message, error.status = code.value[0], message, b""
    return error


class MemoryEngine:
    """What the control plane asks of the engine."""

    def __init__(self, log: Sequence[Sequence[ContactLogRecord]] = ((),), page: int = 2) -> None:
        self.versions: list[tuple[bytes, bytes]] = []
        self.log = log
        self.page = page
        self.pages_read = 0
        self.shadows: list[str] = []
        self.shadow: bytes | None = None
        self.stopped = threading.Event()

    def catalog(self, version: int = 0) -> tuple[int, bytes, bytes]:
        number = version or len(self.versions)
        if number == 0:
            return 0, b"", b""
        if number > len(self.versions):
            raise engine_error(grpc.StatusCode.NOT_FOUND, "no such version")
        return number, *self.versions[number - 1]

    def apply_catalog(
        self, compiled: bytes, attachment: bytes = b"", *, expected_version: int = 0, **_more: Any
    ) -> int:
        if expected_version != len(self.versions):
            raise engine_error(grpc.StatusCode.ABORTED, "another one came first")
        self.versions.append((compiled, attachment))
        return len(self.versions)

    def log_buckets(self) -> int:
        return len(self.log)

    def read_log_page(self, bucket: int, after: str, limit: int) -> tuple[list[bytes], str]:
        assert limit > 0
        self.pages_read += 1
        start = int(after or 0)
        end = start + self.page
        records = [record.SerializeToString() for record in self.log[bucket][start:end]]
        return records, str(end) if end < len(self.log[bucket]) else ""

    def start_shadow(self, compiled: bytes) -> None:
        self.shadows.append("start")
        self.shadow = compiled

    def shadow_report(self) -> bytes:
        self.shadows.append("report")
        return ShadowReport(request_count=self.shadows.count("report")).SerializeToString()

    def stop_shadow(self) -> None:
        self.shadows.append("stop")
        self.shadow = None
        self.stopped.set()


def versions_of(engine: Any) -> CatalogVersions:
    """The versions that such an engine keeps."""
    return CatalogVersions(engine)


def granted(customer: str, channel: str = "email", **terms: Any) -> ContactLogRecord:
    """The record of a grant of `spring`."""
    contact = ContactGranted(campaign_id="spring", channel=channel, kind=Kind.KIND_MARKETING, priority=40)
    contact.MergeFrom(ContactGranted(**terms))
    return ContactLogRecord(customer_id=customer, granted=contact)


def sent(customer: str, campaign: str) -> ContactLogRecord:
    """The record of a contact made elsewhere."""
    report = Engagement(
        kind=EngagementKind.ENGAGEMENT_KIND_SENT, campaign_id=campaign, channel="email", contact_id="2-a@x"
    )
    return ContactLogRecord(customer_id=customer, engagement=report)


def opened(customer: str) -> ContactLogRecord:
    """The record of an engagement that makes no contact."""
    report = Engagement(kind=EngagementKind.ENGAGEMENT_KIND_OPENED, campaign_id="spring", contact_id="2-a@x")
    return ContactLogRecord(customer_id=customer, engagement=report)
