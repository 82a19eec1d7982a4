"""`repit versions`: who changed the catalog, when, what and why: its audit log."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from repit import Catalog, Client
from repit_server.cli.failure import speaking_to
from repit_server.cli.options import config_option, json_option, settings_with, target_option
from repit_server.cli.output import console, print_json


@click.command()
@click.option("--limit", type=click.IntRange(min=1), default=50, metavar="N", help="How many at most; 50.")
@target_option
@config_option
@json_option
def versions(*, limit: int, target: str | None, config: Path | None, as_json: bool) -> None:
    """List the versions of the catalog, newest first: who made what of which, when and why."""
    server = settings_with(config, target=target).settings.target
    with speaking_to(server), Client(server) as client:
        found = tuple(islice(client.list_catalog_versions(), limit))
    if as_json:
        print_json({"versions": [_plain(catalog) for catalog in found]})
    elif found:
        console().print(_table(found))
    else:
        click.echo("no catalog was applied yet")


def _plain(catalog: Catalog) -> dict[str, object]:
    return {
        "version": catalog.version,
        "from_version": catalog.from_version,
        "change": catalog.change,
        "author": catalog.author,
        "message": catalog.message,
        "create_time": catalog.create_time,
        "etag": catalog.etag,
        "api_campaign_ids": catalog.api_campaign_ids,
    }


def _table(found: Sequence[Catalog]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("version", justify="right")
    table.add_column("from", justify="right")
    for name in ("when", "who", "what", "why"):
        table.add_column(name)
    for catalog in found:
        when = _local(catalog.create_time)
        texts = (when, catalog.author, catalog.change, catalog.message)
        table.add_row(str(catalog.version), str(catalog.from_version), *(Text(text) for text in texts))
    return table


def _local(time: datetime | None) -> str:
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S}" if time else ""
