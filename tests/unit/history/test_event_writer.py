"""Writing an event file, and reading back what was written."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from repit_server.history.event import Event, EventKind
from repit_server.history.event_file import EventFileError, read_events
from repit_server.history.event_writer import write_events

EVENTS = [
    Event(1_488_549_600_000, "42", EventKind.SENT, "post", "18", None, 1.0, "DRUG GM", "15-24K"),
    Event(1_488_621_600_007, 'a,"é', EventKind.PURCHASED, "shop", value=12.34),
    Event(1_488_621_600_007, 'a,"é', EventKind.PURCHASED, "shop", value=12.34),
    Event(1_488_708_000_000, "42", EventKind.CONVERTED, "post", "18", 0.1),
]


@pytest.mark.parametrize("name", ["events.csv", "events.csv.gz", "events.parquet"])
def test_what_is_written_reads_back_the_same_with_the_same_ids_in_every_format(tmp_path: Path, name: str) -> None:
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    write_events(tmp_path / "plain.csv", EVENTS)
    assert write_events(tmp_path / name, iter(EVENTS)) == 4
    lines = list(read_events(tmp_path / name))
    assert [line.event for line in lines] == EVENTS
    assert [line.event_id for line in lines] == [line.event_id for line in read_events(tmp_path / "plain.csv")]


def test_csv_is_written_with_times_in_utc_and_shortest_numbers(tmp_path: Path) -> None:
    write_events(tmp_path / "events.csv", EVENTS[:1])
    assert (tmp_path / "events.csv").read_text(encoding="utf-8") == (
        "ts,customer_id,channel,campaign_id,event,value,cost,offer_family,segment\n"
        "2017-03-03T14:00:00.000Z,42,post,18,sent,,1.0,DRUG GM,15-24K\n"
    )


def test_the_same_events_give_the_same_packed_bytes(tmp_path: Path) -> None:
    one, other = tmp_path / "one.csv.gz", tmp_path / "other.csv.gz"
    write_events(one, EVENTS)
    write_events(other, EVENTS)
    assert one.read_bytes() == other.read_bytes()


def test_no_events_make_a_file_of_a_header_alone(tmp_path: Path) -> None:
    assert write_events(tmp_path / "events.csv", []) == 0
    assert list(read_events(tmp_path / "events.csv")) == []


def test_a_file_that_fails_half_way_leaves_the_old_one_and_no_part(tmp_path: Path) -> None:
    def breaking() -> Iterator[Event]:
        yield EVENTS[0]
        message = "no more"
        raise RuntimeError(message)

    path = tmp_path / "events.csv"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(RuntimeError):
        write_events(path, breaking())
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_of_no_known_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EventFileError, match=r"is of no known format; name it `.csv`, `.csv.gz` or `.parquet`"):
        write_events(tmp_path / "events.txt", EVENTS)
    assert list(tmp_path.iterdir()) == []
