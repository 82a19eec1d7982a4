"""The errors that this server makes itself, with `google.rpc` details; those of the engine come with theirs."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, NoReturn, TypeAlias

import grpc
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, ResourceInfo, RetryInfo
from google.rpc.status_pb2 import Status

from arbiter_rs import ArbiterError

DOMAIN: Final = "repit.dev"
DETAILS_KEY: Final = "grpc-status-details-bin"

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


class ErrorReason(StrEnum):
    """What stands in `ErrorInfo.reason` of this server's own errors."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    """A field is malformed or over a stated maximum."""
    CATALOG_VERSION_UNKNOWN = "CATALOG_VERSION_UNKNOWN"
    """No such catalog version, or none yet."""
    CAMPAIGN_UNKNOWN = "CAMPAIGN_UNKNOWN"
    CAMPAIGN_EXISTS = "CAMPAIGN_EXISTS"
    CAMPAIGN_IN_DOCUMENT = "CAMPAIGN_IN_DOCUMENT"
    """The campaign is written in the catalog document and changes with it alone."""
    CAMPAIGN_IN_USE = "CAMPAIGN_IN_USE"
    """The catalog document names the campaign."""
    NO_CATALOG = "NO_CATALOG"
    """A campaign needs a catalog to stand in, and none was applied."""
    CATALOG_OUTDATED = "CATALOG_OUTDATED"
    """A version that an earlier release wrote and this one cannot read as a catalog."""
    SHADOW_RUNNING = "SHADOW_RUNNING"
    """A second catalog decides beside the active one already."""
    ETAG_DIFFERS = "ETAG_DIFFERS"
    """Another change came first."""
    CATALOG_BUSY = "CATALOG_BUSY"
    """Others changed the catalog each time that this change was tried."""
    OVERLOADED = "OVERLOADED"
    """More requests are in work than `max_in_flight`."""
    INTERNAL = "INTERNAL"
    """A fault of the server."""


class RpcError(Exception):
    """An error to answer a call with: its gRPC status and its details."""

    def __init__(self, code: grpc.StatusCode, message: str, details: Iterable[Message]) -> None:
        """Make the `google.rpc.Status` that goes into the trailing metadata."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = Status(code=code.value[0], message=message)
        for detail in details:
            self.status.details.add().Pack(detail)


def error_info(reason: ErrorReason, metadata: Mapping[str, str] | None = None) -> ErrorInfo:
    """Say which error it is, for programs."""
    return ErrorInfo(reason=reason, domain=DOMAIN, metadata=metadata)


def invalid_fields(violations: Iterable[tuple[str, str]]) -> RpcError:
    """Refuse a request for its fields, each given by path and what is wrong with it."""
    bad = BadRequest()
    for path, problem in violations:
        bad.field_violations.add(field=path, description=problem)
    message = "; ".join(f"{entry.field}: {entry.description}" for entry in bad.field_violations)
    info = error_info(ErrorReason.INVALID_ARGUMENT)
    return RpcError(grpc.StatusCode.INVALID_ARGUMENT, message, [info, bad])


def not_found(reason: ErrorReason, message: str, *, resource_type: str, name: str) -> RpcError:
    """Say that a named thing does not exist."""
    resource = ResourceInfo(resource_type=resource_type, resource_name=name, description=message)
    return RpcError(grpc.StatusCode.NOT_FOUND, message, [error_info(reason), resource])


def already_exists(message: str, *, resource_type: str, name: str) -> RpcError:
    """Say that a name is taken."""
    resource = ResourceInfo(resource_type=resource_type, resource_name=name, description=message)
    return RpcError(grpc.StatusCode.ALREADY_EXISTS, message, [error_info(ErrorReason.CAMPAIGN_EXISTS), resource])


def failed_precondition(reason: ErrorReason, message: str, *, subject: str) -> RpcError:
    """Say what forbids a change."""
    failure = PreconditionFailure()
    failure.violations.add(type=reason, subject=subject, description=message)
    return RpcError(grpc.StatusCode.FAILED_PRECONDITION, message, [error_info(reason), failure])


def etag_differs(current: str) -> RpcError:
    """Say that another change came first, and the etag that holds."""
    message = f"the catalog has changed: its etag is `{current}`; read it, change it again and apply it with that etag"
    return RpcError(grpc.StatusCode.ABORTED, message, [error_info(ErrorReason.ETAG_DIFFERS, {"etag": current})])


def catalog_busy(current: str) -> RpcError:
    """Say that others were faster each time."""
    message = "others kept changing the catalog; try again"
    retry = RetryInfo()
    retry.retry_delay.FromMilliseconds(500)
    return RpcError(grpc.StatusCode.ABORTED, message, [error_info(ErrorReason.CATALOG_BUSY, {"etag": current}), retry])


def overloaded() -> RpcError:
    """Turn a call away: too many are in work."""
    retry = RetryInfo()
    retry.retry_delay.FromMilliseconds(100)
    message = "too many requests are in work; try again"
    return RpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, message, [error_info(ErrorReason.OVERLOADED), retry])


def internal() -> RpcError:
    """Admit a fault, without its words: they are in the log."""
    return RpcError(
        grpc.StatusCode.INTERNAL, "the server made a mistake; see its log", [error_info(ErrorReason.INTERNAL)]
    )


async def abort(context: Context, error: RpcError | ArbiterError) -> NoReturn:
    """Answer the call with an error and its details."""
    code = error.code if isinstance(error, RpcError) else _CODES.get(error.code, grpc.StatusCode.INTERNAL)
    status = error.status.SerializeToString() if isinstance(error, RpcError) else error.status
    await context.abort(code, error.message, trailing_metadata=((DETAILS_KEY, status),))


Handler: TypeAlias = Callable[[Any, Context], Awaitable[Any]]
