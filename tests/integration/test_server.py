"""A real server: how it starts, what it says of itself, how it stops, what it refuses to start with."""

import json
import queue
import signal
from pathlib import Path
from typing import Any, Self

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from repit import NotFoundError
from tests.doors import DOORS
from tests.redis_server import RedisServer
from tests.servers import ServerProcess, StartError, catalog_file

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def _untyped(module: Any) -> Any:
    return module


def _health(channel: grpc.Channel) -> Any:
    return health_pb2_grpc.HealthStub(channel)


def health(server: ServerProcess, service: str = "") -> Any:
    with server.channel() as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        return _health(channel).Check(request, timeout=10).status


def watched(server: ServerProcess, service: str, wanted: Any) -> None:
    """Return when the service is in that state."""
    with server.channel() as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        for answer in _health(channel).Watch(request, timeout=20):
            if answer.status == wanted:
                return


def test_it_says_where_it_answers_and_what_it_holds(tmp_path: Path) -> None:
    with ServerProcess("--store", "memory", "--catalog", str(catalog_file(tmp_path)), directory=tmp_path) as server:
        line = server.wait_for("serving")
        assert (line["level"], line["store"], line["catalog_version"]) == ("info", "memory", 1)
        assert server.client().get_catalog().author == "repit serve"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0(tmp_path: Path, number: signal.Signals, door: str) -> None:
    with ServerProcess("--store", "memory", "--door", door, directory=tmp_path) as server:
        server.signal(number)
        assert server.wait() == 0
        assert [line["event"] for line in server.lines][-2:] == ["stopping", "stopped"]


@pytest.mark.parametrize("door", DOORS)
def test_a_request_in_work_when_the_signal_comes_is_answered(tmp_path: Path, door: str) -> None:
    options = ("--store", "memory", "--catalog", str(catalog_file(tmp_path)), "--door", door)
    with ServerProcess(*options, directory=tmp_path) as server:
        with server.channel() as channel:
            method = "/repit.v1.ArbitrationService/StreamRequestContacts"
            done = _Requests()
            call: Any = channel.stream_stream(method)
            answers = call(done, timeout=20)
            done.send(b"")
            next(answers)
            server.signal(signal.SIGTERM)
            server.wait_for("stopping")
            done.send(b"")
            next(answers)
            done.end()
            assert list(answers) == []
        assert server.wait() == 0


class _Requests:
    """Requests of a stream, sent one by one."""

    def __init__(self) -> None:
        self._queue: queue.Queue[bytes | None] = queue.Queue()

    def send(self, request: bytes) -> None:
        self._queue.put(request)

    def end(self) -> None:
        self._queue.put(None)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        request = self._queue.get()
        if request is None:
            raise StopIteration
        return request


@pytest.mark.parametrize("door", DOORS)
def test_the_health_of_arbitration_waits_for_a_catalog(tmp_path: Path, door: str) -> None:
    with ServerProcess("--store", "memory", "--door", door, directory=tmp_path) as server:
        assert health(server) == SERVING
        assert health(server, "repit.v1.CatalogService") == SERVING
        assert health(server, "repit.v1.ArbitrationService") == NOT_SERVING
        server.client().apply_catalog(catalog_file(tmp_path).read_text())
        watched(server, "repit.v1.ArbitrationService", SERVING)


def test_reflection_lists_the_services_and_their_messages(tmp_path: Path) -> None:
    """Behind the Python door; `test_front_door.py` has the other."""
    options = ("--store", "memory", "--door", "python")
    with ServerProcess(*options, directory=tmp_path) as server, server.channel() as channel:
        stub = _untyped(reflection_pb2_grpc).ServerReflectionStub(channel)
        requests = [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol="repit.v1.ArbitrationService"),
        ]
        listed, found = stub.ServerReflectionInfo(iter(requests), timeout=10)
    assert {service.name for service in listed.list_services_response.service} == {
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
        "repit.v1.ArbitrationService",
        "repit.v1.CatalogService",
    }
    file = FileDescriptorProto.FromString(found.file_descriptor_response.file_descriptor_proto[0])
    assert file.package == "repit.v1"


@pytest.mark.parametrize("door", DOORS)
def test_a_second_server_on_the_same_address_does_not_start(tmp_path: Path, door: str) -> None:
    with (
        ServerProcess("--store", "memory", "--door", door, directory=tmp_path) as server,
        pytest.raises(StartError) as refusal,
    ):
        ServerProcess("--store", "memory", "--door", door, "--listen", server.address, directory=tmp_path)
    assert refusal.value.status == 3
    assert server.address in refusal.value.stderr.splitlines()[0]
    assert "--listen" in refusal.value.stderr


def test_a_store_directory_that_another_server_holds_is_refused_with_what_to_do(tmp_path: Path) -> None:
    store = f"embedded:{tmp_path / 'data'}"
    with ServerProcess("--store", store, directory=tmp_path) as holder:
        with pytest.raises(StartError) as refusal:
            ServerProcess("--store", store, directory=tmp_path)
        assert holder.client().list_catalog_versions() is not None
    first, second = refusal.value.stderr.splitlines()
    assert refusal.value.status == 3
    assert first.startswith("error: ")
    assert "held" in first
    assert second.startswith("next: ")


def test_a_store_let_go_of_is_taken_over_with_what_it_holds(tmp_path: Path) -> None:
    store = f"embedded:{tmp_path / 'data'}"
    catalog = catalog_file(tmp_path)
    with ServerProcess("--store", store, "--catalog", str(catalog), directory=tmp_path) as server:
        assert server.client().request_contact("42", campaign="spring", channel="email")
    with ServerProcess("--store", store, "--catalog", str(catalog), directory=tmp_path) as server:
        assert server.wait_for("serving")["catalog_version"] == 1
        assert not server.client().request_contact("42", campaign="spring", channel="email")


def test_a_grant_that_was_seen_outlives_a_killed_server(tmp_path: Path) -> None:
    store = f"embedded:{tmp_path / 'data'}"
    with ServerProcess("--store", store, "--catalog", str(catalog_file(tmp_path)), directory=tmp_path) as server:
        assert server.client().request_contact("42", campaign="spring", channel="email")
        server.kill()
    with ServerProcess("--store", store, directory=tmp_path) as server:
        assert not server.client().request_contact("42", campaign="spring", channel="email")


def test_a_redis_that_is_not_there_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StartError) as refusal:
        ServerProcess("--store", "redis://127.0.0.1:1", directory=tmp_path)
    assert refusal.value.status == 3
    assert "Redis" in refusal.value.stderr.splitlines()[-1]


def test_something_that_is_no_redis_is_refused(tmp_path: Path) -> None:
    with ServerProcess("--store", "memory", directory=tmp_path) as other, pytest.raises(StartError) as refusal:
        ServerProcess("--store", f"redis://{other.address}", directory=tmp_path)
    assert refusal.value.status == 3


@pytest.mark.redis
def test_a_wrong_password_of_redis_is_refused_and_the_right_one_stands_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("open sesame\n")
    with RedisServer("--requirepass", "open sesame") as redis:
        with pytest.raises(StartError) as refusal:
            ServerProcess("--store", redis.url, directory=tmp_path)
        assert refusal.value.status == 3
        with ServerProcess(
            "--store", redis.url, "--redis-password-file", str(tmp_path / "password"), directory=tmp_path
        ) as server:
            assert health(server) == SERVING
            assert "sesame" not in json.dumps(server.lines)


@pytest.mark.redis
def test_a_catalog_applied_through_one_server_is_active_on_another_within_a_second(tmp_path: Path) -> None:
    with (
        RedisServer() as redis,
        ServerProcess("--store", redis.url, directory=tmp_path) as first,
        ServerProcess("--store", redis.url, directory=tmp_path) as second,
    ):
        first.client().apply_catalog(catalog_file(tmp_path).read_text())
        assert second.wait_for("catalog_active", seconds=1.0)["catalog_version"] == 1
        assert first.client().request_contact("42", campaign="spring", channel="email")
        assert not second.client().request_contact("42", campaign="spring", channel="email")


@pytest.mark.redis
def test_without_its_store_a_server_answers_with_an_error_never_with_a_grant(tmp_path: Path) -> None:
    with (
        RedisServer() as redis,
        ServerProcess("--store", redis.url, "--catalog", str(catalog_file(tmp_path)), directory=tmp_path) as server,
    ):
        redis.stop()
        watched(server, "", NOT_SERVING)
        with server.channel() as channel:
            call: Any = channel.unary_unary("/repit.v1.ArbitrationService/RequestContact")
            request = b"\x0a\x01r\x12\x0242\x1a\x0f\n\x06spring\x12\x05email"
            with pytest.raises(grpc.RpcError) as failure:
                call(request, timeout=20)
    raised: Any = failure.value
    assert raised.code() is grpc.StatusCode.UNAVAILABLE
    assert any(key == "grpc-status-details-bin" and b"RetryInfo" in value for key, value in raised.trailing_metadata())


@pytest.mark.parametrize(
    ("args", "status", "says"),
    [
        (("--catalog", "absent.yaml"), 2, "absent.yaml"),
        (("--catalog", "wrong.yaml"), 2, "wrong.yaml:1:1"),
        (("--clock", "request", "--listen", "0.0.0.0:0"), 2, "loopback"),
        (("--store", "floppy"), 2, "floppy"),
        (("--config", "wrong.toml"), 2, "colour"),
    ],
)
def test_what_it_cannot_start_with_is_named_in_the_first_line(
    tmp_path: Path, args: tuple[str, ...], status: int, says: str
) -> None:
    (tmp_path / "wrong.yaml").write_text("zone: UTC\n")
    (tmp_path / "wrong.toml").write_text('colour = "red"\n')
    with pytest.raises(StartError) as refusal:
        ServerProcess(*args, directory=tmp_path)
    first, second = refusal.value.stderr.splitlines()
    assert refusal.value.status == status
    assert says in first
    assert second.startswith("next: ")
    assert not (tmp_path / "repit-data").exists()


def test_before_any_catalog_a_version_is_not_found(tmp_path: Path) -> None:
    with ServerProcess("--store", "memory", directory=tmp_path) as server:
        assert server.wait_for("no_catalog")["next"] == f"repit apply FILE --target {server.address}"
        with pytest.raises(NotFoundError):
            server.client().get_catalog()


def test_customers_are_not_named_in_the_log(tmp_path: Path) -> None:
    with ServerProcess("--store", "memory", "--catalog", str(catalog_file(tmp_path)), directory=tmp_path) as server:
        server.client().request_contact("customer-4711", campaign="spring", channel="email")
        server.client().explain_customer("customer-4711")
        server.stop()
        assert "4711" not in json.dumps(server.lines)
