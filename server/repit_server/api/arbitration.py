"""`ArbitrationService`: bytes go to the engine and come back, untouched."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

import grpc

from arbiter_rs import Arbiter
from repit_server.api.calls import Admission, answering, streaming
from repit_server.api.claims import Claims, Verb

SERVICE: Final = "repit.v1.ArbitrationService"
STREAM_METHOD: Final = "StreamRequestContacts"
CLAIMS_METHOD: Final = "RegisterClaims"
MAX_STREAM_IN_FLIGHT: Final = 64
"""Requests of one stream in work at once. Two for one customer among them are decided in either order."""


def arbitration_handlers(arbiter: Arbiter, claims: Claims, admission: Admission) -> grpc.GenericRpcHandler:
    """Make the service's handlers: without serializers, so that no Python object is made for a decision."""
    unary: dict[str, Verb] = {
        "RequestContact": arbiter.request_contact_async,
        "CheckContact": arbiter.check_contact_async,
        "BatchRequestContacts": arbiter.batch_request_contacts_async,
        "ConfirmContact": arbiter.confirm_contact_async,
        "ReleaseContact": arbiter.release_contact_async,
        "RecordEngagements": arbiter.record_engagements_async,
        "WithdrawClaims": claims.withdraw,
        "ListClaims": claims.list,
        "ExplainCustomer": arbiter.explain_customer_async,
    }
    methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        method: grpc.unary_unary_rpc_method_handler(answering(method, admission, verb))
        for method, verb in unary.items()
    }

    def asked(requests: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        return answers_in_order(requests, arbiter.stream_request_contacts_async, MAX_STREAM_IN_FLIGHT)

    for method, answers in ((STREAM_METHOD, asked), (CLAIMS_METHOD, claims.register)):
        methods[method] = grpc.stream_stream_rpc_method_handler(streaming(method, admission, answers))
    return grpc.method_handlers_generic_handler(SERVICE, methods)


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
