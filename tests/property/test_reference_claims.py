"""Claims and planned contacts of the reference model, held to answers worked out by hand."""

import pytest

from tests.property.by_hand import ANNA, T, ask, asked, cap, claim, figures, grant, model, reasons
from tests.property.reference_time import DAY, HOUR
from tests.property.reference_values import Claim, Document, Engagement

ONE_A_WEEK = cap(1, {"sliding": "7d"})


def test_a_claim_holds_its_place_from_its_registration_against_a_campaign_of_lower_rank() -> None:
    service = model(ONE_A_WEEK)
    claim(service, "news", T + 2 * DAY, T + 3 * DAY, now=T)
    denied = ask(service, T)
    assert reasons(denied) == [("OUTRANKED", "rule-0", T + 3 * DAY)]
    assert denied.denials[0].outranked_by == "news"
    assert figures(denied) == (1, 1)
    assert denied.earliest == T + 3 * DAY
    assert ask(service, T + 3 * DAY - 1).verdict == "DENY"
    assert ask(service, T + 3 * DAY).verdict == "GRANT"


def test_a_claim_that_begins_a_window_later_holds_nothing_yet() -> None:
    service = model(ONE_A_WEEK)
    claim(service, "news", T + 7 * DAY, T + 8 * DAY, now=T)
    assert service.check(asked("spring:email", T))[0].verdict == "GRANT"
    assert ask(service, T + 1).verdict == "DENY"


def test_a_claim_never_holds_a_place_against_a_better_campaign_nor_against_its_own() -> None:
    service = model(ONE_A_WEEK)
    claim(service, "spring", T, T + DAY, now=T)
    assert service.check(asked("news:email", T))[0].verdict == "GRANT"
    assert service.check(asked("spring:email", T))[0].verdict == "GRANT"


@pytest.mark.parametrize(
    ("claimed", "score", "deadline", "verdict"),
    [
        (2.0, 1.0, None, "DENY"),
        (1.0, 2.0, None, "GRANT"),
        (1.0, 1.0, T + 2 * DAY, "DENY"),
        (1.0, 1.0, T + DAY - 1, "GRANT"),
        (1.0, 1.0, T + DAY, "DENY"),
        (None, 0.0, None, "DENY"),
        (None, -1.0, T + 1, "DENY"),
    ],
)
def test_score_then_deadline_then_name_rank_claims_and_candidates(
    claimed: float | None, score: float, deadline: int | None, verdict: str
) -> None:
    service = model(ONE_A_WEEK)
    service.catalog["campaigns"]["autumn"] = service.catalog["campaigns"]["spring"]
    claim(service, "autumn", T, T + DAY, now=T, score=claimed)
    assert ask(service, T, score=score, deadline=deadline).verdict == verdict


def test_a_full_cap_with_a_claim_says_both() -> None:
    service = model(ONE_A_WEEK)
    claim(service, "news", T, T + 30 * DAY, now=T)
    grant(service, T, "news:email")  # uses the claim
    claim(service, "news", T + HOUR, T + 20 * DAY, now=T)
    denied = ask(service, T + 1)
    assert reasons(denied) == [("FREQUENCY_CAP", "rule-0", T + 7 * DAY), ("OUTRANKED", "rule-0", T + 20 * DAY)]
    assert [int(denial.used or 0) for denial in denied.denials] == [1, 2]


def test_a_grant_uses_the_claim_that_ends_first_and_a_release_does_not_bring_it_back() -> None:
    service = model()
    for until in (T + 3 * DAY, T + 2 * DAY):
        claim(service, "spring", T, until, now=T, channels=("email",))
    grant(service, T, "spring:sms")
    assert len(service.claims_left(ANNA, T)) == 2
    used = grant(service, T)
    assert [left.until for left in service.claims_left(ANNA, T)] == [T + 3 * DAY]
    service.release(used)
    assert len(service.claims_left(ANNA, T)) == 1


def test_the_same_claim_again_is_known_and_replaces_channels_and_score() -> None:
    service = model()
    first = Claim(ANNA, "spring", T, T + DAY)
    again = Claim(ANNA, "spring", T, T + DAY, ("sms",), 2.0)
    assert [service.register(made, T) for made in (first, again)] == ["registered", "known"]
    assert service.claims_left(ANNA, T) == [again]


def test_claims_die_with_their_campaign_and_do_not_come_back_with_it() -> None:
    service = model()
    before = service.catalog
    claim(service, "news", T, T + DAY, now=T)
    claim(service, "spring", T, T + DAY, now=T)
    service.apply(before | {"campaigns": {"spring": before["campaigns"]["spring"]}})
    service.apply(before)
    assert [left.campaign for left in service.claims_left(ANNA, T)] == ["spring"]
    assert service.withdraw("spring", T, ANNA) == "1 withdrawn"
    assert service.withdraw("spring", T, ANNA) == "0 withdrawn"


@pytest.mark.parametrize(
    ("made", "outcome"),
    [
        (Claim(ANNA, "nobody", T, T + DAY), "not_found"),
        (Claim(ANNA, "spring", T - DAY, T), "invalid_argument"),
        (Claim(ANNA, "spring", T + DAY, T + DAY), "invalid_argument"),
        (Claim(ANNA, "spring", T, T + 400 * DAY + 1), "invalid_argument"),
        (Claim(ANNA, "spring", T, T + 400 * DAY), "registered"),
        (Claim(ANNA, "spring", T - DAY, T + 1), "registered"),
        (Claim(ANNA, "news", T, T + 1, ("sms",)), "invalid_argument"),
        (Claim(ANNA, "spring", T, T + 1, (), float("nan")), "invalid_argument"),
    ],
)
def test_a_claim_is_of_a_known_campaign_and_its_channels_and_ends_in_time(made: Claim, outcome: str) -> None:
    assert model().register(made, T) == outcome


def test_a_party_keeps_at_most_256_claims() -> None:
    service = model()
    outcomes = [service.register(Claim(ANNA, "spring", T, T + 1 + n), T) for n in range(257)]
    assert outcomes == ["registered"] * 256 + ["resource_exhausted"]
    assert service.register(Claim(ANNA, "spring", T, T + 5), T) == "known"
    assert service.register(Claim(ANNA, "spring", T, T + DAY), T + 1) == "registered"  # the one until T + 1 is over


def test_a_claim_weighs_what_the_heaviest_of_its_channels_would_in_points() -> None:
    service = model({"frequency_cap": {"points": 3, "window": {"sliding": "7d"}}})
    service.catalog["campaigns"]["news"]["channels"] = ["email", "sms"]
    claim(service, "news", T, T + DAY, now=T)
    assert figures(ask(service, T, "spring:sms")) == (2, 3)
    claim(service, "news", T, T + DAY, now=T, channels=("email",))
    assert ask(service, T, "spring:sms").verdict == "GRANT"


def test_a_claim_of_another_member_holds_a_place_in_a_cap_of_the_party_alone() -> None:
    one_each, one_a_home = ONE_A_WEEK, cap(1, {"sliding": "7d"}, per="party")
    for rule, verdict in ((one_each, "GRANT"), (one_a_home, "DENY")):
        service = model(rule)
        service.register(Claim("ben", "news", T, T + DAY), T, "home")
        assert ask(service, T, party="home").verdict == verdict


def test_members_of_a_party_share_its_caps_and_have_their_own() -> None:
    service = model(cap(1, {"sliding": "24h"}), cap(2, {"sliding": "24h"}, per="party"))
    grant(service, T, party="home")
    grant(service, T, customer="ben", party="home")
    denied = ask(service, T + 1, customer="carla", party="home")
    assert reasons(denied) == [("FREQUENCY_CAP", "rule-1", T + DAY)]
    assert figures(denied) == (2, 2)
    assert ask(service, T + 1, customer="home").verdict == "DENY"  # the party of this name is the same
    assert ask(service, T + 1, customer="carla").verdict == "GRANT"


@pytest.mark.parametrize("per", ["contact_point", "subject"])
def test_contacts_add_up_per_contact_point_or_subject_over_the_members(per: str) -> None:
    service = model(cap(1, {"sliding": "24h"}, per=per))
    grant(service, T, party="home", **{per: "x"})
    grant(service, T, party="home", **{per: "y"})
    grant(service, T, party="home")
    for value in ("x", "y", ""):
        assert ask(service, T + 1, customer="ben", party="home", **{per: value}).verdict == "DENY"


def test_a_planned_contact_is_judged_and_counted_when_it_will_be_made() -> None:
    service = model(cap(1, {"sliding": "24h"}))
    planned = grant(service, T, planned=T + 3 * DAY)
    assert (planned.time, planned.asked, planned.expire) == (T + 3 * DAY, T, T + 4 * DAY)
    assert reasons(ask(service, T, planned=T + 4 * DAY - 1)) == [("FREQUENCY_CAP", "rule-0", T + 4 * DAY)]
    assert reasons(ask(service, T, planned=T + 2 * DAY + 1)) == [("FREQUENCY_CAP", "rule-0", T + 4 * DAY)]
    assert ask(service, T, planned=T + 2 * DAY).verdict == "GRANT"


def test_a_contact_is_planned_at_most_31_days_ahead() -> None:
    service = model()
    days = [31 * DAY, 31 * DAY + 1, 0, -1]
    assert [service.is_valid(asked("spring:email", T, planned=T + ahead)) for ahead in days] == [
        True,
        False,
        True,
        False,
    ]


def test_the_earliest_time_of_a_planned_contact_is_asked_for_then() -> None:
    channels = {"email": {"cost": 0, "reservation": {"expires_after": "1h", "unconfirmed": "released"}}}
    service = model(cap(1, {"sliding": "24h"}), channels=channels)
    grant(service, T)
    # It lapses at T + 1 h: asked now for T + 2 h it may still be confirmed; asked then it is gone.
    denied = ask(service, T + 1, planned=T + 2 * HOUR)
    assert reasons(denied) == [("FREQUENCY_CAP", "rule-0", T + 2 * HOUR)]


def test_a_claim_over_before_the_planned_contact_is_in_its_window_until_a_window_after_its_last_instant() -> None:
    service = model(cap(1, {"sliding": "24h"}))
    claim(service, "news", T, T + HOUR, now=T)
    assert ask(service, T, planned=T + HOUR - 2 + DAY).denials[0].reason == "OUTRANKED"
    assert ask(service, T, planned=T + HOUR - 1 + DAY).verdict == "GRANT"


def test_a_request_id_lives_a_day_from_the_asking() -> None:
    service = model()
    first = grant(service, T, request_id="r", planned=T + 5 * DAY)
    assert grant(service, T + DAY - 1, request_id="r") is first
    assert grant(service, T + DAY, request_id="r") is not first


def prerequisite(**body: object) -> Document:
    return {"prerequisite": body}


def test_a_prerequisite_wants_a_contact_before_within_its_span() -> None:
    service = model(prerequisite(contact={"channels": ["sms"]}, within="2d"))
    assert reasons(ask(service, T)) == [("NOT_ELIGIBLE", "rule-0", None)]
    service.record(ANNA, Engagement("e", "sent", T + HOUR, campaign="spring", channel="sms"), T)
    assert reasons(ask(service, T)) == [("NOT_ELIGIBLE", "rule-0", T + HOUR)]
    assert ask(service, T + HOUR).verdict == ask(service, T + HOUR + 2 * DAY - 1).verdict == "GRANT"
    assert ask(service, T + HOUR + 2 * DAY).verdict == "DENY"


def test_a_prerequisite_wants_an_engagement_of_the_same_family() -> None:
    service = model(prerequisite(engagement=["clicked"], of="offer_family", within="1d"))
    service.record(ANNA, Engagement("e", "clicked", T, campaign="news"), T)
    assert ask(service, T).verdict == "DENY"
    assert ask(service, T, "news:email").verdict == "GRANT"
