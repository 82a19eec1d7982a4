"""The reference model itself, held to answers worked out by hand, so that it is not trusted blindly."""

from datetime import UTC, date, datetime

import pytest

from tests.property.by_hand import ANNA, T, ask, at, cap, figures, grant, model, reasons, tell
from tests.property.reference_time import DAY, HOUR, day_start
from tests.property.reference_values import Candidate, Engagement, Request


def test_a_contact_exactly_one_window_old_no_longer_counts() -> None:
    service = model(cap(1, {"sliding": "24h"}))
    grant(service, T)
    denied = ask(service, T + DAY - 1)
    assert reasons(denied) == [("FREQUENCY_CAP", "rule-0", T + DAY)]
    assert denied.earliest == T + DAY
    assert figures(denied) == (1, 1)
    assert ask(service, T + DAY).verdict == "GRANT"


def test_the_contact_whose_leaving_makes_room_frees_a_sliding_cap() -> None:
    service = model(cap(2, {"sliding": "24h"}))
    for hours in (0, 5):
        grant(service, T + hours * HOUR)
    assert ask(service, T + 6 * HOUR).earliest == T + DAY


def test_a_contact_planned_after_the_moment_counts_in_every_window_that_holds_both() -> None:
    service = model(cap(2, {"sliding": "24h"}))
    for hours in (-20, 20):
        tell(service, Engagement("", "sent", T + hours * HOUR, campaign="spring", channel="email"))
    assert ask(service, T).verdict == "GRANT"  # no 24 h hold both: they lie 40 h apart
    # With the one at T, 24 h hold two on either side; a second at T + 1 h would see T and T + 20 h in one window.
    assert reasons(ask(service, T + HOUR)) == [("FREQUENCY_CAP", "rule-0", T + DAY)]


def test_a_calendar_day_ends_at_local_midnight_of_a_short_night() -> None:
    service = model(cap(1, {"calendar": "day"}))
    grant(service, at("2026-03-29T00:30", "Europe/Paris"))
    assert ask(service, at("2026-03-29T12:00", "Europe/Paris")).earliest == at("2026-03-29T22:00")


def test_a_day_starts_at_one_where_midnight_does_not_exist() -> None:
    assert day_start(date(2026, 9, 6), "America/Santiago") == at("2026-09-06T04:00")
    assert day_start(date(2026, 9, 7), "America/Santiago") == at("2026-09-07T03:00")


def test_a_day_starts_at_the_first_of_two_midnights() -> None:
    assert day_start(date(2026, 11, 1), "America/Havana") == at("2026-11-01T04:00")


def test_half_an_hour_of_daylight_saving_is_half_an_hour() -> None:
    service = model(cap(1, {"calendar": "day", "zone": "customer"}))
    grant(service, at("2026-04-04T13:00"), zone="Australia/Lord_Howe")  # midnight of 5 April at UTC+11
    denied = ask(service, at("2026-04-05T13:00"), zone="Australia/Lord_Howe")  # 23:30 of the same day at UTC+10:30
    assert denied.earliest == at("2026-04-05T13:30")


def test_a_week_starts_on_monday_unless_the_window_says_sunday() -> None:
    saturday, sunday = at("2026-03-07T12:00"), at("2026-03-08T12:00")
    monday_first = model(cap(1, {"calendar": "week", "zone": "UTC"}))
    sunday_first = model(cap(1, {"calendar": "week", "zone": "UTC", "week_starts": "sunday"}))
    for service in (monday_first, sunday_first):
        grant(service, saturday)
    assert ask(monday_first, sunday).earliest == at("2026-03-09T00:00")
    assert ask(sunday_first, sunday).verdict == "GRANT"


@pytest.mark.parametrize(("unit", "free"), [("month", "2026-12-01"), ("quarter", "2027-01-01"), ("year", "2027-01-01")])
def test_longer_periods_end_with_their_last_month(unit: str, free: str) -> None:
    service = model(cap(1, {"calendar": unit, "zone": "UTC"}))
    grant(service, at("2026-11-02T10:00"))
    assert ask(service, at("2026-11-30T23:59:59.999")).earliest == at(free)


def test_rolling_days_count_whole_dates() -> None:
    service = model(cap(1, {"rolling_days": 30, "zone": "Europe/Paris"}))
    grant(service, at("2026-03-10T23:00", "Europe/Paris"))
    free = at("2026-04-09T00:00", "Europe/Paris")
    assert ask(service, at("2026-04-08T23:59", "Europe/Paris")).earliest == free
    assert ask(service, free).verdict == "GRANT"


def test_a_lifetime_ends_with_the_horizon() -> None:
    service = model(cap(1, {"lifetime": True}), horizon="30d")
    grant(service, T)
    assert ask(service, T + 29 * DAY).earliest == T + 30 * DAY


def test_points_weigh_a_contact_by_its_channel_or_its_campaign() -> None:
    service = model({"frequency_cap": {"points": 3, "window": {"sliding": "24h"}}})
    grant(service, T, way="spring:sms")
    denied = ask(service, T + 1, way="spring:sms")
    assert figures(denied) == (2, 3)
    assert denied.earliest == T + DAY
    assert ask(service, T + 1).verdict == "GRANT"


def test_money_adds_up_exactly() -> None:
    service = model({"frequency_cap": {"cost": 0.18, "window": {"sliding": "24h"}}})
    for n in range(3):
        grant(service, T + n, way="spring:sms")  # 0.06 three times is 0.18, not 0.18000000000000002
    assert ask(service, T + 3).earliest == T + DAY


def test_a_cap_that_cannot_hold_one_never_falls_silent() -> None:
    assert ask(model(cap(0, {"sliding": "24h"})), T).earliest is None


def test_kept_places_are_refused_to_lower_priorities_alone() -> None:
    service = model(cap(2, {"sliding": "24h"}, reserve={"min_priority": 80, "places": 1}))
    grant(service, T)
    denied = ask(service, T + 1)
    assert figures(denied) == (1, 1)
    assert ask(service, T + 1, "news:email").verdict == "GRANT"


def test_only_confirmed_or_answered_contacts_count_where_the_rule_says_so() -> None:
    service = model(cap(1, {"sliding": "24h"}, counted="confirmed"), cap(1, {"sliding": "24h"}, counted="answered"))
    first = grant(service, T)
    second = grant(service, T + 1)
    assert service.confirm(first, T + 2) == "ok"
    tell(service, Engagement("", "clicked", T + 3, contact=second))
    assert [rule for _, rule, _ in reasons(ask(service, T + 4))] == ["rule-0", "rule-1"]


def test_back_off_grows_with_every_unanswered_contact() -> None:
    service = model({"back_off": {"after": 2, "of": "offer_family", "rests": ["1d", "3d"], "answers": ["clicked"]}})
    for start in (T, T + 1):
        grant(service, start)
    assert reasons(ask(service, T + 2)) == [("BACK_OFF", "rule-0", T + 1 + DAY)]
    grant(service, T + 1 + DAY)
    assert ask(service, T + 2 * DAY).earliest == T + 1 + DAY + 3 * DAY
    assert ask(service, T + 2 * DAY, "news:email").verdict == "GRANT"  # another family
    tell(
        service, Engagement("", "clicked", T + 1 + DAY, campaign="spring")
    )  # clears what was before it, not the one at that instant
    assert ask(service, T + 2 * DAY).verdict == "GRANT"


def test_a_rest_of_never_never_ends_and_others_end_with_the_horizon() -> None:
    rests = [["never"], ["30d", "never"], ["90d"]]
    service = model(*({"back_off": {"after": 1, "of": "any", "rests": rest}} for rest in rests), horizon="60d")
    grant(service, T)
    ends = [("BACK_OFF", "rule-0", None), ("BACK_OFF", "rule-1", T + 30 * DAY), ("BACK_OFF", "rule-2", T + 60 * DAY)]
    assert reasons(ask(service, T + DAY)) == ends
    assert reasons(ask(service, T + 90 * DAY)) == ends[:1]


def test_a_late_answer_clears_from_its_own_time() -> None:
    service = model({"back_off": {"after": 1, "of": "any", "rests": ["30d"]}})
    grant(service, T)
    service.record(ANNA, Engagement("e", "purchased", T + HOUR), T + 5 * DAY)
    assert ask(service, T + HOUR - 1).verdict == "DENY"
    assert ask(service, T + HOUR).verdict == "GRANT"


def test_respite_ends_with_the_span_of_the_latest_event_that_is_worth_it() -> None:
    service = model({"respite": {"after": ["purchased"], "for": "7d", "min_value": 100}})
    tell(service, Engagement("", "purchased", T, value=100.0))
    tell(service, Engagement("", "purchased", T + DAY, value=99.0))
    denied = ask(service, T + 7 * DAY - 1)
    assert reasons(denied) == [("RESPITE", "rule-0", T + 7 * DAY)]
    assert ask(service, T + 7 * DAY).verdict == "GRANT"


def test_respite_in_calendar_days_ends_at_midnight() -> None:
    service = model({"respite": {"after": ["refused"], "for": {"days": 60, "zone": "customer"}}})
    tell(service, Engagement("", "refused", at("2026-03-10T15:00", "America/New_York")))
    denied = ask(service, at("2026-03-11T09:00", "America/New_York"), zone="America/New_York")
    assert denied.earliest == at("2026-05-09T00:00", "America/New_York")


def test_an_objection_suppresses_marketing_on_its_channel_and_no_time_helps() -> None:
    service = model()
    tell(service, Engagement("", "opted_out", T, channel="email"))
    assert reasons(ask(service, T)) == [("SUPPRESSED", "", None)]
    assert ask(service, T - 1).verdict == "GRANT"
    assert ask(service, T, way="spring:sms").verdict == "GRANT"
    assert ask(service, T, "news:email").verdict == "GRANT"  # not marketing


def test_a_campaign_lives_between_its_bounds_in_the_zone_of_the_brand() -> None:
    service = model()
    service.catalog["campaigns"]["spring"]["active"] = {"from": date(2026, 3, 1), "until": date(2026, 5, 31)}
    opens, shuts = at("2026-02-28T23:00"), at("2026-05-30T22:00")
    assert reasons(ask(service, opens - 1)) == [("CAMPAIGN_INACTIVE", "", opens)]
    assert ask(service, opens).verdict == ask(service, shuts - 1).verdict == "GRANT"
    assert reasons(ask(service, shuts)) == [("CAMPAIGN_INACTIVE", "", None)]


def test_every_rule_that_speaks_is_named_in_order_of_precedence() -> None:
    service = model(
        cap(0, {"lifetime": True}),
        {"back_off": {"after": 1, "of": "any", "rests": ["1d"]}},
        {"respite": {"after": ["bounced"], "for": "2d"}},
    )
    tell(service, Engagement("", "sent", T, campaign="spring", channel="email"))
    tell(service, Engagement("", "bounced", T))
    tell(service, Engagement("", "complained", T))
    denied = ask(service, T + 1, "spring:fax")
    assert [reason for reason, _, _ in reasons(denied)] == [
        "SUPPRESSED",
        "NOT_ELIGIBLE",
        "RESPITE",
        "BACK_OFF",
        "FREQUENCY_CAP",
    ]
    assert denied.earliest is None
    assert reasons(ask(service, T + 1, "nobody:email")) == [("CAMPAIGN_UNKNOWN", "", None)]


def test_the_better_ranked_candidate_wins_and_the_other_is_outranked() -> None:
    service = model(cap(1, {"sliding": "24h"}))
    candidates = (Candidate("spring", "email", score=9.0), Candidate("news", "email"))
    outranked, granted = service.request(Request(ANNA, T, candidates))
    assert granted.verdict == "GRANT"  # priority 80 goes before 40, whatever the score
    assert reasons(outranked) == [("FREQUENCY_CAP", "rule-0", T + DAY), ("OUTRANKED", "", T)]
    assert outranked.denials[1].outranked_by == "news"
    assert outranked.earliest == T + DAY


def test_a_repeated_request_takes_one_place_for_a_day() -> None:
    service = model(cap(1, {"sliding": "1h"}))
    first = grant(service, T, request_id="r")
    assert grant(service, T + HOUR, request_id="r") is first
    assert service.release(first) == "ok"
    assert grant(service, T + DAY - 1, request_id="r") is first
    assert grant(service, T + DAY, request_id="r") is not first


def test_a_release_gives_the_place_back_and_cannot_be_confirmed() -> None:
    service = model(cap(1, {"sliding": "24h"}))
    first = grant(service, T)
    assert service.release(first) == service.release(first) == "ok"
    assert service.confirm(first, T + 1) == "failed_precondition"
    assert ask(service, T + 1).verdict == "GRANT"


@pytest.mark.parametrize(("unconfirmed", "free"), [("released", T + HOUR), ("counts", T + DAY)])
def test_an_expired_reservation_counts_or_not_as_the_channel_says(unconfirmed: str, free: int) -> None:
    channels = {"email": {"cost": 0, "reservation": {"expires_after": "1h", "unconfirmed": unconfirmed}}}
    service = model(cap(1, {"sliding": "24h"}), channels=channels)
    first = grant(service, T)
    assert ask(service, T + 1).earliest == free
    assert service.confirm(first, T + HOUR) == ("failed_precondition" if unconfirmed == "released" else "ok")


def test_counts_looks_at_what_was_frozen_into_the_contact() -> None:
    policy = {"name": "loyal", "applies_to": {}, "counts": {"segments": ["loyal"], "not": {"channels": ["sms"]}}}
    service = model(policies=[policy | {"rules": [{"name": "one", **cap(1, {"sliding": "24h"})}]}])
    grant(service, T)
    grant(service, T + 1, way="spring:sms", segments=("loyal",))
    grant(service, T + 2, segments=("loyal",))
    assert ask(service, T + 3).verdict == "DENY"


def test_a_check_changes_nothing_and_an_event_counts_once() -> None:
    service = model(cap(1, {"sliding": "24h"}))
    for _ in range(2):
        assert service.check(Request(ANNA, T, (Candidate("spring", "email"),)))[0].verdict == "GRANT"
    sent = Engagement("e", "sent", T, campaign="spring", channel="email")
    assert [service.record(ANNA, sent, T).outcome for _ in range(2)] == ["recorded", "duplicate"]
    assert service.record(ANNA, Engagement("f", "clicked", T, campaign="nobody"), T).outcome == "not_found"
    assert len(service.history(ANNA).contacts) == 1


def test_times_of_the_tests_are_utc() -> None:
    assert datetime.fromtimestamp(T / 1000, tz=UTC).isoformat() == "2026-03-02T10:00:00+00:00"
