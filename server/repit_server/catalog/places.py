"""Findings at a place of the document that is named by its path."""

from repit_server.catalog.checks import API_CAMPAIGNS
from repit_server.catalog.document import Node, Path, Position, path_text
from repit_server.catalog.findings import Finding, Severity


def error(root: Node, path: Path, problem: str, remedy: str) -> Finding:
    """Refuse the value at `path`."""
    return _finding(Severity.ERROR, root.position_of(path), path, problem, remedy)


def warning(root: Node, path: Path, problem: str, remedy: str) -> Finding:
    """Warn of the value at `path`."""
    return _finding(Severity.WARNING, root.position_of(path), path, problem, remedy)


def key_warning(root: Node, path: Path, problem: str, remedy: str) -> Finding:
    """Warn of the entry at `path`: its key is to blame. What came over the API has no place."""
    place = Position(0, 0) if path[:1] == (API_CAMPAIGNS,) else root.key_position_of(path)
    return _finding(Severity.WARNING, place, path, problem, remedy)


def _finding(severity: Severity, place: Position, path: Path, problem: str, remedy: str) -> Finding:
    return Finding(severity, place.line, place.column, path_text(path), problem, remedy)
