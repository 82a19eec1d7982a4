"""Selectors: which requests, contacts or customers are meant."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from repit_server.catalog.values import (
    CampaignName,
    ChannelName,
    FamilyName,
    Kind,
    Part,
    Priority,
    SegmentName,
    UnitName,
    refuse,
)

MAX_NESTED_SELECTORS: Final = 8
"""How deep `not` may stand in `not`."""

_AnyOf = Field(min_length=1)


class Selector(Part):
    """Each list means any of its entries; all keys given must hold; without keys it takes everything."""

    kinds: Annotated[list[Kind], _AnyOf] | None = Field(None, description="Any of these kinds.")
    channels: Annotated[list[ChannelName], _AnyOf] | None = Field(None, description="Any of these channels.")
    campaigns: Annotated[list[CampaignName], _AnyOf] | None = Field(
        None, description="Any of these campaigns, of the document or registered over the API."
    )
    offer_families: Annotated[list[FamilyName], _AnyOf] | None = Field(None, description="Any of these offer families.")
    business_units: Annotated[list[UnitName], _AnyOf] | None = Field(None, description="Any of these business units.")
    segments: Annotated[list[SegmentName], _AnyOf] | None = Field(None, description="In any of these segments.")
    min_priority: Priority | None = Field(None, description="A priority of at least this.")
    max_priority: Priority | None = Field(None, description="A priority of at most this.")
    not_: "Selector | None" = Field(None, alias="not", description="What must not hold: the same keys.")


def _check_depth(selector: Selector) -> Selector:
    depth, inner = 0, selector.not_
    while inner is not None:
        depth, inner = depth + 1, inner.not_
    if depth > MAX_NESTED_SELECTORS:
        refuse(f"`not` stands {depth} deep", f"nest it at most {MAX_NESTED_SELECTORS} deep")
    return selector


OuterSelector = Annotated[Selector, AfterValidator(_check_depth)]
"""A selector with at most 8 times `not` in `not`."""


def selectors_within(selector: Selector) -> list[Selector]:
    """List a selector and those in its `not`, from the outside in."""
    found = [selector]
    while found[-1].not_ is not None:
        found.append(found[-1].not_)
    return found
