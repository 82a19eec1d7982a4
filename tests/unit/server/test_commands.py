"""Commands that need neither server nor engine: what they print, and how they end."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from repit_server.cli.main import cli, run
from repit_server.cli.wiring import LocalEngine
from repit_server.settings import Clock, Settings, names

GOOD = "repit: 1\nzone: UTC\nchannels: {email: {cost: 0.1}}\n"
BAD = "repit: 1\nzone: UTC\nchannels:\n  email: {cots: 0.1}\n"


class NoEngine:
    """Wiring for commands that start nothing."""

    engine_version = "9.9"

    def serve(self, settings: Settings, announce: Callable[[str, int], None]) -> None:
        raise AssertionError(settings)

    @contextmanager
    def open_engine(self, store: str, clock: Clock) -> Iterator[LocalEngine]:
        raise AssertionError(store)
        yield


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("config", *names()):
        monkeypatch.delenv(f"REPIT_{name.upper()}", raising=False)


@pytest.fixture
def repit(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*args: str) -> tuple[int, str, str]:
        status = run(NoEngine(), args)
        written = capsys.readouterr()
        return status, written.out, written.err

    return call


Repit = Callable[..., tuple[int, str, str]]


def test_the_commands_are_those_of_the_contract() -> None:
    assert set(cli.commands) == {
        "serve",
        "ask",
        "claims",
        "explain",
        "lint",
        "apply",
        "diff",
        "versions",
        "rollback",
        "shadow",
        "import",
        "replay",
        "demo",
        "config",
        "schema",
        "completion",
    }


def commands_in(group: Mapping[str, click.Command], *, of: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command with its whole name, those of groups among them."""
    for name, command in group.items():
        if isinstance(command, click.Group):
            yield from commands_in(command.commands, of=f"{of}{name} ")
        else:
            yield of + name, command


COMMANDS = dict(commands_in(cli.commands))


def test_the_claims_of_campaigns_are_a_group_of_commands(repit: Repit) -> None:
    assert {name for name in COMMANDS if " " in name} == {"claims register", "claims list", "claims withdraw"}
    assert repit("claims", "--help")[0] == 0


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_and_json(repit: Repit, name: str) -> None:
    status, out, _ = repit(*name.split(), "--help")
    assert status == 0
    assert "--json" in out
    assert all(option.help for option in COMMANDS[name].params if isinstance(option, click.Option))


def test_the_version_names_the_engine_too(repit: Repit) -> None:
    assert repit("--version")[:2] == (0, "repit 0.1.0 (engine 9.9)\n")


@pytest.mark.parametrize(
    "args",
    [
        ("frobnicate",),
        ("ask",),
        ("ask", "c"),
        ("ask", "c", "--campaign", "a"),
        ("ask", "c", "--candidate", "nonsense"),
        ("ask", "c", "--candidate", "a:email", "--as-of", "2026-03-01T00:00:00"),
        ("ask", "c", "--candidate", "a:email", "--as-of", "yesterday"),
        ("ask", "c", *(["--candidate", "a:email"] * 65)),
        ("ask", "c", "--candidate", "a:email", "--target", "nowhere"),
        ("ask", "c", "--candidate", "a:email", "--probability", "0.5"),
        ("ask", "c", "--candidate", "a:email", "--planned", "tomorrow"),
        ("ask", "c", "--campaign", "a", "--channel", "email", "--probability", "1.5"),
        ("claims", "frobnicate"),
        ("claims", "register", "places.csv", "--until", "2026-12-31"),
        ("claims", "register", "places.csv", "--campaign", "a"),
        ("claims", "register", "places.csv", "--campaign", "a", "--until", "soon"),
        ("claims", "register", "places.csv", "--campaign", "a", "--until", "2026-12-31T00:00:00"),
        ("claims", "register", "absent.csv", "--campaign", "a", "--until", "2026-12-31T00:00:00Z"),
        ("claims", "withdraw", "--campaign", "a"),
        ("claims", "withdraw", "c", "--all", "--campaign", "a"),
        ("claims", "withdraw", "c"),
        ("serve", "--clock", "request", "--listen", "0.0.0.0:0"),
        ("serve", "--store", "floppy"),
        ("serve", "--config", "absent.toml"),
        ("lint", "absent.yaml"),
        ("apply", "absent.yaml"),
        ("replay", "events.csv"),
        ("replay", "events.csv", "--catalog", "c.yaml", "--store", "memory", "--target", "127.0.0.1:1"),
        ("replay", "absent.csv", "--catalog", "absent.yaml"),
        ("completion", "tcsh"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_is_wrong_and_what_next(repit: Repit, args: tuple[str, ...]) -> None:
    status, out, err = repit(*args)
    assert (status, out) == (2, "")
    first, second = err.splitlines()
    assert first.startswith("error: ")
    assert second.startswith("next: ")


def test_without_a_command_the_help_is_shown(repit: Repit) -> None:
    status, _, err = repit()
    assert status == 2
    assert "Commands:" in err


def test_no_answer_from_a_server_ends_with_3(repit: Repit) -> None:
    status, _, err = repit("explain", "c", "--target", "127.0.0.1:1")
    assert status == 3
    assert "127.0.0.1:1" in err.splitlines()[0]
    assert "repit serve" in err.splitlines()[1]


def test_lint_of_a_good_document_ends_with_0(repit: Repit, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    assert repit("lint", "good.yaml") == (0, "good.yaml: no findings\n", "")


def test_lint_shows_where_a_finding_stands_and_what_would_be_right(repit: Repit, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    status, out, _ = repit("lint", "bad.yaml")
    lines = out.splitlines()
    assert status == 1
    assert lines[0].startswith("bad.yaml:4:11: error: channels.email.cots: ")
    assert lines[1:3] == ["  4 |   email: {cots: 0.1}", "    |           ^"]
    assert lines[3].startswith("  remedy: ")


def test_lint_for_programs_is_one_json_document(repit: Repit, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    status, out, _ = repit("lint", "bad.yaml", "--json")
    (finding,) = json.loads(out)["findings"]
    assert status == 1
    assert (finding["severity"], finding["line"], finding["column"]) == ("error", 4, 11)


def test_lint_reads_what_comes_in(repit: Repit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", __import__("io").StringIO(GOOD))
    assert repit("lint", "-")[0] == 0


def test_config_says_what_holds_and_where_it_came_from(
    repit: Repit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "repit.toml").write_text('store = "memory"\n')
    monkeypatch.setenv("REPIT_LOG_LEVEL", "debug")
    status, out, _ = repit("config", "--config", "repit.toml", "--json")
    assert status == 0
    written = json.loads(out)
    assert tuple(written) == names()
    assert written["store"] == {"value": "memory", "source": "file repit.toml"}
    assert written["log_level"] == {"value": "debug", "source": "environment REPIT_LOG_LEVEL"}
    table = repit("config", "--config", "repit.toml")[1].splitlines()
    assert table[1].split()[:4] == ["store", "memory", "file", "repit.toml"]


def test_schema_is_the_json_schema_of_the_document(repit: Repit) -> None:
    status, out, _ = repit("schema")
    assert status == 0
    assert json.loads(out)["title"] == "Répit catalog"


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_completion_prints_a_script_for_each_shell(repit: Repit, shell: str) -> None:
    status, out, _ = repit("completion", shell)
    assert status == 0
    assert "_REPIT_COMPLETE" in out
    assert json.loads(repit("completion", shell, "--json")[1])["shell"] == shell


def written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_two_files_are_compared_without_a_server(repit: Repit, tmp_path: Path) -> None:
    before = written(tmp_path / "before.yaml", GOOD)
    after = written(tmp_path / "after.yaml", GOOD.replace("0.1}", "0.2}, sms: {}"))
    status, out, _ = repit("diff", after, "--against", before)
    assert status == 1
    assert out.splitlines() == [
        "~ channel `email`: cost 0.1 -> 0.2",
        "+ channel `sms` added: cost 0, pressure 1, reservations for 24 h, then counted: looser",
        f"2 differences from {before}, 1 looser",
    ]
    status, out, _ = repit("diff", before, "--against", before)
    assert (status, out) == (0, f"no difference from {before}\n")


def test_the_differences_of_two_files_for_programs(repit: Repit, tmp_path: Path) -> None:
    before = written(tmp_path / "before.yaml", GOOD)
    after = written(tmp_path / "after.yaml", GOOD.replace("zone: UTC", "zone: Europe/Paris"))
    status, out, _ = repit("diff", after, "--against", before, "--json")
    assert status == 1
    assert json.loads(out) == {
        "against": before,
        "differences": [
            {
                "section": "zone",
                "name": "",
                "kind": "changed",
                "words": "the brand's time zone: UTC -> Europe/Paris",
                "effect": "other",
                "customer_count": None,
            }
        ],
        "touched": None,
    }


@pytest.mark.parametrize("is_later", [True, False])
def test_a_file_that_is_no_catalog_cannot_be_compared(repit: Repit, tmp_path: Path, *, is_later: bool) -> None:
    good, bad = written(tmp_path / "good.yaml", GOOD), written(tmp_path / "bad.yaml", BAD)
    later, against = (bad, good) if is_later else (good, bad)
    status, _, error = repit("diff", later, "--against", against)
    assert status == 2
    assert f"{bad}:4:11: error:" in error


def test_a_version_cannot_be_compared_with_a_file(repit: Repit, tmp_path: Path) -> None:
    status, _, error = repit("diff", "3", "--against", written(tmp_path / "before.yaml", GOOD))
    assert status == 2
    assert "version 3 cannot be compared with a file" in error


@pytest.mark.parametrize(
    "args",
    [
        ("shadow", "x.yaml", "--for", "soon"),
        ("diff", "x.yaml", "--max-log-time", "1y"),
        ("rollback", "0"),
        ("rollback", "first"),
        ("versions", "--limit", "0"),
    ],
)
def test_a_value_that_an_option_does_not_take_is_wrong_use(repit: Repit, args: tuple[str, ...]) -> None:
    status, _, error = repit(*args)
    assert status == 2
    assert error.startswith("error: ")
