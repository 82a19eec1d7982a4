"""A Redis of the tests' own: on a free port of loopback, remembering nothing, stopped by its process id."""

import shutil
import socket
import subprocess
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import IO, Self

READY = "Ready to accept connections"
ATTEMPTS = 5


class RedisServer:
    """One `redis-server` process; started at once, and again by `start` on the same port after `stop` or `kill`.

    RuntimeError where the program is missing or does not come up.
    """

    def __init__(self, *options: str) -> None:
        self._options = options
        self._directory = TemporaryDirectory(prefix="repit-redis-")
        self._process: subprocess.Popen[str] | None = None
        for attempt in range(1, ATTEMPTS + 1):
            self.port = free_port()
            try:
                self.start()
            except RuntimeError:
                if attempt == ATTEMPTS:
                    self._directory.cleanup()
                    raise
            else:
                return

    @property
    def url(self) -> str:
        """Where it listens, as `--store` takes it."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process, to pause or signal it."""
        if self._process is None:
            raise RuntimeError("the Redis of the tests is not running")
        return self._process.pid

    def start(self) -> None:
        """Start it on its port, empty; returns when it accepts connections."""
        program = shutil.which("redis-server")
        if program is None:
            raise RuntimeError(
                "`redis-server` is not installed; `make test` installs it, or `apt-get install redis-server`"
            )
        command = [program, "--bind", "127.0.0.1", "--port", str(self.port), "--dir", self._directory.name]
        command += ["--save", "", "--appendonly", "no", "--daemonize", "no", *self._options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        log = process.stdout
        if log is None:
            raise RuntimeError("`redis-server` has no output to read")
        lines = []
        for line in log:
            lines.append(line)
            if READY in line:
                break
        else:
            process.wait()
            log.close()
            raise RuntimeError("`redis-server` did not come up:\n" + "".join(lines))
        threading.Thread(target=drain, args=(log,), daemon=True).start()
        self._process = process

    def stop(self) -> None:
        """Stop it as an operator would; nothing where it does not run."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """End it at once, as a crash would; nothing where it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Stop it and remove its directory."""
        self.stop()
        self._directory.cleanup()

    @property
    def directory(self) -> Path:
        """Its working directory."""
        return Path(self._directory.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def drain(log: IO[str]) -> None:
    """Read what is written until its end, so that the writer never waits."""
    with log:
        for _ in log:
            pass
