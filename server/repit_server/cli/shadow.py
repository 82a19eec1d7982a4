"""`repit shadow`: a second catalog decides beside the active one, and what would have differed is shown."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from rich.live import Live

from repit import Client, ShadowReport
from repit_server.cli.diff import checked_text
from repit_server.cli.failure import Failure, speaking_to
from repit_server.cli.options import (
    SpanSeconds,
    config_option,
    json_option,
    settings_with,
    target_option,
    text_file_argument,
)
from repit_server.cli.output import console, note, print_json
from repit_server.cli.shadow_view import report_view


@click.command()
@text_file_argument
@click.option("--for", "seconds", type=SpanSeconds(), metavar="SPAN", help="How long, as in `10m`; until Ctrl-C.")
@click.option("--interval", type=SpanSeconds(), default="1s", metavar="SPAN", help="How often to look; 1s.")
@target_option
@config_option
@json_option
def shadow(
    *,
    file: Path,
    seconds: float | None,
    interval: float,
    target: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Let the catalog document FILE decide beside the active catalog of a server, on the requests that come in.

    It acts on nothing. Shows what would have differed and why, and what it costs; ends after the span or with Ctrl-C.
    """
    server = settings_with(config, target=target).settings.target
    with speaking_to(server), Client(server) as client:
        text = checked_text(client, file)
        reports = client.shadow_catalog(text, interval_s=interval)
        last = last_of(reports, seconds) if as_json else _watched(reports, seconds)
    if last is None:
        raise Failure.of_server(f"{server}: the server ended before it reported", "run the command again")
    if as_json:
        print_json(last)
    else:
        console().print(report_view(last))


def last_of(
    reports: Iterator[ShadowReport],
    seconds: float | None,
    show: Callable[[ShadowReport], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> ShadowReport | None:
    """Show reports for so many seconds, without end where None, or until Ctrl-C; gives the last one.

    The first is kept before it is said that Ctrl-C ends it: from then on there is one to give.
    """
    last = None
    end = math.inf if seconds is None else clock() + seconds
    with contextlib.suppress(KeyboardInterrupt):
        for number, report in enumerate(reports):
            last = report
            if number == 0:
                note(f"deciding beside version {report.catalog_version}; Ctrl-C ends it")
            show(report)
            if clock() >= end:
                break
    return last


def _watched(reports: Iterator[ShadowReport], seconds: float | None) -> ShadowReport | None:
    """Show each report where stdout is a terminal."""
    terminal = console()
    if not terminal.is_terminal:
        return last_of(reports, seconds)
    with Live(console=terminal, auto_refresh=False, transient=True) as live:
        return last_of(reports, seconds, lambda report: live.update(report_view(report), refresh=True))
