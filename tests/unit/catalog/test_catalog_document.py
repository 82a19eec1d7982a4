"""How the text of a catalog is read: YAML 1.2 and JSON, with places, within bounds."""

import pytest

from repit_server.catalog import CatalogError
from repit_server.catalog.document import MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_VALUES, Position, path_text, read_document
from tests.unit.catalog.linted import HEAD, lint, lint_more

SCALARS = {
    "no": "no",
    "NO": "NO",
    "on": "on",
    "yes": "yes",
    "08:30": "08:30",
    "2026-03-01": "2026-03-01",
    "1_000": "1_000",
    "true": True,
    "False": False,
    "12": 12,
    "-3": -3,
    "010": 10,
    "0o10": 8,
    "0x1F": 31,
    "1.50": 1.5,
    "1e3": 1000.0,
    ".5": 0.5,
    "-.inf": float("-inf"),
    "12.5.1": "12.5.1",
    "1" * 30: float("1" * 30),
    '"12"': "12",
    "'true'": "true",
    "!!str 12": "12",
    "!!int 12": 12,
    "24h": "24h",
}

MALFORMED = {
    "a bracket that stays open": "a: [1, 2\nb▶: 3\n",
    "a value in a value": "a: b▶: c\n",
    "a tab for indentation": "a:\n▶\tb: 1\n",
    "an entry less indented than its list": "a:\n  - b\n ▶- c\n",
    "an alias of nothing": "a: ▶*b\n",
    "an alias of what holds it": "a: &b [▶*b]\n",
    "a list as a key": "a:\n  ▶[b]: c\n",
    "a second document": "a: 1\n▶---\nb: 2\n",
    "a control character": "a: 1\nb: x▶\x07\n",
    "a surrogate": "a: ▶\ud83d\n",
    "nothing": "▶",
    "comments only": "▶# nothing yet\n",
    "a list": "▶- a\n- b\n",
    "a text": "▶hello\n",
    "values nested too deeply": "a: " + "[" * (MAX_DEPTH - 1) + "▶[]",
}


@pytest.mark.parametrize("written", SCALARS)
def test_a_scalar_is_read_as_json_and_yaml_1_2_read_it(written: str) -> None:
    root, findings = read_document(f"a: {written}\n")
    value = root.plain()["a"]
    assert (type(value), value) == (type(SCALARS[written]), SCALARS[written])
    assert not findings


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_text_is_refused_with_its_place(what: str) -> None:
    finding = lint(MALFORMED[what]).only()
    assert finding.problem
    assert finding.remedy


def test_json_is_a_catalog_too_tabs_included() -> None:
    text = '{\n\t"repit": 1,\n\t"zone": "UTC",\n\t"channels": {"email": {"cost": 1e-3}}\n}'
    assert lint(text).findings == ()


def test_a_place_in_json_is_named_like_one_in_yaml() -> None:
    finding = lint('{\n\t"repit": 1,\n\t"zone": "UTC",\n\t"channels": {"email": {"cost": ▶"1"}}\n}').only()
    assert finding.path == "channels.email.cost"


def test_columns_count_characters_not_bytes() -> None:
    linted = lint_more('campaigns: {"é€😀": {priority: 1, channels: [▶fax]}}\n')
    assert linted.findings[-1].column == linted.column


def test_a_byte_order_mark_is_skipped() -> None:
    assert lint("\ufeff" + HEAD).findings == ()


def test_keys_are_names_as_they_are_written() -> None:
    root, _ = read_document("a: {no: 1, 08: 2, 2026-03-01: 3}\n")
    assert list(root.plain()["a"]) == ["no", "08", "2026-03-01"]


def test_an_alias_repeats_a_value_and_its_findings_stand_at_the_anchor() -> None:
    text = "campaigns:\n  a: &a {priority: 1, channels: [▶fax]}\n  b: *a\n"
    linted = lint_more(text)
    assert {finding.path for finding in linted.findings} == {"campaigns.a.channels[0]", "campaigns.b.channels[0]"}
    assert {(finding.line, finding.column) for finding in linted.findings} == {(linted.line, linted.column)}


def test_aliases_cannot_blow_a_document_up() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(CatalogError, match="aliases repeat more than"):
        read_document("\n".join(lines))


def test_a_document_over_four_mebibytes_is_refused() -> None:
    with pytest.raises(CatalogError, match=f"larger than {MAX_DOCUMENT_BYTES} bytes"):
        read_document("# " + "é" * (MAX_DOCUMENT_BYTES // 2))


def test_a_document_of_too_many_values_is_refused() -> None:
    with pytest.raises(CatalogError, match=f"more than {MAX_VALUES} values"):
        read_document("a: [" + "1," * MAX_VALUES + "]")


def test_a_tag_that_does_not_fit_is_refused_at_its_value() -> None:
    finding = lint_more("segments: [▶!!int loyal]\n").only()
    assert finding.problem == "`loyal` cannot be read as `!!int`"
    assert lint_more("segments: [▶!python loyal]\n").only().problem == "`loyal` cannot be read as `!python`"


def test_a_path_that_leads_nowhere_has_the_place_of_what_is_around_it() -> None:
    root, _ = read_document("a:\n  - b: 1\n")
    assert root.position_of(("a", 0, "c", "d")) == Position(2, 5)
    assert root.key_position_of(("a", 0, "b")) == Position(2, 5)
    assert root.at(("a", 1)) is None
    assert root.position_of(()) == Position(1, 1)


def test_a_path_is_written_so_that_it_can_be_followed() -> None:
    assert path_text(("policies", 0, "rules", 2, "for")) == "policies[0].rules[2].for"
    assert path_text(("campaigns", "a.b", "value")) == 'campaigns["a.b"].value'
    assert path_text(()) == ""
