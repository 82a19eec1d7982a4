"""The replay: order kept whatever the chunks, answers kept or lost with their sends."""

import random

import pytest

from repit.v1.arbitration_service_pb2 import RequestContactRequest
from repit_server.history.event import Event
from repit_server.history.replay import LineRefusedError, Replay, ReplayedRequest
from repit_server.history.replay_tally import CampaignCounts, ReplayResult
from tests.unit.server.replay_world import NAMES, SmallEngine, at, event, lines_of

DAY = 86_400_000
START = at("2026-03-01")


def replayed(events: list[Event], engine: SmallEngine, chunk_events: int = 1_000) -> ReplayResult:
    return Replay(engine, NAMES, chunk_events=chunk_events).run(lines_of(events))


def only(*campaigns: str) -> SmallEngine:
    return SmallEngine(lambda request, _history: request.candidates[0].campaign_id in campaigns)


def after_two_entries(request: RequestContactRequest, history: list[str]) -> bool:
    """Depends on all that the engine was told of the customer: any change of order shows."""
    return len(history) % 3 != 2 or request.customer_id == "0"


def random_events(seed: int) -> list[Event]:
    chance = random.Random(seed)
    events = []
    time_ms = START
    for _ in range(400):
        time_ms += chance.choice([0, 0, 1_000, DAY])
        kind = chance.choice(["sent", "sent", "converted", "clicked", "purchased"])
        campaign = "" if kind == "purchased" else chance.choice("ab")
        value = 10.0 if kind in {"converted", "purchased"} else None
        events.append(event(time_ms, chance.choice("0123456"), kind, campaign, value=value))
    return events


@pytest.mark.parametrize("seed", range(5))
def test_every_size_of_chunk_tells_the_engine_the_same_of_each_customer(seed: int) -> None:
    events = random_events(seed)
    one_by_one = SmallEngine(after_two_entries)
    expected = replayed(events, one_by_one, chunk_events=1).as_json()
    for chunk_events in (2, 3, 7, 50, 10_000):
        engine = SmallEngine(after_two_entries)
        found = replayed(events, engine, chunk_events).as_json()
        assert engine.history == one_by_one.history
        for timing in ("seconds", "events_per_second"):
            found[timing] = expected[timing]
        assert found == expected


def test_a_grant_is_confirmed_at_its_own_time_before_anything_else_of_that_customer() -> None:
    engine = SmallEngine()
    replayed([event(START, "c", "sent", "a"), event(START + 5, "c", "clicked", "a")], engine)
    granted, confirmed, clicked = engine.history["c"]
    assert granted.startswith(f"a {START} VERDICT_GRANT")
    assert confirmed.startswith(f"ENGAGEMENT_KIND_SENT {START} a-{START}")
    assert clicked.startswith(f"ENGAGEMENT_KIND_CLICKED {START + 5} a-{START}")
    assert engine.calls == ["batch", "record"]


def test_an_answer_belongs_to_the_latest_granted_contact_of_its_campaign() -> None:
    engine = SmallEngine()
    replayed(
        [
            event(START, "c", "sent", "a"),
            event(START + DAY, "c", "sent", "a"),
            event(START + DAY, "c", "sent", "b"),
            event(START + 2 * DAY, "c", "converted", "a", value=5.0),
        ],
        engine,
    )
    assert f"a-{START + DAY}" in engine.history["c"][-1]


def test_answers_to_a_denied_send_are_dropped_and_lost() -> None:
    engine = only("b")
    result = replayed(
        [
            event(START, "c", "sent", "a"),
            event(START, "c", "sent", "b"),
            event(START + 1, "c", "opened", "a"),
            event(START + 2, "c", "converted", "a", value=5.0),
            event(START + 3, "c", "converted", "a", value=7.0),
            event(START + 4, "c", "converted", "b", value=3.0),
        ],
        engine,
    )
    assert (result.requests, result.granted, result.denied) == (2, 1, 1)
    assert (result.answered_total, result.answers_kept, result.answers_lost) == (2, 1, 1)
    assert (result.value_total, result.value_kept) == (15.0, 3.0)
    assert result.engagements_dropped == 3
    assert not [words for words in engine.history["c"] if "a-" in words]


def test_a_purchase_always_happened_also_one_that_names_a_denied_campaign() -> None:
    engine = only()
    replayed([event(START, "c", "sent", "a"), event(START + 1, "c", "purchased", "a", channel="shop")], engine)
    assert engine.history["c"][-1].startswith(f"ENGAGEMENT_KIND_PURCHASED {START + 1} a shop")


def test_a_send_answered_many_times_is_one_answer() -> None:
    events = [event(START, "c", "sent", "a"), *(event(START + n, "c", "converted", "a", value=1.0) for n in range(3))]
    result = replayed(events, SmallEngine())
    assert (result.answered_total, result.answers_kept, result.value_kept) == (1, 1, 3.0)


def test_a_send_answered_before_it_in_the_file_counts_as_answered() -> None:
    events = [event(START, "c", "converted", "a", value=4.0), event(START + 1, "c", "sent", "a")]
    result = replayed(events, only())
    assert (result.answered_total, result.answers_lost, result.value_total, result.value_kept) == (1, 1, 4.0, 0.0)


def test_an_answer_to_no_send_is_recorded_for_its_campaign() -> None:
    engine = SmallEngine()
    result = replayed([event(START, "c", "converted", "a", value=4.0)], engine)
    assert result.answered_total == 0
    assert engine.history["c"][0].startswith(f"ENGAGEMENT_KIND_CONVERTED {START} a email")


@pytest.mark.parametrize(
    "unknown", [event(START, "c", "converted", "z"), event(START, "c", "opted_out", channel="fax")]
)
def test_what_speaks_of_nothing_that_the_catalog_knows_is_dropped(unknown: Event) -> None:
    engine = SmallEngine()
    assert replayed([unknown], engine).engagements_dropped == 1
    assert engine.calls == []


def test_only_names_that_the_catalog_knows_go_to_the_engine() -> None:
    engine = only("a")
    replayed(
        [
            event(START, "c", "sent", "a", segment="loyal"),
            event(START, "d", "sent", "z", segment="rich"),
            event(START + 1, "d", "purchased", "z", channel="shop", offer_family="weekends"),
            event(START + 2, "d", "purchased", channel="shop", offer_family="unheard-of"),
        ],
        engine,
    )
    assert engine.history["c"][0].endswith("['loyal']")
    assert engine.history["d"][0].endswith("[]")
    assert [words.split()[2:-1] for words in engine.history["d"][1:]] == [["shop", "weekends"], ["shop"]]


def test_a_chunk_ends_before_a_reservation_could() -> None:
    engine = SmallEngine()
    events = [event(START + hour * 3_600_000, str(hour), "sent", "a") for hour in range(6)]
    Replay(engine, NAMES, confirm_within_ms=2 * 3_600_000).run(lines_of(events))
    assert engine.calls == ["batch", "record"] * 3


def test_refusals_are_counted_by_their_first_reason_rule_and_campaign() -> None:
    seen: list[ReplayedRequest] = []
    engine = only("b")
    events = [event(START, "c", "sent", "a"), event(START, "d", "sent", "b"), event(START, "e", "sent", "a")]
    result = Replay(engine, NAMES, on_decision=seen.append).run(lines_of(events))
    assert result.denied_by_reason == {"FREQUENCY_CAP": 2}
    assert result.denied_by_rule == {"p/one": 2}
    assert result.by_campaign == [CampaignCounts("a", 2, 0, 2), CampaignCounts("b", 1, 1, 0)]
    assert result.catalog_version == 3
    assert [request.line.number for request in seen] == [2, 3, 4]


@pytest.mark.parametrize("kind", ["sent", "purchased"])
def test_a_line_that_the_engine_refuses_is_named(kind: str) -> None:
    engine = SmallEngine()
    engine.refused_line = "d"
    campaign = "a" if kind == "sent" else ""
    with pytest.raises(LineRefusedError, match="line 3: too long"):
        replayed([event(START, "c", kind, campaign), event(START, "d", kind, campaign)], engine)


def test_progress_counts_every_event() -> None:
    steps: list[int] = []
    Replay(SmallEngine(), NAMES, chunk_events=7, on_progress=steps.append).run(lines_of(random_events(1)))
    assert sum(steps) == 400


def test_an_empty_file_is_a_result_of_noughts() -> None:
    result = replayed([], SmallEngine())
    assert (result.requests, result.answered_total, result.events_per_second) == (0, 0, 0.0)


def test_the_json_has_every_key_of_the_contract() -> None:
    keys = [
        "requests",
        "granted",
        "denied",
        "denied_by_reason",
        "denied_by_rule",
        "by_campaign",
        "answered_total",
        "answers_kept",
        "answers_lost",
        "value_total",
        "value_kept",
        "catalog_version",
        "seconds",
        "events_per_second",
    ]
    written = replayed([event(START, "c", "sent", "a")], SmallEngine()).as_json()
    assert set(keys) <= set(written)
    assert set(written["by_campaign"][0]) == {"campaign_id", "requests", "granted", "denied"}
