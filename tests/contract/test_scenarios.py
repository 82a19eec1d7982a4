"""Every scenario on every store and over the wire; and what the scenarios show together."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from arbiter_rs import Arbiter
from repit import DenialReason, Verdict
from repit_server.catalog import compile_catalog
from tests import scenario_files
from tests.doors import DOORS
from tests.redis_server import RedisServer
from tests.scenario_files import ROOT, Scenario
from tests.scenario_player import play
from tests.scenario_targets import EngineTarget, ServerTarget, Target
from tests.servers import ServerProcess
from tools import compile_scenarios

CANNOT_OCCUR_YET = {DenialReason.NO_CONSENT, DenialReason.CHANNEL_CLOSED}
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
    "plan by weight",
    "privacy officer",
    "quality team",
    "sales force",
    "shop",
    "survey team",
    "three business units",
    "tourist office",
    "travel site",
    "two brands of one group",
    "web shop",
    "weights by campaign",
}
"""Policies that people really run, as far as the catalog takes them: each has a scenario."""

GALLERY = ROOT / "docs" / "policies"
SCENARIOS = [scenario_files.read(path) for path in scenario_files.paths()]


@pytest.fixture(scope="session")
def redis_target() -> Iterator[Target]:
    with RedisServer() as redis, Arbiter.open(redis.url, clock="request") as arbiter:
        yield EngineTarget(arbiter)


@pytest.fixture(scope="session", params=DOORS)
def server_target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    options = ("--store", "memory", "--clock", "request", "--door", request.param)
    with ServerProcess(*options, directory=tmp_path_factory.mktemp("server")) as server, server.client() as client:
        yield ServerTarget(client, server.address)


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


def moments_of_verdicts(scenario: Scenario) -> tuple[set[datetime], set[datetime], bool]:
    """The last moments at which a rule refuses, the moments of grants, and whether a rule refuses for a time."""
    last, granted, by_time = set(), set(), False
    for step, at in zip(scenario.written.step, scenario.moments, strict=True):
        judged = scenario.moment(step.takes_place, at) if step.takes_place else at
        for then in step.then:
            if then.verdict is Verdict.GRANT:
                granted.add(judged)
            if then.earliest not in (None, scenario_files.NEVER) and any(denial.rule for denial in then.all_denials()):
                by_time = True
                last |= {judged + timedelta(milliseconds=1)} & {scenario.moment(str(then.earliest), at)}
    return last, granted, by_time


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_rule_that_time_helps_refuses_at_its_last_moment_and_grants_at_the_first(scenario: Scenario) -> None:
    last, granted, by_time = moments_of_verdicts(scenario)
    assert not by_time or last & granted


def test_every_policy_of_the_gallery_has_a_scenario_a_line_in_its_table_and_no_finding() -> None:
    files = sorted(GALLERY.glob("*.yaml"))
    played = {scenario.written.given.catalog_file for scenario in SCENARIOS}
    table = (GALLERY / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in files if str(path.relative_to(ROOT)) not in played] == []
    assert [path.name for path in files if f"]({path.name})" not in table] == []
    assert [path.name for path in files if compile_catalog(path.read_text(encoding="utf-8")).findings] == []


def test_scenarios_of_one_store_share_no_capacity_and_no_budget() -> None:
    """They are counted over all customers, by the names of policy and rule, so that a name is for one scenario."""
    names = [
        name
        for scenario in SCENARIOS
        for name in set.union(*(counted(document) for document in scenario.catalogs.values()))
    ]
    assert len(names) == len(set(names))


def counted(document: str) -> set[tuple[str, str]]:
    """Policy and rule of each capacity and budget of a catalog."""
    compiled = json.loads(compile_catalog(document).compiled)
    return {
        (policy["name"], rule["name"])
        for policy in compiled["policies"]
        for rule in policy["rules"]
        if rule.get("capacity")
    }


def test_scenarios_are_told_apart_by_their_sentences() -> None:
    sentences = [scenario.written.scenario for scenario in SCENARIOS]
    assert len(set(sentences)) == len(sentences)
    assert [sentence for sentence in sentences if sentence.count(" ") < 3 or sentence.endswith(".")] == []


def test_the_compiled_catalogs_are_those_of_the_scenarios() -> None:
    assert compile_scenarios.out_of_step() == [], "run tools/compile_scenarios.py"
