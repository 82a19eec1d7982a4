"""`repit rollback`: makes an earlier version of the catalog the next one."""

from pathlib import Path

import click

from repit import Client
from repit_server.cli.apply import findings_of
from repit_server.cli.catalog_files import print_findings
from repit_server.cli.failure import catalog_failure, speaking_to
from repit_server.cli.options import (
    author_option,
    config_option,
    etag_option,
    json_option,
    message_option,
    settings_with,
    target_option,
)
from repit_server.cli.output import print_json


@click.command()
@click.argument("version", type=click.IntRange(min=1), metavar="VERSION")
@etag_option
@author_option
@message_option
@target_option
@config_option
@json_option
def rollback(
    *,
    version: int,
    etag: str,
    author: str,
    message: str,
    target: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Make the document and the campaigns of VERSION the catalog again, as a version of its own."""
    server = settings_with(config, target=target).settings.target
    with speaking_to(server), Client(server) as client:
        before = client.get_catalog().version
        outcome = client.rollback_catalog(version, etag=etag, author=author, message=message)
    findings = findings_of(outcome)
    if outcome.errors:
        path = Path(f"version {version}")
        print_findings(path, "", findings)
        raise catalog_failure(path, findings)
    catalog = outcome.catalog
    if as_json:
        print_json({"version": catalog.version, "etag": catalog.etag, "rolled_back_to": version, "findings": findings})
    elif catalog.version == before:
        click.echo(f"version {before} is that catalog already, etag {catalog.etag}")
    else:
        click.echo(f"version {catalog.version} is active, as version {version} was, etag {catalog.etag}")
