"""`repit explain`: why this customer is contacted or left alone."""

from datetime import datetime
from pathlib import Path

import click

from repit import Client
from repit_server.cli.explain_view import explanation_view
from repit_server.cli.failure import speaking_to
from repit_server.cli.language import language_of
from repit_server.cli.options import (
    as_of_option,
    config_option,
    contact_point_option,
    json_option,
    lang_option,
    party_option,
    settings_with,
    subject_option,
    target_option,
    zone_or_none,
)
from repit_server.cli.output import console, print_json


@click.command()
@click.argument("customer")
@click.option("--campaign", "-c", default="", metavar="C", help="Explain for this campaign alone, rule by rule.")
@click.option(
    "--segment", "segments", multiple=True, metavar="S", help="A segment that the customer is in; may be repeated."
)
@click.option("--time-zone", default="", metavar="ZONE", help="The customer's time zone, as in `Europe/Paris`.")
@click.option(
    "--max-entries", type=click.IntRange(1, 4096), default=100, show_default=True, help="Entries of the timeline."
)
@party_option
@contact_point_option
@subject_option
@lang_option
@as_of_option
@target_option
@config_option
@json_option
def explain(  # noqa: PLR0913 - one parameter for each option
    *,
    customer: str,
    campaign: str,
    segments: tuple[str, ...],
    time_zone: str,
    max_entries: int,
    party: str,
    contact_point: str,
    subject: str,
    lang: str | None,
    as_of: datetime | None,
    target: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Explain CUSTOMER: may it be contacted, by which channel, from when, and what every rule says and has used.

    With --campaign also the ladder: every rule from the first in precedence to the last.
    """
    language = language_of(lang)
    server = settings_with(config, target=target).settings.target
    with speaking_to(server), Client(server) as client:
        explanation = client.explain_customer(
            customer,
            campaign=campaign,
            segments=segments,
            time_zone=time_zone,
            party_id=party,
            contact_point=contact_point,
            subject=subject,
            as_of=as_of,
            max_entries=max_entries,
        )
    if as_json:
        print_json(explanation)
    else:
        console().print(explanation_view(explanation, zone_or_none(time_zone), language))
