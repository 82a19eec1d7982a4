"""Compiles the catalogs of tests/scenarios for tests that know no Python; --check says which are out of step."""

import argparse
import sys
import tomllib
from pathlib import Path

from repit_server.catalog import CatalogError, compile_catalog

ROOT = Path(__file__).resolve().parent.parent
SCENARIOS = ROOT / "tests" / "scenarios"
COMPILED = SCENARIOS / "compiled"


def documents(scenario: Path) -> dict[str, str]:
    """The catalogs of one scenario by name: `catalog` holds at the beginning, the others are applied later."""
    given = tomllib.loads(scenario.read_text(encoding="utf-8"))["given"]
    first = given.get("catalog") or (ROOT / given["catalog_file"]).read_text(encoding="utf-8")
    return {"catalog": first, **given.get("later", {})}


def compiled(scenario: Path) -> str:
    """The compiled catalogs of one scenario: a JSON object, one line a catalog."""
    lines = [f'"{name}": {compile_catalog(text).compiled.decode()}' for name, text in documents(scenario).items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def wanted() -> dict[Path, str]:
    """Every file that there must be, with its text; CatalogError for a catalog that cannot be applied."""
    texts = {}
    for scenario in sorted(SCENARIOS.glob("*.toml")):
        try:
            texts[COMPILED / f"{scenario.stem}.json"] = compiled(scenario)
        except CatalogError as error:
            error.add_note(f"in {scenario.relative_to(ROOT)}")
            raise
    return texts


def out_of_step() -> list[Path]:
    """The files that are missing, left over or different."""
    texts = wanted()
    held = {path: path.read_text(encoding="utf-8") for path in COMPILED.glob("*.json")}
    return sorted(path for path in texts.keys() | held.keys() if texts.get(path) != held.get(path))


def main() -> int:
    """Writes the files, or compares; 1 where they differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is out of step")
    if parser.parse_args().check:
        for path in out_of_step():
            print(f"{path.relative_to(ROOT)} is out of step: run tools/compile_scenarios.py", file=sys.stderr)
        return 1 if out_of_step() else 0
    COMPILED.mkdir(exist_ok=True)
    texts = wanted()
    for path in set(COMPILED.glob("*.json")) - texts.keys():
        path.unlink()
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
