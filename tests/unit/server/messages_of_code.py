"""The messages that the code says: the first words of `say`, `say_number` and `message`, wherever they are called."""

import ast
from collections.abc import Iterator

from tests.tidy import ROOT

SAID_IN = ("clients/python/repit", "server/repit_server/cli")


def messages_of_code() -> set[tuple[str, ...]]:
    """Every message; (one, many) where it has a plural."""
    found: set[tuple[str, ...]] = set()
    for folder in SAID_IN:
        for path in sorted((ROOT / folder).glob("*.py")):
            found |= set(_messages_in(ast.parse(path.read_text(encoding="utf-8"))))
    return found


def _messages_in(tree: ast.Module) -> Iterator[tuple[str, ...]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        if name in {"say", "message"} and texts:
            yield (texts[0],)
        elif name == "say_number":
            yield tuple(texts[:2])
