"""Options that several commands have, and how their values are read."""

import getpass
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click

from repit import Candidate
from repit_server.catalog.times import span_ms
from repit_server.cli.failure import settings_failures
from repit_server.cli.language import LANGUAGES
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


class MomentOrDay(click.ParamType["datetime | date"]):
    """A moment with its zone, or a day, which begins at midnight in the zone of whom it concerns."""

    name = "date"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> datetime | date:
        """Read it."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"`{value}` is no date; write it as `2026-03-01` or `2026-03-01T14:05:00+01:00`", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"`{value}` has no zone; write it as `2026-03-01T14:05:00+01:00`", param, ctx)
        return moment.astimezone(UTC)


class SpanSeconds(click.ParamType[float]):
    """A span, `30s`, `10m`, `2h` or `1d`, in seconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - as click
        """Read it."""
        if isinstance(value, float):
            return value
        milliseconds = span_ms(str(value))
        if milliseconds is None:
            self.fail(f"`{value}` is not a span; write it as `30s`, `10m` or `2h`", param, ctx)
        return milliseconds / 1_000


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


def author_option(command: Command) -> Command:
    """Add `--author`: by default the user of the operating system."""
    words = "Who makes the change; the user of this machine by default."
    return click.option("--author", default=_user, metavar="WHO", help=words)(command)


def message_option(command: Command) -> Command:
    """Add `--message`."""
    return click.option("--message", "-m", default="", metavar="WHY", help="Why, in words.")(command)


def etag_option(command: Command) -> Command:
    """Add `--etag`."""
    words = "Refuse where the catalog is no longer the one with this etag."
    return click.option("--etag", default="", metavar="ETAG", help=words)(command)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def text_file_argument(command: Command) -> Command:
    """Add the argument FILE: a catalog document, `-` for what comes in on stdin."""
    path = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
    return click.argument("file", type=path, metavar="FILE")(command)


def events_argument(command: Command) -> Command:
    """Add the argument EVENTS: an event file."""
    return click.argument("events", type=click.Path(dir_okay=False, path_type=Path), metavar="EVENTS")(command)


def party_option(command: Command) -> Command:
    """Add `--party`."""
    words = "The customer's household or account, where it has one."
    return click.option("--party", default="", metavar="P", help=words)(command)


def contact_point_option(command: Command) -> Command:
    """Add `--contact-point`."""
    words = "A hash of the address or number."
    return click.option("--contact-point", default="", metavar="H", help=words)(command)


def subject_option(command: Command) -> Command:
    """Add `--subject`."""
    words = "What the contact is about: a debt, a file."
    return click.option("--subject", default="", metavar="WHAT", help=words)(command)


def lang_option(command: Command) -> Command:
    """Add `--lang`."""
    words = "The language of the words; French by default where LANG or LC_MESSAGES is French."
    return click.option("--lang", type=click.Choice(LANGUAGES), help=words)(command)


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
