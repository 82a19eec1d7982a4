"""Reads the contact log page by page, beside the event loop, for what is counted over all customers."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol

from repit.v1.contact_log_pb2 import ContactGranted, ContactLogRecord
from repit.v1.engagement_pb2 import Engagement, EngagementKind
from repit.v1.kind_pb2 import Kind
from repit_server.catalog.contact_terms import ContactTerms
from repit_server.catalog.difference_touch import TouchCounter, terms_of_campaign

PAGE_RECORDS: Final = 1_000
_KINDS: Final = {Kind.Value(name): name.removeprefix("KIND_").lower() for name in Kind.keys()}  # noqa: SIM118 - no mapping


class ContactLog(Protocol):
    """Where the log is read: in buckets, all records of one customer in the same one."""

    def log_buckets(self) -> int:
        """Give the number of buckets."""

    def read_log_page(self, bucket: int, after: str, limit: int) -> tuple[list[bytes], str]:
        """Give records of a bucket after a cursor, oldest first, and the next cursor: at the end neither of them."""


def count_touched(
    log: ContactLog,
    counter: TouchCounter,
    campaigns: Mapping[str, Mapping[str, Any]],
    has_time: Callable[[], bool],
) -> tuple[int, bool]:
    """Count the contacts of the whole log, or of as much as there is time for.

    `campaigns` say what a contact made elsewhere carries. Gives the records that were read, and whether they are all.
    """
    records = 0
    is_whole = True
    for bucket in range(log.log_buckets()):
        for page in _pages(log, bucket):
            for written in page:
                _add(counter, ContactLogRecord.FromString(written), campaigns)
            records += len(page)
            is_whole = has_time()
            if not is_whole:
                break
        counter.end_part()
        if not is_whole:
            break
    return records, is_whole


def _pages(log: ContactLog, bucket: int) -> Iterator[list[bytes]]:
    after = ""
    while True:
        page, after = log.read_log_page(bucket, after, PAGE_RECORDS)
        if page:
            yield page
        if not page or not after:
            return


def _add(counter: TouchCounter, record: ContactLogRecord, campaigns: Mapping[str, Mapping[str, Any]]) -> None:
    if record.HasField("granted"):
        counter.add(record.customer_id, _terms_of_grant(record.granted))
    elif record.HasField("engagement") and _is_made_elsewhere(record.engagement):
        sent = record.engagement
        terms = terms_of_campaign(campaigns, sent.campaign_id, sent.channel, frozenset(sent.segments))
        counter.add(record.customer_id, terms)


def _is_made_elsewhere(engagement: Engagement) -> bool:
    """Whether a report made a contact: one that confirms a grant names no campaign."""
    return engagement.kind == EngagementKind.ENGAGEMENT_KIND_SENT and bool(engagement.campaign_id)


def _terms_of_grant(granted: ContactGranted) -> ContactTerms:
    return ContactTerms(
        campaign=granted.campaign_id,
        channel=granted.channel,
        kind=_KINDS.get(granted.kind),
        offer_family=granted.offer_family,
        business_unit=granted.business_unit,
        priority=granted.priority,
        segments=frozenset(granted.segments),
    )
