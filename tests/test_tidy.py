"""The limits of the house, held: lengths, names, and what no file may contain."""

import ast
import re

from tests.tidy import ROOT, hand_written, own_files, python_functions, rust_functions, text_of

FILE_LINES = 500
FUNCTION_LINES = 70
PAGE_LINES = {"README.md": 100, "ARCHITECTURE.md": 150, "CONTRIBUTING.md": 120}
EXAMPLE_LINES = 40
# The packages that load tests and examples may import of the project.
CALLERS_SEE = {"repit", "load_tests"}
PROJECT = {"repit", "repit_server", "arbiter_rs", "load_tests", "tests"}

# Cargo writes the name of its registry into Cargo.lock and reads nothing without it; it is the same line everywhere.
CARGO_SOURCE = 'source = "registry+https://github.com/rust-lang/crates.io-index"'
# Words that this file must spell and no other may.
UNFINISHED = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX"]))
# A test's own clock may sleep: no time passes.
WAITING = re.compile(r"(?<!def )(?<!self\.)(?<!clock\.)\bsleep" + r"\(")
ADDRESS = re.compile(r"https?://|(?:^|\s)--(?:extra-)?(?:index-url|find-links)|^-[if] ", re.MULTILINE)


def python_files(*folders: str) -> list[str]:
    return [name for name in hand_written() if name.endswith(".py") and name.startswith(folders)]


def imported_roots(name: str) -> set[str]:
    roots = set()
    for node in ast.walk(ast.parse(text_of(name))):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            roots.add(node.module.split(".")[0])
    return roots


def test_no_hand_written_file_is_longer_than_500_lines() -> None:
    lengths = {name: len(text_of(name).splitlines()) for name in hand_written()}
    assert {name: length for name, length in lengths.items() if length > FILE_LINES} == {}


def test_the_pages_at_the_root_keep_to_their_length() -> None:
    lengths = {name: len(text_of(name).splitlines()) for name in PAGE_LINES}
    assert {name: length for name, length in lengths.items() if length > PAGE_LINES[name]} == {}


def test_an_example_is_read_at_a_glance() -> None:
    lengths = {name: len(text_of(name).splitlines()) for name in python_files("clients/examples/")}
    assert {name: length for name, length in lengths.items() if length > EXAMPLE_LINES} == {}


def test_no_function_is_longer_than_70_lines() -> None:
    too_long = [
        f"{name}: {function} has {length} lines"
        for name in hand_written()
        for function, length in (
            python_functions(name) if name.endswith(".py") else rust_functions(name) if name.endswith(".rs") else ()
        )
        if length > FUNCTION_LINES
    ]
    assert too_long == []


def test_a_pinned_requirement_has_hashes_and_no_address() -> None:
    compiled = [name for name in own_files() if re.fullmatch(r"requirements/\w+\.txt", name)]
    assert compiled, "requirements/*.txt are missing"
    for name in compiled:
        text = text_of(name)
        assert not ADDRESS.search(text), name
        for pin in re.findall(r"^[A-Za-z0-9][^\n]*", text, re.MULTILINE):
            assert re.match(r"[\w.-]+==\S+ \\$", pin), f"{name}: {pin}"


def test_a_requirement_file_has_a_compiled_one_that_pins_it() -> None:
    for name in (name for name in own_files() if re.fullmatch(r"requirements/\w+\.in", name)):
        pinned = set(re.findall(r"^([\w.-]+)==", text_of(name.removesuffix(".in") + ".txt").lower(), re.MULTILINE))
        wanted = set(
            re.findall(r"^([\w.-]+)", re.sub(r"^(#|-).*$", "", text_of(name), flags=re.MULTILINE).lower(), re.MULTILINE)
        )
        assert wanted <= pinned, f"{name}: run `make requirements`"


def test_cargo_lock_names_the_one_registry_and_nothing_else() -> None:
    addresses = [line for line in text_of("Cargo.lock").splitlines() if "://" in line]
    assert set(addresses) <= {CARGO_SOURCE}


def test_no_test_waits_by_the_clock() -> None:
    waiting = [
        f"{name}:{number}"
        for name in hand_written()
        if name.startswith("tests/") or "/tests/" in name
        for number, line in enumerate(text_of(name).splitlines(), start=1)
        if WAITING.search(line)
    ]
    assert waiting == []


def test_nothing_unfinished_is_committed() -> None:
    unfinished = [
        f"{name}:{number}"
        for name in hand_written()
        for number, line in enumerate(text_of(name).splitlines(), start=1)
        if UNFINISHED.search(line)
    ]
    assert unfinished == []


def test_the_name_of_every_test_is_a_sentence() -> None:
    too_short = [
        f"{name}: {node.name}"
        for name in python_files("tests/")
        for node in ast.walk(ast.parse(text_of(name)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        if node.name.count("_") < 3
    ]
    assert too_short == []


def test_every_file_of_code_opens_with_its_duty() -> None:
    silent = [
        name
        for name in hand_written()
        if (name.endswith(".rs") and not text_of(name).startswith("//!"))
        or (name.endswith((".py", ".pyi")) and ast.get_docstring(ast.parse(text_of(name))) is None)
    ]
    assert silent == []


def test_load_tests_and_examples_see_only_the_client() -> None:
    seen = {
        name: imported_roots(name) & PROJECT - CALLERS_SEE for name in python_files("load_tests/", "clients/examples/")
    }
    assert {name: roots for name, roots in seen.items() if roots} == {}


def test_a_folder_named_like_the_native_module_is_not_a_package() -> None:
    shadowing = [
        f"{folder}/__init__.py" for folder in ("arbiter_rs", "proto", "clients", "clients/python", "load_tests")
    ]
    assert [name for name in shadowing if (ROOT / name).exists()] == []
