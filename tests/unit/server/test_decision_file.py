"""The file of decisions."""

from pathlib import Path

from repit_server.history.decision_file import DecisionFile
from repit_server.history.replay import Replay
from tests.unit.server.replay_world import NAMES, SmallEngine, at, event, lines_of


def test_each_request_is_one_line_with_the_columns_of_the_contract(tmp_path: Path) -> None:
    start = at("2026-03-01T09:00:00")
    engine = SmallEngine(lambda request, _history: request.customer_id == "c,1")
    with DecisionFile(tmp_path / "decisions.csv") as decisions:
        Replay(engine, NAMES, on_decision=decisions.write).run(
            lines_of([event(start, "c,1", "sent", "a"), event(start, "d", "sent", "b")])
        )
    assert (tmp_path / "decisions.csv").read_text().splitlines() == [
        "ts,customer_id,channel,campaign_id,verdict,reason,rule,earliest_time",
        '2026-03-01T09:00:00.000Z,"c,1",email,a,GRANT,,,',
        "2026-03-01T09:00:00.000Z,d,email,b,DENY,FREQUENCY_CAP,p/one,2026-03-01T09:00:00.001Z",
    ]
