"""The life of a server, with a server and an engine that only remember."""

import asyncio
import os
import signal
from typing import Any

import pytest

from repit_server import lifecycle
from repit_server.lifecycle import Life


class Recorder:
    """Server, engine and health in one: remembers what was asked of it, in order."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.version = 1
        self.is_away = False
        self.health: list[tuple[bool, int]] = []
        self.changed = asyncio.Condition()
        self.stopping = asyncio.Event()
        self.is_stuck = False
        self.let_go = asyncio.Event()

    async def start(self) -> None:
        self.calls.append("start")

    async def stop(self, grace: float | None = "health") -> None:  # type: ignore[assignment]
        self.calls.append(f"stop {grace}")
        if grace == 5.0:
            self.stopping.set()
        if self.is_stuck and grace == 5.0:
            await self.let_go.wait()
        if grace is None:
            self.let_go.set()

    async def refresh_catalog_async(self) -> int:
        if self.is_away:
            raise ConnectionError("the store is away")
        return self.version

    async def is_ready_async(self) -> bool:
        return not self.is_away

    async def report(self, *, is_store_ready: bool, catalog_version: int) -> None:
        async with self.changed:
            self.health.append((is_store_ready, catalog_version))
            self.changed.notify_all()

    async def reported(self, state: tuple[bool, int]) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: self.health[-1] == state)

    def close(self) -> None:
        self.calls.append("close")


def life_of(recorder: Recorder, serving: asyncio.Event) -> Life:
    def on_serving(version: int) -> None:
        recorder.calls.append(f"serving {version}")
        serving.set()

    anything: Any = recorder
    return Life(anything, anything, anything, 5.0, on_serving)


@pytest.fixture(autouse=True)
def quick_refresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "REFRESH_SECONDS", 0.0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_taking_requests_then_lets_go_of_the_store(number: signal.Signals) -> None:
    recorder, serving = Recorder(), asyncio.Event()
    life = asyncio.create_task(life_of(recorder, serving).run())
    await serving.wait()
    os.kill(os.getpid(), number)
    await life
    assert recorder.calls == ["start", "serving 1", "stop health", "stop 5.0", "close"]


async def test_a_second_signal_ends_the_grace() -> None:
    recorder, serving = Recorder(), asyncio.Event()
    recorder.is_stuck = True
    life = asyncio.create_task(life_of(recorder, serving).run())
    await serving.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    await recorder.stopping.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    await life
    assert recorder.calls[-3:] == ["stop 5.0", "stop None", "close"]


async def test_a_catalog_applied_elsewhere_and_a_store_that_goes_away_are_told_to_the_health() -> None:
    recorder, serving = Recorder(), asyncio.Event()
    life = asyncio.create_task(life_of(recorder, serving).run())
    await serving.wait()
    recorder.version = 2
    await recorder.reported((True, 2))
    recorder.is_away = True
    await recorder.reported((False, 2))
    os.kill(os.getpid(), signal.SIGTERM)
    await life
    assert recorder.calls[-1] == "close"


async def test_a_server_that_cannot_start_lets_go_of_the_store() -> None:
    recorder, serving = Recorder(), asyncio.Event()

    async def start() -> None:
        raise RuntimeError("no")

    recorder.start = start  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="no"):
        await life_of(recorder, serving).run()
    assert recorder.calls == ["close"]
