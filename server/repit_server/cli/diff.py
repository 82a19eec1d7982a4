"""`repit diff`: what a catalog document changes, for whom, and how many customers it would have touched."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from repit import CatalogDifferences, Client, DifferenceEffect, DifferenceKind, TouchedCustomers
from repit import Difference as RemoteDifference
from repit_server.catalog.difference import differences
from repit_server.cli.apply import findings_of
from repit_server.cli.catalog_files import compiled_text, print_findings, read_text
from repit_server.cli.failure import ANSWER_IS_NO, Failure, catalog_failure, speaking_to
from repit_server.cli.options import SpanSeconds, config_option, json_option, settings_with, target_option
from repit_server.cli.output import print_json

_ANSWER_SECONDS: Final = 60.0
"""How long the server may take beside reading its log."""
_SIGNS: Final = {DifferenceKind.ADDED: "+", DifferenceKind.REMOVED: "-", DifferenceKind.CHANGED: "~"}
_COLOURS: Final = {DifferenceEffect.LOOSER: "yellow", DifferenceEffect.TIGHTER: "cyan"}


@dataclass(frozen=True, slots=True)
class _Answer:
    """What differs; `against` says from what."""

    against: str
    differences: tuple[RemoteDifference, ...]
    touched: TouchedCustomers | None = None


@click.command()
@click.argument("later", metavar="FILE")
@click.option(
    "--against", metavar="FILE|VERSION", help="What it is compared with; the active version of the server by default."
)
@click.option("--skip-log", is_flag=True, help="Leave the contact log unread: nothing is said of customers.")
@click.option(
    "--max-log-time", type=SpanSeconds(), default="5m", metavar="SPAN", help="How long to read the contact log; 5m."
)
@target_option
@config_option
@json_option
@click.pass_context
def diff(  # noqa: PLR0913 - one parameter for each option
    context: click.Context,
    *,
    later: str,
    against: str | None,
    skip_log: bool,
    max_log_time: float,
    target: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Say what the catalog document FILE changes, for whom, and how many customers of the log it would have touched.

    FILE may be a version of the server too. With two files no server is asked, and nothing is said of customers. Ends
    with 1 where something differs.
    """
    if against is not None and not against.isdecimal():
        answer = _of_files(later, Path(against))
    else:
        server = settings_with(config, target=target).settings.target
        with speaking_to(server), Client(server) as client:
            found = client.diff_catalog(
                _later(client, later),
                against_version=int(against or 0),
                skip_log=skip_log,
                max_log_s=max_log_time,
                deadline_s=max_log_time + _ANSWER_SECONDS,
            )
        answer = _of_server(found)
    _print(answer, as_json=as_json)
    if answer.differences:
        context.exit(ANSWER_IS_NO)


def _of_files(later: str, against: Path) -> _Answer:
    if later.isdecimal():
        raise Failure.of_use(f"version {later} cannot be compared with a file", f"write `{against} --against {later}`")
    before = compiled_text(against, read_text(against))
    after = compiled_text(Path(later), read_text(Path(later)))
    found = tuple(
        RemoteDifference(
            section=difference.section,
            name=difference.name,
            kind=DifferenceKind(difference.kind.value),
            words=difference.words,
            effect=DifferenceEffect(difference.effect.value),
            customer_count=None,
        )
        for difference in differences(before, after).items
    )
    return _Answer(str(against), found)


def _of_server(found: CatalogDifferences) -> _Answer:
    return _Answer(f"version {found.against_version}", found.differences, found.touched)


def _later(client: Client, later: str) -> str | int:
    """Give the version or the text of the later side, checked by the server with the campaigns registered there."""
    return int(later) if later.isdecimal() else checked_text(client, Path(later))


def checked_text(client: Client, path: Path) -> str:
    """Read a document that a server can take; print what is wrong with it and raise `Failure` where it cannot."""
    text = read_text(path)
    outcome = client.validate_catalog(text)
    if outcome.errors:
        print_findings(path, text, findings_of(outcome))
        raise catalog_failure(path, findings_of(outcome))
    return text


def _print(answer: _Answer, *, as_json: bool) -> None:
    if as_json:
        print_json({"against": answer.against, "differences": answer.differences, "touched": answer.touched})
        return
    for difference in answer.differences:
        click.echo(_line(difference))
    click.echo(_summary(answer.differences, answer.against))
    if answer.touched:
        click.echo(f"touches {answer.touched}")


def _line(difference: RemoteDifference) -> str:
    sign = _SIGNS.get(difference.kind, "?")
    touched = "" if difference.customer_count is None else f" [{difference.customer_count:,} customers]"
    return click.style(f"{sign} {difference.words}", fg=_COLOURS.get(difference.effect)) + touched


def _summary(found: Sequence[RemoteDifference], against: str) -> str:
    if not found:
        return f"no difference from {against}"
    counts = {effect: sum(entry.effect is effect for entry in found) for effect in _COLOURS}
    said = "".join(f", {count} {effect}" for effect, count in counts.items() if count)
    return f"{len(found)} difference{'s' if len(found) > 1 else ''} from {against}{said}"
