"""Campaigns as messages and as the plain values that a catalog document writes: the two forms of one thing."""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.field_mask_pb2 import FieldMask

from repit.v1.campaign_pb2 import Campaign, CampaignOrigin, Selector
from repit.v1.kind_pb2 import Kind
from repit_server.api.errors import invalid_fields

Plain = dict[str, Any]

_KIND_PREFIX: Final = "KIND_"
_LISTS: Final = ("channels", "campaigns", "offer_families", "business_units", "segments")
_PRIORITIES: Final = ("min_priority", "max_priority")
_EDITABLE: Final = (
    "priority",
    "kind",
    "channels",
    "offer_family",
    "business_unit",
    "active_from",
    "active_until",
    "value",
    "pressure",
    "eligible",
    "budget",
)
"""What `update_mask` may name."""


def plain_of_campaign(campaign: Campaign) -> Plain:
    """Write a campaign as the document would, with its name; what is not set is left out."""
    plain: Plain = {"name": campaign.campaign_id, "priority": campaign.priority, "channels": list(campaign.channels)}
    if campaign.kind:
        plain["kind"] = _kind_name(campaign.kind)
    plain |= {key: text for key in ("offer_family", "business_unit") if (text := getattr(campaign, key))}
    plain |= {key: getattr(campaign, key) for key in ("value", "pressure") if campaign.HasField(key)}
    if active := {key: day for key in ("from", "until") if (day := getattr(campaign, f"active_{key}"))}:
        plain["active"] = active
    if campaign.HasField("budget"):
        plain["budget"] = {"amount": campaign.budget}
    if campaign.HasField("eligible"):
        plain["eligible"] = _plain_of_selector(campaign.eligible)
    return plain


def campaign_of_plain(name: str, plain: Mapping[str, Any], origin: CampaignOrigin.ValueType) -> Campaign:
    """Read a campaign from the values that a document, or `plain_of_campaign`, wrote."""
    active = plain.get("active") or {}
    campaign = Campaign(
        campaign_id=name,
        priority=plain["priority"],
        kind=_kind_of_name(plain.get("kind") or "marketing"),
        channels=plain["channels"],
        offer_family=plain.get("offer_family") or "",
        business_unit=plain.get("business_unit") or "",
        active_from=str(active.get("from") or ""),
        active_until=str(active.get("until") or ""),
        value=plain.get("value"),
        pressure=plain.get("pressure"),
        origin=origin,
        budget=(plain.get("budget") or {}).get("amount"),
    )
    if plain.get("eligible") is not None:
        campaign.eligible.CopyFrom(_selector_of_plain(plain["eligible"]))
    return campaign


def changed_campaign(current: Campaign, change: Campaign, mask: FieldMask | None) -> Campaign:
    """Put the fields that `mask` names (all where None) from `change` into a copy of `current`.

    Raises `RpcError` for a field that cannot be changed.
    """
    paths = list(_EDITABLE) if mask is None or list(mask.paths) in ([], ["*"]) else list(mask.paths)
    unknown = [path for path in paths if path not in _EDITABLE]
    if unknown:
        problem = f"is no field that can be changed; use {', '.join(_EDITABLE)}"
        raise invalid_fields(("update_mask", f"`{path}` {problem}") for path in unknown)
    changed = Campaign()
    changed.CopyFrom(current)
    only = Campaign()
    FieldMask(paths=paths).MergeMessage(change, only, replace_message_field=True, replace_repeated_field=True)
    for path in paths:
        changed.ClearField(path)  # type: ignore[arg-type]
    changed.MergeFrom(only)
    return changed


def _plain_of_selector(selector: Selector) -> Plain:
    plain: Plain = {}
    if selector.kinds:
        plain["kinds"] = [_kind_name(kind) for kind in selector.kinds]
    plain |= {key: list(names) for key in _LISTS if (names := getattr(selector, key))}
    plain |= {key: getattr(selector, key) for key in _PRIORITIES if selector.HasField(key)}
    if selector.HasField("not"):
        plain["not"] = _plain_of_selector(getattr(selector, "not"))
    return plain


def _selector_of_plain(plain: Mapping[str, Any]) -> Selector:
    selector = Selector(kinds=[_kind_of_name(name) for name in plain.get("kinds") or ()])
    for key in _LISTS:
        getattr(selector, key).extend(plain.get(key) or ())
    for key in _PRIORITIES:
        if plain.get(key) is not None:
            setattr(selector, key, plain[key])
    if plain.get("not") is not None:
        getattr(selector, "not").CopyFrom(_selector_of_plain(plain["not"]))
    return selector


def _kind_name(kind: int) -> str:
    try:
        return Kind.Name(kind).removeprefix(_KIND_PREFIX).lower()  # type: ignore[arg-type]
    except ValueError:
        return f"kind {kind}"


def _kind_of_name(name: str) -> Kind.ValueType:
    return Kind.Value(f"{_KIND_PREFIX}{name.upper()}")
