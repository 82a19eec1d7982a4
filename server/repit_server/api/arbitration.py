"""`ArbitrationService`: bytes go to the engine and come back, untouched."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Final, TypeAlias

import grpc

from arbiter_rs import Arbiter
from repit_server.api.calls import Admission, abort_with, answering
from repit_server.api.errors import Context

SERVICE: Final = "repit.v1.ArbitrationService"
STREAM_METHOD: Final = "StreamRequestContacts"
MAX_STREAM_IN_FLIGHT: Final = 64
"""Requests of one stream in work at once. Two for one customer among them are decided in either order."""

Verb: TypeAlias = Callable[[bytes], Awaitable[bytes]]


def arbitration_handlers(arbiter: Arbiter, admission: Admission) -> grpc.GenericRpcHandler:
    """Make the service's handlers: without serializers, so that no Python object is made for a decision."""
    unary: dict[str, Verb] = {
        "RequestContact": arbiter.request_contact_async,
        "CheckContact": arbiter.check_contact_async,
        "BatchRequestContacts": arbiter.batch_request_contacts_async,
        "ConfirmContact": arbiter.confirm_contact_async,
        "ReleaseContact": arbiter.release_contact_async,
        "RecordEngagements": arbiter.record_engagements_async,
        "ExplainCustomer": arbiter.explain_customer_async,
    }
    methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        method: grpc.unary_unary_rpc_method_handler(answering(method, admission, verb))
        for method, verb in unary.items()
    }
    stream = _stream_handler(admission, arbiter.stream_request_contacts_async)
    methods[STREAM_METHOD] = grpc.stream_stream_rpc_method_handler(stream)
    return grpc.method_handlers_generic_handler(SERVICE, methods)


def _stream_handler(
    admission: Admission, verb: Verb
) -> Callable[[AsyncIterator[bytes], Context], AsyncIterator[bytes]]:
    async def handle(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        try:
            with admission:
                async for response in answers_in_order(requests, verb, MAX_STREAM_IN_FLIGHT):
                    yield response
        except Exception as error:  # noqa: BLE001 - a fault must not leave the server without details
            await abort_with(STREAM_METHOD, context, error)

    return handle


async def answers_in_order(
    requests: AsyncIterator[bytes], verb: Verb, max_in_flight: int
) -> AsyncGenerator[bytes, None]:
    """Keep up to `max_in_flight` requests in work and yield each answer as soon as those before it are out."""
    places = asyncio.Semaphore(max_in_flight)
    answers: asyncio.Queue[asyncio.Future[bytes] | None] = asyncio.Queue()

    async def read() -> None:
        try:
            async for request in requests:
                await places.acquire()
                answers.put_nowait(asyncio.ensure_future(verb(request)))
        finally:
            answers.put_nowait(None)

    reader = asyncio.create_task(read())
    try:
        while (answer := await answers.get()) is not None:
            yield await answer
            places.release()
        await reader
    finally:
        reader.cancel()
        while not answers.empty():
            if left := answers.get_nowait():
                left.cancel()
