"""What can go wrong: one exception for each gRPC status of the contract, with the details that the server sends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message

from repit.google_rpc import BadRequest, ErrorInfo, PreconditionFailure, ResourceInfo, RetryInfo, Status

if TYPE_CHECKING:
    from repit.claims import ClaimRegistration

DETAILS_TRAILER = "grpc-status-details-bin"
BROKEN_WRITE = "Internal error from Core"
"""What grpc.aio says where a stream ended while more was written, before it knows how it ended."""

Detail = TypeVar("Detail", bound=Message)


class FieldViolation(NamedTuple):
    """One field of a request that is wrong, by its path, for example `candidates[2].score`."""

    field: str
    description: str


class PreconditionViolation(NamedTuple):
    """One fact that forbids what was asked."""

    type: str
    subject: str
    description: str


class Resource(NamedTuple):
    """What was named and does not exist."""

    type: str
    name: str


@dataclass(frozen=True, slots=True)
class ErrorDetails:
    """The details that come with an error.

    `ErrorInfo`, `BadRequest`, `PreconditionFailure`, `ResourceInfo` and `RetryInfo` of `google.rpc`.
    """

    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    field_violations: tuple[FieldViolation, ...] = ()
    precondition_violations: tuple[PreconditionViolation, ...] = ()
    resource: Resource | None = None
    retry_after_s: float | None = None

    @classmethod
    def of(cls, status: Status) -> "ErrorDetails":
        """The details of a status; kinds of detail that are not known here are passed over."""
        info = _detail(status, ErrorInfo)
        bad_request = _detail(status, BadRequest)
        failure = _detail(status, PreconditionFailure)
        resource = _detail(status, ResourceInfo)
        retry = _detail(status, RetryInfo)
        return cls(
            reason=info.reason if info else "",
            metadata=MappingProxyType(dict(info.metadata) if info else {}),
            field_violations=tuple(
                FieldViolation(violation.field, violation.description)
                for violation in (bad_request.field_violations if bad_request else ())
            ),
            precondition_violations=tuple(
                PreconditionViolation(violation.type, violation.subject, violation.description)
                for violation in (failure.violations if failure else ())
            ),
            resource=Resource(resource.resource_type, resource.resource_name) if resource else None,
            retry_after_s=retry.retry_delay.ToTimedelta().total_seconds() if retry else None,
        )


def _detail(status: Status, kind: type[Detail]) -> Detail | None:
    for packed in status.details:
        message = kind()
        if packed.TypeName() == message.DESCRIPTOR.full_name:
            try:
                packed.Unpack(message)
            except DecodeError:
                return None
            return message
    return None


class RepitError(Exception):
    """Something went wrong; a refusal is an answer, never an error.

    `str()` says in its first line what went wrong, and below it what to do next. `code` is the gRPC status, `reason`
    names the error among those of Répit (the `ErrorInfo`), and `attempts` tells how often the call was tried. A status
    that the contract does not name is a plain `RepitError`. An error that ended `register_claims` says in
    `registration` how far it came, and in `position` where to go on.
    """

    remedy: ClassVar[str] = "look into the log of the server; nothing is known of what was done"

    def __init__(self, message: str, *, code: grpc.StatusCode, details: ErrorDetails | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.details = details or ErrorDetails()
        self.attempts = 1
        self.registration: ClaimRegistration | None = None

    @property
    def position(self) -> int | None:
        """How many of the places given to `register_claims` are taken; none for another call."""
        return None if self.registration is None else self.registration.position

    @property
    def reason(self) -> str:
        """The name of the error among those of Répit; empty where the server did not speak."""
        return self.details.reason

    @property
    def metadata(self) -> Mapping[str, str]:
        """The facts that belong to `reason`."""
        return self.details.metadata

    @property
    def field_violations(self) -> tuple[FieldViolation, ...]:
        """The fields of the request that are wrong."""
        return self.details.field_violations

    @property
    def retry_after_s(self) -> float | None:
        """Seconds after which the server wants to be asked again; none where it did not say."""
        return self.details.retry_after_s

    @property
    def is_retryable(self) -> bool:
        """Whether the same call may succeed when it is made again as it was."""
        return False

    def __str__(self) -> str:
        lines = [self.message]
        # A server may say the same in its message.
        facts = [(violation.field, violation.description) for violation in self.details.field_violations]
        facts += [(violation.subject, violation.description) for violation in self.details.precondition_violations]
        lines += [f"  {name}: {words}" for name, words in facts if words not in self.message]
        if self.attempts > 1:
            lines.append(f"tried {self.attempts} times")
        if self.registration is not None:
            return "\n".join([*lines, f"{self.position:,} places are taken: go on with `resume_at={self.position}`"])
        return "\n".join([*lines, self._what_next()])

    def _what_next(self) -> str:
        if self.retry_after_s is None:
            return self.remedy
        return f"{self.remedy}\nthe server asks for a wait of {self.retry_after_s:g} s"


class InvalidArgumentError(RepitError):
    """The request is malformed, or over a stated maximum; `field_violations` names the fields."""

    remedy = "correct the request; nothing was done"


class NotFoundError(RepitError):
    """A contact, campaign or version that was named does not exist; `resource` names it."""

    remedy = "check the name; nothing was done"

    @property
    def resource(self) -> Resource | None:
        """What does not exist."""
        return self.details.resource


class AlreadyExistsError(RepitError):
    """A campaign of that name exists; `resource` names it."""

    remedy = "take another name, or update the one that is there; nothing was done"

    @property
    def resource(self) -> Resource | None:
        """What exists already."""
        return self.details.resource


class FailedPreconditionError(RepitError):
    """The state forbids it, for example confirming a released contact; `precondition_violations` holds the facts."""

    remedy = "asking again will not help while this holds; nothing was done"

    @property
    def precondition_violations(self) -> tuple[PreconditionViolation, ...]:
        """The facts that forbid it."""
        return self.details.precondition_violations


class AbortedError(RepitError):
    """Another change came first: the etag differs."""

    remedy = "get the catalog again, make the change on it and apply it with its etag; nothing was done"


class UnauthenticatedError(RepitError):
    """No credential, or a bad one."""

    remedy = "give the client a valid credential; nothing was done"


class PermissionDeniedError(RepitError):
    """The role of the caller lacks it."""

    remedy = "ask with a role that may do this; nothing was done"


class ResourceExhaustedError(RepitError):
    """The caller is over its own rate, or the server sheds load."""

    remedy = "ask less often, or ask again later"

    @property
    def is_retryable(self) -> bool:
        """Only where the server says when."""
        return self.retry_after_s is not None


class UnavailableError(RepitError):
    """The server cannot be reached, or its store is away: there is no answer, which is not a grant."""

    remedy = "no answer is not a yes: make the same call again; the same request id takes one place"

    @property
    def is_retryable(self) -> bool:
        """Always."""
        return True


class DeadlineExceededError(RepitError):
    """No answer came in time; whether something was done is not known."""

    remedy = (
        "no answer is not a yes: make the same call again, with a longer deadline; the same request id takes one place"
    )


ERRORS: Mapping[grpc.StatusCode, type[RepitError]] = MappingProxyType(
    {
        grpc.StatusCode.INVALID_ARGUMENT: InvalidArgumentError,
        grpc.StatusCode.NOT_FOUND: NotFoundError,
        grpc.StatusCode.ALREADY_EXISTS: AlreadyExistsError,
        grpc.StatusCode.FAILED_PRECONDITION: FailedPreconditionError,
        grpc.StatusCode.ABORTED: AbortedError,
        grpc.StatusCode.UNAUTHENTICATED: UnauthenticatedError,
        grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
        grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhaustedError,
        grpc.StatusCode.UNAVAILABLE: UnavailableError,
        grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    }
)

CODES = {code.value[0]: code for code in grpc.StatusCode}


def error_of_status(status: Status) -> RepitError:
    """The error that one item of a batch or stream carries."""
    return _error(CODES.get(status.code, grpc.StatusCode.UNKNOWN), status.message, ErrorDetails.of(status))


def error_of_rpc(error: grpc.RpcError, *, target: str) -> RepitError:
    """The error of a failed call to the server at `target`."""
    call = cast("grpc.Call", error)
    code, message = call.code(), call.details() or ""
    details = _details_of_trailers(call)
    if code is grpc.StatusCode.INTERNAL and message == BROKEN_WRITE:
        code, message = grpc.StatusCode.UNAVAILABLE, "the stream ended while more was sent"
    if code is grpc.StatusCode.UNAVAILABLE and not details.reason:
        message = f"no answer from `{target}`: {message}"
    if code is grpc.StatusCode.DEADLINE_EXCEEDED and not details.reason:
        message = f"no answer from `{target}` in time"
    known = _error(code, message, details)
    known.__cause__ = error
    return known


def _details_of_trailers(call: grpc.Call) -> ErrorDetails:
    for key, value in call.trailing_metadata() or ():
        if key == DETAILS_TRAILER and isinstance(value, bytes):
            try:
                return ErrorDetails.of(Status.FromString(value))
            except DecodeError:
                break
    return ErrorDetails()


def _error(code: grpc.StatusCode, message: str, details: ErrorDetails) -> RepitError:
    words = message or code.value[1]
    return ERRORS.get(code, RepitError)(words, code=code, details=details)
