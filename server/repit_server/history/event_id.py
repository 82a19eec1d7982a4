"""A stable id for each line of an event file, so that a file imported twice counts once."""

from hashlib import blake2b
from typing import Final

from repit_server.history.event import Event

REMEMBERED_LINES: Final = 65_536
"""How far back equal lines are told apart, at least; twice this number is kept at most."""

_DIGEST_BYTES: Final = 16


class EventIds:
    """Gives the lines of one file their ids, in file order, in constant memory.

    The id is the hash of what the line says and the number of equal lines before it, so two equal
    purchases of one second stay two, and the same file read again, from CSV or from Parquet,
    gives the same ids. Equal lines more than 131,072 different lines apart are one event reported
    twice.
    """

    def __init__(self) -> None:
        """Start at the top of a file: no line has been seen."""
        self._recent: dict[bytes, int] = {}
        self._older: dict[bytes, int] = {}

    def id_of(self, event: Event) -> str:
        """Give the id of the next line: 32 hexadecimal digits, `-`, the occurrence from 0 on."""
        digest = _digest(event)
        occurrence = self._recent.get(digest)
        if occurrence is None:
            occurrence = self._older.get(digest, 0)
        self._recent[digest] = occurrence + 1
        if len(self._recent) >= REMEMBERED_LINES:
            self._older, self._recent = self._recent, {}
        return f"{digest.hex()}-{occurrence}"


def _digest(event: Event) -> bytes:
    # INVARIANT: this text never changes its form, or files already imported would count again.
    text = "\x1f".join(
        (
            str(event.time_ms),
            event.customer_id,
            event.channel,
            event.campaign_id,
            event.kind,
            "" if event.value is None else repr(event.value),
            "" if event.cost is None else repr(event.cost),
            event.offer_family,
            event.segment,
        )
    )
    return blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest()
