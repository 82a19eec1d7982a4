"""Scores, winners and alternatives of the reference model, held to answers worked out by hand."""

from tests.property.by_hand import ANNA, T, ask, asked, cap, claim, grant, model, tell
from tests.property.reference_model import ReferenceModel
from tests.property.reference_score import rounded
from tests.property.reference_time import DAY
from tests.property.reference_values import Alternative, Candidate, Document, Engagement, Request


def score(service: ReferenceModel, time: int, way: str = "spring:sms", **said: object) -> float | None:
    found = service.check(asked(way, time, **said))[0].score  # type: ignore[arg-type]
    return found.score if found else None


def test_a_score_given_is_the_score() -> None:
    assert score(model(), T, score=-2.5, probability=0.5, value=10) == -2.5


def test_nothing_known_is_no_score() -> None:
    assert score(model(), T) is None


def test_probability_and_value_make_a_score_less_the_cost_of_the_channel() -> None:
    service = model()
    assert score(service, T, probability=0.25, value=10.0) == 2.44  # 0.25 x 10 - 0.06
    assert score(service, T, probability=0.25) == 0.19
    assert score(service, T, value=10.0) == 9.94
    service.catalog["campaigns"]["spring"]["value"] = 32.0
    assert score(service, T, probability=0.5) == 15.94
    assert score(service, T) == 31.94
    assert score(service, T, value=10.0) == 9.94


def test_a_score_has_six_decimals_with_halves_away_from_zero() -> None:
    assert [rounded(x) for x in (0.0000005, -0.0000005, 0.12345649, 1.0)] == [0.000001, -0.000001, 0.123456, 1.0]


def test_affinity_halves_with_every_half_life_and_fatigue_with_its_own() -> None:
    families: Document = {"weekends": {"half_life": "2d", "learns_from": ["clicked"]}}
    service = model(offer_families=families, fatigue={"half_life": "1d"})
    tell(service, Engagement("", "clicked", T, campaign="spring"))
    tell(service, Engagement("", "clicked", T, campaign="news"))
    tell(service, Engagement("", "opened", T, campaign="spring"))
    assert score(service, T - 1, value=10.0) == 9.94
    assert score(service, T, value=10.0) == 19.94
    assert score(service, T + 2 * DAY, value=10.0) == 14.94  # 10 x (1 + 1/2)
    assert score(service, T + 2 * DAY, "news:email", value=10.0) == 9.998
    grant(service, T + 3 * DAY, planned=T + 4 * DAY)
    assert score(service, T + 4 * DAY, value=10.0) == 6.19  # 10 x (1 + 1/4) / (1 + 1) - 0.06
    assert score(service, T + 5 * DAY, "news:email", value=3.0) == 1.998  # 3 / (1 + 1/2) - 0.002
    tell(service, Engagement("", "answered", T + 5 * DAY, campaign="spring"))
    assert score(service, T + 5 * DAY, "news:email", value=3.0) == 2.998


def test_the_better_score_wins_and_leaves_its_contact_for_the_next() -> None:
    service = model(cap(2, {"sliding": "24h"}))
    cheap, dear = Candidate("spring", "sms", value=1.0), Candidate("spring", "email", value=5.0)
    news = Candidate("news", "email")
    decisions = service.request(Request(ANNA, T, (cheap, dear, news), max_grants=3))
    assert [decision.verdict for decision in decisions] == ["DENY", "GRANT", "GRANT"]


def test_a_winner_uses_its_claim_before_the_next_is_judged() -> None:
    service = model(cap(2, {"sliding": "24h"}))
    claim(service, "news", T, T + DAY, now=T)
    both = (Candidate("spring", "sms"), Candidate("news", "email"))
    assert [d.verdict for d in service.request(Request(ANNA, T, both, max_grants=2))] == ["GRANT", "GRANT"]


def alternatives(service: ReferenceModel, request: Request) -> tuple[Alternative, ...]:
    return service.alternatives(request, service.request(request))


def test_another_channel_and_another_time_are_proposed() -> None:
    policy = {"name": "mail", "applies_to": {"channels": ["email"]}}
    service = model(policies=[policy | {"rules": [{"name": "one", **cap(1, {"sliding": "24h"})}]}])
    assert alternatives(service, asked("spring:email", T)) == ()
    other, later = alternatives(service, asked("spring:email", T + 1))
    assert (other.kind, other.campaign, other.channel) == ("channel", "spring", "sms")
    assert (later.kind, later.campaign, later.channel, later.time) == ("time", "spring", "email", T + DAY)


def test_a_family_at_rest_falls_back_to_the_next_that_is_open() -> None:
    families = {
        "weekends": {"fallback": "cruises"},
        "cruises": {"fallback": "stays"},
        "stays": {"fallback": "weekends"},
    }
    service = model({"back_off": {"after": 1, "of": "offer_family", "rests": ["never"]}}, offer_families=families)
    spring, news = service.catalog["campaigns"]["spring"], service.catalog["campaigns"]["news"]
    service.catalog["campaigns"] |= {
        "suites": spring | {"offer_family": "cruises", "channels": ["fax"], "eligible": {"segments": ["rich"]}},
        "b": news | {"offer_family": "stays"},
        "a": news | {"offer_family": "stays"},
    }
    grant(service, T)
    (fallback,) = alternatives(service, asked("spring:email", T + 1))
    assert (fallback.kind, fallback.campaign, fallback.channel) == ("fallback", "a", "email")


def test_nothing_is_proposed_where_something_was_granted() -> None:
    service = model(cap(1, {"sliding": "24h"}))
    both = (Candidate("spring", "sms"), Candidate("news", "email"))
    assert alternatives(service, Request(ANNA, T, both)) == ()
    assert ask(service, T + DAY).verdict == "GRANT"
