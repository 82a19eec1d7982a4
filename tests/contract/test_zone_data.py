"""The engine and the control plane read the same time zone tables."""

import importlib

import arbiter_rs


def test_engine_and_catalog_decide_by_the_same_release_of_the_time_zone_database() -> None:
    assert importlib.import_module("tzdata").IANA_VERSION == arbiter_rs.ZONE_DATA
