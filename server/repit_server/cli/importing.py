"""`repit import`: contacts and engagements that happened elsewhere."""

from datetime import datetime
from pathlib import Path

import click

from repit import Client
from repit_server.catalog import CatalogError, CompiledCatalog, compile_catalog
from repit_server.cli.apply import registered_campaigns
from repit_server.cli.catalog_files import names_of
from repit_server.cli.failure import Failure, catalog_failure, event_file_failures, speaking_to
from repit_server.cli.options import (
    as_of_option,
    config_option,
    events_argument,
    json_option,
    settings_with,
    target_option,
)
from repit_server.cli.output import Advance, note, print_json, progress_bar
from repit_server.history.event_file import BadLines
from repit_server.history.event_message import CatalogNames
from repit_server.history.import_events import EventImport, ImportResult
from repit_server.history.replay import LineRefusedError
from repit_server.history.target_engine import TargetEngine


@click.command("import")
@events_argument
@click.option("--skip-bad", is_flag=True, help="Leave bad lines out and count them, instead of taking nothing.")
@as_of_option
@target_option
@config_option
@json_option
def import_events(
    *, events: Path, skip_bad: bool, as_of: datetime | None, target: str | None, config: Path | None, as_json: bool
) -> None:
    """Take the event file EVENTS into a server: counted at its own time, asked of no rule.

    Nothing of the file is taken while one of its lines is bad. A file imported twice counts once.
    """
    server = settings_with(config, target=target).settings.target
    bad_lines = BadLines.SKIP if skip_bad else BadLines.REFUSE
    as_of_ms = int(as_of.timestamp() * 1_000) if as_of else None
    with speaking_to(server), event_file_failures():
        work = EventImport(events, _served_names(server), bad_lines)
        total = work.survey()
        for finding in work.findings:
            note(f"skipped {finding}")
        with TargetEngine(server) as engine, progress_bar("importing", total) as advance:
            result = _imported(work, engine, advance, as_of_ms)
    if as_json:
        print_json(result)
    else:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in result.by_kind.items())
        known = f", {result.duplicates:,} of them known already" if result.duplicates else ""
        click.echo(f"{result.lines:,} lines taken ({kinds or 'none'}){known}; {result.skipped:,} skipped")


def _imported(work: EventImport, engine: TargetEngine, advance: Advance, as_of_ms: int | None) -> ImportResult:
    try:
        return work.run(engine, advance, as_of_ms=as_of_ms)
    except LineRefusedError as error:
        problem = f"`{work.path}` line {error.line}: {error.message}"
        remedy = "correct the line and import the file again: what was taken before it counts once"
        raise Failure.of_use(problem, remedy) from None


def _served_names(server: str) -> CatalogNames:
    with Client(server) as client:
        document = client.get_catalog().document
        campaigns = registered_campaigns(client)
    return names_of(served_catalog(document), campaigns)


def served_catalog(document: str) -> CompiledCatalog:
    """Compile the document that a server holds. Raises `Failure`."""
    try:
        return compile_catalog(document)
    except CatalogError as error:
        raise catalog_failure("the server's catalog", error.findings) from None
