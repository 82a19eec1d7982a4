"""What the tests of the catalog share: a small document, and a mark for the place where a finding is expected."""

from dataclasses import dataclass

from repit_server.catalog import CatalogError, Finding, compile_catalog

HEAD = "repit: 1\nzone: Europe/Paris\nchannels: {email: {}, sms: {pressure: 2}}\n"
"""Begins the documents of the tests: three lines."""
MARK = "▶"
"""Stands in a document of a test before the place that a finding names."""


@dataclass(frozen=True)
class Linted:
    """The findings of a document, and the place that was marked in it."""

    findings: tuple[Finding, ...]
    line: int
    column: int

    def only(self) -> Finding:
        """Give the one finding there is; it must stand at the mark."""
        (finding,) = self.findings
        assert (finding.line, finding.column) == (self.line, self.column), str(finding)
        return finding


def lint(marked: str) -> Linted:
    """Compile a document with a mark in it, and give its findings, errors or warnings."""
    before, mark, after = marked.partition(MARK)
    line = before.count("\n") + 1 if mark else 0
    column = len(before) - before.rfind("\n") if mark else 0
    try:
        findings = compile_catalog(before + after).findings
    except CatalogError as error:
        findings = error.findings
    return Linted(findings, line, column)


def lint_more(marked: str) -> Linted:
    """Do the same with what follows a head that has the channels `email` and `sms`."""
    return lint(HEAD + marked)


def with_rule(rule: str) -> str:
    """Write a policy `p` with one rule `r`."""
    return f"policies:\n  - name: p\n    rules:\n      - {{name: r, {rule}}}\n"


def with_cap(cap: str) -> str:
    """Write a policy `p` with one frequency cap `r`."""
    return with_rule(f"frequency_cap: {{{cap}}}")


def with_campaign(rest: str) -> str:
    """Write a campaign `spring`, by e-mail, with more keys."""
    return f"campaigns:\n  spring: {{priority: 40, channels: [email], {rest}}}\n"
