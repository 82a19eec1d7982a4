"""The engine and the control plane read the same time zone tables."""

import arbiter_rs
import tzdata


def test_engine_and_catalog_decide_by_the_same_release_of_the_time_zone_database() -> None:
    assert arbiter_rs.ZONE_DATA == tzdata.IANA_VERSION
