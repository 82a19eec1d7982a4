"""`repit explain` against a real server, with a world that has every kind of section, in English and French."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from repit import ClaimedPlace, Client, DenialReason, Engagement, EngagementKind, Explanation
from tests.servers import ServerProcess, catalog_file, repit

WORLD = """\
repit: 1
zone: Europe/Paris
horizon: 400d
channels:
  email: {cost: 0.002}
  sms: {cost: 0.06}
  call: {cost: 4.5, capacity: [{limit: 100, window: {calendar: day}}]}
segments:
  engaged: {when: {answered_within: 30d}}
offer_families:
  weekends: {half_life: 180d}
  long-stays: {half_life: 30d}
campaigns:
  spring: {priority: 40, channels: [email, sms, call], offer_family: weekends, budget: {amount: 2000}}
  summer: {priority: 60, channels: [email], offer_family: long-stays}
policies:
  - name: pressure
    applies_to: {kinds: [marketing]}
    rules:
      - {name: one-a-day, frequency_cap: {limit: 1, window: {sliding: 24h}}}
      - {name: three-a-week, frequency_cap: {limit: 3, window: {sliding: 7d}}}
      - {name: six-for-home, frequency_cap: {limit: 6, window: {calendar: month}, per: party}}
      - {name: one-a-point, frequency_cap: {limit: 3, window: {sliding: 7d}, per: contact_point}}
      - {name: silence, back_off: {after: 3, of: offer_family, rests: [30d, never]}}
      - {name: after-buying, respite: {after: [purchased], for: 7d, min_value: 100}}
"""
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
SATURDAY = datetime(2026, 3, 7, 10, tzinfo=UTC)
DAY = timedelta(days=1)
ASKED = ("--party", "home-7", "--as-of", SATURDAY.isoformat(), "--time-zone", "Europe/Paris")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("explain")


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[ServerProcess]:
    catalog = str(catalog_file(directory, WORLD))
    args = ("--store", "memory", "--clock", "request", "--catalog", catalog)
    with ServerProcess(*args, directory=directory) as process, process.client() as client:
        happen(client)
        yield process


def happen(client: Client) -> None:
    """Three contacts, a click, a purchase, an objection, a contact of another member, and a claim."""
    for days, channel in enumerate(("email", "sms", "call")):
        when = MONDAY + 2 * days * DAY
        granted = client.request_contact(
            "customer-42", campaign="spring", channel=channel, party_id="home-7", contact_point="h1", as_of=when
        )
        client.confirm_contact(granted.contact_id, as_of=when)
        if channel == "email":
            record(client, EngagementKind.CLICKED, when + timedelta(hours=1), contact_id=granted.contact_id)
    record(client, EngagementKind.PURCHASED, MONDAY + 3 * DAY, campaign_id="summer", value=32.5)
    record(client, EngagementKind.OPTED_OUT, MONDAY + 4 * DAY, channel="sms")
    client.request_contact("customer-43", campaign="summer", channel="email", party_id="home-7", as_of=MONDAY)
    place = ClaimedPlace("customer-42", 2.5, "home-7")
    until, as_of = SATURDAY + 14 * DAY, SATURDAY - DAY
    assert client.register_claims("summer", [place], until_time=until, as_of=as_of)


def record(client: Client, kind: EngagementKind, when: datetime, **about: Any) -> None:
    event = Engagement("customer-42", kind, party_id="home-7", event_time=when, **about)
    (result,) = client.record_engagements([event], as_of=when)
    assert result, result.error


@pytest.fixture
def explanation(server: ServerProcess) -> Explanation:
    with server.client() as client:
        return client.explain_customer(
            "customer-42", campaign="spring", party_id="home-7", contact_point="h1", as_of=SATURDAY
        )


def shown(server: ServerProcess, directory: Path, *args: str, status: int = 0, **extra: str) -> str:
    variables = {"REPIT_TARGET": server.address, "LC_ALL": "C.UTF-8"} | extra
    done = repit(*args, directory=directory, extra=variables)
    assert done.returncode == status, done.stderr
    return done.stdout


def said(text: str) -> str:
    """The words, however they are laid out."""
    return " ".join(text.split())


def test_every_part_of_the_explanation_reaches_the_client(explanation: Explanation) -> None:
    (streak,) = explanation.streaks
    assert (streak.rule, streak.of, streak.name, streak.length, streak.after) == (
        "silence",
        "offer_family",
        "weekends",
        2,
        3,
    )
    assert [affinity.offer_family for affinity in explanation.affinities] == ["weekends", "long-stays"]
    assert all(0.8 < affinity.strength < 1 for affinity in explanation.affinities)
    assert [(claim.campaign_id, claim.score, claim.priority) for claim in explanation.claims] == [("summer", 2.5, 60)]
    assert {(holding.rule, holding.used > 0) for holding in explanation.holdings} == {
        ("budget", True),
        ("capacity", True),
    }
    assert explanation.derived_segments == ("engaged",)
    assert {"customer-42", "customer-43"} <= set(explanation.party_customer_ids)


def test_the_ladder_goes_from_the_first_rule_in_precedence_to_the_last(explanation: Explanation) -> None:
    ranks = [list(DenialReason).index(step.reason) for step in explanation.ladder]
    assert ranks == sorted(ranks)
    against = {(step.rule, step.reason, step.channel) for step in explanation.ladder if step.is_against}
    assert ("", DenialReason.SUPPRESSED, "sms") in against
    assert ("three-a-week", DenialReason.FREQUENCY_CAP, "email") in against
    assert ("one-a-day", DenialReason.OUTRANKED, "call") in against
    assert {step.channel for step in explanation.ladder} == {"email", "sms", "call"}
    assert all((step.denial is not None) == step.is_against for step in explanation.ladder)


def test_caps_per_contact_point_look_at_the_one_that_is_named(server: ServerProcess) -> None:
    def used(contact_point: str) -> set[float]:
        with server.client() as client:
            explained = client.explain_customer(
                "customer-42", party_id="home-7", contact_point=contact_point, as_of=SATURDAY
            )
        counted = DenialReason.FREQUENCY_CAP
        return {usage.used for usage in explained.rules if usage.rule == "one-a-point" and usage.reason is counted}

    assert used("h1") == {3}
    assert used("h2") == {0}


def test_the_command_answers_first_and_then_says_why(server: ServerProcess, directory: Path) -> None:
    lines = shown(server, directory, "explain", "customer-42", *ASKED, "--campaign", "spring").splitlines()
    assert lines[0].startswith("customer-42 may not be contacted now; from ")
    assert lines[0].endswith("by email for spring, by call for spring.")
    words = said("\n".join(lines))
    for sentence in (
        "is in the segments: engaged",
        "objections: opted out by sms",
        "✗ sms the customer objected or complained never",
        "✓ all pressure/silence no rest is running, 2 unanswered in a row, rests from 3 on",
        "✗ all pressure/three-a-week 3 of 3 in 7 d Mon 10:00",
        "outranked by summer, 1 of 1 in 24 h with the places claimed",
        "= sms refused never",
        "pressure/three-a-week 3 of 3 ██████████ in 7 d Mon 10:00 all",
        "pressure/silence offer family weekends ███████░░░ 2 unanswered in a row, rests from 3 on",
        "summer 60 2.5 email",
        "channel:call/capacity all Fri 6 Mar 00:00 1 of",
        "Fri 6 Mar 2026 10:00 marketing contact spring by call confirmed",
        "Mon 2 Mar 2026 11:00 clicked spring by email",
    ):
        assert sentence in words


def test_the_command_speaks_french(server: ServerProcess, directory: Path) -> None:
    asked = ("explain", "customer-42", *ASKED, "--campaign", "spring")
    french = shown(server, directory, *asked, "--lang", "fr")
    assert french.startswith("customer-42 ne peut pas être contacté maintenant ; à partir de ")
    for sentence in (
        "✗ sms le client s'est opposé ou s'est plaint jamais",
        "✗ tous pressure/three-a-week 3 sur 3 en 7 j lun. 10:00",
        "devancé par summer, 1 sur 1 en 24 h avec les places demandées à l'avance",
        "famille d'offres weekends ███████░░░ 2 sans réponse d'affilée, repos à partir de 3",
        "lun. 2 mars 2026 11:00 cliqué spring par email",
    ):
        assert sentence in said(french)
    assert shown(server, directory, *asked, LC_ALL="fr_FR.UTF-8") == french
    assert shown(server, directory, *asked, "--lang", "en", LC_ALL="fr_FR.UTF-8") == shown(server, directory, *asked)


def test_for_programs_nothing_depends_on_the_language(server: ServerProcess, directory: Path) -> None:
    asked = ("explain", "customer-42", *ASKED, "--campaign", "spring", "--json")
    written = json.loads(shown(server, directory, *asked, "--lang", "fr"))
    assert written == json.loads(shown(server, directory, *asked))
    assert written["ladder"][0]["reason"] == "SUPPRESSED"
    assert written["streaks"][0]["length"] == 2
    assert written["claims"][0]["campaign_id"] == "summer"


def test_a_customer_whom_nobody_has_contacted_is_explained(server: ServerProcess, directory: Path) -> None:
    text = shown(server, directory, "explain", "nobody", "--as-of", SATURDAY.isoformat())
    assert text.startswith("nobody may be contacted now: by email for summer, by sms for spring, by call for spring.")
    assert "in a row" not in text


def test_ask_speaks_french_too(server: ServerProcess, directory: Path) -> None:
    asked = ("ask", "customer-42", "--campaign", "spring", "--channel", "email", "--check", *ASKED, "--lang", "fr")
    refused = shown(server, directory, *asked, status=1)
    assert refused.startswith("refusé par three-a-week : 3 sur 3 en 7 j; par one-a-day : devancé par summer, ")
    assert "redemander après " in refused
    free = shown(
        server, directory, "ask", "nobody", "-c", "summer", "-n", "email", "--check", *ASKED[2:], "--lang", "fr"
    )
    assert free.startswith("serait accordé : summer par email; one-a-day reste 0 sur 1")
