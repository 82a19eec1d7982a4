"""Capacity, budget, hold-out and derived segments of the reference model, held to answers worked out by hand."""

import pytest

from tests.property.by_hand import T, ask, asked, at, figures, grant, model, reasons, tell
from tests.property.reference_behaviour import stable_hash
from tests.property.reference_model import ReferenceModel
from tests.property.reference_time import DAY, HOUR
from tests.property.reference_values import Document, Engagement

MIDNIGHT = at("2026-03-03", "Europe/Paris")
DAILY = {"calendar": "day"}


def shared(limit: int, **more: object) -> ReferenceModel:
    """A capacity a day under which `spring` is of retail and `news` of business."""
    service = model({"capacity": {"limit": limit, "window": DAILY, **more}})
    service.catalog["campaigns"]["spring"]["business_unit"] = "retail"
    service.catalog["campaigns"]["news"]["business_unit"] = "business"
    return service


def fill(service: ReferenceModel, way: str, count: int, time: int = T) -> None:
    """So many contacts, each with a customer of its own."""
    for number in range(count):
        grant(service, time, way, customer=f"{way}-{time}-{number}")


def test_a_capacity_is_counted_over_all_customers_until_the_period_ends() -> None:
    service = shared(2)
    fill(service, "spring:email", 2)
    denied = ask(service, T)
    assert reasons(denied) == [("CAPACITY", "rule-0", MIDNIGHT)]
    assert figures(denied) == (2, 2)
    fill(service, "spring:email", 1, time=MIDNIGHT)


def test_a_release_gives_back_and_an_expired_reservation_does_not() -> None:
    channels = {"email": {"cost": 0, "reservation": {"expires_after": "1h", "unconfirmed": "released"}}}
    service = model({"capacity": {"limit": 1, "window": DAILY}}, channels=channels)
    first = grant(service, T)
    assert ask(service, T + 2 * HOUR, customer="ben").verdict == "DENY"
    assert [service.release(first) for _ in range(2)] == ["ok", "ok"]
    fill(service, "spring:email", 1)
    assert ask(service, T, customer="ben").verdict == "DENY"


def test_a_share_is_kept_for_its_unit_and_what_is_left_is_everybodys() -> None:
    service = shared(10, shares={"retail": 0.55})  # 5 of retail, 5 in common
    fill(service, "news:email", 5)
    assert reasons(ask(service, T, "news:email")) == [("CAPACITY", "rule-0", MIDNIGHT)]
    assert figures(ask(service, T, "news:email")) == (5, 10)
    fill(service, "spring:email", 5)
    assert figures(ask(service, T)) == (10, 10)


def test_what_others_leave_is_lent_in_the_last_tenth_of_the_window() -> None:
    service = shared(2, shares={"retail": 1.0}, lend=True)
    lends = MIDNIGHT - DAY // 10
    assert reasons(ask(service, T, "news:email")) == [("CAPACITY", "rule-0", lends)]
    assert ask(service, lends - 1, "news:email").verdict == "DENY"
    assert ask(service, lends - 1, "news:email", planned=lends).verdict == "DENY"  # lending looks at the asking
    fill(service, "news:email", 2, time=lends)
    assert reasons(ask(service, lends, "news:email")) == [("CAPACITY", "rule-0", MIDNIGHT + DAY - DAY // 10)]


def test_a_share_declared_unused_is_open_at_once() -> None:
    service = shared(2, shares={"retail": 0.5, "business": 0.5}, declared_unused=["business"])
    fill(service, "spring:email", 2)
    assert ask(service, T, "news:email").verdict == "DENY"


def test_planned_contacts_take_of_the_period_in_which_they_lie() -> None:
    service = shared(1)
    grant(service, T, planned=MIDNIGHT, customer="ben")
    grant(service, T, customer="carla")
    assert reasons(ask(service, T)) == [("CAPACITY", "rule-0", MIDNIGHT + DAY)]


def test_a_capacity_per_campaign_has_an_account_for_each() -> None:
    service = shared(1, per="campaign")
    fill(service, "spring:email", 1)
    fill(service, "news:email", 1)
    assert ask(service, T).verdict == "DENY"


def test_a_channel_and_a_campaign_have_limits_of_their_own() -> None:
    service = model()
    service.catalog["channels"]["email"]["capacity"] = [{"limit": 9, "window": DAILY}, {"limit": 1, "window": DAILY}]
    service.catalog["campaigns"]["spring"]["budget"] = {"amount": 0.06}
    fill(service, "spring:sms", 1)
    denied = ask(service, T, "spring:sms").denials[0]
    assert (denied.reason, denied.policy, denied.rule, denied.earliest) == ("BUDGET", "campaign:spring", "budget", None)
    assert [float(denied.used or 0), float(denied.limit or 0)] == [0.06, 0.06]
    fill(service, "news:email", 1)
    assert [(d.policy, d.rule) for d in ask(service, T, "news:email").denials] == [("channel:email", "capacity-2")]


def test_a_check_takes_nothing() -> None:
    service = shared(1)
    for _ in range(2):
        assert service.check(asked("spring:email", T))[0].verdict == "GRANT"


@pytest.mark.parametrize(("text", "hashed"), [(b"", 0xEFD01F60BA992926), (b"a", 0x82A2A958A9BECE5B)])
def test_the_hash_is_fnv_1a_mixed_by_murmur(text: bytes, hashed: int) -> None:
    assert stable_hash(text) == hashed


def test_the_held_out_are_about_the_share_and_always_the_same() -> None:
    rule: Document = {"holdout": {"share": 0.3, "salt": "2026"}}
    held = [n for n in range(2000) if ask(model(rule), T, customer=f"c{n}").verdict == "DENY"]
    assert 540 < len(held) < 660
    denied = ask(model(rule), T + DAY, customer=f"c{held[0]}")
    assert reasons(denied) == [("HELD_OUT", "rule-0", None)]


def segments(**when: object) -> ReferenceModel:
    """A campaign for those in the derived segment alone, and one for the others."""
    service = model(segments={"loyal": {}, "derived": {"when": when}})
    service.catalog["campaigns"]["spring"]["eligible"] = {"segments": ["derived"]}
    service.catalog["campaigns"]["news"]["eligible"] = {"not": {"segments": ["derived"]}}
    return service


def verdicts(service: ReferenceModel, *times: int) -> list[str]:
    return [service.check(asked("spring:email", time))[0].verdict for time in times]


def test_a_derived_segment_that_is_given_is_ignored() -> None:
    assert ask(segments(answered_within="7d"), T, segments=("derived",)).verdict == "DENY"


def test_who_answered_is_in_a_segment_for_a_span_from_the_answer_on() -> None:
    service = segments(answered_within="7d")
    tell(service, Engagement("", "clicked", T))
    tell(service, Engagement("", "opened", T + DAY))
    assert verdicts(service, T - 1, T, T + 7 * DAY - 1, T + 7 * DAY) == ["DENY", "GRANT", "GRANT", "DENY"]
    assert reasons(ask(service, T, "news:email")) == [("NOT_ELIGIBLE", "", T + 7 * DAY)]
    assert reasons(ask(service, T - 1)) == [("NOT_ELIGIBLE", "", T)]


def test_who_left_enough_contacts_unanswered_is_silent_until_an_answer() -> None:
    service = segments(unanswered_at_least=2)
    for hours in (0, 1):
        tell(service, Engagement("", "sent", T + hours * HOUR, campaign="news", channel="email"))
    assert verdicts(service, T, T + HOUR - 1, T + HOUR) == ["DENY", "DENY", "GRANT"]
    tell(service, Engagement("", "converted", T + 2 * HOUR))
    assert verdicts(service, T + 2 * HOUR - 1, T + 2 * HOUR) == ["GRANT", "DENY"]


def test_a_newcomer_had_the_first_contact_less_than_a_span_ago_and_a_stranger_is_none() -> None:
    service = segments(first_contact_within="1d")
    assert verdicts(service, T) == ["DENY"]
    for days in (0, 2):
        tell(service, Engagement("", "sent", T + days * DAY, campaign="news", channel="email"))
    assert verdicts(service, T, T + DAY - 1, T + DAY, T + 2 * DAY) == ["GRANT", "GRANT", "DENY", "DENY"]


def test_several_conditions_of_a_derived_segment_must_all_hold() -> None:
    service = segments(purchased_within="1d", answered_within="1h")
    tell(service, Engagement("", "purchased", T))
    assert verdicts(service, T, T + HOUR) == ["GRANT", "DENY"]
