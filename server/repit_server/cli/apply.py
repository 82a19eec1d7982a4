"""`repit apply`: makes a document the catalog of a running server."""

from pathlib import Path

import click

from repit import AppliedCatalog, CampaignOrigin, Client
from repit_server.catalog import Finding, Severity
from repit_server.cli.catalog_files import print_findings, read_text
from repit_server.cli.failure import ANSWER_IS_NO, WRONG_USE, Failure, catalog_failure, speaking_to
from repit_server.cli.options import (
    author_option,
    config_option,
    etag_option,
    json_option,
    message_option,
    settings_with,
    target_option,
    text_file_argument,
)
from repit_server.cli.output import print_json


@click.command()
@text_file_argument
@etag_option
@click.option("--validate-only", is_flag=True, help="Say what is wrong and change nothing.")
@author_option
@message_option
@click.option("--strict", is_flag=True, help="Refuse what is unwise, too.")
@target_option
@config_option
@json_option
@click.pass_context
def apply(  # noqa: PLR0913 - one parameter for each option
    context: click.Context,
    *,
    file: Path,
    etag: str,
    validate_only: bool,
    author: str,
    message: str,
    strict: bool,
    target: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Make the catalog document FILE the catalog of a server, on all its replicas within a second."""
    text = read_text(file)
    server = settings_with(config, target=target).settings.target
    with speaking_to(server), Client(server) as client:
        outcome = client.validate_catalog(text) if validate_only or strict else None
        is_refused = outcome is not None and bool(outcome.errors or (strict and outcome.findings))
        if outcome is None or not (validate_only or is_refused):
            outcome = client.apply_catalog(text, etag=etag, author=author, message=message)
    findings = findings_of(outcome)
    is_applied = not (validate_only or is_refused or outcome.errors)
    if as_json:
        print_json(
            {
                "is_applied": is_applied,
                "version": outcome.catalog.version,
                "etag": outcome.catalog.etag,
                "findings": findings,
            }
        )
    else:
        print_findings(file, text, findings)
        _say(outcome, is_applied=is_applied, is_refused=is_refused)
    if outcome.errors:
        if as_json:
            context.exit(WRONG_USE)
        raise catalog_failure(file, findings)
    if is_refused:
        context.exit(ANSWER_IS_NO)


def apply_text(client: Client, path: Path, text: str, *, author: str, strict: bool = False) -> AppliedCatalog:
    """Apply a document for another command: findings are printed; raises `Failure` where it cannot be the catalog."""
    if strict and (unwise := findings_of(client.validate_catalog(text))):
        print_findings(path, text, unwise)
        raise Failure(f"{path}: refused for its findings", "heed them, or leave `--strict` out", ANSWER_IS_NO)
    outcome = client.apply_catalog(text, author=author)
    print_findings(path, text, findings_of(outcome))
    if outcome.errors:
        raise catalog_failure(path, findings_of(outcome))
    return outcome


def registered_campaigns(client: Client) -> dict[str, tuple[str, ...]]:
    """Give the campaigns that a server holds beside its document, with their channels."""
    campaigns = client.list_campaigns()
    return {entry.campaign_id: entry.channels for entry in campaigns if entry.origin is CampaignOrigin.API}


def findings_of(outcome: AppliedCatalog) -> tuple[Finding, ...]:
    """Give a server's findings as `lint` has them."""
    return tuple(
        Finding(
            severity=Severity(finding.severity.value),
            line=finding.line,
            column=finding.column,
            path=finding.path,
            problem=finding.problem,
            remedy=finding.remedy,
        )
        for finding in outcome.findings
    )


def _say(outcome: AppliedCatalog, *, is_applied: bool, is_refused: bool) -> None:
    version = outcome.catalog.version
    if is_applied:
        click.echo(f"version {version} is active, etag {outcome.catalog.etag}")
    elif not (is_refused or outcome.errors):
        click.echo(
            f"it could be applied; nothing was changed ({f'version {version}' if version else 'no catalog'} is active)"
        )
