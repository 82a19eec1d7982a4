"""Both doors answer alike: the same calls in the same order, to the last byte, errors and their details among them."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1.health_pb2 import HealthCheckRequest

from repit.v1 import arbitration_service_pb2 as messages
from repit.v1 import catalog_service_pb2 as catalogs
from repit.v1.candidate_pb2 import Candidate, CustomerContext
from repit.v1.engagement_pb2 import Engagement, EngagementKind
from tests.doors import DOORS
from tests.servers import ServerProcess, catalog_file

CALL_SECONDS = 60
NOW = Timestamp(seconds=1_772_400_000)
LATER = Timestamp(seconds=NOW.seconds + 86_400)
UNKNOWN_CONTACT = "c1-1-19cab5b6600@nobody"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call gave: its messages, or the status with its details."""

    messages: tuple[bytes, ...]
    code: str = "OK"
    words: str = ""
    details: bytes = b""


def request(customer_id: str, request_id: str = "", **given: Any) -> messages.RequestContactRequest:
    sound: dict[str, Any] = {
        "request_id": request_id or f"q-{customer_id}",
        "customer_id": customer_id,
        "candidates": [
            Candidate(campaign_id="spring", channel="email"),
            Candidate(campaign_id="summer", channel="email"),
        ],
        "as_of_time": NOW,
    }
    return messages.RequestContactRequest(**{**sound, **given})


def batch(*requests: messages.RequestContactRequest) -> messages.BatchRequestContactsRequest:
    return messages.BatchRequestContactsRequest(requests=requests)


def engagements(*given: Engagement) -> messages.RecordEngagementsRequest:
    return messages.RecordEngagementsRequest(engagements=given, as_of_time=NOW)


def claims(*customers: str, **given: Any) -> messages.RegisterClaimsRequest:
    places = [messages.ClaimedPlace(customer_id=customer) for customer in customers]
    sound: dict[str, Any] = {"campaign_id": "spring", "until_time": LATER, "places": places, "as_of_time": NOW}
    return messages.RegisterClaimsRequest(**{**sound, **given})


CLICKED = Engagement(event_id="e1", customer_id="one", kind=EngagementKind.ENGAGEMENT_KIND_CLICKED, event_time=NOW)

QUESTIONS: Sequence[tuple[str, Message | bytes]] = (
    ("RequestContact", request("one")),
    ("RequestContact", request("one")),
    ("RequestContact", request("one", "another")),
    ("RequestContact", request("two", max_grants=2)),
    ("RequestContact", request("segments", customer=CustomerContext(segments=["loyal"], time_zone="Europe/Paris"))),
    ("RequestContact", request("planned", planned_time=LATER)),
    ("RequestContact", request("of-party", party_id="household")),
    ("RequestContact", request("é" * 64)),
    ("RequestContact", request("three", candidates=[Candidate(campaign_id="nothing", channel="email")])),
    ("RequestContact", request("three", candidates=[Candidate(campaign_id="spring", channel="no\nsuch")])),
    ("RequestContact", request("", "r" * 65)),
    ("RequestContact", request("c" * 129, candidates=[Candidate(score=float("nan"))] * 65)),
    ("RequestContact", request("no-time", as_of_time=None)),
    ("RequestContact", request("zone", customer=CustomerContext(time_zone="Europe/Atlantis"))),
    ("RequestContact", b""),
    ("RequestContact", b"\xff\xff\xff"),
    ("RequestContact", b"\x0a\x05ab"),
    ("CheckContact", request("one", "check")),
    ("CheckContact", request("four", "check")),
    ("BatchRequestContacts", batch()),
    ("BatchRequestContacts", batch(*(request(f"batch-{number % 90}", f"b{number}") for number in range(300)))),
    ("BatchRequestContacts", batch(request("fine"), request(""), request("fine", "again"))),
    ("BatchRequestContacts", batch(*[request("many")] * 10_001)),
    ("ConfirmContact", messages.ConfirmContactRequest(contact_id=UNKNOWN_CONTACT, as_of_time=NOW)),
    ("ConfirmContact", messages.ConfirmContactRequest(contact_id="no contact", as_of_time=NOW)),
    ("ReleaseContact", messages.ReleaseContactRequest(contact_id=UNKNOWN_CONTACT, reason="r" * 257, as_of_time=NOW)),
    ("RecordEngagements", engagements(CLICKED, CLICKED)),
    ("RecordEngagements", engagements(Engagement(event_id="e2", customer_id="one", campaign_id="nothing"), CLICKED)),
    ("RecordEngagements", engagements()),
    ("ListClaims", messages.ListClaimsRequest(customer_id="one", as_of_time=NOW)),
    ("ListClaims", messages.ListClaimsRequest(campaign_id="nothing", as_of_time=NOW)),
    (
        "WithdrawClaims",
        messages.WithdrawClaimsRequest(
            campaign_id="spring", places=[messages.ClaimedPlace(customer_id="one")], as_of_time=NOW
        ),
    ),
    (
        "WithdrawClaims",
        messages.WithdrawClaimsRequest(
            campaign_id="spring", author="me", places=[messages.ClaimedPlace(customer_id="one")], as_of_time=NOW
        ),
    ),
    ("WithdrawClaims", messages.WithdrawClaimsRequest(campaign_id="nothing", as_of_time=NOW)),
    ("WithdrawClaims", b"\xff"),
    ("ExplainCustomer", messages.ExplainCustomerRequest(customer_id="one", as_of_time=NOW)),
    ("ExplainCustomer", messages.ExplainCustomerRequest(customer_id="one", campaign_id="nothing", as_of_time=NOW)),
    ("NoSuchMethod", b""),
)

STREAMS: Sequence[tuple[str, Sequence[Message | bytes]]] = (
    ("StreamRequestContacts", []),
    (
        "StreamRequestContacts",
        [messages.StreamRequestContactsRequest(request=request(f"s{number}")) for number in range(200)],
    ),
    ("StreamRequestContacts", [b"", b"\xff", messages.StreamRequestContactsRequest(request=request("after"))]),
    ("RegisterClaims", []),
    (
        "RegisterClaims",
        [claims("c1", "c2"), claims("c1"), claims("", "c3"), b"\xff", claims(), claims("c4", campaign_id="x")],
    ),
)

OTHERS: Sequence[tuple[str, Message | bytes]] = (
    ("/repit.v1.CatalogService/GetCatalog", catalogs.GetCatalogRequest(version=77)),
    ("/repit.v1.CatalogService/GetCampaign", catalogs.GetCampaignRequest(campaign_id="nothing")),
    ("/repit.v1.CatalogService/ListCampaigns", b"\xff"),
    ("/repit.v1.CatalogService/NoSuchMethod", b""),
    ("/repit.v1.NoSuchService/Method", b""),
    ("/grpc.health.v1.Health/Check", HealthCheckRequest()),
    ("/grpc.health.v1.Health/Check", HealthCheckRequest(service="repit.v1.ArbitrationService")),
    ("/grpc.health.v1.Health/Check", HealthCheckRequest(service="no such service")),
)


def of_failure(error: grpc.RpcError, given: Iterable[bytes] = ()) -> Answer:
    failure: Any = error
    trailers = dict(failure.trailing_metadata() or ())
    details = trailers.get("grpc-status-details-bin", b"")
    return Answer(tuple(given), failure.code().name, failure.details(), details)


def asked(channel: grpc.Channel, path: str, question: Message | bytes, **options: Any) -> Answer:
    call: Any = channel.unary_unary(path)
    try:
        return Answer((call(as_bytes(question), timeout=CALL_SECONDS, **options),))
    except grpc.RpcError as error:
        return of_failure(error)


def streamed(channel: grpc.Channel, path: str, questions: Sequence[Message | bytes]) -> Answer:
    call: Any = channel.stream_stream(path)
    given: list[bytes] = []
    try:
        given.extend(call((as_bytes(question) for question in questions), timeout=CALL_SECONDS))
    except grpc.RpcError as error:
        return of_failure(error, given)
    return Answer(tuple(given))


def as_bytes(message: Message | bytes) -> bytes:
    return message if isinstance(message, bytes) else message.SerializeToString()


@pytest.fixture(scope="module")
def channels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[grpc.Channel]]:
    """A connection to a server behind each door, both asked the same from the beginning."""
    directory = tmp_path_factory.mktemp("doors")
    options = ("--store", "memory", "--clock", "request", "--catalog", str(catalog_file(directory)))
    with ExitStack() as stack:
        servers = [stack.enter_context(ServerProcess(*options, "--door", door, directory=directory)) for door in DOORS]
        yield [stack.enter_context(server.channel()) for server in servers]


def alike(channels: Sequence[grpc.Channel], ask: Callable[[grpc.Channel], Answer]) -> Answer:
    """What both doors answer; they must not differ."""
    by_rust, by_python = (ask(channel) for channel in channels)
    assert by_rust == by_python
    return by_rust


def test_every_recorded_call_is_answered_alike_by_both_doors(channels: Sequence[grpc.Channel]) -> None:
    codes = set()
    for method, question in QUESTIONS:
        path = f"/repit.v1.ArbitrationService/{method}"
        codes.add(alike(channels, lambda channel, path=path, question=question: asked(channel, path, question)).code)  # type: ignore[misc]
    assert codes == {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "UNIMPLEMENTED"}


@pytest.mark.parametrize(("method", "questions"), STREAMS)
def test_every_recorded_stream_is_answered_alike_by_both_doors(
    channels: Sequence[grpc.Channel], method: str, questions: Sequence[Message | bytes]
) -> None:
    path = f"/repit.v1.ArbitrationService/{method}"
    answer = alike(channels, lambda channel: streamed(channel, path, questions))
    assert len(answer.messages) == len(questions)


@pytest.mark.parametrize(("path", "question"), OTHERS)
def test_what_is_no_decision_is_answered_alike_by_both_doors(
    channels: Sequence[grpc.Channel], path: str, question: Message | bytes
) -> None:
    alike(channels, lambda channel: asked(channel, path, question))


def test_a_contact_is_settled_alike_by_both_doors(channels: Sequence[grpc.Channel]) -> None:
    def ask(channel: grpc.Channel, method: str, question: Message) -> Answer:
        return asked(channel, f"/repit.v1.ArbitrationService/{method}", question)

    granted = alike(channels, lambda channel: ask(channel, "RequestContact", request("settled")))
    decisions = messages.RequestContactResponse.FromString(granted.messages[0]).decisions
    contact = next(decision.contact_id for decision in decisions if decision.contact_id)
    confirm = messages.ConfirmContactRequest(contact_id=contact, as_of_time=NOW)
    release = messages.ReleaseContactRequest(contact_id=contact, reason="no stock", as_of_time=NOW)
    codes = [
        alike(channels, lambda channel, method=method, question=question: ask(channel, method, question)).code  # type: ignore[misc]
        for method, question in (("ConfirmContact", confirm), ("ConfirmContact", confirm), ("ReleaseContact", release))
    ]
    assert codes == ["OK", "OK", "FAILED_PRECONDITION"]


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_a_compressed_message_is_taken_by_both_doors(
    channels: Sequence[grpc.Channel], compression: grpc.Compression
) -> None:
    path = "/repit.v1.ArbitrationService/BatchRequestContacts"
    question = batch(*(request(f"compressed-{number}") for number in range(100)))
    answer = alike(channels, lambda channel: asked(channel, path, question, compression=compression))
    assert answer.code == "OK"


def test_a_message_over_the_stated_maximum_is_refused_by_both_doors(channels: Sequence[grpc.Channel]) -> None:
    path = "/repit.v1.ArbitrationService/RequestContact"
    codes = {asked(channel, path, bytes(64 * 2**20 + 1)).code for channel in channels}
    assert codes == {"RESOURCE_EXHAUSTED"}


def one_and_no_end(over: threading.Event) -> Iterator[bytes]:
    """A stream of one request that stays open until it is told to end."""
    yield b""
    over.wait(CALL_SECONDS)


@pytest.mark.parametrize("door", DOORS)
def test_one_call_more_than_may_be_in_work_is_told_to_come_back(
    door: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("full")
    options = ("--store", "memory", "--max-in-flight", "1", "--catalog", str(catalog_file(directory)), "--door", door)
    with ServerProcess(*options, directory=directory) as server, server.channel() as channel:
        stream: Any = channel.stream_stream("/repit.v1.ArbitrationService/StreamRequestContacts")
        over = threading.Event()
        held = stream(one_and_no_end(over), timeout=CALL_SECONDS)
        next(held)
        refused = asked(channel, "/repit.v1.ArbitrationService/CheckContact", b"")
        over.set()
        assert list(held) == []
    assert (refused.code, refused.words) == ("RESOURCE_EXHAUSTED", "too many requests are in work; try again")
    assert b"OVERLOADED" in refused.details
    assert b"RetryInfo" in refused.details
    assert server.wait_for("call_failed")["method"] == "CheckContact"
