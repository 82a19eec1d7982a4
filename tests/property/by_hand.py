"""A small catalog and a customer, for sentences about the reference model that are worked out by hand."""

from dataclasses import replace
from datetime import datetime

from tests.property.reference_model import ReferenceModel
from tests.property.reference_time import zone_named
from tests.property.reference_values import Candidate, Claim, Contact, Decision, Document, Engagement, Request

ANNA = "anna"


def at(text: str, zone: str = "UTC") -> int:
    """Milliseconds of a wall-clock time, the first of two where it exists twice."""
    return int(datetime.fromisoformat(text).replace(tzinfo=zone_named(zone)).timestamp() * 1000)


def model(*rules: Document, **changes: object) -> ReferenceModel:
    """Two campaigns, `spring` (e-mail, SMS; weekends) and `news` (e-mail; no family), under a policy of these rules."""
    catalog: Document = {
        "zone": "Europe/Paris",
        "horizon": "400d",
        "channels": {"email": {"cost": 0.002, "pressure": 1}, "sms": {"cost": 0.06, "pressure": 2}},
        "campaigns": {
            "spring": {"priority": 40, "kind": "marketing", "channels": ["email", "sms"], "offer_family": "weekends"},
            "news": {"priority": 80, "kind": "service", "channels": ["email"]},
        },
        "policies": [{"name": "pressure", "rules": [{"name": f"rule-{n}", **rule} for n, rule in enumerate(rules)]}],
    }
    return ReferenceModel(catalog | changes)


def cap(limit: int, window: Document, **more: object) -> Document:
    return {"frequency_cap": {"limit": limit, "window": window, **more}}


def asked(way: str, time: int, request_id: str = "", **said: object) -> Request:
    """A request for one candidate, given as `campaign:channel`; `score` and `deadline` are the candidate's."""
    campaign, channel = way.split(":")
    mine = {key: said.pop(key) for key in ("score", "deadline", "probability", "value") if key in said}
    candidate = replace(Candidate(campaign, channel), **mine)  # type: ignore[arg-type]
    request = Request(str(said.pop("customer", ANNA)), time, (candidate,), request_id)
    return replace(request, **said)  # type: ignore[arg-type]


def ask(service: ReferenceModel, time: int, way: str = "spring:email", **said: object) -> Decision:
    """The decision for one candidate."""
    return service.request(asked(way, time, **said))[0]  # type: ignore[arg-type]


def grant(service: ReferenceModel, time: int, way: str = "spring:email", **said: object) -> Contact:
    """The contact of a request that must be granted."""
    contact = ask(service, time, way, **said).contact
    assert contact is not None
    return contact


def claim(service: ReferenceModel, campaign: str, begins: int, until: int, now: int, **more: object) -> None:
    """A claim for Anna that must be registered."""
    made = replace(Claim(ANNA, campaign, begins, until), **more)  # type: ignore[arg-type]
    assert service.register(made, now) in ("registered", "known")


def tell(service: ReferenceModel, engagement: Engagement) -> None:
    """Report an engagement at its own time, under an id of its own."""
    named = replace(engagement, event_id=f"e{len(service.history(ANNA).event_ids)}")
    assert service.record(ANNA, named, engagement.time).outcome == "recorded"


def reasons(decision: Decision) -> list[tuple[str, str, int | None]]:
    return [(denial.reason, denial.rule, denial.earliest) for denial in decision.denials]


def figures(decision: Decision) -> tuple[int, int]:
    """What the first denial says is used, and of how much."""
    denial = decision.denials[0]
    return int(denial.used or 0), int(denial.limit or 0)


T = at("2026-03-02T10:00")
