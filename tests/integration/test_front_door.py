"""The Rust door before the Python server: one address for all services, and what is handed on stays as it was."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from repit import InvalidArgumentError
from repit.v1 import arbitration_service_pb2 as messages
from repit.v1 import catalog_service_pb2 as catalogs
from repit.v1.candidate_pb2 import Candidate
from repit.v1.catalog_service_pb2_grpc import CatalogServiceStub
from tests.servers import CATALOG, ServerProcess, catalog_file

CALL_SECONDS = 30
SERVICES = {
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "repit.v1.ArbitrationService",
    "repit.v1.CatalogService",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    directory = tmp_path_factory.mktemp("front-door")
    with ServerProcess("--store", "memory", "--catalog", str(catalog_file(directory)), directory=directory) as process:
        yield process


def test_the_catalog_is_read_and_changed_through_it(server: ServerProcess) -> None:
    with server.client() as client:
        before = client.get_catalog()
        assert before.author == "repit serve"
        assert client.list_catalog_versions() is not None


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_lists_every_service_whoever_answers_it(server: ServerProcess, version: str) -> None:
    asked = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        *(reflection_pb2.ServerReflectionRequest(file_containing_symbol=service) for service in sorted(SERVICES)),
    ]
    with server.channel() as channel:
        # The messages of v1 and v1alpha are the same on the wire.
        call: Any = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        listed, *found = call(iter(asked), timeout=CALL_SECONDS)
    assert {service.name for service in listed.list_services_response.service} == SERVICES
    assert all(answer.file_descriptor_response.file_descriptor_proto for answer in found)


def test_a_health_check_of_what_is_not_known_is_watched_until_it_is(server: ServerProcess) -> None:
    with server.channel() as channel:
        watch: Any = channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        reports = watch(health_pb2.HealthCheckRequest(service="no such service"), timeout=CALL_SECONDS)
        assert next(reports).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        reports.cancel()


def test_what_is_handed_on_comes_back_with_its_trailers_and_details(server: ServerProcess) -> None:
    with server.channel() as channel:
        stub = CatalogServiceStub(channel)
        with pytest.raises(grpc.RpcError) as failure:
            stub.GetCatalog(catalogs.GetCatalogRequest(version=99), timeout=CALL_SECONDS)
    raised: Any = failure.value
    assert raised.code() is grpc.StatusCode.NOT_FOUND
    assert b"CATALOG_VERSION_UNKNOWN" in dict(raised.trailing_metadata())["grpc-status-details-bin"]


def test_a_large_message_is_handed_on_in_both_directions(server: ServerProcess) -> None:
    draw = random.Random(1)
    noise = "".join(draw.choice("abcdefghij") for _ in range(3 << 20))
    document = f"{CATALOG}# {noise}\n"
    with server.client() as client:
        client.apply_catalog(document)
        assert client.get_catalog().document == document
        with pytest.raises(InvalidArgumentError):
            client.apply_catalog(document + "#" * (2 << 20))


def test_a_stream_that_is_handed_on_ends_with_its_deadline_and_with_its_caller(server: ServerProcess) -> None:
    with server.channel() as channel:
        stub = CatalogServiceStub(channel)
        asked = catalogs.ShadowCatalogRequest(document=CATALOG)
        for seconds in (0.5, 0.5):
            reports: Any = stub.ShadowCatalog(asked, timeout=seconds)
            with pytest.raises(grpc.RpcError):
                list(reports)
            assert reports.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        reports = stub.ShadowCatalog(asked, timeout=CALL_SECONDS)
        next(reports)
        reports.cancel()
        again: Any = stub.ShadowCatalog(asked, timeout=CALL_SECONDS, wait_for_ready=True)
        next(again)
        again.cancel()


def test_an_unknown_method_or_service_is_unimplemented(server: ServerProcess) -> None:
    with server.channel() as channel:
        for path in ("/repit.v1.ArbitrationService/Guess", "/repit.v1.CatalogService/Guess", "/no.Such/Method"):
            call: Any = channel.unary_unary(path)
            with pytest.raises(grpc.RpcError) as failure:
                call(b"", timeout=CALL_SECONDS)
            raised: Any = failure.value
            assert raised.code() is grpc.StatusCode.UNIMPLEMENTED


def test_claims_of_a_whole_campaign_are_withdrawn_through_it(server: ServerProcess) -> None:
    with server.channel() as channel:
        call: Any = channel.unary_unary("/repit.v1.ArbitrationService/WithdrawClaims")
        asked = messages.WithdrawClaimsRequest(campaign_id="spring", author="me")
        answer = messages.WithdrawClaimsResponse.FromString(call(asked.SerializeToString(), timeout=CALL_SECONDS))
    assert answer.catalog_version > 1


def test_calls_beside_a_large_batch_do_not_wait_for_its_end(server: ServerProcess) -> None:
    """Whichever thread their connection is on: the batch yields between its requests."""
    batch = messages.BatchRequestContactsRequest()
    for number in range(10_000):
        asked = batch.requests.add(request_id=f"b{number}", customer_id=f"b{number}")
        asked.candidates.append(Candidate(campaign_id="spring", channel="email"))
    with (
        ThreadPoolExecutor(1) as threads,
        grpc.insecure_channel(server.address, [("grpc.max_receive_message_length", -1)]) as channel,
    ):
        call: Any = channel.unary_unary("/repit.v1.ArbitrationService/BatchRequestContacts")
        answering = threads.submit(call, batch.SerializeToString(), timeout=CALL_SECONDS)
        beside = 0
        check: Any = channel.unary_unary("/grpc.health.v1.Health/Check")
        while not answering.done():
            check(b"", timeout=CALL_SECONDS)
            beside += 1
        answer = messages.BatchRequestContactsResponse.FromString(answering.result())
    assert beside > 0
    contacts = [result.response.decisions[0].contact_id for result in answer.results]
    assert [contact.rpartition("@")[2] for contact in contacts] == [f"b{number}" for number in range(10_000)]


def test_every_call_has_its_line_on_debug(tmp_path: Path) -> None:
    options = ("--store", "memory", "--log-level", "debug", "--catalog", str(catalog_file(tmp_path)))
    with ServerProcess(*options, directory=tmp_path) as server:
        server.client().request_contact("42", campaign="spring", channel="email")
        line = server.wait_for("call", seconds=5)
        assert (line["level"], line["method"]) == ("debug", "RequestContact")
        assert line["milliseconds"] > 0


def test_the_private_socket_goes_with_the_server(tmp_path: Path) -> None:
    with ServerProcess("--store", "memory", directory=tmp_path, extra={"TMPDIR": str(tmp_path)}) as server:
        (private,) = tmp_path.glob("repit-*")
        assert private.stat().st_mode & 0o777 == 0o700
        server.stop()
    assert list(tmp_path.glob("repit-*")) == []
