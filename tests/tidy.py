"""What the style tests read: the project's own files, and how long each function in them is."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GENERATED = re.compile(r"_pb2(_grpc)?\.pyi?$|^proto/google/|^requirements/.*\.txt$|^Cargo\.lock$|^LICENSE$")
TEXT = {".bash", ".lua", ".md", ".proto", ".py", ".pyi", ".rs", ".toml", ".yaml", ".yml", ".json", ".in", ".txt", ""}


def own_files() -> list[str]:
    """Every file of the project that git holds or would hold, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return sorted(name for name in listed.stdout.splitlines() if (ROOT / name).is_file())


def hand_written() -> list[str]:
    """The text files that somebody wrote."""
    return [name for name in own_files() if not GENERATED.search(name) and (ROOT / name).suffix in TEXT]


def text_of(name: str) -> str:
    """The text of a file."""
    return (ROOT / name).read_text(encoding="utf-8")


def python_functions(name: str) -> Iterator[tuple[str, int]]:
    """Each function of a Python file with its number of lines, decorators and docstring apart."""
    for node in ast.walk(ast.parse(text_of(name))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            is_documented = ast.get_docstring(node) is not None
            documented = (first.end_lineno or first.lineno) - first.lineno + 1 if is_documented else 0
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1 - documented


def rust_functions(name: str) -> Iterator[tuple[str, int]]:
    """Each function of a Rust file with its number of lines: from `fn` to the brace at its own indent (rustfmt's)."""
    lines = text_of(name).splitlines()
    for start, line in enumerate(lines):
        found = re.match(r"(\s*)(?:pub(?:\([^)]*\))? )?(?:const )?(?:async )?fn (\w+)", line)
        if found is None or line.rstrip().endswith((";", "}")):
            continue
        closing = re.compile(rf"{found[1]}(\}}|.*;$)")
        for end in range(start + 1, len(lines)):
            if closing.match(lines[end]) and not lines[end].startswith(f"{found[1]} "):
                yield found[2], end - start + 1
                break
