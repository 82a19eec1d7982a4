"""The replay on the real engine gives the same whatever goes together in one call."""

from pathlib import Path

import pytest

from arbiter_rs import Arbiter
from repit_server.api.local_engine import LocalEngine
from repit_server.catalog import adopt_campaigns, compile_catalog
from repit_server.cli.catalog_files import confirm_within_ms, names_of
from repit_server.history.event_file import read_events
from repit_server.history.replay import Replay, ReplayedRequest
from tests.integration.test_replay_runs import CATALOG, random_events

SENDS = [("a", "email", "weekends"), ("b", "call", "weekends"), ("z", "email", "")]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_decision_depends_on_how_many_events_go_together(tmp_path: Path, seed: int) -> None:
    events = random_events(tmp_path / "events.csv", seed=seed)
    catalog = compile_catalog(adopt_campaigns(CATALOG, SENDS).written_into(CATALOG))
    runs = []
    for chunk_events in (1, 7, 1_000):
        requests: list[ReplayedRequest] = []
        with LocalEngine(Arbiter.open("memory", clock="request")) as engine:
            engine.apply_catalog(catalog.compiled)
            run = Replay(engine, names_of(catalog), chunk_events, confirm_within_ms(catalog))
            run.on_decision = requests.append
            result = run.run(read_events(events)).as_json()
        decisions = [request.decision for request in requests]
        runs.append((decisions, {key: value for key, value in result.items() if "second" not in key}))
    assert runs[0] == runs[1] == runs[2]
    assert {"FREQUENCY_CAP", "BACK_OFF", "RESPITE"} <= set(runs[0][1]["denied_by_reason"])
