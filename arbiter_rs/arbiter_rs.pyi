"""Répit's engine: decides, counts, remembers. Bytes of `repit.v1` messages in, bytes out."""

from collections.abc import Awaitable
from typing import final

__all__ = ["ZONE_DATA", "Arbiter", "ArbiterError", "Listener", "__version__"]

ZONE_DATA: str
"""The release of the IANA time zone database that the engine decides by, for example `2026f`."""

__version__: str

class ArbiterError(Exception):
    """What went wrong, as gRPC says it.

    `code` is the number of the gRPC status, `message` its words and `status` the serialized `google.rpc.Status`
    with all details.
    """

    code: int
    message: str
    status: bytes

@final
class Arbiter:
    """An engine on one store. Safe to use from many threads; every call releases the GIL.

    Each verb takes and returns serialized messages of `repit.v1` and comes twice: blocking, and awaitable (`…_async`)
    from a running asyncio loop.
    Raises `ArbiterError`.
    """

    @staticmethod
    def open(store: str = ..., *, clock: str = ...) -> Arbiter:
        """Open a store: `memory`, `embedded:DIR` or `redis://…`. `clock` is `system` or `request`."""

    def request_contact(self, request: bytes) -> bytes: ...
    def request_contact_async(self, request: bytes) -> Awaitable[bytes]: ...
    def check_contact(self, request: bytes) -> bytes: ...
    def check_contact_async(self, request: bytes) -> Awaitable[bytes]: ...
    def batch_request_contacts(self, request: bytes) -> bytes: ...
    def batch_request_contacts_async(self, request: bytes) -> Awaitable[bytes]: ...
    def stream_request_contacts(self, request: bytes) -> bytes:
        """One message of the stream: `StreamRequestContactsRequest` in, `StreamRequestContactsResponse` out.

        Never raises for a bad request: the response says what is wrong with it.
        """

    def stream_request_contacts_async(self, request: bytes) -> Awaitable[bytes]: ...
    def confirm_contact(self, request: bytes) -> bytes: ...
    def confirm_contact_async(self, request: bytes) -> Awaitable[bytes]: ...
    def release_contact(self, request: bytes) -> bytes: ...
    def release_contact_async(self, request: bytes) -> Awaitable[bytes]: ...
    def record_engagements(self, request: bytes) -> bytes: ...
    def record_engagements_async(self, request: bytes) -> Awaitable[bytes]: ...
    def register_claims(self, request: bytes) -> bytes:
        """One message of the stream: `RegisterClaimsRequest` in, `RegisterClaimsResponse` out, without `position`.

        Never raises for a bad request: the response says what is wrong with it.
        """

    def register_claims_async(self, request: bytes) -> Awaitable[bytes]: ...
    def withdraw_claims(self, request: bytes) -> bytes:
        """Give back the claims of the customers that are named; all of a campaign: see `apply_catalog`."""

    def withdraw_claims_async(self, request: bytes) -> Awaitable[bytes]: ...
    def list_claims(self, request: bytes) -> bytes: ...
    def list_claims_async(self, request: bytes) -> Awaitable[bytes]: ...
    def explain_customer(self, request: bytes) -> bytes: ...
    def explain_customer_async(self, request: bytes) -> Awaitable[bytes]: ...
    def apply_catalog(
        self,
        compiled: bytes,
        attachment: bytes | None = ...,
        *,
        expected_version: int | None = ...,
        withdrawn_campaigns: list[str] = ...,
    ) -> int:
        """Make a compiled catalog (docs/reference/compiled-catalog.md) the active one; returns its version.

        `attachment` is kept with the version and returned by `catalog`, untouched: the server keeps the document,
        campaigns, author and message there. `expected_version` is the version that the change was made from, 0 for
        none yet: raises `ArbiterError` with code 10 (ABORTED) where another is active. All claims of
        `withdrawn_campaigns` that were registered before are dead from this version on.
        """

    def catalog(self, version: int = ...) -> tuple[int, bytes, bytes]:
        """One stored version, the newest where 0, as (version, compiled, attachment).

        (0, b"", b"") where there is none yet; raises `ArbiterError` with code 5 (NOT_FOUND) for an unknown version.
        """

    def refresh_catalog(self) -> int:
        """Read the newest catalog version from the store and decide by it from here on; returns the active version."""

    def refresh_catalog_async(self) -> Awaitable[int]: ...
    def read_log_page(self, bucket: int, after: str = ..., limit: int = ...) -> tuple[list[bytes], str]:
        """Serialized `repit.v1.ContactLogRecord`s of all parties of a bucket, oldest first, and the next cursor.

        `after` is a cursor, empty for the beginning; the next one is empty at the end. At most 1,000 a page.
        """

    def log_buckets(self) -> int:
        """How many buckets the contact log has; they count from 0."""

    def start_shadow(self, compiled: bytes) -> None:
        """Let a second compiled catalog decide beside the active one; acts on nothing.

        Raises code 9 (FAILED_PRECONDITION) where one runs.
        """

    def shadow_report(self) -> bytes:
        """What it would have changed so far: a serialized `repit.v1.ShadowReport`; code 9 where none runs."""

    def stop_shadow(self) -> None:
        """End it; nothing happens where none runs."""

    def is_ready(self) -> bool:
        """Whether the store answers."""

    def is_ready_async(self) -> Awaitable[bool]: ...
    def serve(
        self,
        listen: str,
        upstream: str,
        *,
        max_in_flight: int = ...,
        logs_calls: bool = ...,
        runtimes: int = ...,
    ) -> Listener:
        """Take an address, HOST:PORT, for calls of this engine's verbs; port 0 takes a free one.

        All other calls go to the gRPC server on the Unix socket `upstream`, bytes untouched. `max_in_flight` calls are
        in work at once. `logs_calls` gives every call a line in the journal. `runtimes` is the number of threads, one
        per core where 0. Raises `OSError` where the address cannot be had. `close` stops it.
        """

    def close(self) -> None:
        """Flush and let go of the store; calls after that raise code 9 (FAILED_PRECONDITION)."""

    def __enter__(self) -> Arbiter: ...
    def __exit__(self, *args: object) -> None: ...

@final
class Listener:
    """A public address that an engine answers at: `ArbitrationService`, health and reflection, without Python.

    Raises `ArbiterError` with code 9 (FAILED_PRECONDITION) in another process than the one that made it.
    """

    @property
    def address(self) -> str:
        """HOST:PORT, the host as it was named and the port that was taken."""

    def start(self) -> None:
        """Take connections; they wait until then."""

    def report(self, service: str, *, is_serving: bool) -> None:
        """Say how a service is, for `grpc.health.v1`; the whole server where the name is empty."""

    def take_journal(self) -> list[tuple[str, dict[str, object]]]:
        """Lines for the log since they were last taken, oldest first, at most 1,024: (event, fields)."""

    def stop(self, grace_seconds: float) -> None:
        """Take no more calls, finish those in work within the grace, then cut what is left.

        Returns when all its threads have ended. Called again meanwhile, the shorter grace holds.
        """
