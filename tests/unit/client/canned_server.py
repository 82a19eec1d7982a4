"""A real gRPC server that answers from a list and remembers what it was asked."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from repit.google_rpc import ErrorInfo, RetryInfo, Status
from repit.v1 import arbitration_service_pb2 as arbitration
from repit.v1 import arbitration_service_pb2_grpc as arbitration_grpc
from repit.v1 import catalog_service_pb2_grpc as catalog_grpc

WEDNESDAY = datetime(2026, 12, 2, 14, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Failure:
    """A call that fails with this status and these details."""

    code: grpc.StatusCode
    message: str = ""
    details: tuple[Message, ...] = ()

    def status(self) -> Status:
        packed = []
        for detail in self.details:
            packed.append(Any())
            packed[-1].Pack(detail)
        return Status(code=self.code.value[0], message=self.message, details=packed)


def store_away(retry_after_s: float | None = None) -> Failure:
    """What the server says while its store does not answer."""
    details: list[Message] = [ErrorInfo(reason="STORE_UNAVAILABLE", domain="repit.dev")]
    if retry_after_s is not None:
        delay = Duration()
        delay.FromTimedelta(timedelta(seconds=retry_after_s))
        details.append(RetryInfo(retry_delay=delay))
    return Failure(grpc.StatusCode.UNAVAILABLE, "the store does not answer", tuple(details))


@dataclass
class CannedServer:
    """Answers each call with the next of `answers`; `asked` holds (verb, message) of every call."""

    answers: list[Message | Failure] = field(default_factory=list)
    asked: list[tuple[str, Message]] = field(default_factory=list)
    target: str = ""

    def reply(self, verb: str, request: Message, context: grpc.ServicerContext) -> Message:
        self.asked.append((verb, request))
        answer = self.answers.pop(0)
        if isinstance(answer, Failure):
            if answer.details:
                context.set_trailing_metadata((("grpc-status-details-bin", answer.status().SerializeToString()),))
            context.abort(answer.code, answer.message)
        assert isinstance(answer, Message)
        return answer

    def messages(self, verb: str) -> list[Message]:
        return [message for name, message in self.asked if name == verb]


Handler = Callable[[Message, grpc.ServicerContext], Message]


class Servicer:
    """Every method of both services, answered by the canned server."""

    def __init__(self, canned: CannedServer) -> None:
        self.canned = canned

    def __getattr__(self, verb: str) -> Handler:
        return lambda request, context: self.canned.reply(verb, request, context)

    def StreamRequestContacts(  # noqa: N802 - spelt as its RPC
        self, requests: Iterator[arbitration.StreamRequestContactsRequest], context: grpc.ServicerContext
    ) -> Iterator[Message]:
        for request in requests:
            yield self.canned.reply("StreamRequestContacts", request, context)

    def RegisterClaims(  # noqa: N802 - spelt as its RPC
        self, requests: Iterator[arbitration.RegisterClaimsRequest], context: grpc.ServicerContext
    ) -> Iterator[Message]:
        for request in requests:
            yield self.canned.reply("RegisterClaims", request, context)

    def ShadowCatalog(self, request: Message, context: grpc.ServicerContext) -> Iterator[Message]:  # noqa: N802 - as its RPC
        self.canned.asked.append(("ShadowCatalog", request))
        for answer in self.canned.answers:
            if isinstance(answer, Failure):
                context.abort(answer.code, answer.message)
            else:
                yield answer


def start(canned: CannedServer) -> grpc.Server:
    """Starts the server on a free port of the loopback."""
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    servicer = Servicer(canned)
    arbitration_grpc.add_ArbitrationServiceServicer_to_server(servicer, server)  # type: ignore[arg-type]
    catalog_grpc.add_CatalogServiceServicer_to_server(servicer, server)  # type: ignore[arg-type]
    port = server.add_insecure_port("127.0.0.1:0")
    canned.target = f"127.0.0.1:{port}"
    server.start()
    return server


class FakeClock:
    """Time that passes only in `sleep`."""

    def __init__(self) -> None:
        self.slept_s: list[float] = []
        self.elapsed_s = 0.0

    def now(self) -> datetime:
        return WEDNESDAY + timedelta(seconds=self.elapsed_s)

    def monotonic_s(self) -> float:
        return self.elapsed_s

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.elapsed_s += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)
