"""The server that the pages speak to: in memory, with the small catalog of the pages."""

from collections.abc import Iterator

import pytest

from tests.docs.pages import ROOT
from tests.servers import ServerProcess

FIRST_CATALOG = ROOT / "docs" / "first-catalog.yaml"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for the tests of a module."""
    directory = tmp_path_factory.mktemp("server")
    with ServerProcess("--store", "memory", "--catalog", str(FIRST_CATALOG), directory=directory) as running:
        yield running
