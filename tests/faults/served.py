"""`repit serve` as a process of the tests' own: on a free port of loopback, ended by its process id."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from repit.v1.arbitration_service_pb2_grpc import ArbitrationServiceStub
from repit.v1.catalog_service_pb2_grpc import CatalogServiceStub

STOP_SECONDS = 30
HEALTH_SECONDS = 20
LINES_KEPT = 50
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Served:
    """One server process, which answers when this is made.

    RuntimeError, with what it wrote, where it does not come up.
    """

    def __init__(self, store: str, *options: str) -> None:
        self.store = store
        command = [sys.executable, "-m", "repit_server", "serve", "--json", "--listen", "127.0.0.1:0"]
        command += ["--store", store, *options]
        # Variables of this name are settings of the server.
        variables = {name: value for name, value in os.environ.items() if not name.startswith("REPIT_")}
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=variables, text=True
        )
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)
        self.address = self._address()
        self.channel = grpc.insecure_channel(self.address, options=[("grpc.enable_retries", 0)])
        self.arbitration = ArbitrationServiceStub(self.channel)
        self.catalogs = CatalogServiceStub(self.channel)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """End it at once, as `kill -9` does."""
        self.process.kill()
        self._ended()

    def stop(self) -> int:
        """Stop it as an operator would; gives its exit status. Nothing where it has ended."""
        if self.is_alive:
            self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def wait_for_health(self, wanted: int) -> None:
        """Wait until the health of the whole server is the wanted one; raises the RPC's error after a deadline."""
        stub = health_pb2_grpc.HealthStub(self.channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=HEALTH_SECONDS)
        for report in watch:
            if report.status == wanted:
                break
        watch.cancel()

    def _ended(self) -> int:
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.channel.close()
        return status

    def _address(self) -> str:
        """Wait for the line that says where it answers."""
        log = self.process.stderr
        if log is None:
            raise RuntimeError("`repit serve` has no stderr to read")
        for line in log:
            self.lines.append(line)
            if (address := _serving_at(line)) is not None:
                threading.Thread(target=self._keep_reading, args=(log,), daemon=True).start()
                return address
        self.process.wait()
        log.close()
        raise RuntimeError("`repit serve` did not come up:\n" + "".join(self.lines))

    def _keep_reading(self, log: IO[str]) -> None:
        with log:
            for line in log:
                self.lines.append(line)


def _serving_at(line: str) -> str | None:
    try:
        written = json.loads(line)
    except ValueError:
        return None
    return str(written["address"]) if isinstance(written, dict) and written.get("event") == "serving" else None


@contextmanager
def served(store: str, *options: str) -> Iterator[Served]:
    """A server for the length of a block."""
    server = Served(store, *options)
    try:
        yield server
    finally:
        server.stop()


def embedded_in(directory: Path) -> str:
    """The embedded store in a directory, as `--store` takes it."""
    return f"embedded:{directory / 'store'}"
