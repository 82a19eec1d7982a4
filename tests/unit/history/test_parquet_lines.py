"""Parquet event files as other programs write them, and a machine without pyarrow."""

import sys
from pathlib import Path

import pytest

from repit_server.history.event import EventKind
from repit_server.history.event_file import BadLines, EventFileError, Order, read_events, validate_events
from repit_server.history.event_writer import write_events


def table_file(tmp_path: Path, **columns: object) -> Path:
    """Write columns, given as lists or arrow arrays, as one Parquet file."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "events.parquet"
    parquet.write_table(pyarrow.table(columns), path, row_group_size=2)
    return path


def test_integer_ids_text_times_and_nulls_read_as_in_csv(tmp_path: Path) -> None:
    path = table_file(
        tmp_path,
        ts=["2017-03-03T09:00:00-05:00", "2017-03-04T10:00:00Z", "2017-03-04T10:00:00Z"],
        customer_id=[42, 43, 44],
        event=["sent", "purchased", "purchased"],
        channel=["post", None, ""],
        campaign_id=[18, None, None],
        value=[None, 12, 3],
    )
    lines = list(read_events(path))
    assert [(line.number, line.event.customer_id, line.event.value) for line in lines] == [
        (1, "42", None),
        (2, "43", 12.0),
        (3, "44", 3.0),
    ]
    assert lines[0].event.time_ms == 1_488_549_600_000
    assert lines[0].event.campaign_id == "18"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_timestamps_of_any_unit_and_zone_are_milliseconds_utc(tmp_path: Path, unit: str) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    seconds = pyarrow.array([1_488_549_600], pyarrow.timestamp("s", tz="America/New_York"))
    path = table_file(
        tmp_path,
        ts=seconds.cast(pyarrow.timestamp(unit, tz="America/New_York")),
        customer_id=["42"],
        event=["purchased"],
    )
    assert [line.event.time_ms for line in read_events(path)] == [1_488_549_600_000]


def test_timestamps_without_a_zone_are_refused(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    path = table_file(tmp_path, ts=pyarrow.array([0], pyarrow.timestamp("ms")), customer_id=["42"], event=["purchased"])
    with pytest.raises(EventFileError, match="column `ts` has no zone; store it as a timestamp with a zone"):
        read_events(path)


def test_a_bad_row_is_named_by_its_number_and_can_be_skipped(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    times = pyarrow.array([1_488_549_600_000, None, 1_488_549_600_000], pyarrow.timestamp("ms", tz="UTC"))
    path = table_file(tmp_path, ts=times, customer_id=["42", "43", "44"], event=["purchased"] * 3)
    with pytest.raises(EventFileError, match="line 2 column `ts`: is empty"):
        validate_events(path)
    survey = validate_events(path, order=Order.ANY, bad_lines=BadLines.SKIP)
    assert (survey.by_kind, survey.skipped) == ({EventKind.PURCHASED: 2}, 1)


def test_progress_is_in_proportion_to_the_rows(tmp_path: Path) -> None:
    path = table_file(
        tmp_path, ts=["2017-03-04T10:00:00Z"] * 4, customer_id=["1", "2", "3", "4"], event=["purchased"] * 4
    )
    reader = read_events(path)
    read = [reader.bytes_read for _ in reader]
    size = path.stat().st_size
    assert read == [size // 4, size // 2, size * 3 // 4, size]


def test_a_table_without_rows_holds_no_events(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    empty = pyarrow.array([], pyarrow.string())
    path = table_file(tmp_path, ts=empty, customer_id=empty, event=empty)
    assert validate_events(path).lines == 0
    reader = read_events(path)
    assert reader.bytes_read == reader.bytes_total
    reader.close()


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = table_file(tmp_path, ts=["2017-03-04T10:00:00Z"], customer_id=["42"])
    with pytest.raises(EventFileError, match="column `event` is missing"):
        read_events(path)


def test_a_column_that_is_a_list_is_refused(tmp_path: Path) -> None:
    path = table_file(tmp_path, ts=["2017-03-04T10:00:00Z"], customer_id=["42"], event=[["purchased"]])
    with pytest.raises(EventFileError, match="line 1: is not readable Parquet"):
        validate_events(path)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "events.parquet"
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(EventFileError, match="is not readable Parquet"):
        read_events(path)


def test_without_pyarrow_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "events.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(EventFileError, match="is Parquet, which needs pyarrow; run `pip install"):
        read_events(path)
    with pytest.raises(EventFileError, match="is Parquet, which needs pyarrow"):
        write_events(tmp_path / "written.parquet", [])
