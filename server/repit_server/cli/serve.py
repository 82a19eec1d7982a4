"""`repit serve`: the server."""

import sys
from pathlib import Path

import click

from repit_server.cli.failure import settings_failures
from repit_server.cli.options import config_option, json_option, settings_with
from repit_server.cli.wiring import wiring_of
from repit_server.settings import LogFormat


@click.command()
@click.option("--store", metavar="STORE", help="`memory`, `embedded:DIR` or `redis://HOST:PORT/DB`.")
@click.option("--catalog", metavar="FILE", help="A catalog document to apply at the start.")
@click.option("--listen", metavar="HOST:PORT", help="Where to listen; port 0 takes a free one.")
@click.option("--door", metavar="DOOR", help="Who answers there: `rust`, or `python` for plain grpcio.")
@click.option("--clock", metavar="CLOCK", help="`system`, or `request` to take the time from each request.")
@click.option("--redis-password-file", metavar="FILE", help="A file that holds the password of Redis.")
@click.option("--max-in-flight", metavar="N", help="Requests in work at once; more are told to come back.")
@click.option("--grace-seconds", metavar="S", help="How long requests in work may take when the server stops.")
@click.option("--log-level", metavar="LEVEL", help="`debug`, `info`, `warning` or `error`.")
@click.option("--log-format", metavar="FORMAT", help="`json`, `text`, or `auto`: text on a terminal.")
@config_option
@json_option
@click.pass_context
def serve(context: click.Context, /, config: Path | None, as_json: bool, **flags: str | None) -> None:
    """Serve until SIGTERM or Ctrl-C. Log lines go to stderr; one says `serving` and the address."""
    if as_json:
        flags["log_format"] = LogFormat.JSON.value
    settings = settings_with(config, **flags).settings

    def announce(address: str, version: int) -> None:
        if sys.stdout.isatty() and not as_json:
            catalog = f"catalog version {version}" if version else "no catalog yet"
            click.echo(f"Répit answers on {address} (store {settings.store}, {catalog}). Stop it with Ctrl-C.")

    with settings_failures():
        wiring_of(context).serve(settings, announce)
