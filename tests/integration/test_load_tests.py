"""The load tests as `make load` runs them: every shipped profile against a real server, its report, its exit status."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from repit_server.catalog import compile_catalog
from tests.servers import ServerProcess
from tests.tidy import ROOT

LOAD_TESTS = ROOT / "load_tests"
PROFILES = sorted((LOAD_TESTS / "profiles").glob("*.toml"))
REPIT = Path(sys.executable).with_name("repit")
SHORT = ["--duration", "2s", "--rate", "40", "--customers", "300"]


@pytest.fixture(scope="module")
def generator() -> Path:
    """The generator, built without optimisation: these tests time nothing."""
    subprocess.run(["cargo", "build", "--quiet", "--locked", "-p", "repit_load"], cwd=ROOT, check=True)
    return ROOT / "target" / "debug" / "repit-load"


def load(generator: Path, directory: Path, *args: str) -> tuple[int, dict[str, Any], str]:
    """Run the generator; its exit status, its report and what it said."""
    command = [str(generator), "run", *args, "--repit", str(REPIT), "--json"]
    ran = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=240, check=False)
    return ran.returncode, json.loads(ran.stdout or "{}"), ran.stderr


def without_latencies(profile: Path, directory: Path) -> Path:
    """The profile without what depends on the machine."""
    kept = re.sub(r"^p\d+_us = .*\n", "", profile.read_text(encoding="utf-8"), flags=re.MULTILINE)
    written = directory / profile.name
    written.write_text(kept.replace("../catalogs", str(LOAD_TESTS / "catalogs")), encoding="utf-8")
    return written


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.stem)
def test_a_shipped_profile_holds_against_a_server_in_memory(generator: Path, profile: Path, tmp_path: Path) -> None:
    status, report, said = load(generator, tmp_path, str(without_latencies(profile, tmp_path)), *SHORT)
    assert status == 0, said
    assert report["over_admitted"] == 0
    assert report["errors"] == []
    assert report["sent"] == report["answered"]
    assert report["grants"] > 0
    assert report["counted_caps"]
    mix = tomllib.loads(profile.read_text(encoding="utf-8"))["mix"]
    assert set(report["latency_by_verb"]) <= {*mix, "request"}
    assert "serving" not in said
    assert (tmp_path / "load-report" / "report.html").read_text(encoding="utf-8").endswith("</html>\n")


@pytest.mark.parametrize("store", ["embedded", pytest.param("redis", marks=pytest.mark.redis)])
def test_the_hot_customer_is_not_over_admitted_on_a_store_that_is_started(
    generator: Path, store: str, tmp_path: Path
) -> None:
    profile = without_latencies(LOAD_TESTS / "profiles" / "hot-customer.toml", tmp_path)
    status, report, said = load(generator, tmp_path, str(profile), "--store", store, *SHORT)
    assert status == 0, said
    assert (report["over_admitted"], report["errors"]) == (0, [])
    assert (report["redis_cpu_us_per_call"] is not None) == (store == "redis")


def test_a_server_that_is_there_is_asked_and_left_running(generator: Path, tmp_path: Path) -> None:
    profile = without_latencies(LOAD_TESTS / "profiles" / "mixed-day.toml", tmp_path)
    catalog = str(LOAD_TESTS / "catalogs" / "marketing.yaml")
    with ServerProcess("--store", "memory", "--catalog", catalog, directory=tmp_path) as server:
        for _ in range(2):
            status, report, said = load(generator, tmp_path, str(profile), "--target", server.address, *SHORT)
            assert (status, report["errors"]) == (0, []), said
            assert report["server_cpu_us_per_call"] is None
        with server.client() as client:
            assert client.check_contact("load-0000000001", campaign="invoice", channel="email").is_granted


def test_the_empty_grpcio_server_answers_the_generator(generator: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(LOAD_TESTS / "peers" / "grpcio_echo.py")]
    profile = without_latencies(LOAD_TESTS / "profiles" / "hot-customer.toml", tmp_path)
    profile.write_text(
        re.sub(r"(?m)^(release|check) = .*\n", "", profile.read_text(encoding="utf-8")).replace(
            "contacts_each = 2", "contacts_each = 0"
        ),
        encoding="utf-8",
    )
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as echo:
        assert echo.stderr is not None
        address = json.loads(echo.stderr.readline())["address"]
        status, report, said = load(generator, tmp_path, str(profile), "--target", address, *SHORT)
        echo.terminate()
    assert (status, report["errors"]) == (0, []), said
    assert report["sent"] == report["answered"] > 0


def test_the_catalog_has_about_twenty_rules_of_which_two_to_five_concern_a_question() -> None:
    text = (LOAD_TESTS / "catalogs" / "marketing.yaml").read_text(encoding="utf-8")
    assert not compile_catalog(text).findings
    document = yaml.safe_load(text)
    assert 19 <= sum(len(policy["rules"]) for policy in document["policies"]) <= 23
    for profile in PROFILES:
        for ask in tomllib.loads(profile.read_text(encoding="utf-8"))["asks"]:
            for way in ask["candidates"]:
                campaign = document["campaigns"][way["campaign"]]
                assert way["channel"] in campaign["channels"]
                concerned = {"kinds": campaign.get("kind", "marketing"), "channels": way["channel"]}
                concerned["campaigns"] = way["campaign"]
                rules = sum(
                    len(policy["rules"])
                    for policy in document["policies"]
                    if all(concerned[key] in names for key, names in policy["applies_to"].items())
                )
                assert rules <= 5
                assert rules >= 2 or way["campaign"] == "invoice"
