"""Reads the text of a catalog document, YAML or JSON, into plain values that know their line and column.

Scalars follow the core schema of YAML 1.2, which is that of JSON: `no`, `08:30` and `2026-03-01` are text, `true` and
`12` are what they look like. Everything that a hostile text could multiply is bounded: size, depth, number of values,
values repeated by aliases.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from repit_server.catalog.findings import CatalogError, Finding, Severity, quoted

MAX_DOCUMENT_BYTES: Final = 4 * 1024 * 1024
"""Largest document, in bytes of UTF-8."""
MAX_DEPTH: Final = 64
"""Deepest nesting of mappings and lists."""
MAX_VALUES: Final = 250_000
"""Most values of one document, those repeated by aliases included."""
MAX_REPEATED_VALUES: Final = 100_000
"""Most values that aliases may repeat."""

Key = str | int
"""One step of a path: a key of a mapping, or the position in a list."""
Path = tuple[Key, ...]

_TAG_PREFIX: Final = "tag:yaml.org,2002:"
_NULL: Final = re.compile(r"(~|null|Null|NULL|)")
_TRUE: Final = re.compile(r"true|True|TRUE")
_FALSE: Final = re.compile(r"false|False|FALSE")
_INTEGER: Final = re.compile(r"[-+]?[0-9]+", re.ASCII)
_BASED: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE: Final = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_UNREADABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_LONGEST_INTEGER: Final = 18
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Position:
    """A place of the text: line and column, both from 1, in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place: a scalar, a mapping of entries or a list of nodes; `size` counts it and what it holds."""

    position: Position
    value: "str | bool | float | dict[str, Entry] | list[Node] | None"
    size: int

    def plain(self) -> Any:  # noqa: ANN401 - the values of a document have any shape until the model has looked at them
        """Give the value without places: dict, list, str, bool, int, float or None."""
        if isinstance(self.value, dict):
            return {key: entry.node.plain() for key, entry in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def at(self, path: Sequence[Key]) -> "Node | None":
        """Find the value at `path`, or nothing."""
        entries = self._walk(path)
        return None if len(entries) < len(path) else entries[-1].node if entries else self

    def position_of(self, path: Sequence[Key]) -> Position:
        """Find where the value at `path` stands; the nearest value around it where there is none."""
        entries = self._walk(path)
        return entries[-1].node.position if entries else self.position

    def key_position_of(self, path: Sequence[Key]) -> Position:
        """Find where the key that ends `path` stands; for an entry of a list, where the entry begins."""
        entries = self._walk(path)
        return entries[-1].key if entries else self.position

    def _walk(self, path: Sequence[Key]) -> "list[Entry]":
        entries: list[Entry] = []
        for key in path:
            entry = (entries[-1].node if entries else self).step(key)
            if entry is None:
                break
            entries.append(entry)
        return entries

    def step(self, key: Key) -> "Entry | None":
        """Find an entry of a mapping by its key, or of a list by its position."""
        if isinstance(self.value, dict) and isinstance(key, str):
            return self.value.get(key)
        if isinstance(self.value, list) and isinstance(key, int) and 0 <= key < len(self.value):
            return Entry(self.value[key].position, self.value[key])
        return None


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping, by its place, and its value."""

    key: Position
    node: Node


def path_text(path: Sequence[Key]) -> str:
    """Write a path: `policies[0].rules`; keys with other characters than letters, digits, `_`, `-` as `["a.b"]`."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        elif _PLAIN_KEY.fullmatch(key):
            text += f".{key}" if text else key
        else:
            text += f'["{quoted(key)[1:-1]}"]'
    return text


def read_document(text: str) -> tuple[Node, list[Finding]]:
    """Read a document.

    Returns its values with their places, and the errors that leave it readable: keys written twice, values left empty.
    Raises `CatalogError` where the text is too large, is not YAML or JSON, or is not one mapping.
    """
    _check_text(text)
    composer = _Composer(text)
    try:
        node = composer.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = Position(mark.line + 1, mark.column + 1) if mark else Position(1, 1)
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        raise _unreadable(position, problem) from None
    except yaml.YAMLError as error:
        raise _unreadable(Position(1, 1), str(error).splitlines()[0]) from None
    if not isinstance(node.value, dict):
        raise CatalogError([_refusal(node.position, (), "the document is not a mapping", "begin with `repit: 1`")])
    return node, composer.findings


def _check_text(text: str) -> None:
    if len(text) > MAX_DOCUMENT_BYTES or len(text.encode("utf-8", "replace")) > MAX_DOCUMENT_BYTES:
        problem = f"the document is larger than {MAX_DOCUMENT_BYTES} bytes"
        raise CatalogError([_refusal(Position(1, 1), (), problem, "register campaigns over the API instead")])
    unreadable = _UNREADABLE.search(text)
    if unreadable:
        before = text[: unreadable.start()]
        position = Position(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        problem = f"the character U+{ord(unreadable.group()):04X} cannot stand in a document"
        raise CatalogError([_refusal(position, (), problem, "remove it, and save the file as UTF-8")])


def _refusal(position: Position, path: Sequence[Key], problem: str, remedy: str) -> Finding:
    return Finding(Severity.ERROR, position.line, position.column, path_text(path), problem, remedy)


def _unreadable(position: Position, problem: str) -> CatalogError:
    remedy = "check indentation, quotes and brackets here and on the lines before"
    return CatalogError([_refusal(position, (), f"this is not YAML: {problem}", remedy)])


class _Composer:
    """Turns the events of the YAML parser into nodes, keeping to the bounds of this module."""

    def __init__(self, text: str) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=loader))
        self._anchors: dict[str, Node] = {}
        self._values = 0
        self._repeated = 0
        self._path: list[Key] = []
        self.findings: list[Finding] = []

    def document(self) -> Node:
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise CatalogError([_refusal(Position(1, 1), (), "the document is empty", "begin with `repit: 1`")])
        node = self._node(next(self._events))
        next(self._events)
        following = next(self._events)
        if not isinstance(following, yaml.StreamEndEvent):
            raise CatalogError([_refusal(_place(following), (), "a second document begins", "write one document")])
        return node

    def _node(self, event: yaml.Event) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._repeat(event)
        self._count(1, event)
        if isinstance(event, yaml.ScalarEvent):
            node = Node(_place(event), self._scalar(event), 1)
        elif len(self._path) >= MAX_DEPTH:
            problem = f"values are nested deeper than {MAX_DEPTH}"
            raise CatalogError([self._refuse(event, problem, "a catalog needs no more than 20")])
        else:
            node = self._mapping(event) if isinstance(event, yaml.MappingStartEvent) else self._list(event)
        anchor = getattr(event, "anchor", None)
        if anchor:
            self._anchors[anchor] = node
        return node

    def _repeat(self, event: yaml.AliasEvent) -> Node:
        name = event.anchor or ""
        node = self._anchors.get(name)
        if node is None:
            problem = f"the alias {quoted('*' + name)} has no anchor before it"
            raise CatalogError([self._refuse(event, problem, f"write {quoted('&' + name)} at the value meant")])
        self._repeated += node.size
        if self._repeated > MAX_REPEATED_VALUES:
            problem = f"aliases repeat more than {MAX_REPEATED_VALUES} values"
            raise CatalogError([self._refuse(event, problem, "write the values out")])
        self._count(node.size, event)
        return node

    def _count(self, values: int, event: yaml.Event) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            problem = f"the document holds more than {MAX_VALUES} values"
            raise CatalogError([self._refuse(event, problem, "register campaigns over the API instead")])

    def _mapping(self, start: yaml.Event) -> Node:
        entries: dict[str, Entry] = {}
        size = 1
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise CatalogError([self._refuse(event, "a key is not a name", "write a name, then a colon")])
            key, place = event.value, _place(event)
            self._path.append(key)
            node = self._node(next(self._events))
            size += node.size
            if key in entries:
                first = entries[key].key.line
                problem = f"the key {quoted(key)} stands twice, first on line {first}"
                self.findings.append(_refusal(place, self._path, problem, "keep one of the two"))
            else:
                entries[key] = Entry(place, node)
            if node.value is None:
                remedy = "leave the key out, or write `{}` for nothing but defaults"
                self.findings.append(_refusal(node.position, self._path, "the value is empty", remedy))
            self._path.pop()
        return Node(_place(start), entries, size)

    def _list(self, start: yaml.Event) -> Node:
        nodes: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            self._path.append(len(nodes))
            nodes.append(self._node(event))
            if nodes[-1].value is None:
                finding = _refusal(nodes[-1].position, self._path, "the value is empty", "leave the entry out")
                self.findings.append(finding)
            self._path.pop()
        return Node(_place(start), nodes, 1 + sum(node.size for node in nodes))

    def _scalar(self, event: yaml.ScalarEvent) -> str | bool | float | None:
        tag, text = event.tag, event.value
        if tag is None or tag == "!":
            return _core_value(text) if event.implicit[0] and tag is None else text
        if tag == _TAG_PREFIX + "str":
            return str(text)
        value = _core_value(text)
        kinds = {"null": type(None), "bool": bool, "int": int, "float": float}
        kind = kinds.get(tag.removeprefix(_TAG_PREFIX))
        if kind is None or not isinstance(value, kind):
            problem = f"{quoted(text)} cannot be read as {quoted(tag.replace(_TAG_PREFIX, '!!'))}"
            self.findings.append(self._refuse(event, problem, "leave the tag out"))
        return value

    def _refuse(self, event: yaml.Event, problem: str, remedy: str) -> Finding:
        return _refusal(_place(event), self._path, problem, remedy)


def _place(event: yaml.Event) -> Position:
    mark = event.start_mark
    return Position(mark.line + 1, mark.column + 1) if mark is not None else Position(1, 1)


def _core_value(text: str) -> str | bool | float | None:
    """Read a plain scalar as the core schema of YAML 1.2 does (https://yaml.org/spec/1.2.2/#103-core-schema)."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return text[0] in "tT"
    if _INTEGER.fullmatch(text) and len(text) <= _LONGEST_INTEGER:
        return int(text)
    if _BASED.fullmatch(text) and len(text) <= _LONGEST_INTEGER:
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return _not_finite(text) if _NOT_FINITE.fullmatch(text) else text


def _not_finite(text: str) -> float:
    return float(text.replace(".", "", 1).lower())
