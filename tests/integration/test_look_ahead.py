"""tools/look_ahead.py on a year small enough to work out by hand."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.tidy import ROOT

CATALOG = """\
repit: 1
zone: UTC
horizon: 400d
channels: {post: {cost: 1}}
offer_families: {tea: {}, soap: {}}
campaigns:
  spring: {priority: 50, channels: [post], offer_family: tea}
  fair: {priority: 50, channels: [post], offer_family: soap}
  guest: {priority: 50, channels: [post], offer_family: tea}
  summer: {priority: 50, channels: [post], offer_family: soap}
policies:
  - name: post
    applies_to: {kinds: [marketing]}
    rules:
      - {name: one-per-30d, frequency_cap: {limit: 1, window: {sliding: 30d}}}
"""
# On which day each campaign is posted, and when each household answers it. From fair to summer it is a window exactly.
STARTS = {"spring": 0, "fair": 10, "guest": 20, "summer": 40}
HOUSEHOLDS: dict[str, dict[str, int | None]] = {
    "later-answers": {"spring": None, "fair": 15},
    "both-answer": {"spring": 5, "fair": 12},
    "window-apart": {"spring": None, "fair": 35, "summer": 45},
    "alone": {"summer": None},
    "in-between": {"spring": None, "guest": 25, "summer": None},
}
FAMILIES = {"spring": "tea", "fair": "soap", "guest": "tea", "summer": "soap"}


def events() -> str:
    lines = []
    for household, mailings in HOUSEHOLDS.items():
        for campaign, answered in mailings.items():
            lines.append((STARTS[campaign], household, campaign, "sent", ""))
            if answered is not None:
                lines.append((answered, household, campaign, "converted", "10"))
    first = datetime(2017, 3, 1, 9, tzinfo=UTC)
    written = [
        f"{(first + timedelta(days=day)).isoformat()},{household},post,{campaign},{kind},{value},,{FAMILIES[campaign]},"
        for day, household, campaign, kind, value in sorted(lines)
    ]
    header = "ts,customer_id,channel,campaign_id,event,value,cost,offer_family,segment"
    return "\n".join([header, *written]) + "\n"


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    directory = tmp_path_factory.mktemp("look-ahead")
    (directory / "year.csv").write_text(events(), encoding="utf-8")
    (directory / "catalog.yaml").write_text(CATALOG, encoding="utf-8")
    words = ("-m", "tools.look_ahead", directory / "year.csv", "--catalog", directory / "catalog.yaml", "--json")
    done = subprocess.run([sys.executable, *words], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def run_of(figures: dict[str, Any], score: str, announced: int | None, again: int = 0) -> tuple[int, int, float]:
    (run,) = [
        run
        for run in figures["runs"]
        if (run["score"], run["announced_days"], run["asked_again_days"]) == (score, announced, again)
    ]
    return run["mailings"], run["answers"], run["value"]


def test_first_come_first_served_keeps_what_comes_first(figures: dict[str, Any]) -> None:
    # Kept: spring of both-answer, summer of window-apart. All first mailings are sent, and summer where it is free.
    assert run_of(figures, "", None) == (7, 2, 20)


def test_the_oracle_keeps_the_most_that_the_cap_allows(figures: dict[str, Any]) -> None:
    # In-between gives two mailings without an answer for one with: six are sent then, seven keep one answer less.
    assert figures["oracle"] == {
        "answers": 5,
        "mailings_needed": 5,
        "mailings_at_most": 6,
        "answers_from_as_many_mailings": 4,
        "most_mailings_of_any_choice": 7,
    }


def test_claims_that_know_the_answers_keep_as_many_as_the_oracle(figures: dict[str, Any]) -> None:
    assert run_of(figures, "answers-in-hindsight", 30) == (6, 5, 50)
    assert run_of(figures, "answers-in-hindsight", 0) == (7, 2, 20)
    # A week ahead nobody sees the fair coming; a fortnight ahead its two households keep their places for it.
    assert run_of(figures, "answers-in-hindsight", 7) == (7, 2, 20)
    assert run_of(figures, "answers-in-hindsight", 14) == (7, 4, 40)


def test_an_answer_counts_only_where_the_mailing_came_before_it(figures: dict[str, Any]) -> None:
    # What is refused goes out later, but only the fair's on day 30 comes before its answer, on day 35.
    assert run_of(figures, "", None, again=28) == (11, 2, 20)


def test_conflicts_are_mailings_less_than_a_window_apart(figures: dict[str, Any]) -> None:
    why = figures["why"]
    assert (why["conflicts"], why["conflicts_with_one_answered"], why["conflicts_with_both_answered"]) == (5, 4, 1)
    assert (why["households_with_a_conflict"], why["mailings_in_a_conflict"]) == (4, 9)
