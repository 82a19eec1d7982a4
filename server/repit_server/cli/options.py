"""Options that several commands have, and how their values are read."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click

from repit import Candidate
from repit_server.cli.failure import settings_failures
from repit_server.settings import Resolved, resolve

Command = TypeVar("Command", bound=Callable[..., Any])


class Moment(click.ParamType[datetime]):
    """A moment: ISO 8601 with its zone."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:  # noqa: ANN401 - as click
        """Read it."""
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"`{value}` is not a time; write it as `2026-03-01T14:05:00+01:00`", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"`{value}` has no zone; write it as `2026-03-01T14:05:00+01:00`", param, ctx)
        return moment.astimezone(UTC)


class CandidateValue(click.ParamType[Candidate]):
    """`CAMPAIGN:CHANNEL`; the last colon parts the two."""

    name = "campaign:channel"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Candidate:  # noqa: ANN401 - as click
        """Read it."""
        if isinstance(value, Candidate):
            return value
        campaign, _, channel = str(value).rpartition(":")
        if not campaign or not channel:
            self.fail(f"`{value}` is not CAMPAIGN:CHANNEL", param, ctx)
        return Candidate(campaign, channel)


def json_option(command: Command) -> Command:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for programs.")(command)


def config_option(command: Command) -> Command:
    """Add `--config`."""
    path = click.Path(dir_okay=False, path_type=Path)
    return click.option("--config", type=path, metavar="FILE", help="A TOML file with settings.")(command)


def target_option(command: Command) -> Command:
    """Add `--target`."""
    return click.option("--target", metavar="HOST:PORT", help="The server to speak to.")(command)


def as_of_option(command: Command) -> Command:
    """Add `--as-of`."""
    words = "The time of the question, for a server that runs with `--clock request`."
    return click.option("--as-of", type=Moment(), metavar="TIME", help=words)(command)


def text_file_argument(command: Command) -> Command:
    """Add the argument FILE: a catalog document, `-` for what comes in on stdin."""
    path = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
    return click.argument("file", type=path, metavar="FILE")(command)


def events_argument(command: Command) -> Command:
    """Add the argument EVENTS: an event file."""
    return click.argument("events", type=click.Path(dir_okay=False, path_type=Path), metavar="EVENTS")(command)


def settings_with(config: Path | None, **flags: object) -> Resolved:
    """Put the settings together with the flags of a command."""
    with settings_failures():
        return resolve(config=config, flags=flags)


def zone_or_none(name: str) -> ZoneInfo | None:
    """Give the zone to write times in; the local one where the name is empty or unknown here."""
    try:
        return ZoneInfo(name) if name else None
    except (OSError, ValueError):
        return None
