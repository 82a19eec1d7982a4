"""Values that have no words of their own: each under its path, as it is written."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from repit_server.catalog.difference_clause import Clause, Said
from repit_server.catalog.document import Key, path_text

LONGEST: Final = 80
"""Longest value that is written out, in characters."""


def plain_clauses(values: Mapping[str, Any], said: Said = Said.IF_SPECIAL) -> list[Clause]:
    """Say each scalar or list of some values under its path."""
    return [
        Clause(path_text(path), f"`{path_text(path)}`", _written(value), measure=value, said=said)
        for path, value in _leaves(values)
    ]


def _leaves(value: Any, path: Sequence[Key] = ()) -> Iterator[tuple[Sequence[Key], Any]]:  # noqa: ANN401 - whatever stands in the document
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif path:
        yield path, value


def _written(value: Any) -> str:  # noqa: ANN401 - whatever stands in the document
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
