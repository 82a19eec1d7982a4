"""Répit's client: may I contact this customer now, by this channel, for this campaign?

Needs grpcio and protobuf, nothing else.
"""

from repit.aio import AsyncClient
from repit.answers import Alternative, Answer, CapUsage, Decision, Denial, RequestResult, Score
from repit.catalog import AppliedCatalog, Campaign, CampaignChange, Catalog, Finding, Selector
from repit.claims import (
    Claim,
    ClaimedPlace,
    ClaimList,
    ClaimRefusal,
    ClaimRegistration,
    ClaimTotals,
    ClaimWithdrawal,
    Place,
)
from repit.client import Client
from repit.contact import Contact, ContactReference, EngagementResult
from repit.difference import CatalogDifferences, Difference, TouchedCustomers
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
from repit.explanation_parts import Affinity, CapacityHolding, LadderStep, Streak
from repit.kinds import (
    AlternativeKind,
    CampaignOrigin,
    ContactState,
    DenialReason,
    DifferenceEffect,
    DifferenceKind,
    EngagementKind,
    Kind,
    Severity,
    Verdict,
)
from repit.language import Language
from repit.requests import Candidate, ContactRequest, Engagement
from repit.retry import RetryPolicy
from repit.shadow import ShadowDenialCount, ShadowReport, ShadowSample

__version__ = "0.1.0"

__all__ = [
    "AbortedError",
    "Affinity",
    "AlreadyExistsError",
    "Alternative",
    "AlternativeKind",
    "Answer",
    "AppliedCatalog",
    "AsyncClient",
    "Campaign",
    "CampaignChange",
    "CampaignOrigin",
    "Candidate",
    "CapUsage",
    "CapacityHolding",
    "Catalog",
    "CatalogDifferences",
    "ChannelAvailability",
    "Claim",
    "ClaimList",
    "ClaimRefusal",
    "ClaimRegistration",
    "ClaimTotals",
    "ClaimWithdrawal",
    "ClaimedPlace",
    "Client",
    "Contact",
    "ContactReference",
    "ContactRequest",
    "ContactState",
    "DeadlineExceededError",
    "Decision",
    "Denial",
    "DenialReason",
    "Difference",
    "DifferenceEffect",
    "DifferenceKind",
    "Engagement",
    "EngagementKind",
    "EngagementResult",
    "Explanation",
    "FailedPreconditionError",
    "FieldViolation",
    "Finding",
    "InvalidArgumentError",
    "Kind",
    "LadderStep",
    "Language",
    "NotFoundError",
    "PermissionDeniedError",
    "Place",
    "PreconditionViolation",
    "RepitError",
    "RequestResult",
    "Resource",
    "ResourceExhaustedError",
    "RetryPolicy",
    "RuleUsage",
    "Score",
    "Selector",
    "Severity",
    "ShadowDenialCount",
    "ShadowReport",
    "ShadowSample",
    "Streak",
    "TimelineEntry",
    "TouchedCustomers",
    "UnauthenticatedError",
    "UnavailableError",
    "Verdict",
    "__version__",
]
