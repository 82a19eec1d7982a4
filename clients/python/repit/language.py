"""The language that words are written in: English as the code has it, or what a gettext catalogue makes of it."""

from dataclasses import dataclass, field
from gettext import NullTranslations


def message(text: str) -> str:
    """Mark a message that is kept in a table and said later: translators find it by this mark."""
    return text


@dataclass(frozen=True, slots=True)
class Language:
    """A language: `name` (`en`, `fr`) and the catalogue of its messages; none is needed for English."""

    name: str = "en"
    catalogue: NullTranslations = field(default_factory=NullTranslations)

    def say(self, text: str, /, **parts: object) -> str:
        """A message with its parts in place: `say("by {channel}", channel="email")`."""
        words = self.catalogue.gettext(text) if text else ""
        return words.format(**parts) if parts else words

    def say_number(self, one: str, many: str, number: int, /, **parts: object) -> str:
        """A message that differs between one and many; both name the number as `{number}`."""
        return self.catalogue.ngettext(one, many, number).format(number=number, **parts)


ENGLISH = Language()
