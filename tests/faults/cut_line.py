"""A line to Redis that can be cut after a script was sent: Redis does the work, and nobody hears of it."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

SCRIPT = b"EVALSHA"
CHUNK = 65_536


class CutLine:
    """Listens on a free port and hands everything on, both ways, until `cut_after_next_script`.

    Each connection of a client has one of its own to Redis.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._is_armed = threading.Event()
        self.is_cut = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut_after_next_script(self) -> None:
        """From the next script on nothing comes back on the connection that it was sent on."""
        self.is_cut.clear()
        self._is_armed.set()

    def close(self) -> None:
        for end in [self._listener, *self._ends]:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                self._ends += [near, far]
                is_deaf = threading.Event()
                for target in ((self._send, near, far, is_deaf), (self._answer, far, near, is_deaf)):
                    thread = threading.Thread(target=target[0], args=target[1:], daemon=True)
                    self._threads.append(thread)
                    thread.start()

    def _send(self, near: socket.socket, far: socket.socket, is_deaf: threading.Event) -> None:
        with suppress(OSError):
            while chunk := near.recv(CHUNK):
                if SCRIPT in chunk and self._is_armed.is_set():
                    self._is_armed.clear()
                    is_deaf.set()
                far.sendall(chunk)
            far.shutdown(socket.SHUT_WR)

    def _answer(self, far: socket.socket, near: socket.socket, is_deaf: threading.Event) -> None:
        with suppress(OSError):
            while chunk := far.recv(CHUNK):
                if is_deaf.is_set():
                    self.is_cut.set()
                else:
                    near.sendall(chunk)
            near.shutdown(socket.SHUT_WR)
