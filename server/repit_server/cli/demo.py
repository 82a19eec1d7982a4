"""`repit demo`: a year of mailings through a real server, and what its policy would have spared and lost."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from repit import Client, Explanation
from repit_server.catalog import CompiledCatalog
from repit_server.cli.apply import apply_text
from repit_server.cli.catalog_files import compiled_text, confirm_within_ms, names_of, read_text
from repit_server.cli.demo_server import demo_server
from repit_server.cli.explain_view import explanation_view
from repit_server.cli.failure import Failure, event_file_failures, speaking_to
from repit_server.cli.options import json_option, zone_or_none
from repit_server.cli.output import console, json_of, print_json, progress_bar
from repit_server.cli.replay_view import campaign_table, counts_table, named_counts, share
from repit_server.history.demo_data import DemoDataError, load_demo_year
from repit_server.history.demo_year import PROVENANCE, demo_events
from repit_server.history.event import Event
from repit_server.history.event_file import EventLine
from repit_server.history.event_id import EventIds
from repit_server.history.event_writer import write_events
from repit_server.history.replay import Replay, ReplayedRequest
from repit_server.history.replay_tally import ReplayResult, is_grant
from repit_server.history.target_engine import TargetEngine

CATALOG: Final = Path(__file__).parents[3] / "docs" / "demo" / "demo.yaml"
"""The demo's catalog, in the tree that this file is installed from (`pip install --editable`, as `make` does)."""
EXPLAINED_ENTRIES: Final = 200


@dataclass(slots=True)
class Spared:
    """What the policy spared: refused contacts by customer, and their cost by the catalog's channels."""

    catalog: CompiledCatalog
    by_customer: Counter[str] = field(default_factory=Counter)
    segments: dict[str, str] = field(default_factory=dict)
    cost: float = 0.0

    def take(self, request: ReplayedRequest) -> None:
        """Note one decision."""
        if is_grant(request.decision):
            return
        event = request.line.event
        self.segments[event.customer_id] = event.segment
        self.by_customer[event.customer_id] += 1
        channel = self.catalog.document.channels.get(event.channel)
        self.cost += channel.cost if channel else 0.0

    def most_refused(self) -> str:
        """Name the customer who was refused most often; of several the first in byte order. Empty where none was."""
        return min(self.by_customer, key=lambda name: (-self.by_customer[name], name), default="")


@dataclass(frozen=True, slots=True)
class DemoRun:
    """Everything that the demo shows."""

    result: ReplayResult
    spared: Spared
    customer: str
    explanation: Explanation


@click.command()
@click.option(
    "--events",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Only write the year as an event file: `.csv`, `.csv.gz` or `.parquet`.",
)
@click.option(
    "--catalog",
    "catalog_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=CATALOG,
    metavar="FILE",
    help="Another policy than the demo's.",
)
@json_option
def demo(events: Path | None, catalog_path: Path, as_json: bool) -> None:
    """Put one year of mailings, purchases and coupons through a real server, and see what a policy spares and loses."""
    terminal = Console(stderr=True) if as_json else console()
    terminal.print(Text(f"The data: {PROVENANCE}."))
    with terminal.status("reading a year of mailings, purchases and coupons", spinner="line"):
        year = _year()
    if events is not None:
        _write(events, year, as_json=as_json)
        return
    run = _replayed(year, catalog_path, terminal)
    if as_json:
        spared = {"contacts_spared": run.result.denied, "cost_spared": round(run.spared.cost, 2)}
        print_json({**run.result.as_json(), **spared, "explained": json_of(run.explanation)})
    else:
        _show(run, terminal, catalog_path)


def _year() -> list[Event]:
    try:
        return demo_events(load_demo_year())
    except DemoDataError as error:
        problem, _, remedy = str(error).partition("; ")
        raise Failure.of_use(problem, remedy) from None


def _write(path: Path, year: list[Event], *, as_json: bool) -> None:
    with event_file_failures():
        try:
            lines = write_events(path, year)
        except OSError as error:
            problem = f"the file `{path}` cannot be written ({error.strerror or error})"
            raise Failure.of_use(problem, "name a file in a directory that you may write to") from None
    if as_json:
        print_json({"file": str(path), "lines": lines})
    else:
        click.echo(f"{lines:,} events written to {path}")


def _replayed(year: list[Event], catalog_path: Path, terminal: Console) -> DemoRun:
    text = _catalog_text(catalog_path)
    spared = Spared(compiled_text(catalog_path, text))
    with demo_server() as address, speaking_to(address), Client(address) as client:
        terminal.print(Text(f"The server: `repit serve` on {address}, embedded store, time from each request."))
        version = apply_text(client, catalog_path, text, author="repit demo").catalog.version
        terminal.print(Text(f"The policy: {catalog_path.name}, catalog version {version}."))
        with TargetEngine(address) as engine, progress_bar("the year", len(year)) as advance:
            run = Replay(
                engine,
                names_of(spared.catalog),
                confirm_within_ms=confirm_within_ms(spared.catalog),
                on_decision=spared.take,
                on_progress=advance,
            )
            result = run.run(numbered(year))
        customer = spared.most_refused() or year[0].customer_id
        as_of = datetime.fromtimestamp(year[-1].time_ms / 1_000, tz=UTC)
        segments = [segment] if (segment := spared.segments.get(customer, "")) else []
        explanation = client.explain_customer(customer, segments=segments, as_of=as_of, max_entries=EXPLAINED_ENTRIES)
    return DemoRun(result, spared, customer, explanation)


def numbered(events: Iterable[Event]) -> Iterator[EventLine]:
    """Give events the numbers and ids that they would have in a file."""
    ids = EventIds()
    for number, event in enumerate(events, start=2):
        yield EventLine(number, event, ids.id_of(event))


def _catalog_text(path: Path) -> str:
    if path == CATALOG and not path.exists():
        remedy = "run it from a checkout (`make demo`), or name a catalog with `--catalog FILE`"
        raise Failure.of_use("the demo's catalog is not part of this installation", remedy)
    return read_text(path)


def _show(run: DemoRun, terminal: Console, catalog_path: Path) -> None:
    result, spared = run.result, run.spared
    kept, spared_share = share(result.answers_kept, result.answered_total), share(result.denied, result.requests)
    lost = result.value_total - result.value_kept
    head = Text()
    for number, words in (
        (f"{result.requests:,}", "contacts were asked for in the year"),
        (f"{result.denied:,}", f"of them spared ({spared_share}), in {len(spared.by_customer):,} households"),
        (f"{spared.cost:,.2f}", f"saved, at the channel costs of {catalog_path.name}"),
        (f"{result.answers_kept:,}", f"of {result.answered_total:,} answered contacts kept ({kept})"),
        (f"{result.answers_lost:,}", f"answers lost, worth {lost:,.2f} of {result.value_total:,.2f}"),
        (f"{result.events_per_second:,.0f}", f"events a second over gRPC, {result.events:,} in {result.seconds:.1f} s"),
    ):
        head.append(f"{number:>14}", style="bold").append(f"  {words}\n")
    terminal.print(Rule("what the policy would have spared and lost", align="left"))
    terminal.print(head)
    if result.denied:
        terminal.print(counts_table("spared by", "rule", named_counts(result)))
    terminal.print(campaign_table(result.by_campaign))
    times = spared.by_customer[run.customer]
    terminal.print(Rule(f"household {run.customer}, refused {times} times: repit explain {run.customer}", align="left"))
    terminal.print(explanation_view(run.explanation, zone_or_none(spared.catalog.document.zone)))
    terminal.print(
        Text("Next: `make serve`, then `repit ask CUSTOMER --campaign C --channel CH`; README.md says more.")
    )
