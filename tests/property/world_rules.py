"""Random rules for random catalogs: every kind, with windows, spans and selectors of every kind."""

from random import Random

from tests.property.clocks import ZONES
from tests.property.reference_time import DAY, span_ms
from tests.property.reference_values import Document

CAMPAIGNS = ("spring", "Spring 2", "autumn", "a/b", "Z.9", "recall", "news:1", "win & back")
FAMILIES = ("weekends", "long-stays", "cruises")
UNITS = ("leisure", "cruises")
SEGMENTS = ("loyal", "prospect", "silver")
DERIVED = ("engaged", "silent", "newcomer", "buyer")
PRIORITIES = (0, 10, 40, 50, 80, 100)
EVENTS = ("delivered", "opened", "clicked", "answered", "converted", "purchased", "refused", "complained", "bounced")
ANSWERING = ("clicked", "answered", "converted", "purchased", "opened", "delivered")
SLIDING = ("90s", "15m", "1h", "24h", "36h", "3d", "7d", "14d", "30d", "60d", "90d", "400d")
CALENDAR_DAYS = {"day": 2, "week": 8, "month": 32, "quarter": 93, "year": 367}
RULES = {
    "frequency_cap": 20,
    "back_off": 6,
    "respite": 5,
    "prerequisite": 1,
    "holdout": 1,
    "capacity": 3,
}
"""How often each kind comes."""


def random_rule(rng: Random, catalog: Document, name: str) -> Document:
    """A rule of any kind."""
    (kind,) = rng.choices(list(RULES), list(RULES.values()))
    body = {
        "frequency_cap": random_cap,
        "back_off": random_back_off,
        "respite": random_respite,
        "prerequisite": random_prerequisite,
        "holdout": random_holdout,
        "capacity": random_capacity,
    }[kind](rng, catalog)
    return {"name": name, kind: body}


def random_selector(rng: Random, catalog: Document, derived: tuple[str, ...] = ()) -> Document:
    """A selector of at most two keys, sometimes with an exception; often the empty one, which takes everything."""
    selector: Document = {}
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        selector |= random_selection(rng, catalog, derived)
    if rng.random() < 0.25:
        selector["not"] = random_selection(rng, catalog, derived)
    return selector


def random_selection(rng: Random, catalog: Document, derived: tuple[str, ...] = ()) -> Document:
    """One key of a selector."""
    values = {
        "kinds": ("marketing", "service", "transactional", "legal"),
        "channels": tuple(catalog["channels"]),
        "campaigns": tuple(catalog["campaigns"]) or CAMPAIGNS[:1],
        "offer_families": FAMILIES,
        "business_units": UNITS,
        "segments": (*SEGMENTS, *derived, *derived),
    }
    key = rng.choice((*values, *(("segments",) * 4 if derived else ()), "min_priority", "max_priority"))
    if key in values:
        return {key: sorted(set(rng.sample(values[key], rng.randint(1, min(3, len(values[key]))))))}
    return {key: rng.choice(PRIORITIES)}


def names_derived(selector: Document) -> bool:
    """Whether a selector looks at a derived segment."""
    named = set(selector.get("segments", ())) & set(DERIVED)
    return bool(named) or ("not" in selector and names_derived(selector["not"]))


def random_cap(rng: Random, catalog: Document) -> Document:
    """A cap of any measure and window."""
    measure = rng.choice(("limit", "limit", "limit", "points", "cost"))
    limits = {
        "limit": (0, 1, 1, 1, 1, 2, 2, 2, 3, 4),
        "points": (2, 5, 6, 7.5, 10, 15),
        "cost": (0.12, 1.13, 5.0, 9.0, 13.56, 20),
    }
    body: Document = {measure: rng.choice(limits[measure]), "window": random_window(rng, span_ms(catalog["horizon"]))}
    if rng.random() < 0.25:
        body["counted"] = rng.choice(("attempts", "confirmed", "answered"))
    if rng.random() < 0.35:
        body["per"] = rng.choice(("customer", "party", "party", "contact_point", "subject"))
    if measure == "limit" and body["limit"] > 1 and rng.random() < 0.4:
        body["reserve"] = {"min_priority": rng.choice(PRIORITIES[1:]), "places": rng.randint(1, body["limit"] - 1)}
    return body


def random_window(rng: Random, horizon: int) -> Document:
    """A window of any kind that fits in the horizon (ms)."""
    match rng.choice(("sliding", "sliding", "calendar", "calendar", "rolling_days", "lifetime")):
        case "sliding":
            return {"sliding": rng.choice([span for span in SLIDING if span_ms(span) <= horizon])}
        case "calendar":
            return random_period(rng, [unit for unit, days in CALENDAR_DAYS.items() if days * DAY <= horizon])
        case "rolling_days":
            return {
                "rolling_days": rng.choice([days for days in (1, 2, 7, 28, 30, 90) if (days + 2) * DAY <= horizon])
            } | random_zone(rng)
        case _:
            return {"lifetime": True}


def random_period(rng: Random, units: list[str]) -> Document:
    """A calendar window of one of the units."""
    window: Document = {"calendar": rng.choice(units)}
    if window["calendar"] == "week" and rng.random() < 0.7:
        window["week_starts"] = rng.choice(("monday", "sunday"))
    return window | random_zone(rng)


def random_zone(rng: Random) -> Document:
    """The zone of a window or span: the customer's, the brand's, a fixed one or none said."""
    zone = rng.choice(("customer", "customer", "brand", None, rng.choice(ZONES)))
    return {} if zone is None else {"zone": zone}


def random_span(rng: Random) -> str | Document:
    """A rest or respite of at most thirty days, or for ever."""
    if rng.random() < 0.05:
        return "never"
    return random_reach(rng)


def random_reach(rng: Random) -> str | Document:
    """A span of at most thirty days."""
    if rng.random() < 0.35:
        return {"days": rng.choice((1, 2, 5, 14))} | random_zone(rng)
    return rng.choice(("10m", "2h", "24h", "3d", "7d", "14d", "30d"))


def random_back_off(rng: Random, _: Document) -> Document:
    """A back-off with one to three rests."""
    body: Document = {
        "after": rng.choice((1, 1, 2, 3)),
        "of": rng.choice(("offer_family", "offer_family", "offer_family", "campaign", "channel", "any")),
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


def random_prerequisite(rng: Random, catalog: Document) -> Document:
    """A contact or an engagement that must have been."""
    body: Document = {"within": rng.choice(("2h", "7d", "30d", {"days": 14} | random_zone(rng)))}
    if rng.random() < 0.5:
        return body | {"contact": random_selector(rng, catalog)}
    if rng.random() < 0.6:
        body["of"] = rng.choice(("offer_family", "campaign", "channel", "any"))
    return body | {"engagement": rng.sample(EVENTS, rng.randint(2, 4))}


def random_holdout(rng: Random, _: Document) -> Document:
    """Three customers in ten."""
    return {"share": 0.3, "salt": rng.choice(("2026", "a b"))}


def random_capacity(rng: Random, _: Document) -> Document:
    """A capacity small enough to fill, sometimes shared among the business units."""
    limit = rng.choice((1, 2, 2, 3, 4, 7))
    body: Document = {"limit": limit, "window": random_capacity_window(rng)}
    if rng.random() < 0.5:
        body["per"] = rng.choice(("channel", "campaign", "business_unit"))
    if rng.random() < 0.6:
        body["shares"] = rng.choice(({"leisure": 0.5}, {"leisure": 0.6, "cruises": 0.4}, {"cruises": 0.34}))
        if rng.random() < 0.6:
            body["lend"] = True
        if rng.random() < 0.3:
            body["declared_unused"] = [rng.choice(sorted(body["shares"]))]
    return body


def random_capacity_window(rng: Random) -> Document:
    """A calendar period or all days; its zone is never the customer's."""
    if rng.random() < 0.15:
        return {"lifetime": True}
    window = random_period(rng, ["day", "day", "week", "month"])
    return window | ({"zone": rng.choice(("brand", *ZONES))} if window.get("zone") == "customer" else {})
