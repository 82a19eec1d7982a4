"""`repit schema`: the JSON Schema of the catalog document."""

import click

from repit_server.catalog import catalog_schema
from repit_server.cli.options import json_option
from repit_server.cli.output import print_json


@click.command()
@json_option
def schema(as_json: bool) -> None:  # noqa: ARG001 - it is JSON either way
    """Print the JSON Schema of the catalog document, for editors."""
    print_json(catalog_schema())
