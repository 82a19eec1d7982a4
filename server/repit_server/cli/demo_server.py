"""The demo's own server: `repit serve` as a process, on a free port, in a directory that goes away."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from repit_server.cli.failure import Failure
from repit_server.settings import PREFIX

_STOP_SECONDS: Final = 30
_LINES_KEPT: Final = 20


@contextmanager
def demo_server() -> Iterator[str]:
    """Start a server on the embedded store that takes the time from each request; gives its address."""
    with tempfile.TemporaryDirectory(prefix="repit-demo-") as directory:
        command = [sys.executable, "-m", "repit_server", "serve", "--json", "--listen", "127.0.0.1:0"]
        command += ["--clock", "request", "--store", f"embedded:{Path(directory) / 'store'}"]
        variables = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=variables, text=True)  # noqa: S603 - this program itself
        try:
            yield _address(process)
        finally:
            _stop(process)


def _address(process: "subprocess.Popen[str]") -> str:
    """Wait for the line that says where the server answers."""
    lines: deque[str] = deque(maxlen=_LINES_KEPT)
    stream: IO[str] | None = process.stderr
    for line in stream or ():
        lines.append(line.strip())
        event = _event(line)
        if event.get("event") == "serving":
            threading.Thread(target=_drain, args=(stream,), daemon=True).start()
            return str(event["address"])
    problem = next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), " ".join(lines))
    raise Failure.of_server(f"the demo's server did not start: {problem}", "try `repit serve` by itself")


def _event(line: str) -> dict[str, object]:
    try:
        written = json.loads(line)
    except ValueError:
        return {}
    return written if isinstance(written, dict) else {}


def _drain(stream: IO[str]) -> None:
    for _line in stream:
        pass


def _stop(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
