"""The package: what it needs, what it shows, what its version is."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import repit

ROOT = Path(__file__).parents[3]
CLIENT = ROOT / "clients" / "python"

# An interpreter in which nothing but the standard library, grpcio, protobuf and the client can be imported.
BARE_IMPORT = """
import json, sys
from importlib.machinery import PathFinder

CLIENT = sys.argv[1]
ALLOWED = {"repit", "grpc", "typing_extensions", "google", *sys.stdlib_module_names}


class Bare:
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] not in ALLOWED:
            raise ModuleNotFoundError(f"{name} is not installed here", name=name)
        if name == "google.rpc":
            own = [entry for entry in path if entry.startswith(CLIENT)]
            if not own:
                raise ModuleNotFoundError(f"{name} is not installed here", name=name)
            return PathFinder.find_spec(name, own)
        return None


sys.meta_path.insert(0, Bare())
sys.path.insert(0, CLIENT)
before = set(sys.modules)
import repit
repit.Client("127.0.0.1:1").close()
# What Cython makes for itself has no spec.
made = {name for name in set(sys.modules) - before if getattr(sys.modules[name], "__spec__", None)}
imported = {name.partition(".")[0] for name in made}
status = sys.modules["google.rpc.status_pb2"].__file__
print(json.dumps({"imported": sorted(imported - sys.stdlib_module_names), "status": status, "client": repit.__file__}))
"""


def test_it_needs_grpcio_and_protobuf_alone() -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", BARE_IMPORT, str(CLIENT)], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # typing_extensions comes with grpcio.
    assert set(found["imported"]) <= {"repit", "grpc", "google", "typing_extensions"}
    assert found["status"] == str(CLIENT / "repit" / "vendor" / "google" / "rpc" / "status_pb2.py")
    assert found["client"].startswith(str(CLIENT))


def test_it_shows_what_it_says_it_shows() -> None:
    assert sorted(repit.__all__) == repit.__all__
    assert all(hasattr(repit, name) for name in repit.__all__)
    assert (CLIENT / "repit" / "py.typed").is_file()


def test_its_version_is_that_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert repit.__version__ == project["version"]
    assert sorted(name.partition(">")[0] for name in project["dependencies"]) == ["grpcio", "protobuf"]


def test_its_examples_are_short() -> None:
    examples = sorted((ROOT / "clients" / "examples").glob("*.py"))
    assert [path.stem for path in examples] == [
        "ask_once",
        "batch",
        "record_engagements",
        "register_claims",
        "stream_async",
    ]
    for path in examples:
        assert len(path.read_text().splitlines()) <= 40, path.name
