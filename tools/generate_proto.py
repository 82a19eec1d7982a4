"""Generates the Python of proto/ into clients/python, or with --check says where the two differ."""

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
CLIENT = ROOT / "clients" / "python"

# Where the Python of each proto package goes. google.rpc is vendored: the client asks for grpcio and protobuf alone.
HOMES = {"repit/v1": CLIENT, "google/rpc": CLIENT / "repit" / "vendor"}


def protoc(arguments: list[str]) -> None:
    """Runs grpcio-tools' protoc with the plug-ins of this Python's environment."""
    search_path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = [sys.executable, "-W", "ignore", "-m", "grpc_tools.protoc", f"--proto_path={PROTO}", *arguments]
    subprocess.run(command, check=True, env={**os.environ, "PATH": search_path})


def generate(package: str, out: Path) -> None:
    """Generates messages, services and their types for one proto package."""
    protos = sorted(str(path) for path in (PROTO / package).glob("*.proto"))
    services = [path for path in protos if path.endswith("_service.proto")]
    protoc([f"--python_out={out}", f"--mypy_out=quiet:{out}", *protos])
    if services:
        protoc([f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}", *services])


def generated_names(folder: Path) -> set[str]:
    """The generated files of a folder."""
    return {path.name for path in folder.glob("*_pb2*.py*")}


def differences(package: str, made: Path, kept: Path) -> list[str]:
    """The generated files that are missing, left over or different."""
    made_folder, kept_folder = made / package, kept / package
    names = generated_names(made_folder) | generated_names(kept_folder)
    _, different, absent = filecmp.cmpfiles(made_folder, kept_folder, sorted(names), shallow=False)
    return [str((kept_folder / name).relative_to(ROOT)) for name in sorted(different + absent)]


def replace(package: str, made: Path, kept: Path) -> None:
    """Puts the generated files of a package in place of the old ones."""
    kept_folder = kept / package
    kept_folder.mkdir(parents=True, exist_ok=True)
    for name in generated_names(kept_folder):
        (kept_folder / name).unlink()
    for name in generated_names(made / package):
        shutil.copyfile(made / package / name, kept_folder / name)


def main() -> int:
    """Generates, then replaces or compares; 1 where they differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 where files differ from proto/")
    is_check = parser.parse_args().check
    stale: list[str] = []
    with tempfile.TemporaryDirectory(prefix="repit-proto-") as folder:
        for number, (package, home) in enumerate(HOMES.items()):
            made = Path(folder) / str(number)
            made.mkdir()
            generate(package, made)
            if is_check:
                stale += differences(package, made, home)
            else:
                replace(package, made, home)
    for path in stale:
        print(f"{path}: differs from what proto/ says; run `make proto`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
