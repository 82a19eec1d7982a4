"""`repit ask`: one decision, readable."""

from datetime import datetime
from pathlib import Path

import click

from repit import Answer, Candidate, Client
from repit_server.cli.failure import ANSWER_IS_NO, Failure, speaking_to
from repit_server.cli.language import language_of
from repit_server.cli.options import (
    CandidateValue,
    Moment,
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
from repit_server.cli.output import print_json


@click.command()
@click.argument("customer")
@click.option("--campaign", "-c", default="", metavar="C", help="The campaign that asks.")
@click.option("--channel", "-n", default="", metavar="CH", help="The channel by which it would make the contact.")
@click.option(
    "--candidate",
    "candidates",
    type=CandidateValue(),
    multiple=True,
    metavar="C:CH",
    help="One more way; may be repeated.",
)
@click.option("--probability", type=click.FloatRange(0, 1), metavar="P", help="How likely C by CH is answered, 0 to 1.")
@click.option("--value", type=click.FloatRange(0), default=0.0, metavar="V", help="What an answer to C is worth.")
@click.option("--score", type=float, metavar="S", help="What C by CH is ranked by, instead of what is worked out.")
@click.option("--max-grants", type=click.IntRange(1, 64), default=1, show_default=True, help="How many may be granted.")
@click.option(
    "--segment", "segments", multiple=True, metavar="S", help="A segment that the customer is in; may be repeated."
)
@click.option("--time-zone", default="", metavar="ZONE", help="The customer's time zone, as in `Europe/Paris`.")
@party_option
@contact_point_option
@subject_option
@click.option(
    "--planned",
    type=Moment(),
    metavar="TIME",
    help="When the contact will be made, at most 31 days ahead; now if absent.",
)
@click.option("--request-id", default="", metavar="ID", help="Names the request, so that it can be asked again.")
@click.option("--check", is_flag=True, help="Only ask: reserve nothing.")
@lang_option
@as_of_option
@target_option
@config_option
@json_option
@click.pass_context
def ask(  # noqa: PLR0913 - one parameter for each option
    context: click.Context,
    *,
    customer: str,
    campaign: str,
    channel: str,
    candidates: tuple[Candidate, ...],
    probability: float | None,
    value: float,
    score: float | None,
    max_grants: int,
    segments: tuple[str, ...],
    time_zone: str,
    party: str,
    contact_point: str,
    subject: str,
    planned: datetime | None,
    request_id: str,
    check: bool,
    lang: str | None,
    as_of: datetime | None,
    target: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """May CUSTOMER be contacted? Ends with 0 where something is granted and with 1 where nothing is.

    --probability, --value and --score are those of --campaign by --channel.
    """
    asked = Candidate(campaign, channel, score=score, value=value, answer_probability=probability)
    ways = _ways(asked, candidates)
    server = settings_with(config, target=target).settings.target
    with speaking_to(server), Client(server) as client:
        verb = client.check_contact if check else client.request_contact
        answer = verb(
            customer,
            candidates=ways,
            max_grants=max_grants,
            segments=segments,
            time_zone=time_zone,
            party_id=party,
            contact_point=contact_point,
            subject=subject,
            planned_time=planned,
            as_of=as_of,
            request_id=request_id,
        )
    if as_json:
        print_json(_written(answer))
    else:
        click.echo(answer.describe(zone_or_none(time_zone), language_of(lang)))
    if not answer.is_granted:
        context.exit(ANSWER_IS_NO)


def _ways(asked: Candidate, candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    if bool(asked.campaign_id) != bool(asked.channel):
        raise click.UsageError("`--campaign` and `--channel` go together")
    if not asked.campaign_id and asked != Candidate("", ""):
        raise click.UsageError("`--probability`, `--value` and `--score` go with `--campaign` and `--channel`")
    ways = ((asked,) if asked.campaign_id else ()) + candidates
    if not ways:
        raise Failure.of_use("nothing to ask for", "name `--campaign C --channel CH`, or `--candidate C:CH`")
    if len(ways) > 64:  # noqa: PLR2004 - the contract's maximum
        raise Failure.of_use(f"{len(ways)} candidates are too many", "name at most 64")
    return ways


def _written(answer: Answer) -> dict[str, object]:
    return {
        "customer_id": answer.request.customer_id,
        "request_id": answer.request.request_id,
        "is_granted": answer.is_granted,
        "decisions": answer.decisions,
        "alternatives": answer.alternatives,
        "catalog_version": answer.catalog_version,
    }
