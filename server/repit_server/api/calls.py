"""What every call goes through: admission, errors with their details, a log line for a fault."""

import contextlib
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn, TypeVar

import grpc

from arbiter_rs import ArbiterError
from repit_server.api.errors import Context, RpcError, abort, internal, overloaded
from repit_server.telemetry import log_event

Request = TypeVar("Request")
Response = TypeVar("Response")


class Admission:
    """Lets a stated number of calls work at once and turns the others away, so that none waits without end."""

    def __init__(self, max_in_flight: int) -> None:
        self._max_in_flight = max_in_flight
        self._in_flight = 0

    def __enter__(self) -> None:
        """Take a place; raises `RpcError` where none is left."""
        if self._in_flight >= self._max_in_flight:
            raise overloaded()
        self._in_flight += 1

    def __exit__(self, *args: object) -> None:
        """Give the place back."""
        self._in_flight -= 1


def answering(
    method: str, admission: Admission, answer: Callable[[Request], Awaitable[Response]]
) -> Callable[[Request, Context], Awaitable[Response]]:
    """Make a handler of a verb: what it raises becomes the status of the call."""

    async def handle(request: Request, context: Context) -> Response:
        started = time.perf_counter()
        try:
            with admission:
                return await answer(request)
        except Exception as error:  # noqa: BLE001 - a fault must not leave the server without details
            await abort_with(method, context, error)
        finally:
            log_event(
                logging.DEBUG, "call", method=method, milliseconds=round((time.perf_counter() - started) * 1e3, 3)
            )

    return handle


def streaming(
    method: str, admission: Admission, answers: Callable[[Request], AsyncGenerator[Response, None]]
) -> Callable[[Request, Context], AsyncIterator[Response]]:
    """Make a handler of a verb that answers many times: what it raises becomes the status of the call."""

    async def handle(request: Request, context: Context) -> AsyncIterator[Response]:
        try:
            with admission:
                async with contextlib.aclosing(answers(request)) as responses:
                    async for response in responses:
                        yield response
        except Exception as error:  # noqa: BLE001 - a fault must not leave the server without details
            await abort_with(method, context, error)

    return handle


async def abort_with(method: str, context: Context, error: Exception) -> NoReturn:
    """Answer the call with what was raised; a fault goes to the log and its words stay there."""
    if isinstance(error, grpc.aio.AbortError):
        raise error
    if isinstance(error, ArbiterError | RpcError):
        if _is_server_side(error):
            log_event(logging.WARNING, "call_failed", method=method, error=error.message)
        await abort(context, error)
    log_event(logging.ERROR, "fault", method=method)
    await abort(context, internal())


def _is_server_side(error: ArbiterError | RpcError) -> bool:
    code: Any = error.code if isinstance(error, ArbiterError) else error.code.value[0]
    return code in _SERVER_SIDE


_SERVER_SIDE = {
    code.value[0]
    for code in (
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DATA_LOSS,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    )
}
