"""The catalog as code against a real server: differences, the audit log, the way back, a second catalog beside."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repit import (
    AbortedError,
    Campaign,
    Client,
    DifferenceEffect,
    Engagement,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    ShadowReport,
    Verdict,
)
from tests.servers import CATALOG, ServerProcess, catalog_file, environment, repit

LOOSER = CATALOG.replace("limit: 1", "limit: 2")
TIGHTER = CATALOG.replace("limit: 1", "limit: 0")
BROKEN = CATALOG.replace("sliding: 24h", "sliding: soon")
ENOUGH = 200
"""Reports within which the requests of a test must have been counted: 20 s."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess("--store", "memory", "--catalog", str(catalog_file(tmp_path)), directory=tmp_path) as process:
        yield process


@pytest.fixture
def client(server: ServerProcess) -> Iterator[Client]:
    with server.client() as client:
        yield client


def ask(client: Client, customer: str, channel: str = "email") -> bool:
    return bool(client.request_contact(customer, campaign="spring", channel=channel))


def until(reports: Iterator[ShadowReport], decisions: int) -> ShadowReport:
    """The first report of so many decisions."""
    for _, report in zip(range(ENOUGH), reports, strict=False):
        if report.decision_count >= decisions:
            return report
    raise AssertionError(decisions)


def test_a_document_says_whom_of_the_log_it_would_have_touched(client: Client) -> None:
    for customer in ("a", "b", "c"):
        assert ask(client, customer)
    assert not ask(client, "a")
    assert ask(client, "sms-only", "sms")
    client.record_engagements(
        [Engagement("elsewhere", "sent", campaign_id="summer", channel="email"), Engagement("a", "purchased")]
    )
    found = client.diff_catalog(CATALOG.replace("email: {cost: 0.002}", "email: {cost: 0.003}"))
    assert [(entry.name, entry.customer_count) for entry in found.differences] == [("email", 4)]
    assert found.touched is not None
    assert (found.touched.touched_count, found.touched.customer_count, found.touched.is_at_least) == (4, 5, False)
    everybody = client.diff_catalog(LOOSER)
    assert [entry.effect for entry in everybody.differences] == [DifferenceEffect.LOOSER]
    assert everybody.touched is not None
    assert everybody.touched.touched_count == 5


@pytest.mark.parametrize("verb", ["diff_catalog", "shadow_catalog"])
def test_a_document_that_does_not_compile_is_refused_with_its_place(client: Client, verb: str) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        list(getattr(client, verb)(BROKEN))
    (violation,) = refusal.value.field_violations
    assert violation.field == "document"
    assert "sliding" in violation.description
    assert client.get_catalog().version == 1


def test_a_shadow_decides_on_live_traffic_and_acts_on_nothing(client: Client) -> None:
    assert ask(client, "a")
    before = client.explain_customer("a")
    reports = client.shadow_catalog(LOOSER, interval_s=0.1)
    assert next(reports).decision_count == 0
    assert not ask(client, "a")
    assert ask(client, "b")
    client.check_contact("b", campaign="spring", channel="email")
    report = until(reports, 2)
    assert (report.request_count, report.decision_count, report.same_count) == (2, 2, 1)
    assert (report.only_shadow_count, report.only_active_count, report.other_reasons_count) == (1, 0, 0)
    assert [(count.rule, count.active_count, count.shadow_count) for count in report.rules] == [("one-a-day", 1, 0)]
    (sample,) = report.samples
    assert (sample.customer_id, sample.active_verdict, sample.shadow_verdict) == ("a", Verdict.DENY, Verdict.GRANT)
    assert sample.active_denial is not None
    assert sample.active_denial.rule == "one-a-day"
    assert report.catalog_version == client.get_catalog().version == 1
    assert client.explain_customer("a").timeline == before.timeline
    reports.close()  # type: ignore[attr-defined]


def test_what_a_shadow_denies_is_granted_all_the_same(client: Client) -> None:
    reports = client.shadow_catalog(TIGHTER, interval_s=0.1)
    next(reports)
    assert ask(client, "a")
    report = until(reports, 1)
    assert report.only_active_count == 1
    assert report.samples[0].shadow_denial is not None
    assert report.samples[0].shadow_denial.rule == "one-a-day"


def test_a_batch_and_a_repeated_request_are_told_apart(client: Client) -> None:
    reports = client.shadow_catalog(LOOSER, interval_s=0.1)
    next(reports)
    for _ in range(2):
        client.request_contact("a", campaign="spring", channel="email", request_id="same")
    assert ask(client, "b")
    report = until(reports, 2)
    assert (report.request_count, report.left_out_count) == (2, 1)


def test_one_shadow_at_a_time_and_the_next_when_it_is_over(client: Client) -> None:
    first = client.shadow_catalog(LOOSER)
    next(first)
    with pytest.raises(FailedPreconditionError) as refusal:
        next(client.shadow_catalog(TIGHTER))
    assert refusal.value.reason == "SHADOW_RUNNING"
    first.close()  # type: ignore[attr-defined]
    assert next(begun(client)).decision_count == 0


def begun(client: Client) -> Iterator[ShadowReport]:
    """A shadow, once the server has seen that the one before is gone."""
    for _ in range(ENOUGH):
        try:
            yield from client.shadow_catalog(LOOSER)
        except FailedPreconditionError:
            client.get_catalog()
        else:
            return


def test_an_applied_version_under_a_shadow_goes_on_being_compared(client: Client) -> None:
    reports = client.shadow_catalog(LOOSER, interval_s=0.1)
    next(reports)
    client.create_campaign(Campaign("autumn", ("email",), 90, offer_family="weekends"))
    assert client.request_contact("a", campaign="autumn", channel="email")
    assert not ask(client, "a")
    report = until(reports, 2)
    assert report.catalog_version == 2
    # The second catalog has the campaigns of its beginning; it counts the contact by its frozen terms all the same.
    assert (report.only_active_count, report.only_shadow_count) == (1, 1)


def test_a_server_that_stops_ends_the_shadow_within_its_grace(server: ServerProcess, client: Client) -> None:
    reports = client.shadow_catalog(LOOSER, interval_s=3_600)
    next(reports)
    server.signal(signal.SIGTERM)
    assert len(list(reports)) == 1
    assert server.wait() == 0


def test_every_change_stands_in_the_audit_log_and_can_be_gone_back_to(client: Client) -> None:
    client.create_campaign(Campaign("autumn", ("email",), 30), author="bob")
    client.apply_catalog(LOOSER, author="ann", message="more room")
    client.delete_campaign("autumn", author="bob")
    back = client.rollback_catalog(2, author="eve", message="too much", etag=client.get_catalog().etag)
    assert (back.catalog.document, back.catalog.api_campaign_ids) == (CATALOG, ("autumn",))
    audit = list(client.list_catalog_versions())
    assert [(entry.version, entry.from_version, entry.author, entry.change) for entry in audit] == [
        (5, 4, "eve", "rolled back to version 2"),
        (4, 3, "bob", "campaign `autumn` deleted"),
        (3, 2, "ann", "document applied"),
        (2, 1, "bob", "campaign `autumn` created"),
        (1, 0, "repit serve", "document applied"),
    ]
    assert all(entry.create_time for entry in audit)
    assert client.request_contact("a", campaign="autumn", channel="email")


def test_a_way_back_that_cannot_be_gone_changes_nothing(client: Client) -> None:
    stale = client.get_catalog().etag
    current = client.apply_catalog(LOOSER).catalog
    with pytest.raises(NotFoundError) as unknown:
        client.rollback_catalog(7)
    assert unknown.value.reason == "CATALOG_VERSION_UNKNOWN"
    with pytest.raises(AbortedError) as refusal:
        client.rollback_catalog(1, etag=stale)
    assert refusal.value.metadata["etag"] == current.etag
    assert client.get_catalog() == current


class Commands:
    """Runs commands against one server."""

    def __init__(self, server: ServerProcess, directory: Path) -> None:
        self._extra = {"REPIT_TARGET": server.address}
        self._directory = directory

    def file(self, text: str, name: str = "other.yaml") -> str:
        path = self._directory / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def __call__(self, *args: str, status: int = 0) -> "subprocess.CompletedProcess[str]":
        done = repit(*args, directory=self._directory, extra=self._extra)
        assert done.returncode == status, done.stderr
        return done

    def json(self, *args: str, status: int = 0) -> Any:
        return json.loads(self(*args, "--json", status=status).stdout)

    def begin(self, *args: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "repit_server", *args]
        variables = environment(self._extra)
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self._directory, env=variables, stdout=pipe, stderr=pipe, text=True)


@pytest.fixture
def commands(server: ServerProcess, tmp_path: Path) -> Commands:
    return Commands(server, tmp_path)


def test_diff_ends_with_1_where_something_differs(commands: Commands, client: Client) -> None:
    ask(client, "a")
    looser = commands.file(LOOSER)
    written = commands("diff", looser, status=1).stdout.splitlines()
    assert written == [
        "~ rule `pressure/one-a-day` of marketing: at most 1 -> 2 in 24 h: looser, for all customers [1 customers]",
        "1 difference from version 1, 1 looser",
        "touches 1 of 1 customers of the contact log",
    ]
    commands("apply", looser)
    assert commands("diff", looser).stdout == "no difference from version 2\n"
    found = commands.json("diff", "1", "--against", "2", "--skip-log", status=1)
    assert (found["against"], found["touched"]) == ("version 2", None)
    assert [entry["effect"] for entry in found["differences"]] == ["tighter"]


def test_versions_and_rollback_say_who_did_what(commands: Commands) -> None:
    commands("apply", commands.file(LOOSER), "--author", "ann", "-m", "more room")
    assert "version 3 is active, as version 1 was" in commands("rollback", "1", "--author", "eve").stdout
    assert "version 3 is that catalog already" in commands("rollback", "3").stdout
    audit = commands.json("versions", "--limit", "2")["versions"]
    assert [(entry["version"], entry["author"], entry["change"], entry["message"]) for entry in audit] == [
        (3, "eve", "rolled back to version 1", ""),
        (2, "ann", "document applied", "more room"),
    ]
    assert "more room" in commands("versions").stdout


def test_an_applied_document_names_the_user_of_the_machine(commands: Commands) -> None:
    commands("apply", commands.file(LOOSER))
    assert commands.json("versions", "--limit", "1")["versions"][0]["author"]


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (("rollback", "9"), "there is no catalog version 9"),
        (("rollback", "1", "--etag", "stale"), "the catalog has changed"),
        (("apply", "catalog.yaml", "--etag", "stale"), "the catalog has changed"),
        (("diff", "9"), "there is no catalog version 9"),
        (("diff", "catalog.yaml", "--against", "9"), "there is no catalog version 9"),
        (("shadow", "broken.yaml", "--for", "1s"), "broken.yaml"),
        (("diff", "broken.yaml"), "broken.yaml"),
        (("diff", "absent.yaml"), "absent.yaml"),
    ],
)
def test_what_cannot_be_done_ends_with_2_and_what_to_do_next(
    commands: Commands, args: tuple[str, ...], problem: str
) -> None:
    commands.file(BROKEN, "broken.yaml")
    done = commands(*args, status=2)
    assert problem in done.stderr
    assert "\nnext: " in done.stderr


def test_shadow_ends_after_its_span_with_what_would_have_differed(commands: Commands) -> None:
    looser = commands.file(LOOSER)
    assert "nothing yet" in commands("shadow", looser, "--for", "1s").stdout
    report = commands.json("shadow", looser, "--for", "1s", "--interval", "1s")
    assert (report["decision_count"], report["samples"]) == (0, [])


@pytest.fixture
def heard_interrupt() -> Iterator[None]:
    """Tests that run in the background ignore Ctrl-C, and so would the commands that they start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_interrupt")
def test_ctrl_c_ends_a_shadow_with_its_last_report(commands: Commands) -> None:
    with commands.begin("shadow", commands.file(LOOSER), "--json", "--interval", "1s") as shadow:
        assert shadow.stderr is not None
        assert "Ctrl-C ends it" in shadow.stderr.readline()
        shadow.send_signal(signal.SIGINT)
        try:
            written, _ = shadow.communicate(timeout=30)
        finally:
            shadow.kill()
        assert shadow.returncode == 0
    assert "decision_count" in json.loads(written)
