"""The rules by which the demo's tables become events, on a few rows each."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest

from repit_server.history.demo_year import (
    MIXED,
    Basket,
    Campaign,
    DemoYear,
    Mailing,
    Redemption,
    demo_events,
    family_of_departments,
)
from repit_server.history.event import Event, EventKind, time_text

SPRING = Campaign("8", date(2017, 5, 8), date(2017, 6, 25), "MIXED")
WINTER = Campaign("26", date(2016, 12, 28), date(2017, 2, 19), "GROCERY")
DAY = date(2017, 5, 10)


def basket(at: str, *, cents: int = 1_000, used_coupon: bool = False, household: str = "1") -> Basket:
    time_ms = round(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()) * 1_000
    return Basket(household, time_ms, cents, used_coupon)


def events(
    *,
    mailings: Sequence[Mailing] = (),
    redemptions: Sequence[Redemption] = (),
    baskets: Sequence[Basket] = (),
) -> list[Event]:
    return demo_events(DemoYear((SPRING, WINTER), mailings, redemptions, baskets, {"1": "15-24K"}))


def told(made: Sequence[Event]) -> list[tuple[str, str, str, float | None]]:
    return [(event.kind.value, time_text(event.time_ms)[:19], event.campaign_id, event.value) for event in made]


def test_a_mailing_is_sent_by_post_at_nine_in_new_york_in_summer_and_in_winter() -> None:
    made = events(mailings=[Mailing("1", "8"), Mailing("2", "26")])
    assert told(made) == [("sent", "2016-12-28T14:00:00", "26", None), ("sent", "2017-05-08T13:00:00", "8", None)]
    assert [event.channel for event in made] == ["post", "post"]


def test_offer_family_comes_from_the_campaign_and_segment_from_the_household() -> None:
    made = events(mailings=[Mailing("1", "8"), Mailing("2", "26")])
    assert [(event.offer_family, event.segment) for event in made] == [("GROCERY", ""), ("MIXED", "15-24K")]


def test_a_basket_is_a_purchase_in_the_shop_with_its_total() -> None:
    (made,) = events(baskets=[basket("2017-05-10T15:30:00", cents=1_234)])
    assert (made.kind, made.channel, made.campaign_id, made.value) == (EventKind.PURCHASED, "shop", "", 12.34)
    assert time_text(made.time_ms) == "2017-05-10T15:30:00.000Z"


def test_a_redemption_converts_at_the_first_basket_with_a_coupon_of_that_day() -> None:
    made = events(
        redemptions=[Redemption("1", "8", DAY)],
        baskets=[
            basket("2017-05-10T20:00:00", cents=300, used_coupon=True),
            basket("2017-05-10T16:00:00", cents=200, used_coupon=True),
            basket("2017-05-10T12:00:00", cents=100),
            basket("2017-05-10T14:00:00", cents=400, used_coupon=True, household="2"),
        ],
    )
    assert ("converted", "2017-05-10T16:00:00", "8", 2.0) in told(made)


def test_the_day_of_a_redemption_is_local_and_the_baskets_are_in_utc() -> None:
    late_that_evening = basket("2017-05-11T03:30:00", cents=500, used_coupon=True)
    evening_before = basket("2017-05-10T03:30:00", cents=600, used_coupon=True)
    made = events(redemptions=[Redemption("1", "8", DAY)], baskets=[evening_before, late_that_evening])
    assert ("converted", "2017-05-11T03:30:00", "8", 5.0) in told(made)


def test_a_redemption_that_no_basket_shows_converts_at_17_utc_without_a_value() -> None:
    made = events(redemptions=[Redemption("1", "8", DAY)], baskets=[basket("2017-05-10T12:00:00")])
    assert told(made)[-1] == ("converted", "2017-05-10T17:00:00", "8", None)


def test_each_redemption_converts_but_a_basket_is_valued_once_per_household_and_day() -> None:
    again = date(2017, 5, 11)
    redemptions = [
        Redemption("1", "8", DAY),
        Redemption("1", "26", DAY),
        Redemption("1", "8", DAY),
        Redemption("1", "8", again),
        Redemption("2", "8", DAY),
    ]
    baskets = [
        basket("2017-05-10T16:00:00", cents=200, used_coupon=True),
        basket("2017-05-11T16:00:00", cents=300, used_coupon=True),
        basket("2017-05-10T16:00:00", cents=500, used_coupon=True, household="2"),
    ]
    made = [event for event in events(redemptions=redemptions, baskets=baskets) if event.kind is EventKind.CONVERTED]
    assert [(event.customer_id, event.campaign_id, event.value) for event in made] == [
        ("1", "26", 2.0),
        ("1", "8", None),
        ("1", "8", None),
        ("2", "8", 5.0),
        ("1", "8", 3.0),
    ]


def test_at_one_instant_purchases_stand_before_conversions_before_mailings() -> None:
    made = events(
        mailings=[Mailing("1", "8")],
        redemptions=[Redemption("1", "8", date(2017, 5, 8))],
        baskets=[basket("2017-05-08T13:00:00", used_coupon=True)],
    )
    assert [event.kind for event in made] == [EventKind.PURCHASED, EventKind.CONVERTED, EventKind.SENT]


def test_events_of_one_instant_and_kind_stand_by_customer_then_campaign_in_byte_order() -> None:
    twin = Campaign("12", SPRING.start, SPRING.end, "GROCERY")
    mailings = [Mailing("9", "8"), Mailing("10", "8"), Mailing("10", "12")]
    made = demo_events(DemoYear((SPRING, twin), mailings, (), (), {}))
    assert [(event.customer_id, event.campaign_id) for event in made] == [("10", "12"), ("10", "8"), ("9", "8")]


@pytest.mark.parametrize(
    ("departments", "family"),
    [
        (["GROCERY"] * 11 + ["DRUG GM"] * 9, "GROCERY"),
        (["GROCERY"] * 109 + ["DRUG GM"] * 91, MIXED),
        ([""] * 9 + ["GROCERY"], MIXED),
        ([], MIXED),
    ],
    ids=["exactly 55 in 100", "54.5 in 100", "mostly unknown", "no coupons"],
)
def test_a_department_of_55_in_100_coupon_products_is_the_offer_family(departments: list[str], family: str) -> None:
    assert family_of_departments(departments) == family
