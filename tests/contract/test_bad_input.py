"""Bad input on the wire, verb by verb: its gRPC status, the reason in ErrorInfo, and the path of the field."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from repit.v1 import arbitration_service_pb2 as messages
from repit.v1.candidate_pb2 import Candidate, CustomerContext
from repit.v1.engagement_pb2 import Engagement, EngagementKind
from tests.doors import DOORS
from tests.faults.refusals import Refusal, of_status, refusal_of
from tests.faults.served import Served
from tests.faults.worlds import CALL_SECONDS, caps, contact_of, contact_states, held, question

LIMIT = 3
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SENT = EngagementKind.ENGAGEMENT_KIND_SENT
CLICKED = EngagementKind.ENGAGEMENT_KIND_CLICKED

Given = dict[str, Any]

CATALOG = caps(LIMIT).replace("channels: {email: {}}", "channels: {email: {}, post: {}}")


def at(year: int, month: int = 1, day: int = 1, *, second: int = 0, nanos: int = 0) -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(datetime(year, month, day, 0, 0, second, tzinfo=UTC))
    moment.nanos = nanos
    return moment


LAST_BEFORE_2000 = Timestamp(seconds=at(2000).seconds - 1, nanos=999_999_999)
LAST_BEFORE_2200 = Timestamp(seconds=at(2200).seconds - 1, nanos=999_999_999)
UNSERVED_TIMES = {
    "before 2000": LAST_BEFORE_2000,
    "in 2200": at(2200),
    "the first there is": Timestamp(seconds=-62_135_596_800),
    "beyond 64 bits of milliseconds": Timestamp(seconds=2**63 - 1),
    "negative nanoseconds": Timestamp(seconds=at(2026).seconds, nanos=-1),
    "a second of nanoseconds": Timestamp(seconds=at(2026).seconds, nanos=1_000_000_000),
}


@pytest.fixture(scope="module", params=DOORS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("bad-input")
    document = directory / "catalog.yaml"
    document.write_text(CATALOG, encoding="utf-8")
    with Served("memory", "--catalog", str(document), "--door", request.param, directory=directory) as process:
        yield process


@pytest.fixture(scope="module")
def clocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that takes the time from each request."""
    directory = tmp_path_factory.mktemp("bad-input-clocked")
    document = directory / "catalog.yaml"
    document.write_text(CATALOG, encoding="utf-8")
    with Served("memory", "--clock", "request", "--catalog", str(document), directory=directory) as process:
        yield process


def candidate(**given: Any) -> Candidate:
    return Candidate(**{"campaign_id": "capped-3", "channel": "email", **given})


def request(**given: Any) -> messages.RequestContactRequest:
    return messages.RequestContactRequest(
        **{"request_id": "r", "customer_id": "wrong", "candidates": [candidate()], **given}
    )


def engagement(**given: Any) -> Engagement:
    return Engagement(**{"event_id": "e", "customer_id": "wrong", "kind": CLICKED, **given})


def assert_fields(refusal: Refusal, *fields: str) -> None:
    """An INVALID_ARGUMENT that names these fields, and the first of them in its message."""
    assert (refusal.code, refusal.details.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT")
    assert refusal.fields == list(fields)
    assert fields[0] in refusal.message
    assert all(violation.description for violation in refusal.details.field_violations)


WRONG_REQUESTS: dict[str, tuple[Given, list[str]]] = {
    "a request id too long": ({"request_id": "r" * 65}, ["request_id"]),
    "a request id too long in bytes": ({"request_id": "é" * 33}, ["request_id"]),
    "no customer": ({"customer_id": ""}, ["customer_id"]),
    "a customer id too long": ({"customer_id": "c" * 129}, ["customer_id"]),
    "a customer id too long in bytes": ({"customer_id": "é" * 65}, ["customer_id"]),
    "no candidate": ({"candidates": []}, ["candidates"]),
    "65 candidates": ({"candidates": [candidate()] * 65}, ["candidates"]),
    "65 grants": ({"max_grants": 65}, ["max_grants"]),
    "no campaign": ({"candidates": [candidate(campaign_id="")]}, ["candidates[0].campaign_id"]),
    "a campaign id too long": (
        {"candidates": [candidate(), candidate(campaign_id="c" * 65)]},
        ["candidates[1].campaign_id"],
    ),
    "no channel": ({"candidates": [candidate(channel="")]}, ["candidates[0].channel"]),
    "a channel too long": ({"candidates": [candidate(channel="c" * 65)]}, ["candidates[0].channel"]),
    "a score that is no number": ({"candidates": [candidate(score=math.nan)]}, ["candidates[0].score"]),
    "an endless score": ({"candidates": [candidate(score=math.inf)]}, ["candidates[0].score"]),
    "an endless score below": ({"candidates": [candidate(score=-math.inf)]}, ["candidates[0].score"]),
    "a value that is no number": ({"candidates": [candidate(value=math.nan)]}, ["candidates[0].value"]),
    "an endless value": ({"candidates": [candidate(value=math.inf)]}, ["candidates[0].value"]),
    "a negative value": ({"candidates": [candidate(value=-0.01)]}, ["candidates[0].value"]),
    "a probability that is no number": (
        {"candidates": [candidate(answer_probability=math.nan)]},
        ["candidates[0].answer_probability"],
    ),
    "a probability above 1": (
        {"candidates": [candidate(answer_probability=1.000001)]},
        ["candidates[0].answer_probability"],
    ),
    "a probability below 0": (
        {"candidates": [candidate(answer_probability=-0.1)]},
        ["candidates[0].answer_probability"],
    ),
    "a party id too long": ({"party_id": "p" * 129}, ["party_id"]),
    "a contact point too long": ({"contact_point": "h" * 129}, ["contact_point"]),
    "a subject too long": ({"subject": "d" * 129}, ["subject"]),
    "a planned time long past": ({"planned_time": at(2026)}, ["planned_time"]),
    "65 segments": ({"customer": CustomerContext(segments=["s"] * 65)}, ["customer.segments"]),
    "a segment without a name": ({"customer": CustomerContext(segments=["s", ""])}, ["customer.segments[1]"]),
    "a segment too long": ({"customer": CustomerContext(segments=["s" * 65])}, ["customer.segments[0]"]),
    "no time zone": ({"customer": CustomerContext(time_zone="Europe/Nowhere")}, ["customer.time_zone"]),
    "a path for a time zone": ({"customer": CustomerContext(time_zone="../etc/passwd")}, ["customer.time_zone"]),
    "two wrong fields": (
        {"customer_id": "", "candidates": [candidate(), candidate(score=math.nan, channel="")]},
        ["customer_id", "candidates[1].channel", "candidates[1].score"],
    ),
    "a time of its own": ({"as_of_time": at(2026)}, ["as_of_time"]),
}

UNNAMED = request(request_id="")
UNARY_VERBS = [
    method.name
    for method in messages.DESCRIPTOR.services_by_name["ArbitrationService"].methods
    if not method.client_streaming
]
PLACES = [messages.ClaimedPlace(customer_id="wrong")]

NOT_SERVED: dict[str, Given] = {
    "customer.country": {"customer": CustomerContext(country="FR")},
}

Ask = Callable[[Served, messages.RequestContactRequest], Refusal]


def asked_alone(server: Served, message: messages.RequestContactRequest) -> Refusal:
    return refusal_of(server.arbitration.RequestContact, message)


def checked(server: Served, message: messages.RequestContactRequest) -> Refusal:
    check = messages.CheckContactRequest.FromString(message.SerializeToString())
    return refusal_of(server.arbitration.CheckContact, check)


def asked_in_a_batch(server: Served, message: messages.RequestContactRequest) -> Refusal:
    """The one between two that are sound, which are answered."""
    batch = messages.BatchRequestContactsRequest(requests=[question("sound", LIMIT), message, question("sound", LIMIT)])
    before, wrong, after = server.arbitration.BatchRequestContacts(batch, timeout=CALL_SECONDS).results
    assert before.HasField("response")
    assert after.HasField("response")
    return of_status(wrong.error)


def streamed(server: Served, message: messages.RequestContactRequest) -> Refusal:
    """The one between two that are sound, which are answered."""
    sent = [question("sound", LIMIT), message, question("sound", LIMIT)]
    stream = iter([messages.StreamRequestContactsRequest(request=request) for request in sent])
    before, wrong, after = server.arbitration.StreamRequestContacts(stream, timeout=CALL_SECONDS)
    assert before.result.HasField("response")
    assert after.result.HasField("response")
    return of_status(wrong.result.error)


WAYS: tuple[Ask, ...] = (asked_alone, checked, asked_in_a_batch, streamed)


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("wrong", WRONG_REQUESTS)
def test_a_wrong_request_is_refused_by_its_fields(server: Served, wrong: str, ask: Ask) -> None:
    given, fields = WRONG_REQUESTS[wrong]
    assert_fields(ask(server, request(**given)), *fields)


@pytest.mark.parametrize("ask", [asked_alone, asked_in_a_batch, streamed])
def test_a_request_without_a_name_is_refused_and_a_check_needs_none(server: Served, ask: Ask) -> None:
    assert_fields(ask(server, UNNAMED), "request_id")
    check = messages.CheckContactRequest.FromString(UNNAMED.SerializeToString())
    assert len(server.arbitration.CheckContact(check, timeout=CALL_SECONDS).decisions) == 1


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("field", NOT_SERVED)
def test_a_field_that_is_not_served_yet_is_refused_and_never_ignored(server: Served, field: str, ask: Ask) -> None:
    refusal = ask(server, request(**NOT_SERVED[field]))
    assert_fields(refusal, field)
    assert "not served yet" in refusal.message


PLANNED_EDGES = {
    "a millisecond before the decision": (-1, False),
    "at the decision": (0, True),
    "31 days ahead": (31 * 86_400_000, True),
    "a millisecond later than that": (31 * 86_400_000 + 1, False),
    "32 days ahead": (32 * 86_400_000, False),
}


@pytest.mark.parametrize("edge", PLANNED_EDGES)
def test_a_planned_time_is_from_the_decision_to_31_days_later(clocked: Served, edge: str) -> None:
    ahead_ms, is_taken = PLANNED_EDGES[edge]
    asked = at(2026, 3, 2)
    planned = Timestamp()
    planned.FromMilliseconds(asked.ToMilliseconds() + ahead_ms)
    message = request(customer_id="planned", as_of_time=asked, planned_time=planned)
    if is_taken:
        check = messages.CheckContactRequest.FromString(message.SerializeToString())
        assert len(clocked.arbitration.CheckContact(check, timeout=CALL_SECONDS).decisions) == 1
        return
    assert_fields(checked(clocked, message), "planned_time")
    assert_fields(refusal_of(clocked.arbitration.RequestContact, message), "planned_time")


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("unserved", UNSERVED_TIMES)
def test_a_deadline_before_2000_or_after_2199_is_refused(server: Served, unserved: str, ask: Ask) -> None:
    message = request(candidates=[candidate(deadline_time=UNSERVED_TIMES[unserved])])
    assert_fields(ask(server, message), "candidates[0].deadline_time")


def times_of_other_verbs(server: Served, time: Timestamp | None) -> dict[str, Callable[[], Refusal]]:
    """Every other verb that takes a time, with that time, for a server that takes the time from each request."""
    contact = "1-mc5pcvb4@wrong"
    arbitration = server.arbitration
    engagements = [engagement()]
    return {
        "RequestContact": lambda: refusal_of(arbitration.RequestContact, request(as_of_time=time)),
        "CheckContact": lambda: checked(server, request(as_of_time=time)),
        "ConfirmContact": lambda: refusal_of(
            arbitration.ConfirmContact, messages.ConfirmContactRequest(contact_id=contact, as_of_time=time)
        ),
        "ReleaseContact": lambda: refusal_of(
            arbitration.ReleaseContact, messages.ReleaseContactRequest(contact_id=contact, as_of_time=time)
        ),
        "RecordEngagements": lambda: refusal_of(
            arbitration.RecordEngagements,
            messages.RecordEngagementsRequest(engagements=engagements, as_of_time=time),
        ),
        "ExplainCustomer": lambda: refusal_of(
            arbitration.ExplainCustomer, messages.ExplainCustomerRequest(customer_id="wrong", as_of_time=time)
        ),
        "ListClaims": lambda: refusal_of(arbitration.ListClaims, messages.ListClaimsRequest(as_of_time=time)),
        "WithdrawClaims": lambda: refusal_of(
            arbitration.WithdrawClaims,
            messages.WithdrawClaimsRequest(campaign_id="capped-3", places=PLACES, as_of_time=time),
        ),
        "WithdrawClaims of all": lambda: refusal_of(
            arbitration.WithdrawClaims, messages.WithdrawClaimsRequest(campaign_id="capped-3", as_of_time=time)
        ),
    }


@pytest.mark.parametrize("unserved", UNSERVED_TIMES)
def test_no_verb_takes_a_time_of_its_own_before_2000_or_after_2199(clocked: Served, unserved: str) -> None:
    for call in times_of_other_verbs(clocked, UNSERVED_TIMES[unserved]).values():
        assert_fields(call(), "as_of_time")


def test_a_time_is_needed_where_requests_bring_the_time_and_refused_elsewhere(server: Served, clocked: Served) -> None:
    for call in times_of_other_verbs(clocked, None).values():
        assert_fields(call(), "as_of_time")
    for call in times_of_other_verbs(server, at(2026)).values():
        assert_fields(call(), "as_of_time")


@pytest.mark.parametrize("served_time", [at(2000), LAST_BEFORE_2200])
def test_the_first_and_the_last_moment_that_are_served_are_taken(clocked: Served, served_time: Timestamp) -> None:
    message = question(f"edge-{served_time.seconds}", LIMIT)
    message.as_of_time.CopyFrom(served_time)
    message.candidates[0].deadline_time.CopyFrom(served_time)
    contact = contact_of(clocked.arbitration.RequestContact(message, timeout=CALL_SECONDS))
    confirm = messages.ConfirmContactRequest(contact_id=contact, send_time=served_time, as_of_time=served_time)
    assert clocked.arbitration.ConfirmContact(confirm, timeout=CALL_SECONDS).contact.contact_id == contact


@pytest.mark.parametrize("size", [0, 10_001])
def test_a_batch_of_none_or_of_10_001_is_refused_whole(server: Served, size: int) -> None:
    requests = messages.BatchRequestContactsRequest(requests=[question("many", LIMIT)] * size)
    assert_fields(refusal_of(server.arbitration.BatchRequestContacts, requests), "requests")
    engagements = messages.RecordEngagementsRequest(engagements=[engagement(customer_id="many")] * size)
    assert_fields(refusal_of(server.arbitration.RecordEngagements, engagements), "engagements")
    assert contact_states(server, "many") == {}


@pytest.mark.parametrize("bytes_sent", [b"\xff", b"\x0a\x05ab", b"\x0a\x02\xff\xfe"])
def test_what_is_no_message_is_refused(server: Served, bytes_sent: bytes) -> None:
    """Cut short, of no field, or a text that is not UTF-8."""
    with server.channel() as channel:
        for verb in UNARY_VERBS:
            refusal = refusal_of(channel.unary_unary(f"/repit.v1.ArbitrationService/{verb}"), bytes_sent)
            assert_fields(refusal, *refusal.fields)
            assert "cannot be decoded" in refusal.message


WRONG_EVENT_TIMES: dict[str, tuple[Given, str]] = {
    f"a time {name}": ({"event_time": time}, "event_time") for name, time in UNSERVED_TIMES.items()
}
WRONG_ENGAGEMENTS: dict[str, tuple[Given, str]] = WRONG_EVENT_TIMES | {
    "no event id": ({"event_id": ""}, "event_id"),
    "an event id too long": ({"event_id": "e" * 65}, "event_id"),
    "no customer": ({"customer_id": ""}, "customer_id"),
    "a customer id too long": ({"customer_id": "c" * 129}, "customer_id"),
    "no kind": ({"kind": EngagementKind.ENGAGEMENT_KIND_UNSPECIFIED}, "kind"),
    "an unknown kind": ({"kind": 99}, "kind"),
    "a campaign id too long": ({"campaign_id": "c" * 65}, "campaign_id"),
    "a channel too long": ({"channel": "c" * 65}, "channel"),
    "an offer family too long": ({"offer_family": "f" * 65}, "offer_family"),
    "a contact id too long": ({"contact_id": "1-1@" + "c" * 189}, "contact_id"),
    "a value that is no number": ({"value": math.nan}, "value"),
    "an endless value": ({"value": math.inf}, "value"),
    "a negative value": ({"value": -1.0}, "value"),
    "65 segments": ({"segments": ["s"] * 65}, "segments"),
    "a segment too long": ({"segments": ["s", "s" * 65]}, "segments[1]"),
    "a party id too long": ({"party_id": "p" * 129}, "party_id"),
    "sent without a campaign": ({"kind": SENT, "channel": "email"}, "campaign_id"),
    "sent by a channel that the campaign does not use": (
        {"kind": SENT, "campaign_id": "capped-3", "channel": "post"},
        "channel",
    ),
}


def recorded(server: Served, wrong: Engagement) -> Refusal:
    """What became of one engagement between two that are sound, which are recorded."""
    sound = [
        engagement(event_id=f"sound-{place}", customer_id=wrong.customer_id or "other") for place in ("before", "after")
    ]
    if len(wrong.customer_id) > 128:
        sound = [engagement(event_id=one.event_id, customer_id="other") for one in sound]
    batch = messages.RecordEngagementsRequest(engagements=[sound[0], wrong, sound[1]])
    before, between, after = server.arbitration.RecordEngagements(batch, timeout=CALL_SECONDS).results
    assert not before.HasField("error")
    assert not after.HasField("error")
    return of_status(between.error)


@pytest.mark.parametrize("wrong", WRONG_ENGAGEMENTS)
def test_a_wrong_engagement_is_refused_by_its_field_and_leaves_the_others_alone(server: Served, wrong: str) -> None:
    given, field = WRONG_ENGAGEMENTS[wrong]
    assert_fields(recorded(server, engagement(**given)), f"engagements[1].{field}")


@pytest.mark.parametrize(
    ("given", "reason", "kind", "name"),
    [
        ({"campaign_id": "nobody's"}, "CAMPAIGN_UNKNOWN", "Campaign", "nobody's"),
        ({"campaign_id": "capped-3", "channel": "fax"}, "CHANNEL_UNKNOWN", "Channel", "fax"),
        ({"contact_id": "7-mc5pcvb4@wrong"}, "CONTACT_UNKNOWN", "Contact", "7-mc5pcvb4@wrong"),
        ({"contact_id": "1-mc5pcvb4@another"}, "CONTACT_UNKNOWN", "Contact", "1-mc5pcvb4@another"),
        ({"contact_id": "no contact id"}, "CONTACT_UNKNOWN", "Contact", "no contact id"),
    ],
)
def test_an_engagement_of_what_does_not_exist_is_not_found(
    server: Served, given: Given, reason: str, kind: str, name: str
) -> None:
    assert_not_found(recorded(server, engagement(**given)), reason, kind, name)


def assert_not_found(refusal: Refusal, reason: str, kind: str, name: str) -> None:
    assert (refusal.code, refusal.details.reason) == (grpc.StatusCode.NOT_FOUND, reason)
    assert refusal.details.resource == (f"repit.v1.{kind}", name)
    assert f"`{name}`" in refusal.message


@pytest.mark.parametrize(
    "contact_id", ["1-mc5pcvb4@nobody", "1-mc5pcvb4@", "nobody", "@", "-", "01-mc5pcvb4@nobody", "1-MC5PCVB4@nobody"]
)
def test_an_unknown_contact_is_neither_confirmed_nor_released(server: Served, contact_id: str) -> None:
    confirm = messages.ConfirmContactRequest(contact_id=contact_id)
    release = messages.ReleaseContactRequest(contact_id=contact_id)
    for refusal in (
        refusal_of(server.arbitration.ConfirmContact, confirm),
        refusal_of(server.arbitration.ReleaseContact, release),
    ):
        assert_not_found(refusal, "CONTACT_UNKNOWN", "Contact", contact_id)


@pytest.mark.parametrize("contact_id", ["", "1-1@" + "c" * 189])
def test_a_contact_id_of_no_length_or_too_long_is_refused(server: Served, contact_id: str) -> None:
    confirm = messages.ConfirmContactRequest(contact_id=contact_id)
    assert_fields(refusal_of(server.arbitration.ConfirmContact, confirm), "contact_id")
    release = messages.ReleaseContactRequest(contact_id=contact_id, reason="w" * 257)
    assert_fields(refusal_of(server.arbitration.ReleaseContact, release), "contact_id", "reason")


@pytest.mark.parametrize("unserved", UNSERVED_TIMES)
def test_a_time_of_sending_before_2000_or_after_2199_is_refused(server: Served, unserved: str) -> None:
    confirm = messages.ConfirmContactRequest(contact_id="1-mc5pcvb4@wrong", send_time=UNSERVED_TIMES[unserved])
    assert_fields(refusal_of(server.arbitration.ConfirmContact, confirm), "send_time")


def granted(server: Served, customer: str) -> str:
    return contact_of(server.arbitration.RequestContact(question(customer, LIMIT), timeout=CALL_SECONDS))


def assert_forbidden(refusal: Refusal, reason: str, contact: str) -> None:
    assert (refusal.code, refusal.details.reason) == (grpc.StatusCode.FAILED_PRECONDITION, reason)
    (violation,) = refusal.details.precondition_violations
    assert (violation.type, violation.subject) == (reason, contact)
    assert contact in refusal.message


def test_a_contact_confirmed_twice_is_confirmed_once(server: Served) -> None:
    contact = granted(server, "confirmed")
    confirm = messages.ConfirmContactRequest(contact_id=contact)
    first = server.arbitration.ConfirmContact(confirm, timeout=CALL_SECONDS)
    assert server.arbitration.ConfirmContact(confirm, timeout=CALL_SECONDS) == first
    release = messages.ReleaseContactRequest(contact_id=contact)
    assert_forbidden(refusal_of(server.arbitration.ReleaseContact, release), "CONTACT_CONFIRMED", contact)
    assert held(contact_states(server, "confirmed")) == {contact}


def test_a_released_contact_is_released_again_and_never_confirmed(server: Served) -> None:
    contact = granted(server, "released")
    release = messages.ReleaseContactRequest(contact_id=contact, reason="w" * 256)
    first = server.arbitration.ReleaseContact(release, timeout=CALL_SECONDS)
    assert server.arbitration.ReleaseContact(release, timeout=CALL_SECONDS) == first
    confirm = messages.ConfirmContactRequest(contact_id=contact)
    assert_forbidden(refusal_of(server.arbitration.ConfirmContact, confirm), "CONTACT_RELEASED", contact)
    sent = engagement(customer_id="released", kind=SENT, contact_id=contact)
    assert_forbidden(recorded(server, sent), "CONTACT_RELEASED", contact)
    assert held(contact_states(server, "released")) == set()


WRONG_EXPLANATIONS: dict[str, tuple[Given, str]] = {
    "no customer": ({"customer_id": ""}, "customer_id"),
    "a customer id too long": ({"customer_id": "c" * 129}, "customer_id"),
    "a campaign id too long": ({"campaign_id": "c" * 65}, "campaign_id"),
    "too many entries": ({"max_entries": 4_097}, "max_entries"),
    "a country": ({"customer": CustomerContext(country="FR")}, "customer.country"),
    "no time zone": ({"customer": CustomerContext(time_zone="Mars/Olympus")}, "customer.time_zone"),
    "65 segments": ({"customer": CustomerContext(segments=["s"] * 65)}, "customer.segments"),
}


@pytest.mark.parametrize("wrong", WRONG_EXPLANATIONS)
def test_a_wrong_explanation_is_refused_by_its_field(server: Served, wrong: str) -> None:
    given, field = WRONG_EXPLANATIONS[wrong]
    message = messages.ExplainCustomerRequest(**{"customer_id": "wrong", **given})
    assert_fields(refusal_of(server.arbitration.ExplainCustomer, message), field)


def test_an_explanation_for_an_unknown_campaign_is_not_found(server: Served) -> None:
    message = messages.ExplainCustomerRequest(customer_id="wrong", campaign_id="nobody's")
    refusal = refusal_of(server.arbitration.ExplainCustomer, message)
    assert_not_found(refusal, "CAMPAIGN_UNKNOWN", "Campaign", "nobody's")


def test_nothing_of_all_that_was_wrong_left_a_trace(server: Served) -> None:
    assert contact_states(server, "wrong") == {}
