"""Claims through a real server: from files and programs, against other campaigns, cut and taken up again."""

import asyncio
import json
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from repit import (
    AlternativeKind,
    AsyncClient,
    Candidate,
    ClaimedPlace,
    ClaimRegistration,
    Client,
    DenialReason,
    UnavailableError,
)
from tests.servers import ServerProcess, catalog_file, repit

PLACES = 5_000
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("claims")


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[ServerProcess]:
    with ServerProcess("--store", "memory", "--catalog", str(catalog_file(directory)), directory=directory) as process:
        yield process


@pytest.fixture
def client(server: ServerProcess) -> Iterator[Client]:
    with server.client() as client:
        yield client


def until() -> datetime:
    return datetime.now(UTC) + 20 * DAY


def customers(prefix: str, count: int) -> Iterator[str]:
    return (f"{prefix}-{number}" for number in range(count))


def test_a_better_ranked_claim_holds_its_place_until_it_is_used(client: Client) -> None:
    assert client.register_claims("summer", [ClaimedPlace("r1", 2.5)], until_time=until())
    refused = client.request_contact("r1", campaign="spring", channel="email").decision
    (denial,) = refused.denials
    assert (denial.reason, denial.policy, denial.rule) == (DenialReason.OUTRANKED, "pressure", "one-a-day")
    assert (denial.outranked_by, denial.used, denial.limit) == ("summer", 1, 1)
    assert client.request_contact("r1", campaign="summer", channel="email").is_granted
    assert client.list_claims("r1").claims == ()
    (totals,) = client.list_claims(campaign="summer").totals
    assert (totals.used, totals.reliability) == (1, None)
    worse = client.request_contact("r1", campaign="spring", channel="email").decision
    assert [denial.reason for denial in worse.denials] == [DenialReason.FREQUENCY_CAP]


def test_a_claim_holds_nothing_against_a_better_ranked_campaign(client: Client) -> None:
    client.register_claims("spring", ["r2"], until_time=until(), channels=["email"])
    assert client.check_contact("r2", campaign="summer", channel="email").is_granted
    (claim,) = client.list_claims("r2").claims
    assert (claim.campaign_id, claim.channels, claim.priority, claim.score) == ("spring", ("email",), 40, None)


def test_a_claim_of_a_member_is_found_with_its_party(client: Client) -> None:
    client.register_claims("summer", [ClaimedPlace("r3", party_id="home-3")], until_time=until())
    assert client.list_claims("r3").claims == ()
    (claim,) = client.list_claims("r3", party_id="home-3").claims
    assert claim.customer_id == "r3"
    asked = client.check_contact("r3", campaign="spring", channel="email", party_id="home-3")
    assert asked.decision.denials[0].outranked_by == "summer"


def test_a_planned_contact_takes_its_place_then(client: Client) -> None:
    planned = datetime.now(UTC) + 10 * DAY
    asked = client.request_contact("r4", campaign="spring", channel="email", planned_time=planned)
    assert asked.is_granted
    assert client.check_contact("r4", campaign="summer", channel="email").is_granted
    crowded = client.check_contact("r4", campaign="summer", channel="email", planned_time=planned + timedelta(hours=1))
    assert [denial.rule for denial in crowded.decision.denials] == ["one-a-day"]


def test_where_nothing_is_granted_a_later_time_is_proposed(client: Client) -> None:
    assert client.request_contact("r5", campaign="spring", channel="email").is_granted
    refused = client.check_contact("r5", campaign="spring", channel="email")
    (later,) = [each for each in refused.alternatives if each.kind is AlternativeKind.TIME]
    assert (later.campaign_id, later.channel, later.time) == ("spring", "email", refused.decision.earliest_time)


def test_a_score_is_shown_with_its_factors(client: Client) -> None:
    ways = [Candidate("spring", "email", value=40, answer_probability=0.25), Candidate("spring", "sms", score=3.5)]
    worked_out, given = client.check_contact("r6", candidates=ways, max_grants=2).decisions
    assert worked_out.score is not None
    assert given.score is not None
    assert worked_out.score.score == pytest.approx(0.25 * 40 - 0.002)
    assert (worked_out.score.affinity, worked_out.score.fatigue, worked_out.score.cost) == (1, 1, 0.002)
    assert (given.score.score, given.score.is_given) == (3.5, True)


def test_from_asyncio_claims_are_registered_as_they_are_awaited(server: ServerProcess) -> None:
    async def register() -> ClaimRegistration:
        async with AsyncClient(server.address) as client:
            return await client.register_claims("summer", customers("a", PLACES), until_time=until())

    registration = asyncio.run(register())
    assert (registration.position, registration.registered, registration.refused) == (PLACES, PLACES, 0)


def command(server: ServerProcess, directory: Path, *args: str, status: int = 0) -> str:
    done = repit(*args, directory=directory, extra={"REPIT_TARGET": server.address, "TZ": "UTC"})
    assert done.returncode == status, done.stderr
    return done.stdout


def places_file(directory: Path, prefix: str, count: int) -> str:
    path = directory / f"{prefix}.csv"
    lines = (f"{customer},{number}\n" for number, customer in enumerate(customers(prefix, count)))
    path.write_text("customer_id,score\n" + "".join(lines), encoding="utf-8")
    return str(path)


def test_the_commands_register_list_and_withdraw(server: ServerProcess, directory: Path) -> None:
    day = (datetime.now(UTC) + 30 * DAY).date().isoformat()
    first = (datetime.now(UTC) - DAY).date().isoformat()
    register = ("claims", "register", places_file(directory, "f", 2_500), "-c", "summer")
    span = ("--from", first, "--until", day)
    assert command(server, directory, *register, *span) == "2,500 places registered for summer, 0 refused\n"
    again = json.loads(command(server, directory, *register, *span, "--json"))
    assert (again["registered"], again["known"], again["position"]) == (2_500, 2_500, 2_500)
    listed = command(server, directory, "claims", "list", "f-7").splitlines()
    assert listed[1].split()[:4] == ["summer", "60", "7", "email"]
    asked = command(server, directory, "ask", "f-7", "-c", "spring", "-n", "email", "--check", status=1)
    assert asked.startswith("refused by one-a-day: outranked by summer, 1 of 1 in 24 h with the places claimed; ")
    withdrawn = command(server, directory, "claims", "withdraw", "f-7", "f-8", "nobody", "--campaign", "summer")
    assert withdrawn == "2 claims of summer withdrawn\n"
    assert command(server, directory, "claims", "list", "f-7") == "no campaign has a claim on f-7\n"
    totals = json.loads(command(server, directory, "claims", "list", "--campaign", "summer", "--json"))["totals"]
    assert totals[0]["withdrawn"] == 2


def test_all_claims_of_a_campaign_die_with_one_catalog_version_and_later_ones_live(
    server: ServerProcess, directory: Path, client: Client
) -> None:
    client.register_claims("spring", customers("w", 10), until_time=until())
    before = client.get_catalog()
    words = command(server, directory, "claims", "withdraw", "--all", "--campaign", "spring", "--author", "ann")
    assert words == f"all claims of spring are withdrawn, from catalog version {before.version + 1} on\n"
    after = client.get_catalog()
    assert (after.version, after.document, after.author) == (before.version + 1, before.document, "ann")
    assert client.list_claims("w-3").claims == ()
    (totals,) = client.list_claims(campaign="spring").totals
    assert totals.registered == 0
    client.register_claims("spring", ["w-3"], until_time=until())
    assert [claim.campaign_id for claim in client.list_claims("w-3").claims] == ["spring"]


def test_a_registration_cut_by_a_crash_goes_on_where_it_was_cut(directory: Path) -> None:
    store = ("--store", "embedded:cut", "--catalog", str(catalog_file(directory)))
    with ServerProcess(*store, directory=directory) as server, server.client() as client:

        def crash(registration: ClaimRegistration) -> None:
            if registration.position == 2_000:
                server.kill()

        with pytest.raises(UnavailableError) as cut:
            client.register_claims("summer", customers("k", PLACES), until_time=until(), on_progress=crash)
    done = cut.value.registration
    assert done is not None
    assert cut.value.position is not None
    assert 2_000 <= cut.value.position < PLACES
    with ServerProcess(*store, directory=directory) as server, server.client() as client:
        (totals,) = client.list_claims(campaign="summer").totals
        assert cut.value.position <= totals.registered <= PLACES
        went_on = client.register_claims(
            "summer",
            customers("k", PLACES),
            from_time=done.from_time,
            until_time=done.until_time,
            resume_at=cut.value.position,
        )
        assert (went_on.position, went_on.refused) == (PLACES, 0)
        (totals,) = client.list_claims(campaign="summer").totals
        assert totals.registered == PLACES
        assert all(len(client.list_claims(customer).claims) == 1 for customer in customers("k", PLACES))


def test_the_command_of_a_cut_registration_goes_on_with_it(server: ServerProcess, directory: Path) -> None:
    wrong = directory / "wrong.csv"
    lines = [f"g-{number},{number}\n" for number in range(2_500)]
    piped = "customer_id,score\n" + "".join(lines[:2_200]) + "g-x,much\n"
    day = (datetime.now(UTC) + 30 * DAY).isoformat()
    extra = {"REPIT_TARGET": server.address}
    args = ("claims", "register", "-", "--campaign", "summer", "--until", day)
    cut = repit(*args, directory=directory, extra=extra, text=piped)
    assert cut.returncode == 2
    assert "line 2202: the score `much` is not a number; 2,000 places before it are taken" in cut.stderr
    words = shlex.split(cut.stderr.rpartition("then: ")[2])
    wrong.write_text("customer_id,score\n" + "".join(lines), encoding="utf-8")
    words[words.index("-")] = str(wrong)
    assert command(server, directory, *words[1:]) == "500 places registered for summer, 0 refused\n"
