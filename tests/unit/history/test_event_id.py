"""The stable ids of lines: equal lines stay apart, equal files give equal ids."""

from dataclasses import fields, replace

import pytest

from repit_server.history import event_id
from repit_server.history.event import Event, EventKind
from repit_server.history.event_id import EventIds

PURCHASE = Event(1_488_549_600_000, "42", EventKind.PURCHASED, "shop", "", 12.5, None, "", "")


def test_equal_lines_are_numbered_and_stay_apart() -> None:
    ids = EventIds()
    first, second = ids.id_of(PURCHASE), ids.id_of(PURCHASE)
    assert first.endswith("-0")
    assert second == first.removesuffix("-0") + "-1"


def test_the_same_lines_read_again_have_the_same_ids() -> None:
    lines = [PURCHASE, replace(PURCHASE, value=1.0), PURCHASE]
    one, other = EventIds(), EventIds()
    assert [one.id_of(line) for line in lines] == [other.id_of(line) for line in lines]


def test_the_id_of_a_line_is_the_same_in_every_release() -> None:
    assert EventIds().id_of(PURCHASE) == "1688d5754a6d5de266bfbd840b7cce13-0"


OTHERS = {
    "time_ms": replace(PURCHASE, time_ms=1_488_549_600_001),
    "customer_id": replace(PURCHASE, customer_id="43"),
    "kind": replace(PURCHASE, kind=EventKind.REFUSED),
    "channel": replace(PURCHASE, channel="web"),
    "campaign_id": replace(PURCHASE, campaign_id="18"),
    "value": replace(PURCHASE, value=None),
    "cost": replace(PURCHASE, cost=0.0),
    "offer_family": replace(PURCHASE, offer_family="GROCERY"),
    "segment": replace(PURCHASE, segment="15-24K"),
}


@pytest.mark.parametrize("column", [field.name for field in fields(Event)])
def test_each_field_is_part_of_the_id(column: str) -> None:
    assert EventIds().id_of(OTHERS[column]) != EventIds().id_of(PURCHASE)


def test_lines_before_the_remembered_ones_are_forgotten_so_memory_stays_constant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_id, "REMEMBERED_LINES", 3)
    ids = EventIds()
    first = ids.id_of(PURCHASE)
    for customer in ("1", "2", "3"):
        ids.id_of(replace(PURCHASE, customer_id=customer))
    assert ids.id_of(PURCHASE) != first, "between 3 and 6 different lines back, a line is remembered"
    for customer in ("4", "5", "6", "7", "8", "9"):
        ids.id_of(replace(PURCHASE, customer_id=customer))
    assert ids.id_of(PURCHASE) == first
