"""Every scenario on every store and over the wire; and what the scenarios show together."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from arbiter_rs import Arbiter
from repit import DenialReason, Verdict
from tests import scenario_files
from tests.redis_server import RedisServer
from tests.scenario_files import OF_A_POLICY, Scenario
from tests.scenario_player import play
from tests.scenario_targets import EngineTarget, ServerTarget, Target
from tests.servers import ServerProcess
from tools import compile_scenarios

CANNOT_OCCUR_YET = {
    DenialReason.NO_CONSENT,
    DenialReason.CHANNEL_CLOSED,
    DenialReason.HELD_OUT,
    DenialReason.CAPACITY,
    DenialReason.BUDGET,
}
"""Reasons of rules that the catalog does not take yet."""

POLICIES_IN_USE = {
    "app publisher",
    "bank",
    "call centre in France",
    "calls in Florida",
    "campaigns kept apart",
    "caps by UTC calendar",
    "caps by engagement",
    "ceiling for every kind",
    "cruise line",
    "next best action",
    "privacy officer",
    "shop",
    "survey team",
    "tourist office",
    "travel site",
    "two brands of one group",
    "web shop",
    "weights by campaign",
}
"""Policies that people really run, as far as the catalog takes them: each has a scenario."""

SCENARIOS = [scenario_files.read(path) for path in scenario_files.paths()]


@pytest.fixture(scope="session")
def redis_target() -> Iterator[Target]:
    with RedisServer() as redis, Arbiter.open(redis.url, clock="request") as arbiter:
        yield EngineTarget(arbiter)


@pytest.fixture(scope="session")
def server_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    options = ("--store", "memory", "--clock", "request")
    with ServerProcess(*options, directory=tmp_path_factory.mktemp("server")) as server, server.client() as client:
        yield ServerTarget(client)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
class TestEveryScenario:
    def test_it_holds_in_memory(self, scenario: Scenario) -> None:
        with Arbiter.open("memory", clock="request") as arbiter:
            play(scenario, EngineTarget(arbiter), scenario.name)

    def test_it_holds_on_the_embedded_store(self, scenario: Scenario, tmp_path: Path) -> None:
        with Arbiter.open(f"embedded:{tmp_path}/store", clock="request") as arbiter:
            play(scenario, EngineTarget(arbiter), scenario.name)

    @pytest.mark.redis
    def test_it_holds_on_redis(self, scenario: Scenario, redis_target: Target) -> None:
        play(scenario, redis_target, scenario.name)

    def test_it_holds_over_the_wire(self, scenario: Scenario, server_target: Target) -> None:
        play(scenario, server_target, scenario.name)


def test_every_denial_reason_that_can_occur_is_reached_by_a_scenario() -> None:
    reached = {
        denial.reason
        for scenario in SCENARIOS
        for step in scenario.written.step
        for then in step.then
        for denial in then.all_denials()
    }
    assert reached == set(DenialReason) - {DenialReason.UNSPECIFIED} - CANNOT_OCCUR_YET


def test_every_policy_in_use_that_can_be_said_has_a_scenario() -> None:
    assert {scenario.written.policy_of for scenario in SCENARIOS} == POLICIES_IN_USE | {""}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_rule_that_time_helps_refuses_at_its_last_moment_and_grants_at_the_first(scenario: Scenario) -> None:
    last, first, by_time = set(), set(), False
    for step, at in zip(scenario.written.step, scenario.moments, strict=True):
        for then in step.then:
            if then.verdict is Verdict.GRANT:
                first.add(at)
            if (
                then.earliest not in (None, scenario_files.NEVER)
                and {denial.reason for denial in then.all_denials()} & OF_A_POLICY
            ):
                by_time = True
                last |= {at + timedelta(milliseconds=1)} & {scenario.moment(str(then.earliest), at)}
    assert not by_time or last & first


def test_scenarios_are_told_apart_by_their_sentences() -> None:
    sentences = [scenario.written.scenario for scenario in SCENARIOS]
    assert len(set(sentences)) == len(sentences)
    assert [sentence for sentence in sentences if sentence.count(" ") < 3 or sentence.endswith(".")] == []


def test_the_compiled_catalogs_are_those_of_the_scenarios() -> None:
    assert compile_scenarios.out_of_step() == [], "run tools/compile_scenarios.py"
