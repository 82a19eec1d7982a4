"""`repit config`: the settings that hold, and where each came from."""

from pathlib import Path

import click
from rich.table import Table

from repit_server.cli.options import config_option, json_option, settings_with
from repit_server.cli.output import console, print_json
from repit_server.settings import EXPLANATIONS, names, written


@click.command()
@config_option
@json_option
def config(config: Path | None, as_json: bool) -> None:
    """Print the settings that hold and where each came from: default, file or environment; flags come last."""
    resolved = settings_with(config)
    values = {name: written(getattr(resolved.settings, name)) for name in names()}
    if as_json:
        print_json({name: {"value": value, "source": resolved.sources[name]} for name, value in values.items()})
        return
    table = Table(box=None, pad_edge=False)
    for column in ("setting", "value", "from", "is"):
        table.add_column(column)
    for name, value in values.items():
        table.add_row(name, "" if value is None else str(value), resolved.sources[name], EXPLANATIONS[name])
    console().print(table)
