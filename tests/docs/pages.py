"""The pages of the project, and the snippets in them: what a block is, its info string says (see CONTRIBUTING.md)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ANYTHING = "…"
DEFAULT_ADDRESS = "127.0.0.1:7447"
FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block; `output` is that of the `text` block right below it, where there is one."""

    page: str
    line: int
    info: str
    text: str
    output: str | None = None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One `$` line of a console block, and what it prints."""

    block: Block
    line: str
    output: str

    def __str__(self) -> str:
        return f"{self.block} {self.line}"


def page_names() -> list[str]:
    """The Markdown pages, relative to the root."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    return sorted(str(page.relative_to(ROOT)) for page in pages)


def page_text(name: str) -> str:
    """The text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks_of(name: str) -> Iterator[Block]:
    """The fenced blocks of a page, in their order."""
    text = page_text(name)
    found = list(FENCE.finditer(text))
    for index, fence in enumerate(found):
        following = found[index + 1] if index + 1 < len(found) else None
        output = None
        if following is not None and following["info"] == "text" and not text[fence.end() : following.start()].strip():
            output = following["text"]
        line = text[: fence.start()].count("\n") + 1
        yield Block(name, line, fence["info"], fence["text"], output)


def blocks(info: str) -> list[Block]:
    """All blocks of all pages with this info string."""
    return [block for name in page_names() for block in blocks_of(name) if block.info == info]


def commands_of(block: Block) -> list[Command]:
    """The commands of a console block."""
    commands = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        commands.append(Command(block, line, output))
    return commands


def prose(name: str) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", page_text(name))


def without_trailing_spaces(text: str) -> str:
    """A text as it is compared: spaces at the ends of lines are nobody's business."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def reads_like(printed: str, shown: str) -> bool:
    """Whether what was printed is what the page shows, `…` standing for anything."""
    parts = without_trailing_spaces(shown).split(ANYTHING)
    pattern = ".*".join(re.escape(part) for part in parts)
    return re.fullmatch(pattern, without_trailing_spaces(printed), re.DOTALL) is not None
