"""The language of a command's words: asked for, else that of the environment; the catalogues are beside the server."""

import os
from gettext import translation
from pathlib import Path
from typing import Final

from repit.language import ENGLISH, Language

LOCALE: Final = Path(__file__).parents[1] / "locale"
LANGUAGES: Final = ("en", "fr")
_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The first one that is set says the language, as in every program."""


def language_of(name: str | None) -> Language:
    """Give a language by its name; without one, French where the environment says so, else English."""
    name = name or language_of_environment()
    return ENGLISH if name == ENGLISH.name else Language(name, translation("repit", LOCALE, [name]))


def language_of_environment() -> str:
    """Give `fr` where the environment is French, else `en`."""
    said = next((value for variable in _VARIABLES if (value := os.environ.get(variable))), "")
    name = said.partition(".")[0].partition("_")[0].lower()
    return name if name in LANGUAGES else ENGLISH.name
