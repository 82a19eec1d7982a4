"""The examples of the client run as they stand, against a real server."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.servers import ServerProcess, environment

EXAMPLES = sorted((ROOT / "clients" / "examples").glob("*.py"))


def run(example: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one example to its end."""
    command = [sys.executable, str(ROOT / "clients" / "examples" / example), *arguments]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs_to_its_end(example: Path, server: ServerProcess) -> None:
    done = run(example.name, server.address)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout


def test_an_example_that_is_refused_says_so_with_its_exit_status(server: ServerProcess) -> None:
    assert run("ask_once.py", server.address, "customer-x").returncode == 0
    refused = run("ask_once.py", server.address, "customer-x")
    assert refused.returncode == 1
    assert refused.stdout.startswith("refused by one-a-day: 1 of 1 in 24 h; ask again after ")


def test_an_example_without_a_server_says_what_to_do() -> None:
    failed = run("ask_once.py", "127.0.0.1:1")
    assert failed.returncode == 3
    assert failed.stderr.startswith("no answer from `127.0.0.1:1`")
