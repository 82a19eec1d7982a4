"""Writes a catalog as the engine reads it (docs/reference/compiled-catalog.md), the same bytes for the same catalog.

Times in milliseconds, amounts in millionths. Rules, channels and offer families stand in the order of the document;
what has no order is sorted.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any, Final

from repit_server.catalog import times
from repit_server.catalog.capacity import Budget, Capacity, listed, numbered
from repit_server.catalog.coherence import campaign_policy, channel_policy
from repit_server.catalog.model import ApiCampaign, Campaign, Channel, Document, OfferFamily, Policy
from repit_server.catalog.rules import BackOff, FrequencyCap, Holdout, Prerequisite, Respite, Rule
from repit_server.catalog.segments import When
from repit_server.catalog.selector import Selector
from repit_server.catalog.values import CalendarDays, millionths
from repit_server.catalog.windows import Window

FORMAT: Final = 1
"""The format of the compiled catalog."""

_MEASURES: Final = {"limit": "contacts", "points": "points", "cost": "cost"}
_LISTS: Final = ("kinds", "channels", "campaigns", "offer_families", "business_units", "segments")

Json = dict[str, Any]


def compile_document(
    document: Document, api_campaigns: Sequence[ApiCampaign], adopted_families: Collection[str] = ()
) -> bytes:
    """Compile a checked document with the campaigns of the API, and offer families beside its own: JSON in UTF-8."""
    campaigns = {**document.campaigns, **{campaign.name: campaign for campaign in api_campaigns}}
    families = {**document.offer_families, **dict.fromkeys(sorted(set(adopted_families)), OfferFamily())}
    families |= document.offer_families
    derived = document.derived_segments()
    compiled: Json = {
        "format": FORMAT,
        "zone": document.zone,
        "horizon_ms": _ms(document.horizon),
        "channels": [_channel(name, channel) for name, channel in document.channels.items()],
        "segments": sorted(document.segment_names()),
        "offer_families": [_family(name, family) for name, family in families.items()],
        "business_units": sorted(document.business_units),
        "campaigns": [_campaign(name, campaigns[name], document.zone) for name in sorted(campaigns)],
        "policies": [
            *(_policy(policy) for policy in document.policies),
            *(
                _of_channel(name, channel)
                for name, channel in document.channels.items()
                if channel.capacity is not None
            ),
            *(
                _of_campaign(name, budget)
                for name in sorted(campaigns)
                if (budget := campaigns[name].budget) is not None
            ),
        ],
    }
    if derived:
        compiled["derived_segments"] = [_derived(name, derived[name]) for name in sorted(derived)]
    if document.fatigue is not None:
        compiled["fatigue_half_life_ms"] = _ms(document.fatigue.half_life)
    return json.dumps(compiled, ensure_ascii=False, separators=(",", ":")).encode()


def _ms(span: str) -> int:
    length = times.span_ms(span)
    if length is None:
        message = f"`{span}` passed the model and is no span"
        raise AssertionError(message)
    return length


def _channel(name: str, channel: Channel) -> Json:
    return {
        "name": name,
        "cost": millionths(channel.cost),
        "pressure": millionths(channel.pressure),
        "expires_after_ms": _ms(channel.reservation.expires_after),
        "unconfirmed": channel.reservation.unconfirmed,
    }


def _family(name: str, family: OfferFamily) -> Json:
    half_life = None if family.half_life is None else _ms(family.half_life)
    compiled: Json = {"name": name, "fallback": family.fallback, "half_life_ms": half_life}
    if family.learns_from is not None:
        compiled["learns_from"] = sorted(set(family.learns_from))
    return compiled


def _derived(name: str, when: When) -> Json:
    spans = {key: getattr(when, key) for key in ("answered_within", "first_contact_within", "purchased_within")}
    compiled: Json = {"name": name, **{f"{key}_ms": _ms(span) for key, span in spans.items() if span is not None}}
    if when.unanswered_at_least is not None:
        compiled["unanswered_at_least"] = when.unanswered_at_least
    return compiled


def _campaign(name: str, campaign: Campaign, zone: str) -> Json:
    active = campaign.active
    return {
        "name": name,
        "priority": campaign.priority,
        "kind": campaign.kind,
        "channels": list(dict.fromkeys(campaign.channels)),
        "offer_family": campaign.offer_family,
        "business_unit": campaign.business_unit,
        "active_from_ms": None if active.from_ is None else times.start_of_day_ms(active.from_, zone),
        "active_until_ms": None if active.until is None else times.start_of_day_ms(active.until, zone),
        "value": None if campaign.value is None else millionths(campaign.value),
        "pressure": None if campaign.pressure is None else millionths(campaign.pressure),
        "eligible": None if campaign.eligible is None else _selector(campaign.eligible),
    }


def _selector(selector: Selector) -> Json:
    compiled: Json = {key: sorted(set(given)) for key in _LISTS if (given := getattr(selector, key)) is not None}
    for key in ("min_priority", "max_priority"):
        if getattr(selector, key) is not None:
            compiled[key] = getattr(selector, key)
    if selector.not_ is not None:
        compiled["not"] = _selector(selector.not_)
    return compiled


def _policy(policy: Policy) -> Json:
    counts = policy.applies_to if policy.counts is None else policy.counts
    return {
        "name": policy.name,
        "applies_to": _selector(policy.applies_to),
        "counts": _selector(counts),
        "rules": [compiled for rule in policy.rules for compiled in _rules(rule)],
    }


def _of_channel(name: str, channel: Channel) -> Json:
    """Make the policy of what a channel can do."""
    taken = _selector(Selector(channels=[name]))
    rules = _capacities("capacity", listed(channel.capacity))
    return {"name": channel_policy(name), "applies_to": taken, "counts": taken, "rules": rules}


def _of_campaign(name: str, budget: Budget) -> Json:
    """Make the policy of what a campaign may spend."""
    taken = _selector(Selector(campaigns=[name]))
    rules = [{"name": "budget", "capacity": _budget(budget)}]
    return {"name": campaign_policy(name), "applies_to": taken, "counts": taken, "rules": rules}


def _rules(rule: Rule) -> list[Json]:
    if rule.capacity is not None:
        return _capacities(rule.name, listed(rule.capacity))
    compiled: Json = {"name": rule.name}
    if rule.frequency_cap is not None:
        compiled["frequency_cap"] = _frequency_cap(rule.frequency_cap)
    if rule.back_off is not None:
        compiled["back_off"] = _back_off(rule.back_off)
    if rule.respite is not None:
        compiled["respite"] = _respite(rule.respite)
    if rule.prerequisite is not None:
        compiled["prerequisite"] = _prerequisite(rule.prerequisite)
    if rule.holdout is not None:
        compiled["holdout"] = _holdout(rule.holdout)
    return [compiled]


def _capacities(name: str, capacities: Sequence[Capacity]) -> list[Json]:
    return [
        {"name": numbered(name, number), "capacity": _capacity(capacity)} for number, capacity in enumerate(capacities)
    ]


def _frequency_cap(cap: FrequencyCap) -> Json:
    measure, allowed = cap.measured()
    unit = int if measure == "limit" else millionths
    reserve = cap.reserve
    compiled: Json = {
        "measure": _MEASURES[measure],
        "limit": unit(allowed),
        "window": _window(cap.window),
        "counted": cap.counted,
        "reserve": reserve and {"min_priority": reserve.min_priority, "places": unit(reserve.places)},
        "window_text": _window_text(cap.window),
    }
    if cap.per != "customer":
        compiled["per"] = cap.per
    return compiled


def _capacity(capacity: Capacity) -> Json:
    return {
        "measure": "contacts",
        "limit": capacity.limit,
        "window": _window(capacity.window),
        "per": capacity.per,
        "shares": [{"business_unit": unit, "limit": limit} for unit, limit in capacity.pools().items()],
        "lend": capacity.lend,
        "declared_unused": sorted(set(capacity.declared_unused)),
        "window_text": _window_text(capacity.window),
    }


def _budget(budget: Budget) -> Json:
    return {
        "measure": "cost",
        "limit": millionths(budget.amount),
        "window": {"lifetime": True},
        "per": None,
        "shares": [],
        "lend": False,
        "declared_unused": [],
        "window_text": "lifetime",
    }


def _prerequisite(prerequisite: Prerequisite) -> Json:
    contact, engagement = prerequisite.contact, prerequisite.engagement
    return {
        "contact": None if contact is None else _selector(contact),
        "engagement": None if engagement is None else sorted(set(engagement)),
        "of": prerequisite.of or "any",
        "within": _rest(prerequisite.within),
        "within_text": _rest_text(prerequisite.within),
    }


def _holdout(holdout: Holdout) -> Json:
    return {"share_micros": millionths(holdout.share), "salt": holdout.salt}


def _window(window: Window) -> Json:
    zone = window.zone or "brand"
    if window.sliding is not None:
        return {"sliding_ms": _ms(window.sliding)}
    if window.calendar is not None:
        return {"calendar": window.calendar, "zone": zone, "week_starts": window.week_starts or "monday"}
    if window.rolling_days is not None:
        return {"rolling_days": window.rolling_days, "zone": zone}
    return {"lifetime": True}


def _window_text(window: Window) -> str:
    zone = window.zone or "brand"
    if window.sliding is not None:
        return f"sliding {window.sliding}"
    if window.calendar is not None:
        week = " from sunday" if window.week_starts == "sunday" else ""
        return f"calendar {window.calendar}{week} ({zone})"
    if window.rolling_days is not None:
        return f"rolling {window.rolling_days} days ({zone})"
    return "lifetime"


def _back_off(back_off: BackOff) -> Json:
    return {
        "after": back_off.after,
        "of": back_off.of,
        "rests": [_rest(rest) for rest in back_off.rests],
        "answers": sorted(set(back_off.answers)),
        "rests_text": "rests " + ", ".join(_rest_text(rest) for rest in back_off.rests),
    }


def _respite(respite: Respite) -> Json:
    return {
        "after": sorted(set(respite.after)),
        "for": _rest(respite.for_),
        "min_value": None if respite.min_value is None else millionths(respite.min_value),
        "of": respite.of,
        "for_text": _rest_text(respite.for_),
    }


def _rest(rest: str | CalendarDays) -> Json | str:
    if isinstance(rest, CalendarDays):
        return {"days": rest.days, "zone": rest.zone}
    return rest if rest == "never" else {"ms": _ms(rest)}


def _rest_text(rest: str | CalendarDays) -> str:
    return f"{rest.days} days ({rest.zone})" if isinstance(rest, CalendarDays) else rest
