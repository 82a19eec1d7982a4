"""The sections of a demo catalog, and the table that docs/demo gives of its policies."""

import re
from datetime import date
from pathlib import Path

import yaml

from repit_server.history.demo_catalog import campaign_sections, segment_list
from repit_server.history.demo_year import Campaign, DemoYear, Mailing

DEMO = Path(__file__).parents[3] / "docs" / "demo"


def test_the_sections_are_yaml_whose_campaigns_are_named_by_text() -> None:
    year = DemoYear(
        campaigns=[
            Campaign("8", date(2017, 5, 8), date(2017, 6, 25), "MIXED"),
            Campaign("26", date(2016, 12, 28), date(2017, 2, 19), "DRUG GM"),
        ],
        mailings=[Mailing("1", "8"), Mailing("2", "8")],
        redemptions=[],
        baskets=[],
        segments={"1": "15-24K", "2": "Under 15K", "3": "100-124K", "4": "15-24K"},
    )
    written = campaign_sections(year)
    sections = yaml.safe_load(written)
    assert yaml.safe_load(segment_list(year)) == ["Under 15K", "15-24K", "100-124K"]
    assert sections["offer_families"] == {"DRUG GM": {}, "MIXED": {}}
    assert list(sections["campaigns"]) == ["26", "8"]
    assert sections["campaigns"]["26"] == {
        "kind": "marketing",
        "priority": 50,
        "channels": ["post"],
        "offer_family": "DRUG GM",
    }
    assert "# 2017-05-08 to 2017-06-25, 2 mailings\n" in written


def test_the_table_of_the_page_has_a_row_for_each_policy_file() -> None:
    page = (DEMO / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[[^]]+\]\(policies/([a-z0-9-]+)\.yaml\) \| [\d,]+ \| [\d,]+ \|", page, re.MULTILINE)
    assert sorted(rows) == sorted(path.stem for path in (DEMO / "policies").glob("*.yaml"))
