"""What is a closed set in the code is complete in the pages, and the pages name nothing that is not there."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from arbiter_rs import Arbiter
from repit.v1.arbitration_service_pb2 import DESCRIPTOR as ARBITRATION
from repit.v1.catalog_service_pb2 import DESCRIPTOR as CATALOG
from repit.v1.denial_pb2 import DenialReason
from repit.v1.engagement_pb2 import EngagementKind
from repit_server.api.errors import ErrorReason
from repit_server.catalog.rules import RULE_KINDS, RULE_KINDS_NOT_SERVED
from repit_server.cli.main import cli
from repit_server.settings import EXPLANATIONS, Settings, names, written
from tests.docs.pages import ROOT, page_text

REFERENCE = "docs/reference"
# Options that commands share: the page says them once, for all.
SHARED_OPTIONS = {"--json", "--help", "--config", "--target", "--as-of"}


def first_cells(page: str) -> list[str]:
    """What stands in backticks alone in the first or second cell of each row of a page's tables."""
    return re.findall(r"^\|(?: \d+ \|)? `([^`]+)` \|", page_text(page), re.MULTILINE)


def methods() -> Iterator[MethodDescriptor]:
    """Every RPC of the package."""
    services: list[ServiceDescriptor] = [*ARBITRATION.services_by_name.values(), *CATALOG.services_by_name.values()]
    for service in services:
        yield from service.methods


def page_of(method: MethodDescriptor) -> str:
    """The page of an RPC."""
    return f"{REFERENCE}/rpc/{kebab(method.name)}.md"


def kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower().replace("_", "-")


def files(pattern: str) -> list[Path]:
    found = sorted(ROOT.glob(pattern))
    assert found, pattern
    return found


def test_every_denial_reason_stands_in_its_rank() -> None:
    reasons = [name.removeprefix("DENIAL_REASON_") for name in DenialReason.keys() if DenialReason.Value(name)]  # noqa: SIM118 - no mapping
    shown = re.findall(r"^\| (\d+) \| `([A-Z_]+)` \|", page_text(f"{REFERENCE}/decisions.md"), re.MULTILINE)
    assert shown == [(str(rank), reason) for rank, reason in enumerate(reasons, start=1)]


def test_a_reason_that_is_never_given_yet_is_named_in_both_places() -> None:
    shown = page_text(f"{REFERENCE}/decisions.md")
    never = set(re.findall(r"^\| \d+ \| `([A-Z_]+)` \| not given yet", shown, re.MULTILINE))
    later = page_text("docs/adr/0007-accepted-later.md")
    assert never
    assert {reason for reason in never if f"`{reason}`" not in later} == set()
    core = "".join(path.read_text(encoding="utf-8") for path in files("arbiter_rs/core/src/**/*.rs"))
    given = set(re.findall(r"\bReason::(\w+)", core))
    names_given = {kebab(name).replace("-", "_").upper() for name in given}
    assert {name.removeprefix("DENIAL_REASON_") for name in DenialReason.keys()[1:]} - names_given == never


def test_every_error_reason_has_a_row_and_no_other_has() -> None:
    door = "".join(
        path.read_text(encoding="utf-8").partition("#[cfg(test)]")[0] for path in files("arbiter_rs/door/src/*.rs")
    )
    of_engine = set(re.findall(r'(?<!!\()"([A-Z]+(?:_[A-Z]+)*)"', door))
    assert of_engine
    assert sorted(first_cells(f"{REFERENCE}/errors.md")) == sorted(of_engine | {reason.value for reason in ErrorReason})


def test_every_setting_has_a_row_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", page_text(f"{REFERENCE}/settings.md"), re.MULTILINE))
    assert list(rows) == list(names()) == list(EXPLANATIONS)
    defaults = {name: written(getattr(Settings(), name)) for name in names()}
    shown = {name: f"`{value:g}`" if isinstance(value, float) else f"`{value}`" for name, value in defaults.items()}
    assert rows == {name: "none" if defaults[name] is None else shown[name] for name in names()}


def test_every_command_has_a_row_and_every_option_is_named() -> None:
    page = page_text(f"{REFERENCE}/commands.md")
    commands = dict(commands_in(cli.commands))
    assert sorted(re.findall(r"^\| `repit ([a-z]+(?: [a-z]+)?)", page, re.MULTILINE)) == sorted(commands)
    for name, command in commands.items():
        row = re.search(rf"^\| `repit {name}.*$", page, re.MULTILINE)
        assert row is not None
        missing = options_of(command) - SHARED_OPTIONS - set(re.findall(r"--[a-z][a-z-]*", row[0]))
        if name == "serve":
            missing -= {f"--{setting.replace('_', '-')}" for setting in names()}
        assert missing == set(), name


def commands_in(group: Mapping[str, click.Command], *, of: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command with its whole name, those of groups among them."""
    for name, command in group.items():
        if isinstance(command, click.Group):
            yield from commands_in(command.commands, of=f"{of}{name} ")
        else:
            yield of + name, command


def options_of(command: click.Command) -> set[str]:
    """The long options of a command."""
    options = [option for option in command.params if isinstance(option, click.Option)]
    return {spelling for option in options for spelling in option.opts if spelling.startswith("--")}


def test_every_make_target_is_named() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    assert set(re.findall(r"`make ([a-z]+)`", page_text(f"{REFERENCE}/commands.md"))) == set(phony[1].split())


@pytest.mark.parametrize("method", list(methods()), ids=lambda method: method.name)
def test_every_rpc_has_a_page_that_names_its_fields(method: MethodDescriptor) -> None:
    page = page_text(page_of(method))
    assert page.startswith(f"# {method.name}\n")
    assert [title for title in ("Question", "Answer", "Errors", "Example") if f"\n## {title}\n" not in page] == []
    assert f"(rpc/{kebab(method.name)}.md)" in page_text(f"{REFERENCE}/README.md")
    # CheckContact is asked and answered as RequestContact.
    page += page_text(f"{REFERENCE}/rpc/request-contact.md") if method.name == "CheckContact" else ""
    fields = [field.name for message in (method.input_type, method.output_type) for field in message.fields]
    assert [name for name in fields if not re.search(rf"`{name}[`.]", page)] == []


def test_no_page_is_about_an_rpc_that_is_not_there() -> None:
    assert {path.stem for path in files(f"{REFERENCE}/rpc/*.md")} == {kebab(method.name) for method in methods()}


def test_every_rule_of_the_engine_and_of_the_document_has_a_page() -> None:
    pages = {path.stem for path in files(f"{REFERENCE}/rules/*.md")}
    # A budget is a capacity that is counted in money; it has a page of its own, since it stands with a campaign.
    assert pages == {kebab(path.stem) for path in files("arbiter_rs/core/src/rules/*.rs")} - {"mod"} | {"budget"}
    assert {kebab(kind) for kind in RULE_KINDS} <= pages
    index = page_text(f"{REFERENCE}/README.md")
    assert {page for page in pages if f"(rules/{page}.md)" not in index} == set()


def test_every_engagement_is_named_where_it_is_reported() -> None:
    kinds = [name.removeprefix("ENGAGEMENT_KIND_").lower() for name in EngagementKind.keys()[1:]]
    for page in ("rpc/record-engagements.md", "event-file.md"):
        shown = set(re.findall(r"[a-z_]+", page_text(f"{REFERENCE}/{page}")))
        assert set(kinds) <= shown, page


def test_what_is_not_served_yet_is_named() -> None:
    protos = "".join(path.read_text(encoding="utf-8") for path in files("proto/repit/v1/*.proto"))
    fields = set(re.findall(r"Not served yet[^\n]*\n\s+[\w.]+ (\w+) =", protos))
    assert fields
    later = page_text("docs/adr/0007-accepted-later.md")
    unnamed = {name for name in fields | set(RULE_KINDS_NOT_SERVED) if not re.search(rf"[`.]{name}`", later)}
    assert unnamed == set()


def test_every_log_event_is_named() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in files("server/repit_server/**/*.py"))
    events = set(re.findall(r'log_event\(\s*logging\.\w+,\s*"(\w+)"', code))
    assert events
    assert {event for event in events if f"`{event}`" not in page_text("docs/operating.md")} == set()


def test_every_decision_that_was_argued_is_listed() -> None:
    listed = set(re.findall(r"\((\d{4}-[\w-]+\.md)\)", page_text("docs/adr/README.md")))
    assert listed == {path.name for path in files("docs/adr/[0-9]*.md")}


def test_every_method_of_the_engine_is_named() -> None:
    page = page_text(f"{REFERENCE}/arbiter.md")
    methods_shown = {name.removesuffix("_async") for name in vars(Arbiter) if not name.startswith("_")}
    assert {name for name in methods_shown if not re.search(rf"`(Arbiter\.)?{name}[`(]", page)} == set()
