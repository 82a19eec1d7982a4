"""Servers of the tests' own: `repit serve` as a process on a free port, stopped by its process id."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc

from repit import Client

STOP_SECONDS = 30

CATALOG = """\
repit: 1
zone: Europe/Paris
horizon: 400d
channels:
  email: {cost: 0.002}
  sms: {cost: 0.06, pressure: 2}
segments: [loyal]
offer_families: {weekends: {}}
campaigns:
  spring: {priority: 40, channels: [email, sms], offer_family: weekends}
  summer: {priority: 60, channels: [email]}
policies:
  - name: pressure
    applies_to: {kinds: [marketing]}
    rules:
      - {name: one-a-day, frequency_cap: {limit: 1, window: {sliding: 24h}}}
"""


class StartError(Exception):
    """The server did not start; `status` is its exit status, `stderr` what it said."""

    def __init__(self, status: int, stderr: str) -> None:
        super().__init__(stderr)
        self.status = status
        self.stderr = stderr


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables for a process: none of this machine's settings, and its words in English."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("REPIT_")}
    return variables | {"LC_ALL": "C.UTF-8"} | dict(extra or {})


def repit(
    *args: str, directory: Path, extra: Mapping[str, str] | None = None, text: str | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "repit_server", *args],
        cwd=directory,
        env=environment(extra),
        input=text,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


class ServerProcess:
    """One `repit serve`, running; `address` is where it answers, `lines` what it has logged."""

    def __init__(self, *args: str, directory: Path, extra: Mapping[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "repit_server", "serve", "--listen", "127.0.0.1:0", *args]
        self._process = subprocess.Popen(
            command, cwd=directory, env=environment(extra), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        self.lines: list[dict[str, Any]] = []
        self._said: list[str] = []
        self._logged = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.address = str(self.wait_for("serving")["address"])
        except EOFError:
            self._reader.join(STOP_SECONDS)
            raise StartError(self._process.wait(STOP_SECONDS), "".join(self._said)) from None

    @property
    def pid(self) -> int:
        return self._process.pid

    def client(self, **options: Any) -> Client:
        return Client(self.address, **options)

    def channel(self) -> grpc.Channel:
        return grpc.insecure_channel(self.address)

    def wait_for(self, event: str, *, seconds: float = 30.0) -> dict[str, Any]:
        """The first log line of that event; EOFError where the process ends without it."""
        with self._logged:
            self._logged.wait_for(lambda: self._found(event) or not self._reader.is_alive() or self._is_over, seconds)
            if line := self._found(event):
                return line
        raise EOFError(event)

    _is_over = False

    def _found(self, event: str) -> dict[str, Any] | None:
        return next((line for line in self.lines if line["event"] == event), None)

    def _read(self) -> None:
        stream: Any = self._process.stderr
        with stream:
            for written in stream:
                with self._logged:
                    self._said.append(written)
                    if written.startswith("{"):
                        self.lines.append(json.loads(written))
                    self._logged.notify_all()
        with self._logged:
            self._is_over = True
            self._logged.notify_all()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Its exit status, once it has ended."""
        status = self._process.wait(STOP_SECONDS)
        self._reader.join(STOP_SECONDS)
        return status

    def stop(self) -> int:
        """Stop it as an operator would."""
        if self._process.poll() is None:
            self._process.terminate()
        return self.wait()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._process.kill()
        self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.kill()
            raise


def catalog_file(directory: Path, text: str = CATALOG) -> Path:
    """Write a catalog document."""
    path = directory / "catalog.yaml"
    path.write_text(text, encoding="utf-8")
    return path
