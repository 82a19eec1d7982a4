"""The listener in a Python process: its address, its ends, the interpreter's end, a fork."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from arbiter_rs import Arbiter, ArbiterError, Listener
from repit_server.catalog import compile_catalog
from tests.servers import CATALOG, environment

ROUNDS = int(os.environ.get("TEST_DOOR_ROUNDS", "3"))
"""How often what may hang is done: 100 on demand."""
CALL_SECONDS = 20
CHECK = "/repit.v1.ArbitrationService/CheckContact"
STREAM = "/repit.v1.ArbitrationService/StreamRequestContacts"
QUESTION = b"\x0a\x01r\x12\x0242\x1a\x0f\n\x06spring\x12\x05email"


@pytest.fixture
def arbiter() -> Iterator[Arbiter]:
    with Arbiter.open("memory") as opened:
        opened.apply_catalog(compile_catalog(CATALOG).compiled)
        yield opened


@pytest.fixture
def listen(arbiter: Arbiter, tmp_path: Path) -> Callable[..., Listener]:
    def start(address: str = "127.0.0.1:0", **options: Any) -> Listener:
        listener = arbiter.serve(address, str(tmp_path / "control"), **options)
        listener.start()
        return listener

    return start


def check(address: str) -> bytes:
    with grpc.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(CHECK)
        return bytes(call(QUESTION, timeout=CALL_SECONDS))


def test_an_address_that_another_has_is_refused_with_an_os_error(listen: Callable[..., Listener]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        listen(f"127.0.0.1:{taken.getsockname()[1]}")


@pytest.mark.parametrize(
    ("address", "says"), [("192.0.2.1:0", "assign"), ("no-such-host.invalid:0", "lookup"), ("nonsense", "address")]
)
def test_an_address_that_is_not_this_machines_is_refused_with_an_os_error(
    listen: Callable[..., Listener], address: str, says: str
) -> None:
    with pytest.raises(OSError, match=says):
        listen(address)


def test_a_name_is_kept_and_the_port_that_was_taken_is_told(listen: Callable[..., Listener]) -> None:
    listener = listen("localhost:0")
    assert listener.address.startswith("localhost:")
    assert check(listener.address)
    listener.stop(0)


def test_it_starts_and_stops_again_and_again(listen: Callable[..., Listener]) -> None:
    for _ in range(ROUNDS):
        listener = listen()
        assert check(listener.address)
        listener.stop(5)
        listener.stop(0)


def test_one_that_was_never_started_stops_too(arbiter: Arbiter) -> None:
    listener = arbiter.serve("127.0.0.1:0", "/nowhere")
    listener.stop(5)
    again = arbiter.serve(listener.address, "/nowhere")
    assert again.address == listener.address, "the address was let go of"
    again.stop(5)


def test_nobody_behind_the_socket_is_unavailable_with_the_wait(listen: Callable[..., Listener]) -> None:
    listener = listen()
    with grpc.insecure_channel(listener.address) as channel:
        call: Any = channel.unary_unary("/repit.v1.CatalogService/GetCatalog")
        with pytest.raises(grpc.RpcError) as failure:
            call(b"", timeout=CALL_SECONDS)
    raised: Any = failure.value
    assert raised.code() is grpc.StatusCode.UNAVAILABLE
    details = dict(raised.trailing_metadata())["grpc-status-details-bin"]
    assert b"CONTROL_PLANE_AWAY" in details
    assert b"RetryInfo" in details
    ((event, fields),) = listener.take_journal()
    assert (event, fields["method"]) == ("call_failed", "GetCatalog")
    listener.stop(0)


def test_a_call_in_work_has_the_grace_and_no_more(listen: Callable[..., Listener]) -> None:
    listener = listen()
    over = threading.Event()
    with grpc.insecure_channel(listener.address) as channel:
        call: Any = channel.stream_stream(STREAM)
        answers = call(one_and_no_end(over), timeout=CALL_SECONDS)
        next(answers)
        began = time.monotonic()
        listener.stop(0.5)
        assert 0.5 <= time.monotonic() - began < CALL_SECONDS
        over.set()
        with pytest.raises(grpc.RpcError):
            list(answers)


def test_a_second_stop_ends_the_grace_of_the_first(listen: Callable[..., Listener]) -> None:
    listener = listen()
    over = threading.Event()
    with grpc.insecure_channel(listener.address) as channel:
        call: Any = channel.stream_stream(STREAM)
        answers = call(one_and_no_end(over), timeout=CALL_SECONDS)
        next(answers)
        patient = threading.Thread(target=listener.stop, args=(CALL_SECONDS * 10,))
        patient.start()
        listener.stop(0)
        patient.join(CALL_SECONDS)
        assert not patient.is_alive()
        over.set()


def one_and_no_end(over: threading.Event) -> Iterator[bytes]:
    yield b""
    over.wait(CALL_SECONDS)


def test_closing_the_engine_stops_it(arbiter: Arbiter, listen: Callable[..., Listener]) -> None:
    listener = listen()
    assert check(listener.address)
    arbiter.close()
    with pytest.raises(grpc.RpcError):
        check(listener.address)


def test_a_span_that_is_none_is_refused(listen: Callable[..., Listener]) -> None:
    listener = listen()
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="seconds"):
            listener.stop(wrong)
    listener.stop(0)


SERVED = """
import os, sys, threading
from pathlib import Path
import grpc
from arbiter_rs import Arbiter, ArbiterError
from repit_server.catalog import compile_catalog

arbiter = Arbiter.open("memory")
arbiter.apply_catalog(compile_catalog(Path(sys.argv[1]).read_text()).compiled)
listener = arbiter.serve("127.0.0.1:0", "/nowhere")
listener.start()
"""

ASKED_AT_THE_END = """
def ask():
    channel = grpc.insecure_channel(listener.address)
    call = channel.unary_unary("/repit.v1.ArbitrationService/CheckContact")
    try:
        while True:
            call(b"", timeout=5)
            answered.set()
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
            answered.set()
            ask()
answered = threading.Event()
threading.Thread(target=ask, daemon=True).start()
answered.wait(20)
"""

FORKED = """
child = os.fork()
if child == 0:
    for call in (listener.start, listener.take_journal, lambda: listener.stop(0)):
        try:
            call()
        except ArbiterError as error:
            assert error.code == 9, error
        else:
            os._exit(1)
    del listener, arbiter
    os._exit(0)
_, status = os.waitpid(child, 0)
assert status == 0, status
listener.stop(1)
"""


@pytest.mark.parametrize(
    "script",
    ["", ASKED_AT_THE_END, "del listener", "del arbiter", FORKED],
    ids=["open", "asked", "dropped", "alone", "forked"],
)
def test_the_interpreter_ends_with_one_open_and_a_fork_may_not_use_it(script: str, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(CATALOG, encoding="utf-8")
    # What gRPC itself says of a fork is not of interest.
    quiet = environment({"GRPC_ENABLE_FORK_SUPPORT": "0", "GRPC_VERBOSITY": "NONE"})
    for _ in range(ROUNDS):
        command = [sys.executable, "-c", SERVED + script, str(catalog)]
        ended = subprocess.run(command, env=quiet, capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")


def test_an_engine_that_was_closed_serves_nothing() -> None:
    arbiter = Arbiter.open("memory")
    arbiter.close()
    with pytest.raises(ArbiterError):
        arbiter.serve("127.0.0.1:0", "/nowhere")
