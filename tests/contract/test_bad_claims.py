"""Bad claims on the wire: what is wrong with a message, with a place of it, and what a cut stream leaves."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from repit.v1 import arbitration_service_pb2 as messages
from tests.contract.test_bad_input import CATALOG, UNSERVED_TIMES, assert_fields, assert_not_found, at
from tests.doors import DOORS
from tests.faults.refusals import Refusal, of_status, refusal_of
from tests.faults.served import Served
from tests.faults.worlds import CALL_SECONDS

Given = dict[str, Any]

CAMPAIGN = "capped-3"
ASKED = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture(scope="module", params=DOORS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that takes the time from each request, so that the edges of spans are exact."""
    directory = tmp_path_factory.mktemp("bad-claims")
    document = directory / "catalog.yaml"
    text = CATALOG.replace("policies:", "  posted: {priority: 50, channels: [post]}\npolicies:")
    document.write_text(text, encoding="utf-8")
    options = ("--clock", "request", "--catalog", str(document), "--door", request.param)
    with Served("memory", *options, directory=directory) as process:
        yield process


def stamp(moment: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def place(customer: str = "wrong", **given: Any) -> messages.ClaimedPlace:
    return messages.ClaimedPlace(customer_id=customer, **given)


def claims(**given: Any) -> messages.RegisterClaimsRequest:
    sound = {
        "campaign_id": CAMPAIGN,
        "until_time": stamp(ASKED + DAY),
        "places": [place()],
        "as_of_time": stamp(ASKED),
    }
    return messages.RegisterClaimsRequest(**{**sound, **given})


def answers(server: Served, *requests: messages.RegisterClaimsRequest) -> list[messages.RegisterClaimsResponse]:
    return list(server.arbitration.RegisterClaims(iter(requests), timeout=CALL_SECONDS))


def between_two_sound_ones(server: Served, wrong: messages.RegisterClaimsRequest) -> messages.RegisterClaimsResponse:
    """The answer to a message between two that are sound, which are taken."""
    before, answer, after = answers(server, claims(places=[place("sound")]), wrong, claims(places=[place("sound")]))
    assert (before.registered_count, after.registered_count) == (1, 1)
    assert answer.position == after.position - 1
    return answer


def refused_whole(server: Served, **given: Any) -> Refusal:
    """Why a message was refused; none of its places is registered then, and the stream goes on."""
    answer = between_two_sound_ones(server, claims(**given))
    assert (answer.registered_count, answer.known_count, list(answer.refusals), answer.position) == (0, 0, [], 1)
    return of_status(answer.error)


def live_claims(server: Served, customer: str, *, at_time: datetime = ASKED) -> list[str]:
    request = messages.ListClaimsRequest(customer_id=customer, as_of_time=stamp(at_time))
    return [claim.campaign_id for claim in server.arbitration.ListClaims(request, timeout=CALL_SECONDS).claims]


WRONG_MESSAGES: dict[str, tuple[Given, str]] = {
    "no campaign": ({"campaign_id": ""}, "campaign_id"),
    "a campaign id too long": ({"campaign_id": "c" * 65}, "campaign_id"),
    "a channel that the campaign does not use": ({"channels": ["email", "post"]}, "channels[1]"),
    "a channel that is not there": ({"channels": ["fax"]}, "channels[0]"),
    "a channel named twice": ({"channels": ["email", "email"]}, "channels[1]"),
    "no end": ({"until_time": None}, "until_time"),
    "an end in the past": ({"until_time": stamp(ASKED - MILLISECOND)}, "until_time"),
    "an end that is at once": ({"until_time": stamp(ASKED)}, "until_time"),
    "an end a millisecond beyond 400 days": ({"until_time": stamp(ASKED + 400 * DAY + MILLISECOND)}, "until_time"),
    "an end that is as good as for ever": ({"until_time": at(2199)}, "until_time"),
    "a beginning at the end": ({"from_time": stamp(ASKED + DAY)}, "until_time"),
    "a beginning after the end": ({"from_time": stamp(ASKED + 2 * DAY)}, "until_time"),
    "no place": ({"places": []}, "places"),
    "10,001 places": ({"places": [place("many")] * 10_001}, "places"),
    "no time": ({"as_of_time": None}, "as_of_time"),
}


@pytest.mark.parametrize("wrong", WRONG_MESSAGES)
def test_a_wrong_message_is_refused_whole_and_the_stream_goes_on(server: Served, wrong: str) -> None:
    given, field = WRONG_MESSAGES[wrong]
    assert_fields(refused_whole(server, **given), field)


@pytest.mark.parametrize("field", ["from_time", "until_time", "as_of_time"])
@pytest.mark.parametrize("unserved", UNSERVED_TIMES)
def test_no_time_of_a_claim_is_before_2000_or_after_2199(server: Served, field: str, unserved: str) -> None:
    assert field in refused_whole(server, **{field: UNSERVED_TIMES[unserved]}).fields


def test_claims_of_an_unknown_campaign_are_not_found(server: Served) -> None:
    refusal = refused_whole(server, campaign_id="nobody's")
    assert_not_found(refusal, "CAMPAIGN_UNKNOWN", "Campaign", "nobody's")


def test_what_is_no_message_is_answered_and_the_stream_goes_on(server: Served) -> None:
    with server.channel() as channel:
        stream: Any = channel.stream_stream("/repit.v1.ArbitrationService/RegisterClaims")
        sound = claims(places=[place("sound")]).SerializeToString()
        first, second = stream(iter([b"\xff", sound]), timeout=CALL_SECONDS)
    refused = messages.RegisterClaimsResponse.FromString(first)
    assert refused.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert "cannot be decoded" in refused.error.message
    assert messages.RegisterClaimsResponse.FromString(second).position == 1


@pytest.mark.parametrize(
    "span",
    [
        {"until_time": stamp(ASKED + MILLISECOND)},
        {"until_time": stamp(ASKED + 400 * DAY)},
        {"from_time": stamp(ASKED - DAY)},
        {"from_time": stamp(ASKED + DAY - MILLISECOND)},
    ],
)
def test_the_shortest_and_the_longest_span_are_taken(server: Served, span: Given) -> None:
    (answer,) = answers(server, claims(places=[place("edge")], **span))
    assert (answer.registered_count, answer.error.code) == (1, 0)


WRONG_PLACES: dict[str, tuple[messages.ClaimedPlace, str]] = {
    "no customer": (place(""), "customer_id"),
    "a customer id too long": (place("c" * 129), "customer_id"),
    "a customer id too long in bytes": (place("é" * 65), "customer_id"),
    "a party id too long": (place(party_id="p" * 129), "party_id"),
    "a score that is no number": (place(score=math.nan), "score"),
    "an endless score": (place(score=math.inf), "score"),
    "an endless score below": (place(score=-math.inf), "score"),
}


@pytest.mark.parametrize("wrong", WRONG_PLACES)
def test_a_wrong_place_is_refused_by_its_field_and_leaves_the_others_alone(server: Served, wrong: str) -> None:
    bad, field = WRONG_PLACES[wrong]
    answer = between_two_sound_ones(server, claims(places=[place("sound"), bad, place("sound-too")]))
    (refused,) = answer.refusals
    assert (answer.registered_count, refused.index, refused.customer_id) == (2, 1, bad.customer_id)
    assert_fields(of_status(refused.error), f"places[1].{field}")
    assert live_claims(server, "sound-too") == [CAMPAIGN]


def test_10_000_places_are_one_message(server: Served) -> None:
    (answer,) = answers(server, claims(places=[place(f"many-{number}") for number in range(10_000)]))
    assert (answer.registered_count, answer.position, list(answer.refusals)) == (10_000, 10_000, [])


def test_a_place_registered_twice_is_one_and_the_last_word_holds(server: Served) -> None:
    twice = [place("twice", score=1.0), place("twice", score=2.0)]
    span = {"from_time": stamp(ASKED), "until_time": stamp(ASKED + DAY)}
    first, second = answers(server, claims(places=twice, **span), claims(places=[place("twice", score=3.0)], **span))
    assert [(each.registered_count, each.known_count, each.position) for each in (first, second)] == [
        (2, 1, 2),
        (1, 1, 3),
    ]
    request = messages.ListClaimsRequest(customer_id="twice", as_of_time=stamp(ASKED))
    (claim,) = server.arbitration.ListClaims(request, timeout=CALL_SECONDS).claims
    assert claim.score == 3.0


def test_the_257th_live_claim_of_a_customer_is_refused(server: Served) -> None:
    spans = [stamp(ASKED + DAY + number * MILLISECOND) for number in range(257)]
    taken = answers(server, *(claims(places=[place("greedy")], until_time=until) for until in spans))
    assert [each.registered_count for each in taken] == [1] * 256 + [0]
    (refused,) = taken[-1].refusals
    assert of_status(refused.error).code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert of_status(refused.error).details.reason == "CLAIMS_FULL"
    assert len(live_claims(server, "greedy")) == 256
    late = claims(places=[place("greedy")], as_of_time=stamp(ASKED + 2 * DAY), until_time=stamp(ASKED + 3 * DAY))
    assert answers(server, late)[0].registered_count == 1


def test_a_stream_cut_in_the_middle_keeps_what_was_answered(server: Served) -> None:
    def requests() -> Iterator[messages.RegisterClaimsRequest]:
        yield claims(places=[place("cut-0"), place("cut-1")])
        yield claims(places=[place("cut-2")])
        raise ConnectionError("the caller is gone")

    stream = server.arbitration.RegisterClaims(requests(), timeout=CALL_SECONDS)
    positions: list[int] = []
    with pytest.raises(grpc.RpcError):
        positions.extend(answer.position for answer in stream)
    for number in range(positions[-1] if positions else 0):
        assert live_claims(server, f"cut-{number}") == [CAMPAIGN]
    again = [claims(places=[place(f"cut-{number}")]) for number in range(3)]
    assert answers(server, *again)[-1].position == 3


def test_a_stream_that_its_caller_leaves_keeps_what_was_answered(server: Served) -> None:
    stream = server.arbitration.RegisterClaims(
        (claims(places=[place(f"left-{number}")]) for number in range(1_000)), timeout=CALL_SECONDS
    )
    position = next(stream).position
    stream.cancel()
    assert position == 1
    assert live_claims(server, "left-0") == [CAMPAIGN]


WRONG_WITHDRAWALS: dict[str, tuple[Given, str]] = {
    "no campaign": ({"campaign_id": "", "places": [place()]}, "campaign_id"),
    "a campaign id too long": ({"campaign_id": "c" * 65, "places": [place()]}, "campaign_id"),
    "no campaign for all": ({"campaign_id": "", "places": []}, "campaign_id"),
    "10,001 places": ({"places": [place("many")] * 10_001}, "places"),
    "no customer": ({"places": [place("")]}, "places[0].customer_id"),
    "a customer id too long": ({"places": [place(), place("c" * 129)]}, "places[1].customer_id"),
    "an author beside customers": ({"places": [place()], "author": "ann"}, "author"),
    "an author too long": ({"places": [], "author": "a" * 129}, "author"),
}


def withdrawal(**given: Any) -> messages.WithdrawClaimsRequest:
    return messages.WithdrawClaimsRequest(**{"campaign_id": CAMPAIGN, "as_of_time": stamp(ASKED), **given})


@pytest.mark.parametrize("wrong", WRONG_WITHDRAWALS)
def test_a_wrong_withdrawal_is_refused_by_its_field(server: Served, wrong: str) -> None:
    given, field = WRONG_WITHDRAWALS[wrong]
    assert_fields(refusal_of(server.arbitration.WithdrawClaims, withdrawal(**given)), field)


@pytest.mark.parametrize("places", [[], [place()]])
def test_claims_of_an_unknown_campaign_cannot_be_given_back(
    server: Served, places: list[messages.ClaimedPlace]
) -> None:
    message = withdrawal(campaign_id="nobody's", places=places)
    refusal = refusal_of(server.arbitration.WithdrawClaims, message)
    assert_not_found(refusal, "CAMPAIGN_UNKNOWN", "Campaign", "nobody's")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"customer_id": "c" * 129}, "customer_id"),
        ({"customer_id": "c", "party_id": "p" * 129}, "party_id"),
        ({"party_id": "home"}, "customer_id"),
        ({"campaign_id": "c" * 65}, "campaign_id"),
    ],
)
def test_a_wrong_list_is_refused_by_its_field(server: Served, given: Given, field: str) -> None:
    message = messages.ListClaimsRequest(**{"as_of_time": stamp(ASKED), **given})
    assert_fields(refusal_of(server.arbitration.ListClaims, message), field)


def test_a_list_for_an_unknown_campaign_is_not_found(server: Served) -> None:
    message = messages.ListClaimsRequest(campaign_id="nobody's", as_of_time=stamp(ASKED))
    assert_not_found(refusal_of(server.arbitration.ListClaims, message), "CAMPAIGN_UNKNOWN", "Campaign", "nobody's")


def test_nothing_of_all_that_was_wrong_left_a_claim(server: Served) -> None:
    assert live_claims(server, "wrong") == []
    assert live_claims(server, "many") == []
