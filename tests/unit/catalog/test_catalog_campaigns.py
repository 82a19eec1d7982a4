"""Campaigns beside those of the document: registered over the API, or adopted from an event file."""

import json
from typing import Any

import pytest

from repit_server.catalog import (
    ApiCampaign,
    CatalogError,
    adopt_campaigns,
    campaign_from_dict,
    campaign_to_dict,
    compile_catalog,
)
from tests.unit.catalog.linted import HEAD

SPRING: dict[str, Any] = {
    "name": "spring",
    "priority": 40,
    "kind": "service",
    "channels": ["email"],
    "active": {"from": "2026-03-01", "until": "2026-05-31"},
    "value": 32.0,
    "pressure": 2.0,
    "eligible": {"min_priority": 3, "not": {"kinds": ["legal"]}},
}


def _names(compiled: bytes, section: str) -> list[str]:
    return [entry["name"] for entry in json.loads(compiled)[section]]


def test_a_campaign_goes_to_plain_values_and_back() -> None:
    campaign = campaign_from_dict(SPRING)
    assert campaign_to_dict(campaign) == SPRING
    assert campaign_from_dict(json.loads(json.dumps(campaign_to_dict(campaign)))) == campaign


def test_a_campaign_of_the_api_compiles_like_one_of_the_document() -> None:
    written = {key: value for key, value in SPRING.items() if key != "name"}
    in_document = compile_catalog(HEAD + f"campaigns: {{spring: {json.dumps(written)}}}\n")
    assert compile_catalog(HEAD, [campaign_from_dict(SPRING)]).compiled == in_document.compiled


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "a priority too high": ({"priority": 101}, "priority", "`101` is too large"),
    "no priority": ({"priority": None}, "priority", "`None` is not a whole number"),
    "no channels": ({"channels": []}, "channels", "`[]` is empty"),
    "a name with another character": (
        {"name": "a\n"},
        "name",
        "the name is longer than 64 characters or has others than allowed",
    ),
    "a day that does not exist": ({"active": {"from": "2026-02-30"}}, "active.from", "`2026-02-30` is not a date"),
    "not a number": ({"value": float("nan")}, "value", "`nan` is not a finite number"),
    "an unknown key": ({"valu": 3}, "valu", "the key `valu` is not known here"),
    "a budget of nothing": ({"budget": {"amount": 0}}, "budget.amount", "a budget of 0 is not written on purpose"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_campaign_of_the_api_is_refused_with_the_path_of_its_field(what: str) -> None:
    change, path, problem = WRONG[what]
    with pytest.raises(CatalogError) as caught:
        campaign_from_dict({**SPRING, **change})
    (finding,) = caught.value.findings
    assert (finding.line, finding.column, finding.path) == (0, 0, path)
    assert finding.problem == problem


def test_a_campaign_of_the_api_that_refers_to_nothing_is_refused() -> None:
    campaign = ApiCampaign(name="spring sale", priority=1, channels=["emial"], business_unit="leisure")
    with pytest.raises(CatalogError) as caught:
        compile_catalog(HEAD, [campaign])
    assert [(finding.line, finding.path, finding.remedy) for finding in caught.value.findings] == [
        (0, 'api_campaigns["spring sale"].channels[0]', "write `email`"),
        (0, 'api_campaigns["spring sale"].business_unit', "name one of `business_units`, or add it there"),
    ]


def test_a_campaign_of_the_document_and_one_of_the_api_cannot_share_a_name() -> None:
    text = HEAD + "campaigns:\n  spring: {priority: 1, channels: [sms]}\n"
    with pytest.raises(CatalogError) as caught:
        compile_catalog(text, [campaign_from_dict(SPRING)])
    (finding,) = caught.value.findings
    assert (finding.line, finding.column, finding.path) == (5, 3, "campaigns.spring")
    assert finding.problem == "the campaign `spring` is registered over the API"


def test_two_campaigns_of_the_api_cannot_share_a_name() -> None:
    campaign = campaign_from_dict(SPRING)
    with pytest.raises(CatalogError, match="registered twice"):
        compile_catalog(HEAD, [campaign, campaign])


def test_a_rule_may_name_a_campaign_of_the_api() -> None:
    text = HEAD + "policies: [{name: p, applies_to: {campaigns: [spring]}, rules: []}]\n"
    assert compile_catalog(text, [campaign_from_dict(SPRING)]).findings == ()
    with pytest.raises(CatalogError, match="`spring` is not in `campaigns`"):
        compile_catalog(text)


SENDS = [("C18", "sms", "GROCERY"), ("C8", "email", ""), ("C18", "email", "DRUG GM"), ("own", "email", "weekends")]
OWN = HEAD + "offer_families: {weekends: {}}\ncampaigns: {own: {priority: 7, channels: [sms]}}\n"


def test_campaigns_that_a_catalog_lacks_are_adopted_as_marketing_of_priority_50() -> None:
    adopted = adopt_campaigns(OWN, [*SENDS, ("C9", "sms", "weekends")])
    assert [campaign_to_dict(campaign) for campaign in adopted.campaigns] == [
        {
            "name": "C18",
            "priority": 50,
            "kind": "marketing",
            "channels": ["sms", "email"],
            "offer_family": "GROCERY",
            "active": {},
        },
        {"name": "C8", "priority": 50, "kind": "marketing", "channels": ["email"], "active": {}},
        {
            "name": "C9",
            "priority": 50,
            "kind": "marketing",
            "channels": ["sms"],
            "offer_family": "weekends",
            "active": {},
        },
    ]
    assert adopted.offer_families == ("GROCERY",)


def test_adopted_campaigns_compile_with_the_families_that_the_catalog_lacks() -> None:
    adopted = adopt_campaigns(OWN, SENDS)
    compiled = compile_catalog(OWN, adopted.campaigns, adopted.offer_families).compiled
    assert _names(compiled, "campaigns") == ["C18", "C8", "own"]
    assert _names(compiled, "offer_families") == ["weekends", "GROCERY"]


def test_a_catalog_with_adopted_campaigns_written_into_it_compiles_to_the_same() -> None:
    adopted = adopt_campaigns(OWN, SENDS)
    expected = compile_catalog(OWN, adopted.campaigns, adopted.offer_families).compiled
    assert compile_catalog(adopted.written_into(OWN)).compiled == expected


def test_a_campaign_on_a_channel_that_the_catalog_lacks_is_refused_when_compiled() -> None:
    adopted = adopt_campaigns(HEAD, [("C18", "fax", "")])
    with pytest.raises(CatalogError, match="`fax` is not in `channels`"):
        compile_catalog(HEAD, adopted.campaigns, adopted.offer_families)


def test_an_id_that_cannot_be_a_name_is_refused() -> None:
    with pytest.raises(CatalogError, match="others than allowed"):
        adopt_campaigns(HEAD, [("C#18", "email", "")])
