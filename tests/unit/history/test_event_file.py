"""Reading an event file: every format, every way in which one can be wrong, line by line."""

import gzip
from pathlib import Path

import pytest

from repit_server.history.csv_lines import MAX_LINE_BYTES
from repit_server.history.event import Event, EventKind
from repit_server.history.event_file import (
    FINDINGS_KEPT,
    BadLines,
    EventFileError,
    EventLine,
    Order,
    read_events,
    validate_events,
)

HEADER = "ts,customer_id,channel,campaign_id,event,value,cost,offer_family,segment"
SENT = "2017-03-03T14:00:00Z,42,post,18,sent,,1.00,GROCERY,15-24K"
PURCHASED = "2017-03-04T10:00:00Z,42,shop,,purchased,12.50,,,"
CONVERTED = "2017-03-05T10:00:00Z,42,post,18,converted,3,,GROCERY,"
BAD = "2017-03-04T11:00:00Z,42,post,18,send,,,,"


def written(tmp_path: Path, *lines: str, name: str = "events.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(b"".join(line.encode("utf-8", "surrogateescape") + b"\n" for line in lines))
    return path


def test_lines_are_read_in_file_order_with_their_numbers(tmp_path: Path) -> None:
    lines = list(read_events(written(tmp_path, HEADER, SENT, PURCHASED)))
    assert lines[0] == EventLine(
        2,
        Event(1_488_549_600_000, "42", EventKind.SENT, "post", "18", None, 1.0, "GROCERY", "15-24K"),
        lines[0].event_id,
    )
    assert [line.number for line in lines] == [2, 3]


def test_gzip_is_known_by_its_first_bytes_and_reads_the_same(tmp_path: Path) -> None:
    plain = written(tmp_path, HEADER, SENT, PURCHASED)
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert list(read_events(packed)) == list(read_events(plain))


def test_columns_may_stand_in_any_order_and_optional_ones_may_be_absent(tmp_path: Path) -> None:
    path = written(tmp_path, "event,ts,customer_id", "purchased,2017-03-04T10:00:00Z,42")
    assert [line.event for line in read_events(path)] == [Event(1_488_621_600_000, "42", EventKind.PURCHASED)]


def test_a_byte_order_mark_windows_line_ends_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(f"\ufeff{HEADER}\r\n{SENT}\r\n\r\n{PURCHASED}".encode())
    assert [line.number for line in read_events(path)] == [2, 4]


def test_a_quoted_field_may_hold_a_comma_and_a_quote(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, '2017-03-03T14:00:00Z,"a,""b""",post,18,sent,,,,')
    assert next(iter(read_events(path))).event.customer_id == 'a,"b"'


def test_a_bad_line_is_named_with_file_line_column_and_remedy(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, SENT, BAD)
    with pytest.raises(EventFileError) as caught:
        validate_events(path)
    assert str(caught.value).startswith(f"`{path}` line 3 column `event`: `send` is not an event; use one of sent, ")
    assert (caught.value.path, caught.value.line, caught.value.column) == (path, 3, "event")


def test_bad_lines_are_skipped_and_counted_when_that_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, SENT, BAD, "too,few", PURCHASED)
    survey = validate_events(path, bad_lines=BadLines.SKIP)
    assert (survey.lines, survey.skipped) == (2, 2)
    assert [finding.line for finding in survey.findings] == [3, 4]
    reader = read_events(path, bad_lines=BadLines.SKIP)
    assert [line.number for line in reader] == [2, 5]
    assert (reader.lines, reader.skipped) == (2, 2)


def test_all_bad_lines_are_counted_but_only_the_first_are_kept(tmp_path: Path) -> None:
    survey = validate_events(written(tmp_path, HEADER, *[BAD] * (FINDINGS_KEPT + 5)), bad_lines=BadLines.SKIP)
    assert (survey.skipped, len(survey.findings)) == (FINDINGS_KEPT + 5, FINDINGS_KEPT)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2017-03-04T11:00:00Z,42,post", "has 3 fields; the header names 9"),
        (SENT + ",", "has 10 fields; the header names 9"),
        ('2017-03-04T11:00:00Z,"42,post,18,sent,,,,', "is not CSV"),
        ("2017-03-04T11:00:00Z,\udcff,post,18,sent,,,,", "column `customer_id`: is not UTF-8"),
        ("2017-03-04T11:00:00Z,42,post,18,sent,,,," + "x" * MAX_LINE_BYTES, "is longer than 65,536 bytes"),
    ],
)
def test_a_line_that_is_no_line_of_the_table_does_not_spoil_the_next(tmp_path: Path, line: str, message: str) -> None:
    path = written(tmp_path, HEADER, SENT, line, PURCHASED)
    with pytest.raises(EventFileError, match="line 3") as caught:
        validate_events(path)
    assert message in str(caught.value)
    assert [good.number for good in read_events(path, bad_lines=BadLines.SKIP)] == [2, 4]


def test_a_late_line_is_refused_in_ascending_order_and_taken_in_any(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, PURCHASED, SENT, CONVERTED)
    with pytest.raises(EventFileError) as caught:
        validate_events(path)
    assert "line 3 column `ts`: `2017-03-03T14:00:00.000Z` is earlier than `2017-03-04T10:00:00.000Z`" in str(
        caught.value
    )
    survey = validate_events(path, order=Order.ANY)
    assert survey.lines == 3
    assert (survey.first_time_ms, survey.last_time_ms) == (1_488_549_600_000, 1_488_708_000_000)


def test_lines_of_one_instant_are_in_order(tmp_path: Path) -> None:
    assert validate_events(written(tmp_path, HEADER, SENT, SENT)).lines == 2


def test_a_late_line_that_is_skipped_leaves_the_order_of_the_others(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, PURCHASED, SENT, CONVERTED)
    assert [line.number for line in read_events(path, bad_lines=BadLines.SKIP)] == [2, 4]


def test_the_survey_counts_each_kind(tmp_path: Path) -> None:
    survey = validate_events(written(tmp_path, HEADER, SENT, PURCHASED, CONVERTED))
    assert survey.by_kind == {EventKind.SENT: 1, EventKind.PURCHASED: 1, EventKind.CONVERTED: 1}


def test_a_file_of_a_header_alone_holds_no_events(tmp_path: Path) -> None:
    survey = validate_events(written(tmp_path, HEADER))
    assert (survey.lines, survey.first_time_ms, survey.last_time_ms) == (0, None, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: has no header"),
        (b"\n", "line 1: has no header"),
        (b"ts,customer_id\n", "line 1: column `event` is missing; the columns are `ts,customer_id,"),
        (b"ts,customer_id,event,priority\n", "line 1: column `priority` is unknown"),
        (b"ts,customer_id,event,ts\n", "line 1: column `ts` stands twice"),
        (b"ts,customer_id,event,\xff\n", "line 1: column `?` is unknown"),
        (b'ts,"customer_id\n', "line 1: is not CSV"),
    ],
)
def test_without_a_right_header_nothing_is_read_even_where_bad_lines_are_skipped(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(content)
    with pytest.raises(EventFileError) as caught:
        read_events(path, bad_lines=BadLines.SKIP)
    assert message in str(caught.value)


def test_a_gzip_file_that_breaks_off_is_refused_even_where_bad_lines_are_skipped(tmp_path: Path) -> None:
    lines = [HEADER, *[f"2017-03-04T10:00:00Z,{number},shop,,purchased,,,," for number in range(20_000)]]
    packed = gzip.compress("\n".join(lines).encode())
    path = tmp_path / "events.csv.gz"
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(EventFileError, match="cannot be read on"):
        validate_events(path, bad_lines=BadLines.SKIP)


def test_a_gzip_file_with_damaged_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.csv.gz"
    path.write_bytes(b"\x1f\x8bdamaged")
    with pytest.raises(EventFileError, match="cannot be read on"):
        read_events(path)


def test_a_file_that_is_not_there_and_a_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EventFileError, match="cannot be read \\(No such file or directory\\)"):
        read_events(tmp_path / "absent.csv")
    with pytest.raises(EventFileError, match="is not a regular file"):
        read_events(tmp_path)


def test_progress_goes_up_to_the_size_of_the_file(tmp_path: Path) -> None:
    lines = [f"2017-03-04T10:00:00Z,{number},shop,,purchased,,,," for number in range(5_000)]
    path = written(tmp_path, HEADER, *lines)
    seen: list[tuple[int, int]] = []
    validate_events(path, progress=lambda read, total: seen.append((read, total)))
    size = path.stat().st_size
    assert seen[-1] == (size, size)
    assert [read for read, _ in seen] == sorted(read for read, _ in seen)
    assert 0 < seen[0][0] < size


def test_the_bytes_read_of_a_packed_file_are_those_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "events.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\n{SENT}\n{PURCHASED}\n".encode()))
    reader = read_events(path)
    list(reader)
    assert reader.bytes_read == reader.bytes_total == path.stat().st_size


def test_a_reader_that_is_not_used_can_be_closed(tmp_path: Path) -> None:
    reader = read_events(written(tmp_path, HEADER, SENT))
    reader.close()
    assert reader.bytes_read == reader.bytes_total
