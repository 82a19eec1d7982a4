"""What random walks found once: each world reduced to the few steps that told engine and reference model apart."""

from collections.abc import Iterator
from datetime import date

import pytest

from tests.property.arbiter_engine import ArbiterEngine
from tests.property.comparison import replayed
from tests.property.reference_time import DAY, HOUR
from tests.property.reference_values import Candidate, Claim, Document, Engagement, Request
from tests.property.steps import Place, Step

T = 1_772_445_600_000
"""2 March 2026, 10:00 UTC."""


@pytest.fixture
def engine() -> Iterator[ArbiterEngine]:
    arbiter = ArbiterEngine(lambda: "memory")
    yield arbiter
    arbiter.close()


def catalog(*rules: Document, **changes: object) -> Document:
    """Campaigns with and without an offer family; e-mail lapses when it is not confirmed within an hour."""
    campaign = {"priority": 40, "kind": "marketing", "channels": ["email", "sms"]}
    document: Document = {
        "repit": 1,
        "zone": "Europe/Paris",
        "horizon": "60d",
        "channels": {
            "email": {"cost": 0.002, "reservation": {"expires_after": "1h", "unconfirmed": "released"}},
            "sms": {"cost": 0.06, "pressure": 2},
            "call": {"cost": 4.5, "pressure": 5},
        },
        "offer_families": {"weekends": {}, "cruises": {}},
        "campaigns": {"spring": campaign | {"offer_family": "weekends"}, "news": campaign, "recall": campaign},
        "policies": [{"name": "pressure", "rules": [{"name": f"rule-{n}", **rule} for n, rule in enumerate(rules)]}],
    }
    return document | changes


def ask(number: int, time: int, *ways: str, request_id: str = "", max_grants: int = 1) -> Step:
    """A request for candidates given as `campaign:channel`."""
    candidates = tuple(Candidate(*way.split(":")) for way in ways)  # type: ignore[arg-type]
    request = Request("anna", time, candidates, request_id or f"r{number}", max_grants)
    return Step(number, "request", "anna", time, request=request)


def tell(number: int, engagement: Engagement, time: int, place: Place | None = None) -> Step:
    """A report of an engagement at `time`."""
    return Step(number, "record", "anna", time, engagement=engagement, place=place)


REST_OF_CHANNEL: Document = {"back_off": {"after": 1, "of": "channel", "rests": ["30d"]}}
RESPITE_OF_FAMILY: Document = {"respite": {"after": ["answered"], "for": "14d", "of": "offer_family"}}


def test_an_answer_does_not_belong_to_a_contact_that_expired_unconfirmed(engine: ArbiterEngine) -> None:
    steps = [
        ask(0, T, "spring:sms"),
        ask(1, T + HOUR, "spring:email"),
        tell(2, Engagement("e2", "clicked", T + 3 * HOUR, campaign="spring"), T + 3 * HOUR),
        ask(3, T + 4 * HOUR, "news:sms"),
    ]
    assert replayed(catalog(REST_OF_CHANNEL), engine, steps, "expired") is None


@pytest.mark.parametrize("age", [60 * DAY - 1, 60 * DAY])
def test_an_answer_does_not_belong_to_a_contact_that_the_horizon_left_behind(engine: ArbiterEngine, age: int) -> None:
    clicked = Engagement("e1", "clicked", T + 50 * DAY, campaign="spring")
    steps = [ask(0, T, "spring:sms"), tell(1, clicked, T + age), ask(2, T + age, "news:sms")]
    assert replayed(catalog(REST_OF_CHANNEL), engine, steps, "forgotten") is None


@pytest.mark.parametrize("cap", [{"cost": 0.12}, {"points": 3}])
def test_a_channel_that_the_campaign_does_not_list_weighs_what_it_weighs(engine: ArbiterEngine, cap: Document) -> None:
    rule = {"frequency_cap": cap | {"window": {"sliding": "3d"}}}
    assert replayed(catalog(rule), engine, [ask(0, T, "spring:call", "spring:sms")], "unlisted") is None


def test_a_contact_reported_as_sent_a_second_time_is_a_duplicate(engine: ArbiterEngine) -> None:
    sent = Engagement("e1", "sent", T + 1)
    steps = [ask(0, T, "spring:sms"), tell(1, sent, T + 1, (0, 0)), tell(2, sent, T + HOUR, (0, 0))]
    assert replayed(catalog(REST_OF_CHANNEL), engine, steps, "sent twice") is None


def test_a_repeated_request_may_still_take_the_grants_that_it_has_left(engine: ArbiterEngine) -> None:
    rule = {"frequency_cap": {"limit": 1, "window": {"sliding": "2h"}}}
    ways = ("spring:sms", "news:sms", "recall:sms")
    steps = [ask(n, T + hours * HOUR, *ways, request_id="r", max_grants=2) for n, hours in enumerate((0, 1, 2, 3))]
    assert replayed(catalog(rule), engine, steps, "grants left") is None


@pytest.mark.parametrize("campaign", ["recall", "spring", None])
def test_an_event_of_no_family_concerns_candidates_of_none_if_a_campaign_is_named(
    engine: ArbiterEngine, campaign: str | None
) -> None:
    rule = {"respite": {"after": ["purchased"], "for": "14d", "of": "offer_family"}}
    steps = [tell(0, Engagement("e0", "purchased", T, campaign=campaign), T), ask(1, T + 1, "news:sms", "spring:sms")]
    assert replayed(catalog(rule), engine, steps, "no family") is None


def test_a_campaign_begins_by_the_same_tables_of_time_zones_in_document_and_engine(engine: ArbiterEngine) -> None:
    document = catalog(REST_OF_CHANNEL, zone="America/Havana")
    document["campaigns"]["spring"] = document["campaigns"]["spring"] | {"active": {"from": date(2027, 2, 24)}}
    assert replayed(document, engine, [ask(0, T, "spring:sms")], "tables") is None


def test_an_event_on_a_channel_that_its_campaign_does_not_list_has_the_family_of_this_catalog(
    engine: ArbiterEngine,
) -> None:
    before = catalog(RESPITE_OF_FAMILY)
    before["campaigns"]["spring"] = before["campaigns"]["spring"] | {"channels": ["call"], "offer_family": "cruises"}
    answered = Engagement("e1", "answered", T, campaign="spring", channel="call")
    steps = [
        Step(0, "apply", "", T, catalog=catalog(RESPITE_OF_FAMILY)),
        tell(1, answered, T),
        ask(2, T + 1, "spring:sms", "news:sms"),
    ]
    assert replayed(before, engine, steps, "older family") is None


def test_that_better_candidates_took_all_grants_is_said_after_the_claims(engine: ArbiterEngine) -> None:
    document = catalog({"frequency_cap": {"limit": 1, "window": {"sliding": "1d"}}})
    document["campaigns"]["spring"] = document["campaigns"]["spring"] | {"priority": 60}
    claims = [Claim("anna", "spring", T, T + days * DAY) for days in (1, 2)]
    registered = [Step(number, "register", "anna", T, claim=claim) for number, claim in enumerate(claims)]
    assert replayed(document, engine, [*registered, ask(2, T, "news:sms", "spring:sms")], "beyond") is None
