"""`repit claims register`: the places of a campaign's audience, from a file."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from repit import ClaimRegistration, Client, RepitError
from repit_server.cli.claim_file import ClaimFileError, count_places, read_places
from repit_server.cli.failure import (
    ANSWER_IS_NO,
    INTERRUPTED,
    Failure,
    one_line,
    speaking_to,
    status_of,
    unreadable_file,
)
from repit_server.cli.importing import served_catalog
from repit_server.cli.options import MomentOrDay, as_of_option, config_option, json_option, settings_with, target_option
from repit_server.cli.output import Advance, print_json, progress_bar


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path), metavar="FILE")
@click.option("--campaign", "-c", required=True, metavar="C", help="The campaign whose places they are.")
@click.option(
    "--until", required=True, type=MomentOrDay(), metavar="DATE", help="First day, or instant, without the place."
)
@click.option("--from", "begin", type=MomentOrDay(), metavar="DATE", help="First day, or instant, with it.")
@click.option(
    "--channel", "-n", "channels", multiple=True, metavar="CH", help="A channel that may be used; may be repeated."
)
@click.option(
    "--resume-at", type=click.IntRange(0), default=0, metavar="N", help="Leave the first N places of the file out."
)
@as_of_option
@target_option
@config_option
@json_option
@click.pass_context
def register(  # noqa: PLR0913 - one parameter for each option
    context: click.Context,
    *,
    file: Path,
    campaign: str,
    until: datetime | date,
    begin: datetime | date | None,
    channels: tuple[str, ...],
    resume_at: int,
    as_of: datetime | None,
    target: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Register the places that FILE names for a campaign; `-` reads stdin.

    FILE is CSV, also gzip, with the columns customer_id, party_id and score, of which only the first is needed. A day
    of --from and --until begins at midnight in the brand's time zone.
    """
    server = settings_with(config, target=target).settings.target
    with speaking_to(server), Client(server) as client:
        first, end = _instants(client, begin, until)
        shared = [*(("--target", target) if target else ()), *(("--config", str(config)) if config else ())]
        work = _Work(file, campaign, first or as_of or _now(), end, channels, as_of, resume_at, shared)
        registration = work.run(client)
    if as_json:
        print_json(written(registration))
    else:
        click.echo(str(registration))
    if not registration:
        context.exit(ANSWER_IS_NO)


def _now() -> datetime:
    """The claims begin here, also those of a registration that goes on: the same place twice is then one."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1_000 * 1_000)


def _instants(
    client: Client, begin: datetime | date | None, until: datetime | date
) -> tuple[datetime | None, datetime]:
    """Give both ends as instants; days are those of the brand, by the server's catalog."""
    days = [day for day in (begin, until) if day is not None and not isinstance(day, datetime)]
    zone: tzinfo = ZoneInfo(served_catalog(client.get_catalog().document).document.zone) if days else UTC
    first = None if begin is None else _instant(begin, zone)
    return first, _instant(until, zone)


def _instant(moment: datetime | date, zone: tzinfo) -> datetime:
    if isinstance(moment, datetime):
        return moment
    return datetime.combine(moment, time(), zone).astimezone(UTC)


@dataclass(slots=True)
class _Work:
    """One registration: what it claims, how far it has come, and the command that goes on with it."""

    file: Path
    campaign: str
    begin: datetime
    until: datetime
    channels: tuple[str, ...]
    as_of: datetime | None
    position: int
    """How many places of the file are taken, or were left out."""
    shared: Sequence[str]
    """Options that the command was given for the server."""

    def run(self, client: Client) -> ClaimRegistration:
        """Register the places. Raises `Failure`, and `RepitError` where nothing was taken."""
        total = self._left()
        resume_at = self.position
        with progress_bar("registering", total) as advance:
            try:
                return client.register_claims(
                    self.campaign,
                    read_places(self.file),
                    channels=self.channels,
                    from_time=self.begin,
                    until_time=self.until,
                    as_of=self.as_of,
                    resume_at=resume_at,
                    on_progress=lambda registration: self._move_to(registration.position, advance),
                )
            except ClaimFileError as error:
                remedy = f"{error.remedy}, then: {self.command()}"
                raise Failure.of_use(f"{error}; {self.position:,} places before it are taken", remedy) from None
            except RepitError as error:
                self._move_to(error.position or 0, advance)
                if self.position <= resume_at:
                    raise
                problem = f"cut after {self.position:,} places: {one_line(error.message)}"
                raise Failure(problem, self.command(), status_of(error)) from None
            except KeyboardInterrupt:
                problem = f"stopped after {self.position:,} places"
                raise Failure(problem, self.command(), INTERRUPTED) from None

    def command(self) -> str:
        """The command that goes on with it, on the same file or input: the same claims, from the next place on."""
        words = ["repit", "claims", "register", str(self.file), "--campaign", self.campaign]
        words += ["--from", _iso(self.begin), "--until", _iso(self.until)]
        for channel in self.channels:
            words += ["--channel", channel]
        if self.as_of is not None:
            words += ["--as-of", _iso(self.as_of)]
        return shlex.join([*words, *self.shared, "--resume-at", str(self.position)])

    def _move_to(self, position: int, advance: Advance) -> None:
        advance(max(position - self.position, 0))
        self.position = max(position, self.position)

    def _left(self) -> int | None:
        """Count the places that are left; every line is looked at before the first is sent. None for stdin."""
        try:
            total = count_places(self.file)
        except ClaimFileError as error:
            raise Failure.of_use(str(error), f"{error.remedy}; nothing was registered") from None
        except OSError as error:
            raise unreadable_file(self.file, error) from None
        if total is not None and total < self.position:
            problem = f"`--resume-at {self.position}` is beyond the end: `{self.file}` names {total:,} places"
            raise Failure.of_use(problem, "name the position that the command before gave")
        return None if total is None else total - self.position


def _iso(moment: datetime) -> str:
    """Write an instant so that it is read again as the same."""
    utc = moment.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds").replace("+00:00", "Z")


def written(registration: ClaimRegistration) -> dict[str, object]:
    """Give a registration as programs read it."""
    refusals = [
        {
            "position": refusal.position,
            "customer_id": refusal.customer_id,
            "reason": refusal.error.reason,
            "message": refusal.error.message,
        }
        for refusal in registration.refusals
    ]
    fields = ("campaign_id", "from_time", "until_time", "position", "registered", "known", "refused")
    return {**{name: getattr(registration, name) for name in fields}, "refusals": refusals}
