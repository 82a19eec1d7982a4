"""Reads catalog documents for the commands, and shows what is wrong with them where it stands."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click

from repit_server.catalog import CatalogError, CompiledCatalog, Finding, compile_catalog
from repit_server.catalog.times import span_ms
from repit_server.cli.failure import catalog_failure, unreadable_file
from repit_server.history.event_message import CatalogNames

STANDARD_INPUT = Path("-")


def read_text(path: Path) -> str:
    """Read a document; `-` is stdin. Raises `Failure`."""
    try:
        return sys.stdin.read() if path == STANDARD_INPUT else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable_file(path, error) from None


def compiled_text(path: Path, text: str) -> CompiledCatalog:
    """Compile a document; where it cannot be, print its findings and raise `Failure`."""
    try:
        return compile_catalog(text)
    except CatalogError as error:
        print_findings(path, text, error.findings)
        raise catalog_failure(path, error.findings) from None


def print_findings(path: Path, text: str, findings: Iterable[Finding], *, to_stderr: bool = True) -> None:
    """Print each finding with its place, the line that it stands on with a caret, and the remedy."""
    lines = text.splitlines()
    for finding in findings:
        for written in finding_lines(path, lines, finding):
            click.echo(written, err=to_stderr)


def finding_lines(path: Path, lines: Sequence[str], finding: Finding) -> list[str]:
    """Write one finding."""
    place = f"{path}:{finding.line}:{finding.column}" if finding.line else str(path)
    subject = f"{finding.path}: " if finding.path else ""
    written = [f"{place}: {finding.severity}: {subject}{finding.problem}"]
    if 1 <= finding.line <= len(lines):
        number = str(finding.line)
        source = lines[finding.line - 1].expandtabs(1)
        written += [f"  {number} | {source}", f"  {' ' * len(number)} | {' ' * (finding.column - 1)}^"]
    return [*written, f"  remedy: {finding.remedy}"]


def names_of(catalog: CompiledCatalog, registered: Mapping[str, Iterable[str]] | None = None) -> CatalogNames:
    """Give the names that a catalog knows; `registered` are campaigns beside the document, with their channels."""
    document = catalog.document
    campaigns: dict[str, Iterable[str]] = {name: campaign.channels for name, campaign in document.campaigns.items()}
    campaigns |= registered or {}
    return CatalogNames(
        campaigns={name: frozenset(channels) for name, channels in campaigns.items()},
        channels=frozenset(document.channels),
        segments=frozenset(document.segment_names()),
        offer_families=frozenset(document.offer_families),
    )


def confirm_within_ms(catalog: CompiledCatalog) -> int | None:
    """Give how soon a grant must be confirmed before a channel takes it back; None where no channel does."""
    reservations = [channel.reservation for channel in catalog.document.channels.values()]
    spans = [span_ms(entry.expires_after) for entry in reservations if entry.unconfirmed == "released"]
    return min((span for span in spans if span is not None), default=None)
