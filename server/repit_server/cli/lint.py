"""`repit lint`: what is wrong or unwise in a catalog document."""

from pathlib import Path

import click

from repit_server.catalog import CatalogError, Finding, compile_catalog
from repit_server.cli.catalog_files import print_findings, read_text
from repit_server.cli.failure import ANSWER_IS_NO
from repit_server.cli.options import json_option, text_file_argument
from repit_server.cli.output import print_json


@click.command()
@text_file_argument
@json_option
@click.pass_context
def lint(context: click.Context, file: Path, as_json: bool) -> None:
    """Say what is wrong or unwise in the catalog document FILE. Ends with 1 where there is a finding."""
    text = read_text(file)
    findings = _findings(text)
    if as_json:
        print_json({"file": str(file), "findings": findings})
    elif findings:
        print_findings(file, text, findings, to_stderr=False)
        click.echo(f"{len(findings)} finding{'s' if len(findings) > 1 else ''}")
    else:
        click.echo(f"{file}: no findings")
    if findings:
        context.exit(ANSWER_IS_NO)


def _findings(text: str) -> tuple[Finding, ...]:
    try:
        return compile_catalog(text).findings
    except CatalogError as error:
        return error.findings
