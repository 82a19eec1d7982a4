"""Whatever is written, a catalog compiles or is refused with findings: nothing else is ever raised."""

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from repit_server.catalog import CatalogError, Finding, Severity, compile_catalog
from repit_server.catalog.document import read_document

TEXT = (Path(__file__).parent / "golden" / "every-key.yaml").read_text("utf-8")
LINES = TEXT.splitlines(keepends=True)
PLAIN: dict[str, Any] = read_document(TEXT)[0].plain()

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=70),
    st.sampled_from(["email", "loyal", "7d", "never", "customer", "Europe/Paris", "2026-03-01", "sent", "x" * 65]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _compile(text: str) -> None:
    found: tuple[Finding, ...] = ()
    try:
        catalog = compile_catalog(text)
    except CatalogError as error:
        found = error.findings
    else:
        json.loads(catalog.compiled)
        assert all(finding.severity is Severity.WARNING for finding in catalog.findings)
        return
    assert any(finding.severity is Severity.ERROR for finding in found)
    for finding in found:
        assert finding.problem
        assert finding.remedy
        assert (finding.line > 0) == (finding.column > 0)
        assert 1 <= finding.line <= text.count("\n") + 2
        assert "\n" not in str(finding)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """List each container of a document with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [place for key in keys for place in [(value, key), *_places(value[key])]]


@given(data=st.data())
def test_a_document_with_values_exchanged_compiles_or_is_refused(data: st.DataObject) -> None:
    document = copy.deepcopy(PLAIN)
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(_places(document)))
        container[key] = data.draw(VALUES)
    _compile(json.dumps(document, ensure_ascii=data.draw(st.booleans())))


@given(data=st.data())
def test_a_document_with_lines_lost_doubled_or_shifted_compiles_or_is_refused(data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["lose", "double", "indent", "cut"]))
        line = lines[index]
        lines[index] = {"lose": "", "double": line * 2, "indent": "  " + line, "cut": line[: len(line) // 2] + "\n"}[
            change
        ]
    _compile("".join(lines))


@given(data=st.data())
def test_a_document_with_characters_exchanged_compiles_or_is_refused(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(TEXT)))
    end = data.draw(st.integers(start, min(start + 8, len(TEXT))))
    inserted = data.draw(st.text(alphabet=st.sampled_from("[]{}:,-*&!|>'\"%@`#?~ \n\t0aé\x00\ud800"), max_size=6))
    _compile(TEXT[:start] + inserted + TEXT[end:])


@given(text=st.text(alphabet=st.characters(exclude_categories=()), max_size=200))
def test_any_text_compiles_or_is_refused(text: str) -> None:
    _compile(text)
