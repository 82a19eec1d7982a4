"""The engine on each store against the reference model, step by step through random worlds.

REPIT_MODEL_STEPS is the number of steps for each store, REPIT_MODEL_SEED names the walk; both are printed.
"""

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from redis import Redis

from tests.property.arbiter_engine import ArbiterEngine
from tests.property.comparison import first_difference
from tests.property.walks import World
from tests.redis_server import RedisServer

STEPS = int(os.environ.get("REPIT_MODEL_STEPS", "3000"))
SEED = os.environ.get("REPIT_MODEL_SEED", "2026")
STEPS_OF_A_WORLD = 160


@pytest.fixture(params=["memory", "embedded", pytest.param("redis", marks=pytest.mark.redis)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ArbiterEngine]:
    """The engine on one of its stores, which is empty for every world."""
    folders = count()
    if request.param == "redis":
        with RedisServer() as redis:
            yield from closing(lambda: emptied(redis.url))
    elif request.param == "embedded":
        yield from closing(lambda: f"embedded:{tmp_path / str(next(folders))}")
    else:
        yield from closing(lambda: "memory")


def emptied(url: str) -> str:
    """The Redis at this address, with nothing in it."""
    with Redis.from_url(url) as client:
        client.flushall()
    return url


def closing(empty_store: Callable[[], str]) -> Iterator[ArbiterEngine]:
    arbiter = ArbiterEngine(empty_store)
    yield arbiter
    arbiter.close()


@pytest.mark.timeout(300 + STEPS // 20)
def test_every_step_is_answered_as_the_model_answers_it(engine: ArbiterEngine) -> None:
    print(f"REPIT_MODEL_SEED={SEED} REPIT_MODEL_STEPS={STEPS}")  # noqa: T201 - names the walk of every run
    for number in range(-(-STEPS // STEPS_OF_A_WORLD)):
        world = World(f"{SEED}:{number}")
        found = first_difference(world, STEPS_OF_A_WORLD, engine, name=str(number))
        if found is not None:
            pytest.fail(
                f"REPIT_MODEL_SEED={SEED}, world {number}, step {found.step.number}\n{found.explained()}",
                pytrace=False,
            )
