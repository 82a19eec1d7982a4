"""A server is told to stop while it is asked: it ends in time, and whatever a client has seen still holds."""

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.conftest import Serve, rounds
from tests.faults.served import embedded_in
from tests.faults.test_kill import CONNECTIONS, LIMIT, LOAD_SECONDS, Load, hold_what_was_seen
from tests.faults.worlds import caps

ROUNDS = rounds(2)
STOP_SECONDS = 10
ANSWERS = 60


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_stop_under_load_loses_no_grant_that_was_seen(
    serve: Serve, catalog_file: Callable[[str], str], tmp_path: Path, number: signal.Signals
) -> None:
    store, catalog = embedded_in(tmp_path), catalog_file(caps(LIMIT))
    seen = []
    for turn in range(ROUNDS):
        server = serve(store, "--catalog", catalog)
        load = Load(server.address, f"stopped-{turn}", turn)
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            connections = [threads.submit(load.ask_until_gone, connection) for connection in range(CONNECTIONS)]
            load.wait_for_answers(ANSWERS)
            began = time.monotonic()
            server.signal(number)
            assert server.wait() == 0
            assert time.monotonic() - began < STOP_SECONDS
            for connection in connections:
                connection.result(LOAD_SECONDS)
        seen.append(load.asked)
    server = serve(store, "--catalog", catalog)
    for asked in seen:
        assert any(request.contact for request in asked)
        hold_what_was_seen(server, asked)
