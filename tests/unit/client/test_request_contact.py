"""Asking: what the arguments become, and what comes back."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone

import pytest

from repit import Candidate, Client, ContactRequest, DenialReason, Verdict
from repit.v1 import arbitration_service_pb2 as arbitration
from tests.unit.client.canned_server import CannedServer
from tests.unit.client.messages import DENIED, DENY, GRANT, GRANTED, at


def the_request(canned: CannedServer) -> arbitration.RequestContactRequest:
    (message,) = canned.messages("RequestContact")
    assert isinstance(message, arbitration.RequestContactRequest)
    return message


def test_one_campaign_by_one_channel_is_asked_for_with_three_words(canned: CannedServer, client: Client) -> None:
    canned.answers = [GRANTED]
    answer = client.request_contact("customer-42", campaign="spring", channel="email")
    request = the_request(canned)
    assert request.customer_id == "customer-42"
    assert [(each.campaign_id, each.channel) for each in request.candidates] == [("spring", "email")]
    assert answer.is_granted
    assert answer.contact_id == "1-abc@customer-42"
    assert answer.catalog_version == 7
    assert answer.decision.verdict is Verdict.GRANT
    assert answer.decision.remaining[0].left == 1


def test_everything_that_can_be_said_with_a_question_reaches_the_server(canned: CannedServer, client: Client) -> None:
    canned.answers = [GRANTED]
    paris = timezone(timedelta(hours=1))
    client.request_contact(
        "customer-42",
        candidates=[
            Candidate("spring", "email", 1.5, 32.0, datetime(2026, 12, 9, 1, tzinfo=paris)),
            Candidate("a", "sms", answer_probability=0.25),
        ],
        max_grants=2,
        segments=["loyal"],
        time_zone="Europe/Paris",
        party_id="household-7",
        contact_point="hash-1",
        subject="file-3",
        planned_time=datetime(2026, 12, 9, 8, tzinfo=UTC),
        as_of=datetime(2026, 12, 2, 14, tzinfo=UTC),
        request_id="mine",
    )
    request = the_request(canned)
    assert request.request_id == "mine"
    assert request.max_grants == 2
    assert list(request.customer.segments) == ["loyal"]
    assert request.customer.time_zone == "Europe/Paris"
    assert request.as_of_time == at("2026-12-02 14:00")
    assert request.candidates[0].score == 1.5
    assert request.candidates[0].value == 32.0
    assert request.candidates[0].deadline_time == at("2026-12-09 00:00")
    assert request.candidates[1].answer_probability == 0.25
    assert (request.party_id, request.contact_point, request.subject) == ("household-7", "hash-1", "file-3")
    assert request.planned_time == at("2026-12-09 08:00")


def test_what_is_not_said_is_absent_from_the_message(canned: CannedServer, client: Client) -> None:
    canned.answers = [GRANTED]
    client.request_contact("customer-42", campaign="spring", channel="email")
    request = the_request(canned)
    assert not request.HasField("customer")
    assert not request.HasField("as_of_time")
    assert not request.HasField("planned_time")
    assert not request.candidates[0].HasField("deadline_time")
    assert not request.candidates[0].HasField("score")
    assert not request.candidates[0].HasField("answer_probability")


def test_each_question_gets_a_request_id_of_its_own(canned: CannedServer, client: Client) -> None:
    canned.answers = [GRANTED, GRANTED]
    ids = {client.request_contact("c", campaign="a", channel="b").request.request_id for _ in range(2)}
    asked = [
        message.request_id for _, message in canned.asked if isinstance(message, arbitration.RequestContactRequest)
    ]
    assert ids == set(asked)
    assert all(len(request_id) == 32 for request_id in ids)
    assert len(ids) == 2


def test_a_check_says_the_same_and_reserves_nothing(canned: CannedServer, client: Client) -> None:
    decision = type(GRANT)()
    decision.CopyFrom(GRANT)
    decision.contact_id = ""
    canned.answers = [arbitration.CheckContactResponse(decisions=[decision], catalog_version=7)]
    answer = client.check_contact("customer-42", campaign="spring", channel="email", segments=("loyal",))
    ((verb, message),) = canned.asked
    assert verb == "CheckContact"
    assert isinstance(message, arbitration.CheckContactRequest)
    assert list(message.customer.segments) == ["loyal"]
    assert answer.is_granted
    assert answer.contact_id == ""


def test_a_refusal_is_an_answer_with_its_figures(canned: CannedServer, client: Client) -> None:
    canned.answers = [DENIED]
    answer = client.request_contact("customer-42", campaign="spring", channel="email")
    (denial,) = answer.decision.denials
    assert not answer.is_granted
    assert denial.reason is DenialReason.FREQUENCY_CAP
    assert (denial.policy, denial.rule, denial.limit, denial.used) == ("pressure", "three-a-week", 3, 3)
    assert answer.decision.earliest_time == datetime(2026, 12, 3, 14, 5, tzinfo=UTC)


def test_an_answer_is_true_only_where_something_was_granted(canned: CannedServer, client: Client) -> None:
    canned.answers = [GRANTED, DENIED, arbitration.RequestContactResponse(decisions=[DENY, GRANT])]
    answers = [client.request_contact("c", campaign="a", channel="b") for _ in range(3)]
    assert [bool(answer) for answer in answers] == [True, False, True]
    assert [bool(decision) for decision in answers[2].decisions] == [False, True]
    assert answers[2].granted == (answers[2].decisions[1],)


def test_the_one_decision_of_several_candidates_is_refused_to_be_guessed(canned: CannedServer, client: Client) -> None:
    canned.answers = [arbitration.RequestContactResponse(decisions=[DENY, GRANT])]
    answer = client.request_contact("c", candidates=[Candidate("a", "b"), Candidate("c", "d")])
    with pytest.raises(ValueError, match="2 decisions, not one"):
        _ = answer.decision


def test_results_cannot_be_changed(canned: CannedServer, client: Client) -> None:
    canned.answers = [GRANTED]
    answer = client.request_contact("c", campaign="a", channel="b")
    with pytest.raises(FrozenInstanceError):
        answer.decision.contact_id = "other"  # type: ignore[misc]


@pytest.mark.parametrize("asked", [{}, {"campaign": "a", "candidates": [Candidate("a", "b")]}])
def test_a_question_names_one_campaign_or_candidates_not_both_nor_neither(asked: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="either `campaign` and `channel`, or `candidates`"):
        ContactRequest.of("c", **asked)  # type: ignore[arg-type]


def test_65_candidates_are_refused_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="65 candidates; a request holds at most 64"):
        ContactRequest.of("c", candidates=[Candidate("a", "b")] * 65)


def test_a_time_without_zone_is_refused_with_the_remedy(client: Client) -> None:
    naive = datetime(2026, 12, 2, 14)  # noqa: DTZ001 - the subject of the test
    with pytest.raises(ValueError, match="`as_of` 2026-12-02T14:00:00 names no time zone; give an aware one"):
        client.request_contact("c", campaign="a", channel="b", as_of=naive)
    with pytest.raises(ValueError, match="`planned_time`"):
        client.request_contact("c", campaign="a", channel="b", planned_time=naive)
    with pytest.raises(ValueError, match="`send_time`"):
        client.confirm_contact("1", send_time=naive)


def test_a_mistyped_argument_is_named(client: Client) -> None:
    with pytest.raises(TypeError, match="campain"):
        client.request_contact("c", campain="a", channel="b")  # type: ignore[call-arg]
