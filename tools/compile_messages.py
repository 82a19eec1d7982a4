"""Compile the messages of other languages: every `repit.po` under server/repit_server/locale to the `.mo` beside it."""

import ast
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final

LOCALE: Final = Path(__file__).resolve().parents[1] / "server" / "repit_server" / "locale"
MAGIC: Final = 0x950412DE
HEADER: Final = struct.Struct("<7I")
ENTRY: Final = struct.Struct("<2I")


def read(text: str) -> dict[str, str]:
    """Give the messages of a `.po`: msgid to msgstr; plural forms are parted by NUL, as in a `.mo`."""
    messages: dict[str, str] = {}
    for block in text.split("\n\n"):
        parts: dict[str, list[str]] = {"msgid": [], "msgid_plural": [], "msgstr": []}
        current: list[str] = []
        for line in (line for line in block.splitlines() if line and not line.startswith("#")):
            keyword, quote, rest = line.partition('"')
            name = keyword.partition("[")[0].strip()
            if name:
                current = parts[name]
                current.append("")
            current[-1] += str(ast.literal_eval(quote + rest))
        if parts["msgid"]:
            messages["\0".join(parts["msgid"] + parts["msgid_plural"])] = "\0".join(parts["msgstr"])
    return messages


def compiled(messages: Mapping[str, str]) -> bytes:
    """Give the bytes of the `.mo`, the same ones for the same messages."""
    pairs = sorted((msgid.encode(), msgstr.encode()) for msgid, msgstr in messages.items())
    tables = HEADER.size + 2 * ENTRY.size * len(pairs)
    header = HEADER.pack(MAGIC, 0, len(pairs), HEADER.size, HEADER.size + ENTRY.size * len(pairs), 0, tables)
    entries, strings = b"", b""
    for text in [msgid for msgid, _ in pairs] + [msgstr for _, msgstr in pairs]:
        entries += ENTRY.pack(len(text), tables + len(strings))
        strings += text + b"\0"
    return header + entries + strings


def main() -> None:
    """Compile every catalogue."""
    for path in sorted(LOCALE.rglob("*.po")):
        path.with_suffix(".mo").write_bytes(compiled(read(path.read_text(encoding="utf-8"))))
        print(f"{path.parent.parent.name}: {path.with_suffix('.mo').name} written")


if __name__ == "__main__":
    main()
