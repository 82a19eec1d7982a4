"""`repit claims`: the places that campaigns ask for in advance."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from repit import Claim, ClaimedPlace, ClaimTotals, Client
from repit.requests import MAX_BATCH, batches_of
from repit.wording import Reader, figure
from repit_server.cli.claims_register import register
from repit_server.cli.failure import Failure, speaking_to
from repit_server.cli.options import (
    as_of_option,
    config_option,
    json_option,
    party_option,
    settings_with,
    target_option,
    zone_or_none,
)
from repit_server.cli.output import console, print_json


@click.group()
def claims() -> None:
    """Places that campaigns ask for in advance: register them, look at them, give them back."""


@click.command("list")
@click.argument("customer", default="")
@party_option
@click.option("--campaign", "-c", default="", metavar="C", help="Only this campaign.")
@click.option("--time-zone", default="", metavar="ZONE", help="The zone to write times in; the local one where absent.")
@as_of_option
@target_option
@config_option
@json_option
def list_claims(  # noqa: PLR0913 - one parameter for each option
    *,
    customer: str,
    party: str,
    campaign: str,
    time_zone: str,
    as_of: datetime | None,
    target: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """List the live claims of CUSTOMER; without one, how many claims of each campaign came."""
    server = settings_with(config, target=target).settings.target
    with speaking_to(server), Client(server) as client:
        found = client.list_claims(customer, party_id=party, campaign=campaign, as_of=as_of)
    if as_json:
        print_json({"claims": found.claims, "totals": [written_totals(totals) for totals in found.totals]})
    elif customer and not found.claims:
        click.echo(f"no campaign has a claim on {customer}")
    elif customer:
        console().print(claims_table(found.claims, Reader(zone_or_none(time_zone))))
    else:
        console().print(totals_table(found.totals))


@click.command()
@click.argument("customers", nargs=-1, metavar="[CUSTOMER]...")
@click.option("--campaign", "-c", required=True, metavar="C", help="The campaign whose claims they are.")
@click.option("--all", "is_all", is_flag=True, help="Of every customer, in one new catalog version.")
@party_option
@click.option("--author", default="", metavar="WHO", help="Who withdraws all of them.")
@as_of_option
@target_option
@config_option
@json_option
def withdraw(  # noqa: PLR0913 - one parameter for each option
    *,
    customers: tuple[str, ...],
    campaign: str,
    is_all: bool,
    party: str,
    author: str,
    as_of: datetime | None,
    target: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Give back the claims that a campaign has for each CUSTOMER, or with --all for every customer."""
    if is_all == bool(customers):
        raise Failure.of_use("whose claims is not clear", "name customers, or give `--all`, not both")
    server = settings_with(config, target=target).settings.target
    withdrawn, version = 0, 0
    with speaking_to(server), Client(server) as client:
        if is_all:
            version = client.withdraw_all_claims(campaign, author=author, as_of=as_of).catalog_version
        for batch in batches_of((ClaimedPlace(customer, party_id=party) for customer in customers), MAX_BATCH):
            withdrawn += client.withdraw_claims(campaign, batch, as_of=as_of).withdrawn
    if as_json:
        print_json({"campaign_id": campaign, "withdrawn": withdrawn, "catalog_version": version})
    elif is_all:
        click.echo(f"all claims of {campaign} are withdrawn, from catalog version {version} on")
    else:
        click.echo(f"{withdrawn:,} claims of {campaign} withdrawn")


for _command in (register, list_claims, withdraw):
    claims.add_command(_command)


def claims_table(found: Sequence[Claim], reader: Reader) -> Table:
    """Draw the live claims of a customer, the best ranked first."""
    table = _table("campaign", "priority", "score", "channels", "from", "until")
    for claim in found:
        table.add_row(
            Text(claim.campaign_id),
            f"{claim.priority}",
            "" if claim.score is None else figure(claim.score),
            Text(", ".join(claim.channels)),
            "" if claim.from_time is None else reader.after(claim.from_time),
            "" if claim.until_time is None else reader.until(claim.until_time),
        )
    return table


def totals_table(found: Sequence[ClaimTotals]) -> Table:
    """Draw how many claims of each campaign came."""
    table = _table("campaign", "registered", "used", "withdrawn", "due", "of these used", "reliability")
    for totals in found:
        figures = (totals.registered, totals.used, totals.withdrawn, totals.due, totals.due_used)
        reliability = "none due yet" if totals.reliability is None else f"{totals.reliability:.0%}"
        table.add_row(Text(totals.campaign_id), *(f"{number:,}" for number in figures), reliability)
    return table


def written_totals(totals: ClaimTotals) -> dict[str, object]:
    """Give the totals of a campaign as programs read them."""
    return {
        "campaign_id": totals.campaign_id,
        "registered": totals.registered,
        "used": totals.used,
        "withdrawn": totals.withdrawn,
        "due": totals.due,
        "due_used": totals.due_used,
        "reliability": totals.reliability,
    }


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column)
    return table
