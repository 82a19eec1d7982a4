"""Every snippet of every page does what the page says."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest
from google.protobuf import json_format
from google.protobuf.message_factory import GetMessageClass

from arbiter_rs import Arbiter
from repit.v1 import arbitration_service_pb2, catalog_service_pb2
from repit_server.catalog import CatalogError, compile_catalog
from repit_server.settings import names
from tests.docs.conftest import FIRST_CATALOG
from tests.docs.pages import (
    DEFAULT_ADDRESS,
    ROOT,
    Block,
    Command,
    blocks,
    blocks_of,
    commands_of,
    page_names,
    reads_like,
)
from tests.servers import ServerProcess, environment

KNOWN = {
    "",
    "console",
    "json",
    "python run",
    "sh",
    "text",
    "toml",
    "toml profile",
    "yaml",
    "yaml policies",
    "yaml refused",
}
COMMANDS = [command for block in blocks("console") for command in commands_of(block)]
NO_OR_YES = {0, 1}


def test_every_block_says_what_it_is() -> None:
    strange = {str(block): block.info for name in page_names() for block in blocks_of(name) if block.info not in KNOWN}
    assert strange == {}


def test_there_are_snippets_of_every_kind() -> None:
    assert {kind for kind in KNOWN - {""} if not blocks(kind)} == set()


@pytest.mark.parametrize("block", blocks("python run"), ids=str)
def test_a_python_block_runs_and_prints_what_stands_below(
    block: Block, server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block.text.replace(DEFAULT_ADDRESS, server.address), str(block), "exec"), {"__name__": "page"})  # noqa: S102 - the page's own snippet
    if block.output is not None:
        assert reads_like(printed.getvalue(), block.output), printed.getvalue()


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_prints_what_the_page_shows(command: Command, server: ServerProcess) -> None:
    variables = environment({"REPIT_TARGET": server.address, "COLUMNS": "200", "NO_COLOR": "1", "TZ": "UTC"})
    variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{variables['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command.line], cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode in NO_OR_YES, done.stderr
    assert reads_like(done.stdout + done.stderr, command.output), done.stdout + done.stderr


@pytest.mark.parametrize("block", blocks("sh"), ids=str)
def test_a_shell_block_calls_make_as_the_makefile_has_it(block: Block) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for line in block.text.splitlines():
        program, target = line.split()[:2]
        assert program == "make", "what is typed at a prompt stands in a `console` block, where it is executed"
        assert target in targets


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_a_catalog_compiles_without_a_finding(block: Block) -> None:
    assert compile_catalog(block.text).findings == ()


@pytest.mark.parametrize("block", blocks("yaml policies"), ids=str)
def test_policies_compile_in_the_first_catalog(block: Block) -> None:
    head = FIRST_CATALOG.read_text(encoding="utf-8").partition("policies:")[0]
    assert compile_catalog(f"{head}policies:\n{textwrap.indent(block.text, '  ')}").findings == ()


@pytest.mark.parametrize("block", blocks("yaml refused"), ids=str)
def test_what_is_said_to_be_refused_is_refused(block: Block) -> None:
    with pytest.raises(CatalogError):
        compile_catalog(block.text)


@pytest.mark.parametrize("block", [block for block in blocks("json") if "/rpc/" in block.page], ids=str)
def test_a_question_in_json_is_the_message_of_its_page(block: Block) -> None:
    verb = "".join(word.capitalize() for word in Path(block.page).stem.split("-"))
    services = (arbitration_service_pb2.DESCRIPTOR, catalog_service_pb2.DESCRIPTOR)
    (message,) = [
        kind for file in services for name, kind in file.message_types_by_name.items() if name == f"{verb}Request"
    ]
    json_format.Parse(block.text, GetMessageClass(message)())


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_a_json_block_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_a_settings_file_holds_settings(block: Block) -> None:
    assert set(tomllib.loads(block.text)) <= set(names())


@pytest.mark.parametrize("block", blocks("toml profile"), ids=str)
def test_a_profile_says_what_every_profile_says(block: Block) -> None:
    shipped = [tomllib.loads(path.read_text("utf-8")) for path in (ROOT / "load_tests/profiles").glob("*.toml")]
    assert set(tomllib.loads(block.text)) >= set.intersection(*map(set, shipped)) >= {"catalog", "mix"}


def test_the_compiled_catalog_that_is_shown_is_one_for_the_engine() -> None:
    (block,) = [block for block in blocks("json") if block.page == "docs/reference/compiled-catalog.md"]
    with Arbiter.open("memory") as arbiter:
        assert arbiter.apply_catalog(block.text.encode()) == 1
