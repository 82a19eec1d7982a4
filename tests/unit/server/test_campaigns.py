"""Campaigns as messages and as a document writes them."""

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from repit.v1.campaign_pb2 import Campaign, CampaignOrigin, Selector
from repit.v1.kind_pb2 import Kind
from repit_server.api.campaigns import campaign_of_plain, changed_campaign, plain_of_campaign
from repit_server.api.errors import RpcError
from repit_server.catalog import campaign_from_dict, campaign_to_dict

API = CampaignOrigin.CAMPAIGN_ORIGIN_API


def full_campaign() -> Campaign:
    campaign = Campaign(
        campaign_id="spring",
        priority=40,
        kind=Kind.KIND_SERVICE,
        channels=["email", "sms"],
        offer_family="weekends",
        business_unit="leisure",
        active_from="2026-03-01",
        active_until="2026-05-31",
        value=0.0,
        pressure=2.5,
        budget=2_000,
        origin=API,
    )
    campaign.eligible.CopyFrom(Selector(kinds=[Kind.KIND_SERVICE], segments=["loyal"], min_priority=0, max_priority=90))
    getattr(campaign.eligible, "not").CopyFrom(Selector(channels=["sms"]))
    return campaign


@pytest.mark.parametrize(
    "campaign",
    [full_campaign(), Campaign(campaign_id="bare", channels=["email"], kind=Kind.KIND_MARKETING, origin=API)],
)
def test_a_campaign_comes_back_from_its_plain_form(campaign: Campaign) -> None:
    plain = plain_of_campaign(campaign)
    assert campaign_of_plain(campaign.campaign_id, plain, API) == campaign


def test_the_plain_form_is_what_the_catalog_reads_and_writes() -> None:
    plain = plain_of_campaign(full_campaign())
    written = campaign_to_dict(campaign_from_dict(plain))
    assert campaign_of_plain("spring", written, API) == full_campaign()


def test_a_kind_that_is_not_stated_is_left_to_the_catalog() -> None:
    assert "kind" not in plain_of_campaign(Campaign(campaign_id="bare", channels=["email"]))


def test_a_mask_changes_only_what_it_names() -> None:
    change = Campaign(campaign_id="spring", priority=7, channels=["post"], value=3.0)
    changed = changed_campaign(full_campaign(), change, FieldMask(paths=["priority", "channels"]))
    assert (changed.priority, list(changed.channels), changed.value) == (7, ["post"], 0.0)
    assert changed.HasField("eligible")


def test_a_mask_clears_what_it_names_and_the_change_leaves_out() -> None:
    changed = changed_campaign(full_campaign(), Campaign(campaign_id="spring"), FieldMask(paths=["value", "eligible"]))
    assert not changed.HasField("value")
    assert not changed.HasField("eligible")
    assert changed.priority == 40


@pytest.mark.parametrize("mask", [None, FieldMask(), FieldMask(paths=["*"])])
def test_without_a_mask_everything_is_replaced(mask: FieldMask | None) -> None:
    changed = changed_campaign(full_campaign(), Campaign(campaign_id="spring", priority=1, channels=["post"]), mask)
    assert changed == Campaign(campaign_id="spring", priority=1, channels=["post"], origin=API)


@pytest.mark.parametrize("path", ["campaign_id", "origin", "eligible.segments", "nonsense"])
def test_a_mask_that_names_what_cannot_be_changed_is_refused(path: str) -> None:
    with pytest.raises(RpcError, match="update_mask"):
        changed_campaign(full_campaign(), full_campaign(), FieldMask(paths=[path]))
