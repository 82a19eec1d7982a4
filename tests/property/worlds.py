"""Random catalogs: valid documents in the written form, small enough to read, their rules crowded enough to meet."""

from datetime import UTC, datetime, timedelta
from random import Random

from tests.property.clocks import ZONES
from tests.property.reference_rules import Document
from tests.property.reference_time import DAY, span_ms

CHANNELS = ("email", "sms", "call", "push", "post", "web")
CAMPAIGNS = ("spring", "Spring 2", "autumn", "a/b", "Z.9", "recall", "news:1", "win & back")
FAMILIES = ("weekends", "long-stays", "cruises")
UNITS = ("leisure", "cruises")
SEGMENTS = ("loyal", "prospect", "silver")
KINDS = ("marketing", "marketing", "marketing", "service", "transactional", "legal")
PRIORITIES = (0, 10, 40, 50, 80, 100)
EVENTS = ("delivered", "opened", "clicked", "answered", "converted", "purchased", "refused", "complained", "bounced")
ANSWERING = ("clicked", "answered", "converted", "purchased", "opened", "delivered")
SLIDING = ("90s", "15m", "1h", "24h", "36h", "3d", "7d", "14d", "30d", "60d", "90d", "400d")
CALENDAR_DAYS = {"day": 2, "week": 8, "month": 32, "quarter": 93, "year": 367}


def random_catalog(rng: Random, begins: int, horizon: str | None = None) -> Document:
    """A catalog whose campaigns live around `begins` (ms)."""
    channels = {name: random_channel(rng) for name in rng.sample(CHANNELS, rng.randint(2, 4))}
    catalog: Document = {
        "repit": 1,
        "zone": rng.choice(ZONES),
        "horizon": horizon or rng.choice(("30d", "30d", "60d", "120d", "400d")),
        "channels": channels,
        "segments": list(SEGMENTS),
        "offer_families": {name: {} for name in FAMILIES},
        "business_units": {name: {} for name in UNITS},
        "campaigns": {},
        "policies": [],
    }
    for name in rng.sample(CAMPAIGNS, rng.randint(2, 6)):
        catalog["campaigns"][name] = random_campaign(rng, list(channels), begins)
    rules_left = rng.randint(1, 6)
    for number in range(rng.randint(1, min(3, rules_left))):
        rules = [random_rule(rng, catalog, f"rule-{index}") for index in range(rng.randint(1, rules_left))]
        policy: Document = {"name": f"policy-{number}", "applies_to": random_selector(rng, catalog), "rules": rules}
        if rng.random() < 0.5:
            policy["counts"] = random_selector(rng, catalog)
        catalog["policies"].append(policy)
        rules_left = max(1, rules_left - len(rules))
    return catalog


def next_catalog(rng: Random, catalog: Document, begins: int) -> Document:
    """Another catalog for the same customers, which remembers no longer than the first does.

    A rest that never ends needs contacts beyond the horizon, which a catalog without that rest has let go.
    """
    while True:
        other = random_catalog(rng, begins, catalog["horizon"])
        if not has_never(other):
            return other


def has_never(catalog: Document) -> bool:
    """Whether a back-off has a rest that never ends."""
    rules = [rule for policy in catalog["policies"] for rule in policy["rules"]]
    return any("never" in rule["back_off"]["rests"] for rule in rules if "back_off" in rule)


def random_channel(rng: Random) -> Document:
    """A channel with its cost, pressure and reservation."""
    channel: Document = {
        "cost": rng.choice((0, 0.002, 0.06, 0.5, 1.0, 4.5)),
        "pressure": rng.choice((0, 1, 1, 1, 2, 2.5, 5)),
    }
    if rng.random() < 0.6:
        channel["reservation"] = {
            "expires_after": rng.choice(("30m", "2h", "24h", "3d")),
            "unconfirmed": rng.choice(("counts", "released", "released")),
        }
    return channel


def random_campaign(rng: Random, channels: list[str], begins: int) -> Document:
    """A campaign on some of the channels."""
    campaign: Document = {
        "priority": rng.choice(PRIORITIES),
        "kind": rng.choice(KINDS),
        "channels": rng.sample(channels, rng.randint(1, len(channels))),
    }
    if rng.random() < 0.7:
        campaign["offer_family"] = rng.choice(FAMILIES)
    if rng.random() < 0.5:
        campaign["business_unit"] = rng.choice(UNITS)
    if rng.random() < 0.2:
        campaign["pressure"] = rng.choice((0, 1, 3))
    if rng.random() < 0.25:
        campaign["active"] = random_bounds(rng, begins)
    if rng.random() < 0.12:
        named = rng.sample(SEGMENTS, rng.randint(1, 2))
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


def random_selector(rng: Random, catalog: Document) -> Document:
    """A selector of at most two keys, sometimes with an exception; often the empty one, which takes everything."""
    selector: Document = {}
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        selector |= random_selection(rng, catalog)
    if rng.random() < 0.25:
        selector["not"] = random_selection(rng, catalog)
    return selector


def random_selection(rng: Random, catalog: Document) -> Document:
    """One key of a selector."""
    values = {
        "kinds": ("marketing", "service", "transactional", "legal"),
        "channels": tuple(catalog["channels"]),
        "campaigns": tuple(catalog["campaigns"]) or CAMPAIGNS[:1],
        "offer_families": FAMILIES,
        "business_units": UNITS,
        "segments": SEGMENTS,
    }
    key = rng.choice((*values, "min_priority", "max_priority"))
    if key in values:
        return {key: rng.sample(values[key], rng.randint(1, min(3, len(values[key]))))}
    return {key: rng.choice(PRIORITIES)}


def random_rule(rng: Random, catalog: Document, name: str) -> Document:
    """A frequency cap, a back-off or a respite."""
    kind = rng.choice(("frequency_cap", "frequency_cap", "frequency_cap", "back_off", "respite", "respite"))
    body = {"frequency_cap": random_cap, "back_off": random_back_off, "respite": random_respite}[kind](rng, catalog)
    return {"name": name, kind: body}


def random_cap(rng: Random, catalog: Document) -> Document:
    """A cap of any measure and window."""
    measure = rng.choice(("limit", "limit", "limit", "points", "cost"))
    limits = {
        "limit": (0, 1, 1, 1, 1, 2, 2, 2, 3, 4),
        "points": (2, 5, 6, 7.5, 10, 15),
        "cost": (0.12, 1.13, 5.0, 9.0, 13.56, 20),
    }
    body: Document = {measure: rng.choice(limits[measure]), "window": random_window(rng, span_ms(catalog["horizon"]))}
    if rng.random() < 0.3:
        body["counted"] = rng.choice(("attempts", "confirmed", "answered"))
    if measure == "limit" and body["limit"] > 1 and rng.random() < 0.4:
        body["reserve"] = {"min_priority": rng.choice(PRIORITIES[1:]), "places": rng.randint(1, body["limit"] - 1)}
    return body


def random_window(rng: Random, horizon: int) -> Document:
    """A window of any kind that fits in the horizon (ms)."""
    match rng.choice(("sliding", "sliding", "calendar", "calendar", "rolling_days", "lifetime")):
        case "sliding":
            return {"sliding": rng.choice([span for span in SLIDING if span_ms(span) <= horizon])}
        case "calendar":
            window = {"calendar": rng.choice([unit for unit, days in CALENDAR_DAYS.items() if days * DAY <= horizon])}
            if window["calendar"] == "week" and rng.random() < 0.7:
                window["week_starts"] = rng.choice(("monday", "sunday"))
            return window | random_zone(rng)
        case "rolling_days":
            return {
                "rolling_days": rng.choice([days for days in (1, 2, 7, 28, 30, 90) if (days + 2) * DAY <= horizon])
            } | random_zone(rng)
        case _:
            return {"lifetime": True}


def random_zone(rng: Random) -> Document:
    """The zone of a window or span: the customer's, the brand's, a fixed one or none said."""
    zone = rng.choice(("customer", "customer", "brand", None, rng.choice(ZONES)))
    return {} if zone is None else {"zone": zone}


def random_span(rng: Random) -> str | Document:
    """A rest or respite of at most thirty days, or for ever."""
    if rng.random() < 0.05:
        return "never"
    if rng.random() < 0.35:
        return {"days": rng.choice((1, 2, 5, 14))} | random_zone(rng)
    return rng.choice(("10m", "2h", "24h", "3d", "7d", "14d", "30d"))


def random_back_off(rng: Random, _: Document) -> Document:
    """A back-off with one to three rests."""
    body: Document = {
        "after": rng.choice((1, 2, 2, 3)),
        "of": rng.choice(("offer_family", "campaign", "channel", "any")),
        "rests": [random_span(rng) for _ in range(rng.randint(1, 3))],
    }
    if rng.random() < 0.1:
        body["rests"][-1] = "never"
    if rng.random() < 0.6:
        body["answers"] = rng.sample(ANSWERING, rng.randint(1, 3))
    return body


def random_respite(rng: Random, _: Document) -> Document:
    """A respite after one to four kinds of event."""
    body: Document = {"after": rng.sample(EVENTS, rng.randint(1, 4)), "for": random_span(rng)}
    if rng.random() < 0.3:
        body["of"] = "offer_family"
    if rng.random() < 0.3:
        body["min_value"] = rng.choice((50, 100))
    return body
