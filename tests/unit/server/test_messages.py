"""Every word that is said is in the catalogue of messages, translated; the closed sets are whole in both languages."""

import string
import tomllib
from collections.abc import Mapping
from typing import Any

import pytest

from repit import AlternativeKind, ContactState, DenialReason, EngagementKind, Kind, Verdict
from repit.explanation_parts import ALIKE_IN, PASSES
from repit.kinds import Word
from repit.language import ENGLISH
from repit.wording import ALTERNATIVES, PERIODS, REASONS, UNITS, VERDICTS, Reader
from repit_server.cli.explain_words import CONTACTS, ENGAGEMENTS, STATES
from repit_server.cli.language import LANGUAGES, LOCALE, language_of
from tests.tidy import ROOT
from tests.unit.server.messages_of_code import messages_of_code
from tools import compile_messages

OTHERS = [name for name in LANGUAGES if name != ENGLISH.name]
CLOSED: dict[type[Word], list[Mapping[Any, str]]] = {
    DenialReason: [REASONS, PASSES],
    EngagementKind: [ENGAGEMENTS],
    Kind: [CONTACTS],
    Verdict: [VERDICTS],
    AlternativeKind: [ALTERNATIVES],
    ContactState: [STATES],
}


def catalogue(name: str) -> dict[tuple[str, ...], tuple[str, ...]]:
    """The messages of a language, its header left out."""
    text = (LOCALE / name / "LC_MESSAGES" / "repit.po").read_text(encoding="utf-8")
    read = compile_messages.read(text)
    assert len(read) == text.count("\nmsgid "), "a message stands twice"
    return {tuple(said.split("\0")): tuple(meant.split("\0")) for said, meant in read.items() if said}


def parts(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("name", OTHERS)
def test_every_message_of_the_code_is_translated_and_no_other_is_there(name: str) -> None:
    assert set(catalogue(name)) == messages_of_code()
    assert [said for said, meant in catalogue(name).items() if not all(meant)] == []


@pytest.mark.parametrize("name", OTHERS)
def test_a_translation_has_the_parts_of_its_message(name: str) -> None:
    wrong = [
        said
        for said, meant in catalogue(name).items()
        if len(said) != len(meant) or any(parts(one) != parts(said[0]) for one in meant)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", OTHERS)
def test_the_compiled_catalogue_fits_the_written_one(name: str) -> None:
    path = LOCALE / name / "LC_MESSAGES" / "repit.po"
    compiled = compile_messages.compiled(compile_messages.read(path.read_text(encoding="utf-8")))
    assert path.with_suffix(".mo").read_bytes() == compiled, "run tools/compile_messages.py"
    language = language_of(name)
    for said, meant in catalogue(name).items():
        if len(said) == 1:
            assert language.catalogue.gettext(said[0]) == meant[0]
        else:
            one, many = said
            assert [language.catalogue.ngettext(one, many, number) for number in (1, 2)] == list(meant)


@pytest.mark.parametrize("name", LANGUAGES)
@pytest.mark.parametrize("words", CLOSED, ids=lambda words: words.__name__)
def test_every_word_of_a_closed_set_has_a_sentence_of_its_own(words: type[Word], name: str) -> None:
    language = language_of(name)
    for table in CLOSED[words]:
        assert set(table) == set(words)
        said = [language.say(message) for message in table.values()]
        assert all(said)
        assert len(set(said)) == len(said)
        if language.name != ENGLISH.name:
            assert [one for one, message in zip(said, table.values(), strict=True) if one == message] == []


@pytest.mark.parametrize("name", OTHERS)
def test_what_stands_in_tables_of_words_is_translated_too(name: str) -> None:
    known = {said[0] for said in catalogue(name)}
    assert {*PERIODS.values(), *UNITS.values(), *ALIKE_IN.values()} <= known


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "fr"}, "fr"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "fr_CA.UTF-8"}, "fr"),
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": ""}, "fr"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_without_a_word_the_environment_says_the_language(
    variables: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("LANG", "LC_MESSAGES", "LC_ALL"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert language_of(None).name == name
    assert language_of("en").name == "en"
    assert Reader(language=language_of("fr")).language.say("now") == "maintenant"


def test_an_installed_package_has_the_compiled_catalogues() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["*"]
    packed = {path for pattern in patterns for path in LOCALE.parent.glob(pattern)}
    assert {LOCALE / name / "LC_MESSAGES" / "repit.mo" for name in OTHERS} <= packed
