"""Random catalogs: valid documents in the written form, small enough to read, their rules crowded enough to meet."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from random import Random

from tests.property.clocks import ZONES
from tests.property.reference_values import Document
from tests.property.world_rules import (
    CAMPAIGNS,
    DERIVED,
    EVENTS,
    FAMILIES,
    PRIORITIES,
    SEGMENTS,
    UNITS,
    names_derived,
    random_capacity_window,
    random_rule,
    random_selector,
)

CHANNELS = ("email", "sms", "call", "push", "post", "web")
KINDS = ("marketing", "marketing", "marketing", "service", "transactional", "legal")
HALF_LIVES = ("12h", "3d", "30d", "180d")


def random_catalog(rng: Random, begins: int, horizon: str | None = None) -> Document:
    """A catalog whose campaigns live around `begins` (ms)."""
    channels = {name: random_channel(rng) for name in rng.sample(CHANNELS, rng.randint(2, 4))}
    derived = rng.sample(DERIVED, rng.choice((0, 0, 1, 2)))
    catalog: Document = {
        "repit": 1,
        "zone": rng.choice(ZONES),
        "horizon": horizon or rng.choice(("30d", "30d", "60d", "120d", "400d")),
        "channels": channels,
        "segments": random_segments(rng, derived),
        "offer_families": {name: random_family(rng, name) for name in FAMILIES},
        "business_units": {name: {} for name in UNITS},
        "campaigns": {},
        "policies": [],
    }
    if rng.random() < 0.4:
        catalog["fatigue"] = {"half_life": rng.choice(HALF_LIVES)}
    priorities = rng.sample(PRIORITIES, rng.randint(1, 3))
    for name in rng.sample(CAMPAIGNS, rng.randint(2, 6)):
        catalog["campaigns"][name] = random_campaign(rng, list(channels), begins, tuple(derived))
        catalog["campaigns"][name]["priority"] = rng.choice(priorities)
    rules_left = rng.randint(1, 6)
    for number in range(rng.randint(1, min(3, rules_left))):
        rules = [random_rule(rng, catalog, f"rule-{index}") for index in range(rng.randint(1, rules_left))]
        applies_to = random_selector(rng, catalog, tuple(derived))
        counts = random_selector(rng, catalog) if names_derived(applies_to) or rng.random() < 0.5 else None
        catalog["policies"] += policies_with(f"policy-{number}", applies_to, counts, rules)
        rules_left = max(1, rules_left - len(rules))
    if rng.random() < 0.2:
        rest = {"after": 1, "of": "offer_family", "rests": ["3d", "30d"]}
        catalog["policies"] = [
            *catalog["policies"][:1],
            {"name": "rest", "rules": [{"name": "rest", "back_off": rest}]},
        ]
    return catalog


def policies_with(name: str, applies_to: Document, counts: Document | None, rules: list[Document]) -> list[Document]:
    """A policy; where it counts other contacts than it judges, its capacities stand in a second one."""
    policy: Document = {"name": name, "applies_to": applies_to}
    if counts is None:
        return [policy | {"rules": rules}]
    capacities = [rule for rule in rules if "capacity" in rule]
    others = [rule for rule in rules if "capacity" not in rule]
    first = [policy | {"counts": counts, "rules": others}] if others else []
    return first + ([{**policy, "name": f"{name}-capacity", "rules": capacities}] if capacities else [])


def next_catalog(rng: Random, catalog: Document, begins: int) -> Document:
    """Another catalog for the same customers, which remembers no longer than the first does.

    A rest that never ends needs contacts beyond the horizon, which a catalog without that rest has let go. Capacities
    and budgets of the same name stay as they are; those of rules have names of their own.
    """
    while True:
        other = random_catalog(rng, begins, catalog["horizon"])
        if not has_never(other):
            break
    for section, key in (("channels", "capacity"), ("campaigns", "budget")):
        for name, body in other[section].items():
            if name in catalog[section]:
                body.pop(key, None)
                body.update({k: deepcopy(kept) for k, kept in catalog[section][name].items() if k == key})
    for policy in other["policies"]:
        for rule in policy["rules"]:
            rule["name"] += "-later" if "capacity" in rule else ""
    return other


def without_campaign(rng: Random, catalog: Document) -> Document:
    """The same catalog without one of the campaigns that no selector names; with all of them where there is none."""
    policies = str(catalog["policies"])
    unnamed = [name for name in catalog["campaigns"] if repr(name) not in policies]
    gone = rng.choice(unnamed) if len(catalog["campaigns"]) > 1 and unnamed else None
    return catalog | {"campaigns": {name: body for name, body in catalog["campaigns"].items() if name != gone}}


def has_never(catalog: Document) -> bool:
    """Whether a back-off has a rest that never ends."""
    rules = [rule for policy in catalog["policies"] for rule in policy["rules"]]
    return any("never" in rule["back_off"]["rests"] for rule in rules if "back_off" in rule)


def random_segments(rng: Random, derived: list[str]) -> list[str] | Document:
    """The segments given, and those derived."""
    if not derived:
        return list(SEGMENTS)
    return {name: {} for name in SEGMENTS} | {name: {"when": random_when(rng)} for name in derived}


def random_when(rng: Random) -> Document:
    """What puts a customer into a derived segment; seldom two things together."""
    choices: Document = {
        "answered_within": rng.choice(("1h", "3d", "14d")),
        "unanswered_at_least": rng.choice((1, 2, 3)),
        "first_contact_within": rng.choice(("2h", "3d", "14d")),
        "purchased_within": rng.choice(("1h", "7d", "30d")),
    }
    return {key: choices[key] for key in rng.sample(list(choices), rng.choice((1, 1, 1, 2)))}


def random_family(rng: Random, name: str) -> Document:
    """An offer family, sometimes with a family to fall back on and tastes that fade."""
    family: Document = {}
    if rng.random() < 0.85:
        family["fallback"] = rng.choice([other for other in FAMILIES if other != name])
    if rng.random() < 0.5:
        family["half_life"] = rng.choice(HALF_LIVES)
        if rng.random() < 0.5:
            family["learns_from"] = rng.sample(EVENTS, rng.randint(1, 4))
    return family


def random_channel(rng: Random) -> Document:
    """A channel with its cost, pressure, reservation and capacity."""
    channel: Document = {
        "cost": rng.choice((0, 0.002, 0.06, 0.5, 1.0, 4.5)),
        "pressure": rng.choice((0, 1, 1, 1, 2, 2.5, 5)),
    }
    if rng.random() < 0.6:
        channel["reservation"] = {
            "expires_after": rng.choice(("30m", "2h", "24h", "3d")),
            "unconfirmed": rng.choice(("counts", "released", "released")),
        }
    if rng.random() < 0.1:
        channel["capacity"] = [
            {"limit": rng.choice((1, 2, 3, 5)), "window": random_capacity_window(rng)}
            for _ in range(rng.choice((1, 1, 2)))
        ]
    return channel


def random_campaign(rng: Random, channels: list[str], begins: int, derived: tuple[str, ...]) -> Document:
    """A campaign on some of the channels."""
    campaign: Document = {
        "priority": rng.choice(PRIORITIES),
        "kind": rng.choice(KINDS),
        "channels": rng.sample(channels, rng.randint(1, len(channels))),
    }
    if rng.random() < 0.85:
        campaign["offer_family"] = rng.choice(FAMILIES)
    if rng.random() < 0.6:
        campaign["business_unit"] = rng.choice(UNITS)
    if rng.random() < 0.2:
        campaign["pressure"] = rng.choice((0, 1, 3))
    if rng.random() < 0.25:
        campaign["active"] = random_bounds(rng, begins)
    if rng.random() < 0.3:
        campaign["value"] = rng.choice((0.5, 12, 32.0))
    if rng.random() < 0.12:
        campaign["budget"] = {"amount": rng.choice((0.01, 0.5, 2.5, 9, 20))}
    if rng.random() < 0.12:
        known = (*SEGMENTS, *derived, *derived)
        named = sorted(set(rng.sample(known, rng.randint(1, 2))))
        campaign["eligible"] = rng.choice(({"segments": named}, {"not": {"segments": named}}))
    return campaign


def random_bounds(rng: Random, begins: int) -> Document:
    """`active` bounds around `begins`: from, until, or both."""
    day = datetime.fromtimestamp(begins // 1000, tz=UTC).date()
    first = day + timedelta(days=rng.randint(-20, 60))
    bounds: Document = {"from": first, "until": first + timedelta(days=rng.randint(10, 200))}
    if rng.random() < 0.5:
        del bounds[rng.choice(("from", "until"))]
    return bounds
