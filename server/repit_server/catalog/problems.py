"""Says in words, with the place, what the model found wrong in a document."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from repit_server.catalog import times, values
from repit_server.catalog.document import Node, Path, Position, path_text
from repit_server.catalog.findings import MAX_FINDINGS, Finding, Proposer, Severity, quoted
from repit_server.catalog.model import ApiCampaign, Document
from repit_server.catalog.schema import keys_at

_ENTRY_KEY: Final = "[key]"
"""Ends pydantic's path where the key of an entry is at fault, not its value."""
_MAPPING: Final = ("is not a mapping", "write keys with values, or `{}` for nothing but defaults")
_LIST: Final = ("is not a list", "write it in brackets, as in `[a, b]`")

PHRASES: Final[Mapping[str, tuple[str, str]]] = {
    "string_type": ("is not text", "write it in quotes"),
    "int_type": ("is not a whole number", "write a whole number without quotes"),
    "float_type": ("is not a number", "write a number without quotes"),
    "bool_type": ("is neither `true` nor `false`", "write `true` or `false` without quotes"),
    "finite_number": ("is not a finite number", "write a number"),
    "list_type": _LIST,
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
}
"""What is wrong and what would be right, for each error type of pydantic that says it without figures."""
BOUNDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "greater_than_equal": ("is too small", "write at least {}", "ge"),
    "less_than_equal": ("is too large", "write at most {}", "le"),
    "too_short": ("is empty", "write at least one, or leave the key out where it may be left out", "min_length"),
    "too_long": ("has too many entries", "write at most {}", "max_length"),
}
"""The same for those with a figure, which stands in their context under the third."""


class Reporter:
    """Turns the errors of pydantic into findings of one document, or of one campaign of the API."""

    def __init__(self, surroundings: values.Surroundings, part: type[Document | ApiCampaign] = Document) -> None:
        """Take the names that can be proposed, and what the errors will be of."""
        self._surroundings = surroundings
        self._part = part
        self._proposer = Proposer()

    def findings(self, error: ValidationError, root: Node | None, prefix: Path = ()) -> Iterator[Finding]:
        """Give at most `MAX_FINDINGS` findings; `prefix` goes before their paths, without `root` they have no line."""
        for details in error.errors(include_url=False)[:MAX_FINDINGS]:
            if root is not None and details["type"] != "missing" and details["input"] is None:
                continue  # the reader has found the empty value already
            path: Path = tuple(key for key in details["loc"] if key not in values.FORMS)
            problem, remedy = self._words(details["type"], path, details["input"], details.get("ctx", {}))
            named = tuple(key for key in path if key != _ENTRY_KEY)
            place = _place(root, details["type"], path)
            yield Finding(Severity.ERROR, place.line, place.column, path_text(prefix + named), problem, remedy)

    def _words(self, kind: str, path: Path, written: object, context: Mapping[str, Any]) -> tuple[str, str]:
        match kind:
            case values.REFUSED:
                words = (context["problem"], context["remedy"])
            case values.NOT_SERVED:
                words = (context["what"], "leave it out until it is served")
            case values.UNKNOWN_NAME:
                words = self._unknown_name(context["section"], context["name"])
            case "missing":
                words = (f"the key {quoted(path[-1])} is missing", f"write {quoted(f'{path[-1]}: …')}")
            case "extra_forbidden":
                words = self._unknown_key(path)
            case "literal_error":
                words = self._unknown_value(written, context["expected"])
            case _ if kind in BOUNDS:
                problem, remedy, figure = BOUNDS[kind]
                words = (f"{quoted(written)} {problem}", remedy.format(int(context[figure])))
            case _:
                problem, remedy = PHRASES.get(kind, ("does not fit here", "see the reference page of the catalog"))
                words = (f"{quoted(written)} {problem}", remedy)
        return words

    def _unknown_name(self, section: str, name: str) -> tuple[str, str]:
        if section in {values.BRAND_ZONES, values.RULE_ZONES}:
            zones = times.known_zones() | (values.ZONES_OF_RULES if section == values.RULE_ZONES else frozenset())
            others = "write an IANA time zone, as in `Europe/Paris`"
            return f"the time zone {quoted(name)} does not exist", self._proposal(name, zones, others)
        known = self._surroundings.names.get(section, frozenset())
        others = f"name one of `{section}`, or add it there"
        return f"{quoted(name)} is not in `{section}`", self._proposal(name, known, others)

    def _unknown_key(self, path: Path) -> tuple[str, str]:
        key, known = str(path[-1]), keys_at(path[:-1], self._part)
        if key == "<<":
            return "merge keys are not served", "write the keys out"
        others = f"known here: {', '.join(f'`{name}`' for name in known)}" if known else "leave it out"
        return f"the key {quoted(key)} is not known here", self._proposal(key, known, others)

    def _unknown_value(self, written: object, expected: str) -> tuple[str, str]:
        known = re.findall(r"'([^']*)'", expected)
        listed = ", ".join(f"`{value}`" for value in known) or f"`{expected.lower()}`"
        remedy = f"write {'one of ' if len(known) > 1 else ''}{listed}"
        proposal = self._proposal(written, known, remedy) if isinstance(written, str) else remedy
        return f"{quoted(written)} is not known here", proposal

    def _proposal(self, written: str, known: Collection[str], otherwise: str) -> str:
        nearest = self._proposer.nearest(written, known)
        return f"write `{nearest}`" if nearest is not None else otherwise


def _place(root: Node | None, kind: str, path: Path) -> Position:
    """Find what is to blame: the key where it is unknown, not served or lacks another; otherwise the value."""
    if root is None:
        return Position(0, 0)
    if path and path[-1] == _ENTRY_KEY:
        return root.key_position_of(path[:-1])
    if kind == "missing":
        return root.key_position_of(path[:-1])
    if kind in {"extra_forbidden", values.NOT_SERVED}:
        return root.key_position_of(path)
    return root.position_of(path)
