"""The replay on the real engine: every store and a server give the same, line by line."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from repit import Campaign
from tests.redis_server import RedisServer
from tests.servers import ServerProcess, repit

HEADER = "ts,customer_id,channel,campaign_id,event,value,cost,offer_family,segment\n"
CATALOG = """\
repit: 1
zone: UTC
horizon: 400d
channels:
  email: {cost: 0.1}
  call: {cost: 4, reservation: {expires_after: 30m, unconfirmed: released}}
segments: [loyal]
policies:
  - name: pressure
    applies_to: {kinds: [marketing], not: {segments: [loyal]}}
    counts: {}
    rules:
      - {name: two-a-week, frequency_cap: {limit: 2, window: {sliding: 7d}}}
      - {name: calls, frequency_cap: {limit: 2, window: {calendar: month, zone: UTC}, counted: confirmed}}
      - {name: silence, back_off: {after: 3, of: offer_family, rests: [20d, 40d], answers: [converted, clicked]}}
      - {name: respite, respite: {after: [purchased], for: 1d, min_value: 5}}
"""


def random_events(path: Path, *, seed: int) -> Path:
    chance = random.Random(seed)
    minute = 0
    lines = [HEADER]
    for _ in range(600):
        minute += chance.choice([0, 1, 20, 45, 600, 3_000])
        day, rest = divmod(minute, 1_440)
        time = f"2026-{1 + day // 28 % 12:02d}-{1 + day % 28:02d}T{rest // 60:02d}:{rest % 60:02d}:00Z"
        event = chance.choice(["sent", "sent", "sent", "converted", "clicked", "purchased"])
        if event == "purchased":
            lines.append(f"{time},c{chance.randrange(20)},shop,,purchased,{chance.randrange(20)},,,\n")
            continue
        campaign = chance.choice(["a", "b", "z"])
        channel = "call" if campaign == "b" else "email"
        family = "weekends" if campaign != "z" else ""
        segment = chance.choice(["", "", "loyal", "unheard-of"])
        lines.append(f"{time},c{chance.randrange(20)},{channel},{campaign},{event},,,{family},{segment}\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    random_events(tmp_path / "events.csv", seed=7)
    return tmp_path


def replayed(directory: Path, *args: str, status: int = 0) -> Any:
    command = (
        "replay",
        "events.csv",
        "--catalog",
        "catalog.yaml",
        "--adopt-campaigns",
        "--decisions",
        "decisions.csv",
        "--json",
    )
    done = repit(*command, *args, directory=directory)
    assert done.returncode == status, done.stderr
    if status:
        return done.stderr
    written = json.loads(done.stdout)
    timings = {"seconds", "events_per_second", "catalog_version"}
    decisions = (directory / "decisions.csv").read_text()
    return {key: value for key, value in written.items() if key not in timings}, decisions


@pytest.mark.redis
def test_every_store_and_a_server_decide_alike(files: Path) -> None:
    in_memory = replayed(files)
    assert {"FREQUENCY_CAP", "BACK_OFF", "RESPITE"} <= set(in_memory[0]["denied_by_reason"])
    assert replayed(files, "--store", f"embedded:{files / 'data'}") == in_memory
    with RedisServer() as redis:
        assert replayed(files, "--store", redis.url) == in_memory
    with ServerProcess("--store", "memory", "--clock", "request", directory=files) as server:
        assert replayed(files, "--target", server.address) == in_memory


def test_the_figures_belong_together(files: Path) -> None:
    result, decisions = replayed(files)
    assert result["requests"] == result["granted"] + result["denied"] == len(decisions.splitlines()) - 1
    assert sum(result["denied_by_reason"].values()) == result["denied"]
    assert sum(entry["requests"] for entry in result["by_campaign"]) == result["requests"]
    assert result["answered_total"] == result["answers_kept"] + result["answers_lost"]


def test_campaigns_that_the_catalog_lacks_are_denied_unless_adopted(files: Path) -> None:
    done = repit("replay", "events.csv", "--catalog", "catalog.yaml", "--json", directory=files)
    result = json.loads(done.stdout)
    assert result["denied_by_reason"] == {"CAMPAIGN_UNKNOWN": result["requests"]}


def test_a_store_that_holds_something_is_refused(files: Path) -> None:
    replayed(files, "--store", f"embedded:{files / 'data'}")
    first, second = replayed(files, "--store", f"embedded:{files / 'data'}", status=2).splitlines()[-2:]
    assert "is in use" in first
    assert "--target" in second


@pytest.mark.parametrize("bad", ["2025-01-01T00:00:00Z,c,email,a,sent,,,,", "2027-01-01,c,email,a,sent,,,,"])
def test_a_late_or_bad_line_is_named_and_nothing_is_decided_unless_skipped(files: Path, bad: str) -> None:
    with (files / "events.csv").open("a") as events:
        events.write(f"{bad}\n")
    assert "line 602" in replayed(files, status=2)
    assert not (files / "decisions.csv").exists()
    assert replayed(files, "--skip-bad")[0]["skipped"] == 1


def test_a_strict_replay_refuses_what_is_unwise(files: Path) -> None:
    (files / "catalog.yaml").write_text(CATALOG.replace("[loyal]\npolicies", "[loyal, unused]\npolicies"))
    assert "unused" in replayed(files, "--strict", status=1)


def test_people_get_a_summary(files: Path) -> None:
    shown = repit("replay", "events.csv", "--catalog", "catalog.yaml", "--adopt-campaigns", directory=files).stdout
    assert "answers kept" in shown
    assert "pressure/two-a-week" in shown


def test_a_server_replays_under_its_own_catalog_and_the_campaigns_registered_beside_it(files: Path) -> None:
    (files / "events.csv").write_text(
        f"{HEADER}2026-03-01T09:00:00Z,c,email,own,sent,,,,\n2026-03-02T09:00:00Z,c,email,own,converted,,,,\n"
    )
    with ServerProcess(
        "--store", "memory", "--clock", "request", "--catalog", "catalog.yaml", directory=files
    ) as server:
        with server.client() as client:
            client.create_campaign(Campaign("own", ("email",), 50))
        done = repit("replay", "events.csv", "--target", server.address, "--adopt-campaigns", "--json", directory=files)
    result = json.loads(done.stdout)
    assert (result["granted"], result["answers_kept"], result["catalog_version"]) == (1, 1, 2)
