"""The commands against a real server: what they print, their JSON, how they end."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import CATALOG, ServerProcess, catalog_file, repit

HEADER = "ts,customer_id,channel,campaign_id,event,value,cost,offer_family,segment\n"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("commands")


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[ServerProcess]:
    with ServerProcess("--store", "memory", "--catalog", str(catalog_file(directory)), directory=directory) as process:
        yield process


class Commands:
    """Runs commands against one server."""

    def __init__(self, server: ServerProcess, directory: Path) -> None:
        self._server, self.directory = server, directory

    @property
    def target(self) -> str:
        return self._server.address

    def __call__(self, *args: str, status: int = 0) -> Any:
        done = repit(*args, directory=self.directory, extra={"REPIT_TARGET": self._server.address})
        assert done.returncode == status, done.stderr
        return done

    def json(self, *args: str, status: int = 0) -> Any:
        return json.loads(self(*args, "--json", status=status).stdout)

    def events(self, *lines: str) -> str:
        path = self.directory / "events.csv"
        path.write_text(HEADER + "".join(f"{line}\n" for line in lines), encoding="utf-8")
        return str(path)


@pytest.fixture
def commands(server: ServerProcess, directory: Path) -> Commands:
    return Commands(server, directory)


def test_ask_ends_with_0_for_a_grant_and_with_1_for_a_denial(commands: Commands) -> None:
    granted = commands("ask", "a1", "--campaign", "spring", "--channel", "email")
    assert granted.stdout.startswith("granted until ")
    assert "one-a-day 0 of 1 left" in granted.stdout
    refused = commands("ask", "a1", "--campaign", "summer", "--channel", "email", status=1)
    assert refused.stdout.startswith("refused by one-a-day: 1 of 1 in 24 h; ask again after ")
    assert refused.stderr == ""


def test_ask_for_programs_gives_decisions_with_their_figures(commands: Commands) -> None:
    written = commands.json(
        "ask", "a2", "--candidate", "spring:sms", "--candidate", "summer:email", "--segment", "loyal"
    )
    by_campaign = {decision["campaign_id"]: decision for decision in written["decisions"]}
    assert written["is_granted"]
    assert by_campaign["summer"]["verdict"] == "GRANT"
    assert by_campaign["spring"]["denials"][-1]["outranked_by"] == "summer"
    assert written["catalog_version"] >= 1


def test_a_check_takes_no_place(commands: Commands) -> None:
    for _ in range(2):
        checked = commands("ask", "a3", "--campaign", "spring", "--channel", "email", "--check")
        assert checked.stdout.startswith("would be granted")


def test_an_unknown_campaign_is_a_denial(commands: Commands) -> None:
    written = commands.json("ask", "a4", "--candidate", "winter:email", status=1)
    assert [denial["reason"] for denial in written["decisions"][0]["denials"]] == ["CAMPAIGN_UNKNOWN"]


@pytest.mark.parametrize(
    "args",
    [("a" * 129, "--candidate", "spring:email"), ("a5", "--candidate", "spring:email", "--time-zone", "Mars/Olympus")],
)
def test_what_the_server_refuses_ends_with_2(commands: Commands, args: tuple[str, ...]) -> None:
    first, second = commands("ask", *args, status=2).stderr.splitlines()
    assert first.startswith("error: ")
    assert second.startswith("next: ")


def test_explain_shows_rules_and_timeline(commands: Commands) -> None:
    commands("ask", "b1", "--campaign", "spring", "--channel", "email")
    shown = commands("explain", "b1").stdout
    assert "customer b1" in shown
    assert "pressure/one-a-day" in shown
    assert "contact spring by email" in shown
    written = commands.json("explain", "b1", "--campaign", "spring")
    assert written["contact_count"] == 1
    assert {usage["campaign_id"] for usage in written["rules"]} == {"spring"}


def test_apply_prints_findings_and_goes_on_unless_strict(commands: Commands) -> None:
    path = str(catalog_file(commands.directory, CATALOG + "# changed\n"))
    refused = commands("apply", path, "--strict", status=1)
    assert "warning: segments[0]" in refused.stderr
    assert commands.json("apply", path, "--validate-only")["is_applied"] is False
    applied = commands("apply", path, "--author", "ann", "--message", "a comment")
    assert "warning: segments[0]" in applied.stderr
    assert "is active" in applied.stdout


def test_apply_of_a_wrong_document_ends_with_2_and_shows_where(commands: Commands) -> None:
    path = str(catalog_file(commands.directory, CATALOG.replace("cost: 0.06", "cots: 0.06")))
    refused = commands("apply", path, status=2)
    assert "catalog.yaml:6:9: error: channels.sms.cots" in refused.stderr
    assert commands.json("apply", path, status=2)["is_applied"] is False


def test_apply_with_a_stale_etag_ends_with_2(commands: Commands) -> None:
    path = str(catalog_file(commands.directory, CATALOG + "# changed again\n"))
    assert "its etag is" in commands("apply", path, "--etag", "stale", status=2).stderr.splitlines()[0]


def test_import_counts_contacts_at_their_own_time_and_once(commands: Commands) -> None:
    events = commands.events(
        "2026-03-02T09:00:00Z,i1,email,spring,sent,,,,loyal",
        "2026-03-01T09:00:00Z,i1,shop,,purchased,12.5,,,",
    )
    first = commands.json("import", events)
    assert (first["lines"], first["duplicates"], first["skipped"]) == (2, 0, 0)
    assert commands.json("import", events)["duplicates"] == 2
    assert commands.json("explain", "i1")["contact_count"] == 1
    assert commands("import", events).stdout.startswith("2 lines taken (1 sent, 1 purchased)")


def test_import_takes_nothing_of_a_file_with_a_bad_line_unless_it_is_skipped(commands: Commands) -> None:
    events = commands.events(
        "2026-03-02T09:00:00Z,i2,email,spring,sent,,,,",
        "2026-03-02T09:00:00Z,i2,email,winter,sent,,,,",
        "never,i2,,,,,,,",
    )
    refused = commands("import", events, status=2)
    assert "line 3" in refused.stderr.splitlines()[0]
    assert commands.json("explain", "i2")["contact_count"] == 0
    assert commands.json("import", events, "--skip-bad")["skipped"] == 2
    assert commands.json("explain", "i2")["contact_count"] == 1


def test_a_replay_through_a_server_with_the_system_clock_is_refused_with_what_to_do(commands: Commands) -> None:
    events = commands.events("2026-03-02T09:00:00Z,r1,email,spring,sent,,,,")
    assert "--clock request" in commands("replay", events, "--target", commands.target, status=2).stderr


def test_settings_reach_commands_from_the_environment(commands: Commands) -> None:
    written = commands.json("config")
    assert written["target"] == {"value": commands.target, "source": "environment REPIT_TARGET"}
