"""The catalog document as a whole: channels, segments, offer families, business units, campaigns, policies."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from repit_server.catalog.capacity import Budget, Capacities
from repit_server.catalog.rules import Rule
from repit_server.catalog.segments import Segments, When
from repit_server.catalog.selector import OuterSelector, Selector
from repit_server.catalog.values import (
    Amount,
    BrandZone,
    ChannelName,
    Currency,
    Day,
    EngagementKind,
    FamilyName,
    Kind,
    Name,
    NotServed,
    Part,
    Priority,
    Span,
    SpanInHorizon,
    UnitName,
    refuse,
    served_only,
)

DEFAULT_HORIZON = "400d"


class Reservation(Part):
    """What becomes of a granted contact that is neither confirmed nor released."""

    expires_after: SpanInHorizon = Field("24h", description="How long a reservation stands unconfirmed.")
    unconfirmed: Literal["counts", "released"] = Field(
        "counts", description="Whether an expired reservation keeps its place or loses it."
    )


class Channel(Part):
    """A way to contact customers."""

    cost: Amount = Field(0, description="What one contact costs, in the currency of the catalog.")
    pressure: Amount = Field(1, description="What one contact weighs in a cap of points.")
    reservation: Reservation = Field(Reservation(), description="How reservations on this channel expire.")
    capacity: Capacities = Field(None, description="How many contacts it can make, over all customers.")
    hours: NotServed = None


class OfferFamily(Part):
    """A kind of thing that campaigns offer."""

    fallback: FamilyName | None = Field(None, description="The family to propose instead.")
    half_life: Span | None = Field(None, description="In which half of a customer's affinity for it fades.")
    learns_from: Annotated[list[EngagementKind], Field(min_length=1)] | None = Field(
        None,
        description="What teaches the affinity; opened, clicked, answered, converted, purchased where absent.",
    )


class Fatigue(Part):
    """How contacts that nobody answered tire a customer."""

    half_life: Span = Field(description="In which half of the fatigue of a contact fades.")


class BusinessUnit(Part):
    """A team that owns campaigns."""


class Active(Part):
    """When a campaign runs, in the brand's time zone."""

    from_: Day | None = Field(None, alias="from", description="The first day; no beginning where absent.")
    until: Day | None = Field(None, description="The day at whose start it ends; no end where absent.")

    @model_validator(mode="after")
    def _from_is_before_until(self) -> Self:
        if self.from_ is not None and self.until is not None and self.from_ >= self.until:
            problem = f"`from` {self.from_} is not before `until` {self.until}: the campaign is never active"
            refuse(problem, "`until` is the first day on which it no longer runs: write a later one")
        return self


class Campaign(Part):
    """Who asks to contact customers, and how much it matters."""

    priority: Priority = Field(description="0-100, higher wins.")
    kind: Kind = Field("marketing", description="What the law and the policy treat apart.")
    channels: Annotated[list[ChannelName], Field(min_length=1)] = Field(description="The channels that it uses.")
    offer_family: FamilyName | None = Field(None, description="What it offers.")
    business_unit: UnitName | None = Field(None, description="Who owns it.")
    active: Active = Field(Active(), description="When it runs; always where absent.")
    value: Amount | None = Field(None, description="What an answer is worth, in the currency of the catalog.")
    pressure: Amount | None = Field(None, description="What one contact weighs; the channel's where absent.")
    eligible: OuterSelector | None = Field(None, description="Which customers it may contact; all where absent.")
    budget: Budget | None = Field(None, description="What it may spend, over all customers.")


class ApiCampaign(Campaign):
    """A campaign registered over the API: the keys of one in the document, and its name."""

    name: Name = Field(description="Its name, unique among all campaigns.")


class Policy(Part):
    """A named set of rules: all that apply must hold."""

    name: Name = Field(description="Its name, unique in the document.")
    applies_to: OuterSelector = Field(Selector(), description="Which requests the rules judge; all where absent.")
    counts: OuterSelector | None = Field(
        None, description="Which contacts the rules count; those of `applies_to` where absent."
    )
    rules: list[Rule] = Field(description="The rules, in the order in which denials name them.")


_FailureVerdict = Annotated[
    Literal["deny"],
    served_only({"grant_and_log": "write `deny`, or leave the key out: nothing is granted while the store is away"}),
]


class OnStoreFailure(Part):
    """What each kind is answered while the store is away."""

    marketing: _FailureVerdict = Field("deny", description="For marketing.")
    service: _FailureVerdict = Field("deny", description="For service messages.")
    transactional: _FailureVerdict = Field("deny", description="For transactional messages.")
    legal: _FailureVerdict = Field("deny", description="For legal messages.")


class Document(Part):
    """A catalog: channels, segments, policies, campaigns as one document."""

    repit: Literal[1] = Field(description="The format of this document.")
    zone: BrandZone = Field(description="The brand's time zone.")
    horizon: Span = Field(DEFAULT_HORIZON, description="How long a contact is remembered; no window is longer.")
    channels: Annotated[dict[Name, Channel], Field(min_length=1, max_length=256)] = Field(
        description="The channels, by name."
    )
    currency: Currency | None = Field(None, description="In which costs, values and budgets are counted.")
    segments: Segments = Field(
        default=[], description="The segments: names that callers give, or by name with `when` for derived ones."
    )
    fatigue: Fatigue | None = Field(None, description="How unanswered contacts lower the score of the next one.")
    offer_families: dict[Name, OfferFamily] = Field(default={}, description="The offer families, by name.")
    business_units: dict[Name, BusinessUnit] = Field(default={}, description="The business units, by name.")
    campaigns: dict[Name, Campaign] = Field(
        default={}, description="The campaigns, by name; others may be registered over the API."
    )
    policies: list[Policy] = Field(default=[], description="The contact policies: all rules that apply must hold.")
    on_store_failure: OnStoreFailure = Field(
        OnStoreFailure(), description="What is answered while the store is away, by kind."
    )

    def segment_names(self) -> list[str]:
        """List the names of the segments, in the order of the document."""
        return list(self.segments)

    def derived_segments(self) -> dict[str, When]:
        """Give the segments that follow from what the customer did, in the order of the document."""
        written = self.segments if isinstance(self.segments, dict) else {}
        return {name: segment.when for name, segment in written.items() if segment.when is not None}
