"""The contact log as it stands in Redis, read past the server."""

from collections.abc import Container
from typing import NamedTuple, cast

from redis import Redis

from repit.v1.contact_log_pb2 import ContactGranted, ContactLogRecord


class Logged(NamedTuple):
    """One record of one customer, with the version of the value that it came with."""

    version: int
    record: ContactLogRecord


def entries_of(url: str) -> list[dict[bytes, bytes]]:
    """Everything that was logged; the records of one customer are in their order."""
    with Redis.from_url(url) as redis:
        streams = list(redis.scan_iter(match="repit:{default:*}:log"))
        return [
            fields
            for stream in streams
            for _, fields in cast("list[tuple[bytes, dict[bytes, bytes]]]", redis.xrange(stream))
        ]


def logged_of(url: str, customer: str) -> list[Logged]:
    """The records of a customer in the order of the stream."""
    return [
        Logged(int(fields[b"v"]), ContactLogRecord.FromString(fields[b"r"]))
        for fields in entries_of(url)
        if fields[b"p"].decode() == customer
    ]


def logged_by_customer(url: str) -> dict[str, list[Logged]]:
    """The records of every customer that has some."""
    logs: dict[str, list[Logged]] = {}
    for fields in entries_of(url):
        logged = Logged(int(fields[b"v"]), ContactLogRecord.FromString(fields[b"r"]))
        logs.setdefault(fields[b"p"].decode(), []).append(logged)
    return logs


def held_in_log(url: str, campaigns: Container[str]) -> dict[str, ContactGranted]:
    """The contacts of these campaigns that were granted and not given back, over all customers."""
    granted: dict[str, ContactGranted] = {}
    released: set[str] = set()
    for fields in entries_of(url):
        record = ContactLogRecord.FromString(fields[b"r"])
        if record.HasField("granted") and record.granted.campaign_id in campaigns:
            assert record.granted.contact_id not in granted, f"granted twice: {record}"
            granted[record.granted.contact_id] = record.granted
        if record.HasField("released"):
            assert record.released.contact_id not in released, f"given back twice: {record}"
            released.add(record.released.contact_id)
    return {contact: grant for contact, grant in granted.items() if contact not in released}


class Places:
    """The places of a customer, folded from the contact log: one commit after the other."""

    def __init__(self, log: list[Logged]) -> None:
        self.contacts: dict[str, str] = {}
        """Every contact that was granted, and the request that asked for it."""
        self.held: set[str] = set()
        self.released: set[str] = set()
        self.most_held = 0
        for version, record in log:
            assert record.state_version == version, record
            self._apply(record)

    def _apply(self, record: ContactLogRecord) -> None:
        if record.HasField("granted"):
            assert record.granted.contact_id not in self.contacts, f"granted twice: {record}"
            self.contacts[record.granted.contact_id] = record.granted.request_id
            self.held.add(record.granted.contact_id)
            self.most_held = max(self.most_held, len(self.held))
        if record.HasField("released"):
            self.held.remove(record.released.contact_id)
            self.released.add(record.released.contact_id)
