"""The fields of one line: what each may hold, and what the error says."""

import dataclasses

import pytest

from repit_server.history.event import (
    COLUMNS,
    EARLIEST_TIME_MS,
    END_TIME_MS,
    NEEDS_CAMPAIGN,
    Event,
    EventKind,
    FieldError,
    event_of_fields,
    time_text,
)

SENT = {
    "ts": "2017-03-03T09:00:00-05:00",
    "customer_id": "42",
    "channel": "post",
    "campaign_id": "18",
    "event": "sent",
}


def test_a_line_becomes_an_event_with_its_time_in_milliseconds_utc() -> None:
    fields = SENT | {"value": "12.50", "cost": "1", "offer_family": "DRUG GM", "segment": "Under 15K"}
    assert event_of_fields(fields) == Event(
        time_ms=1_488_549_600_000,
        customer_id="42",
        kind=EventKind.SENT,
        channel="post",
        campaign_id="18",
        value=12.5,
        cost=1.0,
        offer_family="DRUG GM",
        segment="Under 15K",
    )


def test_an_empty_number_is_none_and_not_zero() -> None:
    event = event_of_fields(SENT | {"cost": "0"})
    assert (event.value, event.cost) == (None, 0.0)


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        event_of_fields(SENT).customer_id = "43"  # type: ignore[misc]


@pytest.mark.parametrize(
    "written",
    [
        "2017-03-03T14:00:00Z",
        "2017-03-03T14:00:00.000Z",
        "2017-03-03 14:00:00+00:00",
        "2017-03-03T09:00:00.000999-05:00",
        "20170303T140000Z",
    ],
)
def test_iso_8601_with_a_zone_is_read_to_the_millisecond(written: str) -> None:
    assert event_of_fields(SENT | {"ts": written}).time_ms == 1_488_549_600_000


def test_the_first_and_the_last_instant_that_are_served() -> None:
    for time_ms in (EARLIEST_TIME_MS, END_TIME_MS - 1):
        assert event_of_fields(SENT | {"ts": time_text(time_ms)}).time_ms == time_ms
    for time_ms in (EARLIEST_TIME_MS - 1, END_TIME_MS):
        with pytest.raises(FieldError, match="is not between 2000 and 2200"):
            event_of_fields(SENT | {"ts": time_text(time_ms)})


def test_a_time_kept_as_a_number_stands_for_ts_and_has_the_same_bounds() -> None:
    fields = {column: text for column, text in SENT.items() if column != "ts"}
    assert event_of_fields(fields, time_ms=EARLIEST_TIME_MS).time_ms == EARLIEST_TIME_MS
    with pytest.raises(FieldError, match="`1488549600` is not between 2000 and 2200"):
        event_of_fields(fields, time_ms=1_488_549_600)


def test_the_longest_ids_are_taken() -> None:
    event = event_of_fields(SENT | {"customer_id": "é" * 64, "campaign_id": "c" * 64})
    assert (len(event.customer_id.encode()), len(event.campaign_id)) == (128, 64)


@pytest.mark.parametrize(
    ("column", "written", "message"),
    [
        ("ts", "", "column `ts`: is empty; write ISO 8601 with a zone, as in `2017-03-03T14:00:00Z`"),
        ("ts", "2017-13-01T00:00:00Z", "`2017-13-01T00:00:00Z` is not a time"),
        ("ts", "1488549600000", "`1488549600000` is not a time"),
        ("ts", "2017-03-03T09:00:00", "`2017-03-03T09:00:00` has no zone"),
        ("ts", "1999-12-31T23:59:59Z", "is not between 2000 and 2200"),
        ("customer_id", "", "column `customer_id`: is empty; use 1 to 128 bytes"),
        ("customer_id", "é" * 65, "is 130 bytes long"),
        ("customer_id", "a\nb", "holds a line break"),
        ("customer_id", "\udcff", "is not UTF-8"),
        ("channel", "", "column `channel`: is empty; a `sent` names the channel"),
        ("channel", "e_mail;sms", "`e_mail;sms` is not a name"),
        ("campaign_id", "", "column `campaign_id`: is empty; `sent` names the campaign"),
        ("campaign_id", "c" * 65, "is 65 characters long"),
        ("campaign_id", "été", "`été` is not a name; use 1 to 64 letters"),
        ("campaign_id", "a\n", "is not a name"),
        ("event", "", "column `event`: is empty; use one of sent, delivered"),
        ("event", "send", "`send` is not an event; use one of sent, delivered"),
        ("value", "12,50", "`12,50` is not an amount; write a number of 0 or more, as in `12.50`"),
        ("value", "nan", "`nan` is not an amount"),
        ("value", "-1", "`-1` is not an amount"),
        ("cost", "1e999", "`1e999` is not an amount"),
        ("cost", "1_000", "`1_000` is not an amount"),
        ("offer_family", "\udcff", "`?` is not a name"),
        ("segment", "a|b", "`a|b` is not a name"),
    ],
)
def test_a_wrong_field_is_named_with_what_would_be_right(column: str, written: str, message: str) -> None:
    with pytest.raises(FieldError) as caught:
        event_of_fields(SENT | {column: written})
    assert caught.value.column == column
    assert message in str(caught.value)
    assert column in COLUMNS


@pytest.mark.parametrize("kind", EventKind)
def test_only_what_belongs_to_a_contact_needs_a_campaign(kind: EventKind) -> None:
    fields = SENT | {"event": kind.value, "campaign_id": "", "channel": "post"}
    if kind in NEEDS_CAMPAIGN:
        with pytest.raises(FieldError, match=f"`{kind}` names the campaign"):
            event_of_fields(fields)
    else:
        assert event_of_fields(fields).kind is kind


def test_only_a_sent_needs_a_channel() -> None:
    assert event_of_fields(SENT | {"event": "converted", "channel": ""}).channel == ""


def test_times_are_written_in_utc_with_milliseconds() -> None:
    assert time_text(1_488_549_600_000) == "2017-03-03T14:00:00.000Z"
    assert time_text(1_488_549_600_007) == "2017-03-03T14:00:00.007Z"
