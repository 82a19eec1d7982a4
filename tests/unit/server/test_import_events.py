"""The import: all of a file or nothing, at its own times, asked of no rule."""

from pathlib import Path

import pytest

from repit_server.history.event_file import BadLines, EventFileError
from repit_server.history.import_events import EventImport
from repit_server.history.replay import LineRefusedError
from tests.unit.server.replay_world import NAMES, SmallEngine, at

HEADER = "ts,customer_id,channel,campaign_id,event,value,cost,offer_family,segment\n"
SENT = "2026-03-02T00:00:00Z,c,email,a,sent,,,,loyal\n"
LATE = "2026-03-01T00:00:00Z,c,shop,,purchased,12.5,,,\n"
AS_OF_MS = at("2026-04-01")


def file_of(directory: Path, *lines: str) -> Path:
    path = directory / "events.csv"
    path.write_text(HEADER + "".join(lines), encoding="utf-8")
    return path


def imported(path: Path, engine: SmallEngine, bad_lines: BadLines = BadLines.REFUSE) -> EventImport:
    work = EventImport(path, NAMES, bad_lines)
    work.survey()
    work.run(engine, lambda _steps: None, as_of_ms=AS_OF_MS)
    return work


def test_contacts_and_engagements_go_in_at_their_own_times_late_ones_too(tmp_path: Path) -> None:
    engine = SmallEngine()
    work = EventImport(file_of(tmp_path, SENT, LATE), NAMES, BadLines.REFUSE)
    assert work.survey() == 2
    result = work.run(engine, lambda _steps: None, as_of_ms=AS_OF_MS)
    assert (result.lines, result.skipped, result.by_kind) == (2, 0, {"sent": 1, "purchased": 1})
    assert [words.split()[:3] for words in engine.history["c"]] == [
        ["ENGAGEMENT_KIND_SENT", str(at("2026-03-02")), "a"],
        ["ENGAGEMENT_KIND_PURCHASED", str(at("2026-03-01")), "shop"],
    ]


@pytest.mark.parametrize(
    ("bad", "column"),
    [
        ("2026-03-03T00:00:00Z,c,email,z,sent,,,,\n", "campaign_id"),
        ("2026-03-03T00:00:00Z,c,fax,a,sent,,,,\n", "channel"),
        ("2026-03-03T00:00:00Z,c,sms,a,sent,,,,\n", "channel"),
        ("2026-03-03T00:00:00Z,c,,z,clicked,,,,\n", "campaign_id"),
        ("2026-03-03T00:00:00Z,c,fax,,opted_out,,,,\n", "channel"),
        ("yesterday,c,email,a,sent,,,,\n", "ts"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_taken(tmp_path: Path, bad: str, column: str) -> None:
    engine = SmallEngine()
    with pytest.raises(EventFileError) as refusal:
        imported(file_of(tmp_path, SENT, bad), engine)
    assert (refusal.value.line, refusal.value.column) == (3, column)
    assert not engine.calls


def test_bad_lines_can_be_skipped_and_are_counted(tmp_path: Path) -> None:
    engine = SmallEngine()
    bad = ("2026-03-03T00:00:00Z,c,email,z,sent,,,,\n", "yesterday,c,email,a,sent,,,,\n")
    work = imported(file_of(tmp_path, bad[0], SENT, bad[1]), engine, BadLines.SKIP)
    assert work.skipped == 2
    assert [finding.line for finding in work.findings] == [2, 4]
    assert len(engine.history["c"]) == 1


def test_a_line_that_the_server_refuses_is_named(tmp_path: Path) -> None:
    engine = SmallEngine()
    engine.refused_line = "c"
    with pytest.raises(LineRefusedError, match="line 2: too long"):
        imported(file_of(tmp_path, SENT), engine)
