"""What `grpc.health.v1` says of this server, taken from the engine's own word."""

from typing import Final, Protocol

from grpc_health.v1.health_pb2 import HealthCheckResponse

from repit_server.api.arbitration import SERVICE as ARBITRATION
from repit_server.api.catalog_service import SERVICE as CATALOG

WHOLE_SERVER: Final = ""


class HealthBoard(Protocol):
    """Where `grpc.health.v1` is answered from."""

    async def set(self, service: str, status: int) -> None:
        """Say how a service is, as a `ServingStatus`."""

    async def enter_graceful_shutdown(self) -> None:
        """Say that nothing is served any more, whatever is set after this."""


class Health:
    """Keeps the health of the services.

    The whole server (the empty name) and `CatalogService` serve while the store answers; `ArbitrationService` serves
    while, beyond that, a catalog is active: without one there is nothing to decide by.
    """

    def __init__(self, board: HealthBoard) -> None:
        self._board = board

    async def report(self, *, is_store_ready: bool, catalog_version: int) -> None:
        """Say how things are; `catalog_version` is 0 where no catalog is active."""
        await self._set(WHOLE_SERVER, is_serving=is_store_ready)
        await self._set(CATALOG, is_serving=is_store_ready)
        await self._set(ARBITRATION, is_serving=is_store_ready and catalog_version > 0)

    async def stop(self) -> None:
        """Say that nothing is served any more, whatever is reported after this."""
        await self._board.enter_graceful_shutdown()

    async def _set(self, service: str, *, is_serving: bool) -> None:
        state = HealthCheckResponse.SERVING if is_serving else HealthCheckResponse.NOT_SERVING
        await self._board.set(service, state)
