"""Répit's client: may I contact this customer now, by this channel, for this campaign?

Needs grpcio and protobuf, nothing else.
"""

from repit.aio import AsyncClient
from repit.answers import Alternative, Answer, CapUsage, Decision, Denial, RequestResult
from repit.catalog import AppliedCatalog, Campaign, CampaignChange, Catalog, Finding, Selector
from repit.client import Client
from repit.contact import Contact, ContactReference, EngagementResult
from repit.errors import (
    AbortedError,
    AlreadyExistsError,
    DeadlineExceededError,
    FailedPreconditionError,
    FieldViolation,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionViolation,
    RepitError,
    Resource,
    ResourceExhaustedError,
    UnauthenticatedError,
    UnavailableError,
)
from repit.explanation import ChannelAvailability, Explanation, RuleUsage, TimelineEntry
from repit.kinds import (
    CampaignOrigin,
    ContactState,
    DenialReason,
    EngagementKind,
    Kind,
    Severity,
    Verdict,
)
from repit.requests import Candidate, ContactRequest, Engagement
from repit.retry import RetryPolicy

__version__ = "0.1.0"

__all__ = [
    "AbortedError",
    "AlreadyExistsError",
    "Alternative",
    "Answer",
    "AppliedCatalog",
    "AsyncClient",
    "Campaign",
    "CampaignChange",
    "CampaignOrigin",
    "Candidate",
    "CapUsage",
    "Catalog",
    "ChannelAvailability",
    "Client",
    "Contact",
    "ContactReference",
    "ContactRequest",
    "ContactState",
    "DeadlineExceededError",
    "Decision",
    "Denial",
    "DenialReason",
    "Engagement",
    "EngagementKind",
    "EngagementResult",
    "Explanation",
    "FailedPreconditionError",
    "FieldViolation",
    "Finding",
    "InvalidArgumentError",
    "Kind",
    "NotFoundError",
    "PermissionDeniedError",
    "PreconditionViolation",
    "RepitError",
    "RequestResult",
    "Resource",
    "ResourceExhaustedError",
    "RetryPolicy",
    "RuleUsage",
    "Selector",
    "Severity",
    "TimelineEntry",
    "UnauthenticatedError",
    "UnavailableError",
    "Verdict",
    "__version__",
]
