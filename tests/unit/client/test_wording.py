"""How answers read: golden words for every kind of decision."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from repit import Answer, Candidate, ContactRequest, Decision, DenialReason, RequestResult
from repit.google_rpc import Status
from repit.v1 import arbitration_service_pb2 as arbitration
from repit.v1 import denial_pb2
from repit.v1.decision_pb2 import (
    ALTERNATIVE_KIND_CHANNEL,
    ALTERNATIVE_KIND_TIME,
    VERDICT_DENY,
    VERDICT_GRANT,
    Alternative,
    CapUsage,
    Score,
)
from repit.v1.decision_pb2 import Decision as DecisionMessage
from repit.v1.denial_pb2 import Denial as DenialMessage
from repit.wording import REASONS, Reader, figure, window_words
from tests.unit.client.canned_server import WEDNESDAY
from tests.unit.client.messages import DENIED, DENY, FULL, GRANT, GRANTED, at

PARIS = ZoneInfo("Europe/Paris")
ASKED = ContactRequest.of("customer-42", campaign="spring", channel="email")


def words(message: DecisionMessage) -> str:
    return Decision.from_message(message, asked_time=WEDNESDAY).describe(UTC)


def denied(*denials: DenialMessage, earliest: str | None = None) -> str:
    earliest_time = None if earliest is None else at(earliest)
    return words(DecisionMessage(verdict=VERDICT_DENY, denials=denials, earliest_time=earliest_time))


def test_a_grant_says_until_when_for_what_and_what_is_left() -> None:
    assert words(GRANT) == "granted until 14:35: spring by email; three-a-week 1 of 3 left"


def test_a_grant_without_caps_says_so_much_less() -> None:
    grant = DecisionMessage(campaign_id="spring", channel="email", verdict=VERDICT_GRANT, contact_id="1")
    assert words(grant) == "granted: spring by email"


def test_a_grant_names_all_its_caps() -> None:
    caps = [
        CapUsage(rule="one-a-day", limit=1, used=1, left=0),
        CapUsage(rule="points-month", limit=12, used=4.5, left=7.5),
    ]
    grant = DecisionMessage(
        campaign_id="spring",
        channel="sms",
        verdict=VERDICT_GRANT,
        contact_id="1",
        expire_time=at("2026-12-03 14:05"),
        remaining=caps,
    )
    assert words(grant) == "granted until Thu 14:05: spring by sms; one-a-day 0 of 1 left, points-month 7.5 of 12 left"


def test_a_check_promises_nothing() -> None:
    check = DecisionMessage(campaign_id="spring", channel="email", verdict=VERDICT_GRANT, remaining=GRANT.remaining)
    assert words(check) == "would be granted: spring by email; three-a-week 1 of 3 left"


def test_a_refusal_says_by_which_rule_with_which_figures_and_when_to_ask_again() -> None:
    assert words(DENY) == "refused by three-a-week: 3 of 3 in 7 d; ask again after Thu 14:05"


GOLDEN = {
    "SUPPRESSED": "refused: the customer objected or complained; no later time helps",
    "NO_CONSENT": "refused: consent is needed and not there; no later time helps",
    "CHANNEL_CLOSED": "refused: the channel is closed; ask again after Thu 08:30",
    "CAMPAIGN_UNKNOWN": "refused: the catalog has no such campaign; no later time helps",
    "CAMPAIGN_INACTIVE": "refused: the campaign has not begun or is over; ask again after Mon 1 Mar 2027 00:00",
    "NOT_ELIGIBLE": "refused: the customer is not in its audience, or the campaign does not use the channel; "
    "no later time helps",
    "HELD_OUT": "refused: the customer is in the hold-out; no later time helps",
    "RESPITE": "refused by after-purchase: respite for 7 d after an event; ask again after Wed 9 Dec 14:05",
    "BACK_OFF": "refused by silence: 3 contacts unanswered, rest from 3 on; ask again after Thu 31 Dec 14:05",
    "FREQUENCY_CAP": "refused by three-a-week: 3 of 3 in 7 d; ask again after Thu 14:05",
    "CAPACITY": "refused by calls: no capacity left, 150 of 150 today; ask again after Thu 00:00",
    "BUDGET": "refused: the campaign's budget is spent, 20000 of 20000; no later time helps",
    "OUTRANKED": "refused: outranked by summer; ask again after 14:05",
    "UNSPECIFIED": "refused by new-rule: a reason that this version of the client does not know; no later time helps",
}
FIGURES = {
    "CHANNEL_CLOSED": (DenialMessage(), "2026-12-03 08:30"),
    "CAMPAIGN_INACTIVE": (DenialMessage(), "2027-03-01 00:00"),
    "RESPITE": (DenialMessage(rule="after-purchase", window="7d"), "2026-12-09 14:05"),
    "BACK_OFF": (DenialMessage(rule="silence", limit=3, used=3, window="rests 30d, 60d, never"), "2026-12-31 14:05"),
    "FREQUENCY_CAP": (FULL, "2026-12-03 14:05"),
    "CAPACITY": (
        DenialMessage(rule="calls", limit=150, used=150, window="calendar day (customer)"),
        "2026-12-03 00:00",
    ),
    "BUDGET": (DenialMessage(limit=20000, used=20000), None),
    "OUTRANKED": (DenialMessage(outranked_by="summer"), "2026-12-02 14:05"),
    "UNSPECIFIED": (DenialMessage(rule="new-rule"), None),
}


@pytest.mark.parametrize("reason", list(DenialReason))
def test_each_reason_has_its_golden_words(reason: DenialReason) -> None:
    figures, earliest = FIGURES.get(reason.name, (DenialMessage(), None))
    denial = DenialMessage()
    denial.CopyFrom(figures)
    denial.reason = denial_pb2.DenialReason.Value(f"DENIAL_REASON_{reason.name}")
    assert denied(denial, earliest=earliest) == GOLDEN[reason.name]


@pytest.mark.parametrize(
    ("window", "read"),
    [("60 days (customer)", "respite for 60 days"), ("never", "respite for ever"), ("24h", "respite for 24 h")],
)
def test_a_respite_says_how_long_it_lasts(window: str, read: str) -> None:
    respite = DenialMessage(reason=denial_pb2.DENIAL_REASON_RESPITE, rule="D223-9-refusal", window=window)
    assert denied(respite) == f"refused by D223-9-refusal: {read} after an event; no later time helps"


def test_no_reason_of_the_proto_is_without_words() -> None:
    names = {name.removeprefix("DENIAL_REASON_") for name in denial_pb2.DenialReason.keys()}  # noqa: SIM118 - no dict
    assert {reason.name for reason in REASONS} == names == set(GOLDEN)
    assert len(set(REASONS.values())) == len(names)


def test_a_claim_that_outranks_is_named_with_the_cap_and_its_figures() -> None:
    claimed = DenialMessage(
        reason=denial_pb2.DENIAL_REASON_OUTRANKED,
        policy="pressure",
        rule="three-a-week",
        limit=3,
        used=3,
        window="sliding 7d",
        outranked_by="winter",
    )
    assert denied(claimed, earliest="2026-12-07 00:00") == (
        "refused by three-a-week: outranked by winter, 3 of 3 in 7 d with the places claimed; ask again after Mon 00:00"
    )


def test_all_rules_that_spoke_are_named_with_the_time_of_the_decision() -> None:
    unanswered = DenialMessage(
        reason=denial_pb2.DENIAL_REASON_BACK_OFF, rule="silence", limit=3, used=4, earliest_time=at("2026-12-05 09:00")
    )
    objected = DenialMessage(reason=denial_pb2.DENIAL_REASON_SUPPRESSED)
    assert denied(unanswered, FULL, earliest="2026-12-05 09:00") == (
        "refused by silence: 4 contacts unanswered, rest from 3 on; by three-a-week: 3 of 3 in 7 d; "
        "ask again after Sat 09:00"
    )
    assert denied(objected, FULL) == (
        "refused: the customer objected or complained; by three-a-week: 3 of 3 in 7 d; no later time helps"
    )


def test_a_denial_alone_reads_with_its_own_date() -> None:
    (denial,) = Decision.from_message(DENY).denials
    assert denial.describe(UTC) == "refused by three-a-week: 3 of 3 in 7 d; ask again after Thu 3 Dec 2026 14:05"


def test_an_answer_with_one_decision_reads_as_that_decision() -> None:
    assert Answer.from_message(ASKED, DENIED, now=WEDNESDAY).describe(UTC) == words(DENY)
    assert Answer.from_message(ASKED, GRANTED, now=WEDNESDAY).describe(UTC) == words(GRANT)


def test_an_answer_with_several_decisions_names_each_and_what_is_open_instead() -> None:
    message = arbitration.RequestContactResponse(
        decisions=[DENY, GRANT],
        alternatives=[Alternative(campaign_id="spring", channel="sms", why="open at this instant")],
    )
    asked = ContactRequest.of("c", candidates=[Candidate("spring", "email")] * 2)
    assert Answer.from_message(asked, message, now=WEDNESDAY).describe(UTC).splitlines() == [
        "spring by email refused by three-a-week: 3 of 3 in 7 d; ask again after Thu 14:05",
        "granted until 14:35: spring by email; three-a-week 1 of 3 left",
        "open instead: spring by sms (open at this instant)",
    ]


def scored(decision: DecisionMessage, **factors: float) -> DecisionMessage:
    message = DecisionMessage(score=Score(**factors))  # type: ignore[arg-type]
    message.MergeFrom(decision)
    return message


def test_what_a_candidate_was_ranked_by_stands_below_its_decision() -> None:
    factors = {"score": 9.598, "answer_probability": 0.3, "value": 40, "affinity": 1.6, "fatigue": 0.5, "cost": 0.002}
    message = arbitration.RequestContactResponse(
        decisions=[scored(DENY, **factors), scored(GRANT, score=12.5, is_given=1)]
    )
    asked = ContactRequest.of("c", candidates=[Candidate("spring", "email")] * 2)
    lines = Answer.from_message(asked, message, now=WEDNESDAY).describe(UTC).splitlines()
    assert lines[1::2] == [
        "  score 9.598 = probability 0.3 x value 40 x affinity 1.6 x fatigue 0.5 - cost 0.002",
        "  score 12.5, as given",
    ]


def test_an_alternative_says_in_which_way_it_differs() -> None:
    alternatives = [
        Alternative(campaign_id="spring", channel="sms", kind=ALTERNATIVE_KIND_CHANNEL, time=at("2026-12-02 14:05")),
        Alternative(campaign_id="spring", channel="email", kind=ALTERNATIVE_KIND_TIME, time=at("2026-12-03 14:05")),
    ]
    message = arbitration.RequestContactResponse(decisions=[DENY], alternatives=alternatives)
    assert Answer.from_message(ASKED, message, now=WEDNESDAY).describe(UTC).splitlines()[1:] == [
        "open instead: spring by sms",
        "open later: spring by email from Thu 14:05",
    ]


def test_times_are_seen_from_the_time_of_the_decision_not_from_today() -> None:
    long_ago = ContactRequest.of("c", campaign="a", channel="b", as_of=datetime(2017, 12, 2, 14, tzinfo=UTC))
    assert "until Wed 2 Dec 2026 14:35" in Answer.from_message(long_ago, GRANTED, now=WEDNESDAY).describe(UTC)


def test_times_are_shown_in_the_zone_of_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    decision = Decision.from_message(DENY, asked_time=WEDNESDAY)
    assert decision.describe(PARIS).endswith("after Thu 15:05")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert str(decision).endswith("after Thu 23:05")
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("ahead", "after", "until"),
    [
        (timedelta(seconds=90, milliseconds=1), "14:06:31", "14:06:30"),
        (timedelta(minutes=10, milliseconds=1), "14:16", "14:15"),
        (timedelta(hours=9, minutes=54, seconds=30), "23:60", "23:59"),
        (timedelta(days=6), "Tue 14:05", "Tue 14:05"),
        (timedelta(days=7), "Wed 9 Dec 14:05", "Wed 9 Dec 14:05"),
        (timedelta(days=31), "Sat 2 Jan 2027 14:05", "Sat 2 Jan 2027 14:05"),
        (timedelta(days=-1), "Tue 1 Dec 14:05", "Tue 1 Dec 14:05"),
    ],
)
def test_a_shown_time_never_promises_more_than_the_exact_one(ahead: timedelta, after: str, until: str) -> None:
    reader = Reader(UTC, WEDNESDAY)
    assert reader.after(WEDNESDAY + ahead) == after.replace("23:60", "Thu 00:00")
    assert reader.until(WEDNESDAY + ahead) == until


@pytest.mark.parametrize(
    ("window", "read"),
    [
        ("sliding 7d", "in 7 d"),
        ("sliding 24h", "in 24 h"),
        ("sliding 15m", "in 15 min"),
        ("sliding 30s", "in 30 s"),
        ("calendar day", "today"),
        ("calendar week (customer)", "this week"),
        ("calendar week from sunday (UTC)", "this week"),
        ("calendar month (brand)", "this month"),
        ("calendar quarter (brand)", "this quarter"),
        ("calendar year (Europe/Paris)", "this year"),
        ("rolling 30 days (customer)", "in 30 days"),
        ("lifetime", "in all"),
        ("365d", "in 365 d"),
        ("some other 7d", "in some other 7 d"),
        ("", ""),
    ],
)
def test_each_window_has_its_words(window: str, read: str) -> None:
    assert window_words(window) == read


@pytest.mark.parametrize(
    ("value", "read"), [(3, "3"), (0, "0"), (2.5, "2.5"), (0.002, "0.002"), (20000.0, "20000"), (0.1 + 0.2, "0.3")]
)
def test_figures_have_no_needless_decimals(value: float, read: str) -> None:
    assert figure(value) == read


def test_a_result_of_a_batch_names_its_customer_even_when_refused() -> None:
    refused = RequestResult.from_message(ASKED, arbitration.RequestContactResult(response=DENIED), now=WEDNESDAY)
    assert str(refused).startswith("customer-42: refused by three-a-week")
    failed = RequestResult.from_message(
        ASKED, arbitration.RequestContactResult(error=Status(code=3, message="malformed")), now=WEDNESDAY
    )
    assert str(failed).startswith("customer-42: malformed")
