"""Pages lead somewhere: every link and every path that they name is there."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, page_names, page_text, prose

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# Paths of the tree in backticks; capitals and stars stand for any name.
PATH = re.compile(r"`((?:arbiter_rs|clients|docs|proto|requirements|server|tests|tools|\.ci)/[\w./-]*)`")


def anchors(name: str) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    titles = re.findall(r"^#+ (.+)$", prose(name), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", page_names())
def test_every_link_of_a_page_leads_to_something(name: str) -> None:
    broken = []
    for target in LINK.findall(prose(name)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (ROOT / name).parent / path if path else ROOT / name
        is_there = found.exists() and (not anchor or anchor in anchors(str(found.resolve().relative_to(ROOT))))
        if not is_there:
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("name", page_names())
def test_every_path_that_a_page_names_is_in_the_tree(name: str) -> None:
    named = [path for path in PATH.findall(prose(name)) if path.upper() != path]
    assert [path for path in named if not (ROOT / path).exists() and not re.search(r"/[A-Z]+\b", path)] == []


def test_every_page_of_the_documentation_is_reached_from_the_readme() -> None:
    reached, waiting = set(), ["README.md"]
    while waiting:
        name = waiting.pop()
        if name in reached or not name.endswith(".md"):
            continue
        reached.add(name)
        links = [target.partition("#")[0] for target in LINK.findall(page_text(name)) if "://" not in target]
        pages = [((ROOT / name).parent / Path(link)).resolve() for link in links if link]
        waiting += [str(page.relative_to(ROOT)) for page in pages if page.is_file()]
    assert set(page_names()) - reached - {"CHANGELOG.md"} == set()


@pytest.mark.parametrize("name", [name for name in page_names() if "/rules/" in name])
def test_the_page_of_a_rule_has_its_shape_and_its_scenarios(name: str) -> None:
    titles = re.findall(r"^## (.+)$", prose(name), re.MULTILINE)
    assert titles[0] == "What it looks at"
    assert titles[-2:] == ["Example", "Pitfalls"]
    scenarios = re.findall(r"`(tests/scenarios/[^`]+)`", prose(name))
    assert scenarios
    assert [pattern for pattern in scenarios if not list(ROOT.glob(pattern))] == []
