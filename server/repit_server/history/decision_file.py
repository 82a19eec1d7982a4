"""Writes what a replay decided: one line of CSV for each request, in the order of the event file."""

import csv
from pathlib import Path
from typing import Final, Self

from repit.v1.decision_pb2 import Decision
from repit_server.history.event import time_text
from repit_server.history.replay import ReplayedRequest
from repit_server.history.replay_tally import first_reason, first_rule, is_grant

COLUMNS: Final = ("ts", "customer_id", "channel", "campaign_id", "verdict", "reason", "rule", "earliest_time")


class DecisionFile:
    """A file of decisions, open for writing; `ts` and `earliest_time` are ISO 8601 in UTC with milliseconds."""

    def __init__(self, path: Path) -> None:
        """Make the file, or empty it. Raises `OSError` where that fails."""
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        """Close the file."""
        self._file.close()

    def write(self, request: ReplayedRequest) -> None:
        """Add one request."""
        event, decision = request.line.event, request.decision
        self._writer.writerow(
            (
                time_text(event.time_ms),
                event.customer_id,
                event.channel,
                event.campaign_id,
                "GRANT" if is_grant(decision) else "DENY",
                first_reason(decision),
                first_rule(decision),
                earliest_text(decision),
            )
        )


def earliest_text(decision: Decision) -> str:
    """Write when no rule speaks against any more; empty for grants and where no time helps."""
    return time_text(decision.earliest_time.ToMilliseconds()) if decision.HasField("earliest_time") else ""
