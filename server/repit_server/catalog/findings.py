"""What is wrong or unwise in a catalog: where it stands, what is wrong, what would be right."""

import difflib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_FINDINGS: Final = 1_000
"""Findings kept of one catalog; what lies beyond is cut off, errors staying before warnings."""

_MAX_QUOTED: Final = 64
_MAX_PROPOSALS: Final = 100
_MAX_CANDIDATES: Final = 2_000


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """The catalog cannot be applied."""
    WARNING = "warning"
    """Sayable but unwise."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or unwise.

    `line` and `column` count from 1 in characters and are 0 where no place of the document is to blame.
    `path` is like `policies[0].rules[2].frequency_cap.window`, empty for the document as a whole.
    """

    severity: Severity
    line: int
    column: int
    path: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        """Say it in one line, as `repit lint` prints it."""
        place = f"line {self.line}, column {self.column}: " if self.line else ""
        path = f"{self.path}: " if self.path else ""
        return f"{place}{self.severity}: {path}{self.problem}; {self.remedy}"


class CatalogError(Exception):
    """A catalog that cannot be applied. `findings` holds at least one error, in the order of the document."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        """Keep at most `MAX_FINDINGS` of them, errors first when cutting, in the order of the document."""
        self.findings: tuple[Finding, ...] = in_order(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort by place and keep at most `MAX_FINDINGS`, giving up warnings before errors."""
    kept = sorted(dict.fromkeys(findings), key=lambda finding: finding.severity is Severity.WARNING)
    return tuple(sorted(kept[:MAX_FINDINGS], key=lambda finding: (finding.line, finding.column)))


def has_errors(findings: Iterable[Finding]) -> bool:
    """Tell whether any of them keeps the catalog from being applied."""
    return any(finding.severity is Severity.ERROR for finding in findings)


def quoted(written: object) -> str:
    """Put what the user wrote in backticks: one line, at most 64 characters."""
    if isinstance(written, bool):
        text = str(written).lower()
    elif isinstance(written, dict):
        text = "{…}" if written else "{}"
    elif isinstance(written, list):
        text = "[…]" if written else "[]"
    else:
        text = str(written)
    shown = "".join(character if character.isprintable() else "?" for character in text[: _MAX_QUOTED + 1])
    return f"`{shown[: _MAX_QUOTED - 1]}…`" if len(shown) > _MAX_QUOTED else f"`{shown}`"


class Proposer:
    """Finds the known name nearest to one that does not exist; at most 100 times, so that no document costs much."""

    def __init__(self) -> None:
        """Begin with all proposals left."""
        self._left = _MAX_PROPOSALS

    def nearest(self, written: str, known: Collection[str]) -> str | None:
        """Propose the nearest of `known`, or nothing where none is near."""
        if self._left <= 0 or len(written) > _MAX_QUOTED:
            return None
        self._left -= 1
        candidates = sorted(known)[:_MAX_CANDIDATES]
        by_folded = {candidate.casefold(): candidate for candidate in reversed(candidates)}
        matches = difflib.get_close_matches(written.casefold(), by_folded, n=1, cutoff=0.6)
        return by_folded[matches[0]] if matches else None
