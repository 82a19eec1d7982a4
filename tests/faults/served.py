"""A server of the tests with its stubs, and what is waited for at it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from grpc_health.v1 import health_pb2

from repit.v1.arbitration_service_pb2_grpc import ArbitrationServiceStub
from repit.v1.catalog_service_pb2_grpc import CatalogServiceStub
from tests.servers import ServerProcess

HEALTH_SECONDS = 20
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Served(ServerProcess):
    """One `repit serve` with its own connection; it answers when this is made."""

    def __init__(self, store: str, *options: str, directory: Path) -> None:
        super().__init__("--store", store, *options, directory=directory)
        self._connection = self.channel()
        self.arbitration = ArbitrationServiceStub(self._connection)
        self.catalogs = CatalogServiceStub(self._connection)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def wait(self) -> int:
        status = super().wait()
        self._connection.close()
        return status

    def wait_for_health(self, wanted: int) -> None:
        """Wait until the health of the whole server is the wanted one; raises the RPC's error after a deadline."""
        watch = self._connection.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        reports = watch(health_pb2.HealthCheckRequest(), timeout=HEALTH_SECONDS)
        for report in reports:
            if report.status == wanted:
                reports.cancel()
                return
        raise AssertionError("the server ended before its health changed")


@contextmanager
def fleet(store: str, servers: int, *options: str, catalog: Path, directory: Path) -> Iterator[list[Served]]:
    """Servers on one store for the length of a block: the first brings the catalog, the others start side by side."""
    with ExitStack() as stack, ThreadPoolExecutor(max(1, servers - 1)) as threads:
        first = stack.enter_context(Served(store, "--catalog", str(catalog), *options, directory=directory))
        starts = [threads.submit(Served, store, *options, directory=directory) for _ in range(servers - 1)]
        yield [first, *(stack.enter_context(start.result(HEALTH_SECONDS * 3)) for start in starts)]


def embedded_in(directory: Path) -> str:
    """The embedded store in a directory, as `--store` takes it."""
    return f"embedded:{directory / 'store'}"
