"""The commands of claims against a server that answers from a list: what they send, print and end with."""

import gzip
import io
import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import grpc
import pytest

from repit import ClaimRegistration
from repit.google_rpc import Status
from repit.v1 import arbitration_service_pb2 as messages
from repit.v1 import catalog_pb2, claim_pb2
from repit.v1.catalog_service_pb2 import GetCatalogResponse
from repit_server.cli.claim_file import ClaimFileError, read_places
from repit_server.cli.main import run
from tests.unit.client.canned_server import CannedServer, Failure, start, store_away
from tests.unit.client.messages import at
from tests.unit.server.test_commands import NoEngine, no_settings

__all__ = ["no_settings"]

UNTIL = ("--until", "2026-12-31T00:00:00Z")
FROM = ("--from", "2026-12-01T00:00:00Z")


@pytest.fixture
def canned() -> Iterator[CannedServer]:
    canned = CannedServer()
    server = start(canned)
    yield canned
    server.stop(grace=None).wait()


Repit = Callable[..., tuple[int, str, str]]


@pytest.fixture
def repit(canned: CannedServer, capsys: pytest.CaptureFixture[str]) -> Repit:
    def call(*args: str) -> tuple[int, str, str]:
        status = run(NoEngine(), [*args, "--target", canned.target])
        written = capsys.readouterr()
        return status, written.out, written.err

    return call


def registered(count: int, *, known: int = 0, refused: Sequence[int] = ()) -> messages.RegisterClaimsResponse:
    full = Status(code=8, message="256 claims are live already")
    refusals = [messages.ClaimRefusal(index=index, customer_id=f"c{index}", error=full) for index in refused]
    return messages.RegisterClaimsResponse(registered_count=count, known_count=known, refusals=refusals)


def asked(canned: CannedServer) -> list[messages.RegisterClaimsRequest]:
    return [message for _, message in canned.asked if isinstance(message, messages.RegisterClaimsRequest)]


def places_file(count: int, name: str = "places.csv") -> str:
    Path(name).write_text("customer_id\n" + "".join(f"c{number}\n" for number in range(count)), encoding="utf-8")
    return name


def test_the_places_of_a_file_are_registered(canned: CannedServer, repit: Repit) -> None:
    Path("places.csv").write_text('score,customer_id,party_id\n2.5,c1,home\n,"c,2",\n\n0,c3,\n', encoding="utf-8")
    canned.answers = [registered(3, known=1)]
    status, out, err = repit("claims", "register", "places.csv", "--campaign", "spring", *FROM, *UNTIL, "-n", "email")
    assert (status, err) == (0, "")
    assert out == "3 places registered for spring (1 of them known already), 0 refused\n"
    (message,) = asked(canned)
    places = [(place.customer_id, place.party_id, place.score) for place in message.places]
    assert places == [("c1", "home", 2.5), ("c,2", "", 0.0), ("c3", "", 0.0)]
    assert [place.HasField("score") for place in message.places] == [True, False, True]
    assert (message.from_time, message.until_time) == (at("2026-12-01 00:00"), at("2026-12-31 00:00"))
    assert list(message.channels) == ["email"]


def test_days_begin_at_midnight_where_the_brand_is(canned: CannedServer, repit: Repit) -> None:
    document = "repit: 1\nzone: Europe/Paris\nchannels: {email: {}}\n"
    canned.answers = [GetCatalogResponse(catalog=catalog_pb2.Catalog(document=document)), registered(1)]
    days = ("--from", "2026-12-01", "--until", "2027-07-01")
    assert repit("claims", "register", places_file(1), "--campaign", "spring", *days)[0] == 0
    (message,) = asked(canned)
    assert (message.from_time, message.until_time) == (at("2026-11-30 23:00"), at("2027-06-30 22:00"))


@pytest.mark.parametrize("name", ["places.csv.gz", "-"])
def test_a_packed_file_or_stdin_is_read_too(
    canned: CannedServer, repit: Repit, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    packed = gzip.compress(b"\xef\xbb\xbfcustomer_id\r\nc1\r\nc2\r\n")
    Path("places.csv.gz").write_bytes(packed)
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(packed)))
    monkeypatch.setattr("sys.stdin", stdin)
    canned.answers = [registered(2)]
    assert repit("claims", "register", name, "--campaign", "spring", *UNTIL)[0] == 0
    assert [place.customer_id for place in asked(canned)[0].places] == ["c1", "c2"]


def test_refused_places_are_summed_up_and_end_with_1(canned: CannedServer, repit: Repit) -> None:
    canned.answers = [registered(2, refused=range(8))]
    status, out, _ = repit("claims", "register", places_file(10), "--campaign", "spring", *UNTIL)
    assert status == 1
    lines = out.splitlines()
    assert lines[0] == "2 places registered for spring, 8 refused"
    assert lines[1] == "  c0: 256 claims are live already"
    assert lines[-1] == "  and 3 more"


def test_a_registration_for_programs_is_one_json_document(canned: CannedServer, repit: Repit) -> None:
    canned.answers = [registered(2, known=1, refused=[1])]
    status, out, _ = repit("claims", "register", places_file(3), "--campaign", "spring", *FROM, *UNTIL, "--json")
    assert status == 1
    assert json.loads(out) == {
        "campaign_id": "spring",
        "from_time": "2026-12-01T00:00:00.000Z",
        "until_time": "2026-12-31T00:00:00.000Z",
        "position": 3,
        "registered": 2,
        "known": 1,
        "refused": 1,
        "refusals": [
            {"position": 1, "customer_id": "c1", "reason": "", "message": "256 claims are live already"},
        ],
    }


def test_a_registration_that_is_cut_gives_the_command_that_goes_on(canned: CannedServer, repit: Repit) -> None:
    canned.answers = [registered(1_000), registered(1_000), store_away()]
    name = places_file(4_500, "all the places.csv")
    status, out, err = repit("claims", "register", name, "--campaign", "spring", *UNTIL, "--channel", "email")
    first, second = err.splitlines()
    assert (status, out) == (3, "")
    assert first == "error: cut after 2,000 places: the store does not answer"
    first_from = asked(canned)[0].from_time
    words = shlex.split(second.removeprefix("next: "))
    assert words[:4] == ["repit", "claims", "register", "all the places.csv"]
    assert words[-2:] == ["--resume-at", "2000"]
    canned.answers, canned.asked = [registered(1_000), registered(1_000), registered(500)], []
    status, out, _ = repit(*words[1:])
    assert (status, out) == (0, "2,500 places registered for spring, 0 refused\n")
    assert [message.places[0].customer_id for message in asked(canned)] == ["c2000", "c3000", "c4000"]
    assert {message.from_time.ToJsonString() for message in asked(canned)} == {first_from.ToJsonString()}
    assert {tuple(message.channels) for message in asked(canned)} == {("email",)}


def test_a_registration_that_never_began_says_what_any_command_says(canned: CannedServer, repit: Repit) -> None:
    canned.answers = [Failure(grpc.StatusCode.NOT_FOUND, "there is no campaign `sprin`")]
    status, _, err = repit("claims", "register", places_file(1), "--campaign", "sprin", *UNTIL)
    assert (status, err.splitlines()) == (
        2,
        ["error: there is no campaign `sprin`", "next: check the name; nothing was done"],
    )


def test_ctrl_c_gives_the_command_that_goes_on(
    canned: CannedServer, repit: Repit, monkeypatch: pytest.MonkeyPatch
) -> None:
    canned.answers = [registered(1_000), registered(1_000)]
    after = ClaimRegistration.after

    def interrupted(registration: ClaimRegistration, response: messages.RegisterClaimsResponse) -> ClaimRegistration:
        if registration.position:
            raise KeyboardInterrupt
        return after(registration, response)

    monkeypatch.setattr(ClaimRegistration, "after", interrupted)
    status, _, err = repit("claims", "register", places_file(2_000), "--campaign", "spring", *UNTIL)
    first, second = err.splitlines()
    assert (status, first) == (130, "error: stopped after 1,000 places")
    assert second.endswith(" --resume-at 1000")


WRONG_FILES = {
    "": "line 1: column `` is unknown",
    "customer_id,segment\n": "line 1: column `segment` is unknown",
    "score\n": "line 1: column `customer_id` is missing",
    "score,score,customer_id\n": "line 1: column `score` stands twice",
    "customer_id,score\nc1,2\nc2,much\n": "line 3: the score `much` is not a number",
    "customer_id,score\nc1,inf\n": "line 2: the score `inf` is not a number",
    "customer_id,score\nc1\n": "line 2: 1 fields, and the header names 2",
    "customer_id,score\n,2\n": "line 2: no customer",
    'customer_id\n"c1\n': "line 2: not CSV",
    f"customer_id\n{'c' * 70_000}\n": "line 2: longer than 65,536 bytes",
}


@pytest.mark.parametrize("text", WRONG_FILES)
def test_nothing_of_a_file_with_a_wrong_line_is_registered(canned: CannedServer, repit: Repit, text: str) -> None:
    Path("places.csv").write_text(text, encoding="utf-8")
    status, _, err = repit("claims", "register", "places.csv", "--campaign", "spring", *UNTIL)
    first, second = err.splitlines()
    assert status == 2
    assert first.startswith(f"error: `places.csv` {WRONG_FILES[text]}")
    assert second.endswith("; nothing was registered")
    assert canned.asked == []


def test_a_file_that_is_not_utf8_or_cut_short_is_told_by_its_line(tmp_path: Path) -> None:
    latin = tmp_path / "latin.csv"
    latin.write_bytes(b"customer_id\n\xe9\n")
    with pytest.raises(ClaimFileError, match="line 2: not UTF-8"):
        list(read_places(latin))
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(b"customer_id\nc1\n" * 1_000)[:-20])
    with pytest.raises(ClaimFileError, match="cannot be read on"):
        list(read_places(cut))


def test_a_wrong_line_of_stdin_is_told_after_those_before_it(
    canned: CannedServer, repit: Repit, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = "customer_id,score\n" + "c,1\n" * 1_500 + "c,one\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(written.encode()))))
    canned.answers = [registered(1_000)]
    status, _, err = repit("claims", "register", "-", "--campaign", "spring", *UNTIL)
    first, second = err.splitlines()
    assert status == 2
    assert first == "error: `-` line 1502: the score `one` is not a number; 1,000 places before it are taken"
    assert second.startswith("next: write it as `12.5`, or leave it empty, then: repit claims register - ")
    assert second.endswith(" --resume-at 1000")


def test_a_position_beyond_the_end_of_the_file_is_wrong(canned: CannedServer, repit: Repit) -> None:
    args = ("claims", "register", places_file(3), "--campaign", "spring", *UNTIL, "--resume-at", "4")
    status, _, err = repit(*args)
    assert (status, err.splitlines()[0]) == (
        2,
        "error: `--resume-at 4` is beyond the end: `places.csv` names 3 places",
    )


def test_the_claims_of_a_customer_are_a_table(canned: CannedServer, repit: Repit) -> None:
    claim = claim_pb2.Claim(
        customer_id="c1",
        campaign_id="spring",
        channels=["email", "sms"],
        from_time=at("2026-12-01 00:00"),
        until_time=at("2026-12-31 00:00"),
        score=2.5,
        priority=40,
    )
    canned.answers = [messages.ListClaimsResponse(claims=[claim]), messages.ListClaimsResponse()]
    status, out, _ = repit("claims", "list", "c1", "--party", "home", "--time-zone", "UTC")
    assert status == 0
    (row,) = out.splitlines()[1:]
    assert row.split()[:5] == ["spring", "40", "2.5", "email,", "sms"]
    assert "Tue 1 Dec 2026 00:00  Thu 31 Dec 2026 00:00" in row
    assert repit("claims", "list", "c1", "--campaign", "summer")[1] == "no campaign has a claim on c1\n"
    assert canned.messages("ListClaims") == [
        messages.ListClaimsRequest(customer_id="c1", party_id="home"),
        messages.ListClaimsRequest(customer_id="c1", campaign_id="summer"),
    ]


def test_the_totals_say_how_reliable_a_campaign_is(canned: CannedServer, repit: Repit) -> None:
    totals = [
        claim_pb2.ClaimTotals(
            campaign_id="spring",
            registered_count=12_000,
            used_count=900,
            withdrawn_count=10,
            due_count=1_000,
            due_used_count=870,
        ),
        claim_pb2.ClaimTotals(campaign_id="summer", registered_count=5),
    ]
    canned.answers = [messages.ListClaimsResponse(totals=totals)] * 2
    lines = repit("claims", "list")[1].splitlines()
    assert lines[1].split() == ["spring", "12,000", "900", "10", "1,000", "870", "87%"]
    assert lines[2].split() == ["summer", "5", "0", "0", "0", "0", "none", "due", "yet"]
    written = json.loads(repit("claims", "list", "--json")[1])["totals"]
    assert [(each["campaign_id"], each["reliability"]) for each in written] == [("spring", 0.87), ("summer", None)]


def test_claims_of_customers_are_withdrawn(canned: CannedServer, repit: Repit) -> None:
    canned.answers = [messages.WithdrawClaimsResponse(withdrawn_count=2)]
    assert repit("claims", "withdraw", "c1", "c2", "--campaign", "spring")[1] == "2 claims of spring withdrawn\n"
    (message,) = canned.messages("WithdrawClaims")
    assert isinstance(message, messages.WithdrawClaimsRequest)
    assert [place.customer_id for place in message.places] == ["c1", "c2"]


def test_all_claims_of_a_campaign_are_withdrawn_where_it_is_said(canned: CannedServer, repit: Repit) -> None:
    canned.answers = [messages.WithdrawClaimsResponse(catalog_version=9)]
    out = repit("claims", "withdraw", "--all", "--campaign", "spring", "--author", "ann")[1]
    assert out == "all claims of spring are withdrawn, from catalog version 9 on\n"
    assert canned.messages("WithdrawClaims") == [messages.WithdrawClaimsRequest(campaign_id="spring", author="ann")]


def test_ask_says_what_it_is_told_of_the_contact(canned: CannedServer, repit: Repit) -> None:
    canned.answers = [messages.RequestContactResponse()]
    options = ("--party", "home", "--contact-point", "h", "--subject", "file-3", "--planned", "2026-12-09T08:00:00Z")
    repit("ask", "c1", "-c", "spring", "-n", "email", "--probability", "0.2", "--value", "40", *options)
    (message,) = canned.messages("RequestContact")
    assert isinstance(message, messages.RequestContactRequest)
    assert (message.party_id, message.contact_point, message.subject) == ("home", "h", "file-3")
    assert message.planned_time == at("2026-12-09 08:00")
    (candidate,) = message.candidates
    assert (candidate.answer_probability, candidate.value, candidate.HasField("score")) == (0.2, 40, False)


def test_no_answer_from_a_server_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    args = ("claims", "register", places_file(1), "--campaign", "spring", *UNTIL, "--target", "127.0.0.1:1")
    assert run(NoEngine(), args) == 3
    assert "repit serve --listen 127.0.0.1:1" in capsys.readouterr().err
