"""`repit replay`: an event file as it would have gone under a catalog."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from repit import Client
from repit_server.catalog import CatalogError, CompiledCatalog, adopt_campaigns
from repit_server.cli.apply import apply_text, registered_campaigns
from repit_server.cli.catalog_files import compiled_text, confirm_within_ms, names_of, print_findings, read_text
from repit_server.cli.failure import (
    ANSWER_IS_NO,
    Failure,
    catalog_failure,
    engine_failure,
    event_file_failures,
    speaking_to,
)
from repit_server.cli.options import events_argument, json_option
from repit_server.cli.output import console, note, print_json, progress_bar
from repit_server.cli.replay_view import result_view
from repit_server.cli.wiring import Wiring, wiring_of
from repit_server.history.decision_file import DecisionFile
from repit_server.history.event import EventKind
from repit_server.history.event_file import BadLines, EventFileError, read_events
from repit_server.history.event_message import CatalogNames
from repit_server.history.replay import Engine, EngineError, LineRefusedError, Replay
from repit_server.history.replay_tally import ReplayResult
from repit_server.history.target_engine import TargetEngine
from repit_server.settings import Clock

SERVED_CATALOG = Path("the server's catalog")


@dataclass(frozen=True, slots=True)
class EventSurvey:
    """What a first reading of the event file found, before anything of it is taken."""

    lines: int
    skipped: int
    findings: list[EventFileError]
    sends: frozenset[tuple[str, str, str]]
    """Campaign, channel and offer family of each `sent`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The document that the replay goes by, and where it is from."""

    path: Path
    text: str
    catalog: CompiledCatalog
    registered: Mapping[str, tuple[str, ...]]
    """Campaigns that the target holds beside the document, with their channels."""

    def names(self) -> CatalogNames:
        """Give the names that it knows."""
        return names_of(self.catalog, self.registered)


@click.command()
@events_argument
@click.option(
    "--catalog",
    "catalog_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The catalog document; with `--target` the server's own where left out.",
)
@click.option("--store", metavar="STORE", help="An empty store for a replay in this process.  [default: memory]")
@click.option("--target", metavar="HOST:PORT", help="Replay through this server, which runs with `--clock request`.")
@click.option(
    "--decisions",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write one line of CSV for each request.",
)
@click.option(
    "--adopt-campaigns", is_flag=True, help="Make the campaigns that the catalog lacks: marketing, priority 50."
)
@click.option("--skip-bad", is_flag=True, help="Leave bad lines out and count them, instead of taking nothing.")
@click.option("--strict", is_flag=True, help="Refuse a catalog that is unwise, too.")
@json_option
@click.pass_context
def replay(  # noqa: PLR0913 - one parameter for each option
    context: click.Context,
    *,
    events: Path,
    catalog_path: Path | None,
    store: str | None,
    target: str | None,
    decisions: Path | None,
    adopt_campaigns: bool,
    skip_bad: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Replay the event file EVENTS: what a catalog would have granted, refused, kept and lost.

    Each `sent` is asked for at its own time. Answers to refused sends are lost with them; purchases always happen.
    """
    if store and target:
        raise click.UsageError("`--store` and `--target` exclude each other")
    if catalog_path is None and target is None:
        raise click.UsageError("name the catalog with `--catalog FILE`")
    bad_lines = BadLines.SKIP if skip_bad else BadLines.REFUSE
    with event_file_failures(), speaking_to(target or ""):
        survey = survey_events(events, bad_lines)
        policy = _policy(catalog_path, target, strict=strict)
        if adopt_campaigns:
            policy = _with_adopted(policy, survey)
        with _engine(wiring_of(context), policy, store=store, target=target) as engine:
            result = _run(engine, policy, events, bad_lines, survey, decisions)
    if as_json:
        print_json({**result.as_json(), "skipped": survey.skipped})
    else:
        console().print(result_view(result, skipped=survey.skipped))


def survey_events(path: Path, bad_lines: BadLines) -> EventSurvey:
    """Read the whole file, ascending by time, and take nothing. Raises `EventFileError`."""
    reader = read_events(path, bad_lines=bad_lines)
    sends = set()
    for line in reader:
        event = line.event
        if event.kind is EventKind.SENT:
            sends.add((event.campaign_id, event.channel, event.offer_family))
    for finding in reader.findings:
        note(f"skipped {finding}")
    return EventSurvey(reader.lines, reader.skipped, reader.findings, frozenset(sends))


def _policy(path: Path | None, target: str | None, *, strict: bool) -> Policy:
    registered: dict[str, tuple[str, ...]] = {}
    text = read_text(path) if path is not None else ""
    if target is not None:
        with Client(target) as client:
            registered = registered_campaigns(client)
            text = text or client.get_catalog().document
    path = path or SERVED_CATALOG
    catalog = compiled_text(path, text)
    print_findings(path, text, catalog.findings)
    if strict and catalog.findings:
        raise Failure(f"{path}: refused for its findings", "heed them, or leave `--strict` out", ANSWER_IS_NO)
    return Policy(path, text, catalog, registered)


def _with_adopted(policy: Policy, survey: EventSurvey) -> Policy:
    """Add the campaigns of the file that the catalog lacks, and the offer families that they need."""
    try:
        unregistered = [send for send in sorted(survey.sends) if send[0] not in policy.registered]
        adopted = adopt_campaigns(policy.text, unregistered)
    except CatalogError as error:
        raise catalog_failure(policy.path, error.findings) from None
    if not adopted.campaigns:
        return policy
    text = adopted.written_into(policy.text)
    path = Path(f"{policy.path} with the campaigns adopted")
    return Policy(path, text, compiled_text(path, text), policy.registered)


@contextmanager
def _engine(wiring: Wiring, policy: Policy, *, store: str | None, target: str | None) -> Iterator[Engine]:
    """Give an engine with the policy as its catalog: a server's, or one in this process on an empty store."""
    if target is not None:
        with Client(target) as client:
            if policy.path != SERVED_CATALOG:
                apply_text(client, policy.path, policy.text, author="repit replay")
        with TargetEngine(target) as remote:
            yield remote
        return
    store = store or "memory"
    try:
        with wiring.open_engine(store, Clock.REQUEST) as local:
            if version := local.active_version():
                problem = f"the store `{store}` is in use: it holds catalog version {version}"
                raise Failure.of_use(problem, "name an empty one, or replay through its server with `--target`")
            local.apply_catalog(policy.catalog.compiled)
            yield local
    except EngineError as error:
        raise engine_failure(store, error) from None


def _run(
    engine: Engine, policy: Policy, events: Path, bad_lines: BadLines, survey: EventSurvey, decisions: Path | None
) -> ReplayResult:
    with ExitStack() as stack:
        run = Replay(
            engine,
            policy.names(),
            confirm_within_ms=confirm_within_ms(policy.catalog),
            on_progress=stack.enter_context(progress_bar("replaying", survey.lines)),
        )
        if decisions is not None:
            run.on_decision = stack.enter_context(_decision_file(decisions)).write
        try:
            return run.run(read_events(events, bad_lines=bad_lines))
        except LineRefusedError as error:
            problem = f"`{events}` line {error.line}: {error.message}"
            raise Failure.of_use(problem, "correct the line, or the catalog, and replay again") from None


def _decision_file(path: Path) -> DecisionFile:
    try:
        return DecisionFile(path)
    except OSError as error:
        problem = f"the file `{path}` cannot be written ({error.strerror or error})"
        raise Failure.of_use(problem, "name a file in a directory that you may write to") from None
