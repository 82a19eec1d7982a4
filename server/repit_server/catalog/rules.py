"""The rules of a contact policy."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from repit_server.catalog.capacity import Capacities
from repit_server.catalog.selector import OuterSelector
from repit_server.catalog.values import (
    Amount,
    AtLeastOne,
    Count,
    EngagementKind,
    Measure,
    Name,
    NotServed,
    Part,
    Priority,
    Rest,
    Salt,
    Share,
    SpanOrDays,
    refuse,
    refuse_none,
    refuse_several,
)
from repit_server.catalog.windows import Window

RULE_KINDS: Final = ("frequency_cap", "back_off", "respite", "prerequisite", "capacity", "holdout")
"""The rule kinds that are served; a rule has exactly one."""
RULE_KINDS_NOT_SERVED: Final = ("hours",)
MEASURES: Final = ("limit", "points", "cost")
"""What a frequency cap adds up; a cap has exactly one."""
PREREQUISITES: Final = ("contact", "engagement")
"""What a prerequisite looks for; it has exactly one."""


class Reserve(Part):
    """Places of a cap that are kept for better campaigns."""

    min_priority: Priority = Field(description="Below this priority the cap allows `places` less.")
    places: Measure = Field(description="How much is kept, in the unit of the cap.")


class FrequencyCap(Part):
    """At most so much in a window: exactly one of `limit`, `points`, `cost`."""

    limit: Count | None = Field(None, description="Contacts; 0 allows nothing.")
    points: Measure | None = Field(None, description="Pressure points, above 0.")
    cost: Measure | None = Field(None, description="Money, above 0.")
    window: Window = Field(description="Over what it adds up.")
    counted: Literal["attempts", "confirmed", "answered"] = Field(
        "attempts", description="Which contacts count: all that were not released, those sent, those answered."
    )
    reserve: Reserve | None = Field(None, description="Places kept for better campaigns.")
    per: Literal["customer", "party", "contact_point", "subject"] = Field(
        "customer",
        description="Whose contacts are added up: the customer's, or those of the party, all, at the same contact "
        "point, or about the same subject.",
    )

    @model_validator(mode="before")
    @classmethod
    def _one_measure(cls, written: Any) -> Any:  # noqa: ANN401 - whatever stands in the document
        return refuse_several(written, MEASURES, "the cap")

    @model_validator(mode="after")
    def _measure_fits(self) -> Self:
        refuse_none(self, MEASURES, "the cap")
        if self.limit is not None and self.reserve is not None and self.reserve.places % 1:
            remedy = "write a whole number of `places`"
            refuse(f"{self.reserve.places} places of a cap in contacts", remedy)
        return self

    def measured(self) -> tuple[str, float]:
        """Give what it adds up, `limit`, `points` or `cost`, and how much of it the cap allows."""
        if self.limit is not None:
            return "limit", self.limit
        return ("points", self.points) if self.points is not None else ("cost", self.cost or 0)

    def allows(self, priority: int) -> float:
        """Give what it allows to a campaign of this priority."""
        kept = self.reserve.places if self.reserve is not None and priority < self.reserve.min_priority else 0
        return max(round(self.measured()[1] - kept, 6), 0)


class BackOff(Part):
    """A growing rest after contacts that nobody answered."""

    after: AtLeastOne = Field(description="From so many unanswered contacts on.")
    of: Literal["offer_family", "campaign", "channel", "any"] = Field(
        description="Which contacts make a streak: those alike in this, or any."
    )
    rests: Annotated[list[Rest], Field(min_length=1, max_length=64)] = Field(
        description="The rest after the first contact too many, the second, …; the last one repeats."
    )
    answers: Annotated[list[EngagementKind], Field(min_length=1)] = Field(
        default=["clicked", "answered", "converted", "purchased"], description="What counts as an answer."
    )


class Respite(Part):
    """No contact for a span after an event."""

    after: Annotated[list[EngagementKind], Field(min_length=1)] = Field(description="The events.")
    for_: Rest = Field(alias="for", description="For how long.")
    min_value: Amount | None = Field(None, description="Only events worth at least this.")
    of: Literal["offer_family"] | None = Field(None, description="Only events of the same offer family.")


class Prerequisite(Part):
    """Only after a contact or an engagement: exactly one of `contact`, `engagement`."""

    contact: OuterSelector | None = Field(None, description="A contact that this takes, as it was at its grant.")
    engagement: Annotated[list[EngagementKind], Field(min_length=1)] | None = Field(
        None, description="An engagement of any of these kinds."
    )
    of: Literal["offer_family", "campaign", "channel", "any"] | None = Field(
        None, description="Of `engagement`: what it must have in common with the candidate; any by default."
    )
    within: SpanOrDays = Field(description="How long ago at most.")

    @model_validator(mode="before")
    @classmethod
    def _one_thing_to_look_for(cls, written: Any) -> Any:  # noqa: ANN401 - whatever stands in the document
        return refuse_several(written, PREREQUISITES, "the prerequisite")

    @model_validator(mode="after")
    def _keys_belong_together(self) -> Self:
        refuse_none(self, PREREQUISITES, "the prerequisite")
        if self.of is not None and self.engagement is None:
            refuse("the prerequisite has `of` and no `engagement`", "name campaigns or channels in `contact` instead")
        return self


class Holdout(Part):
    """No contact with a share of the customers, always the same ones."""

    share: Share = Field(description="Which part of the customers, 0 to 1.")
    salt: Salt = Field(description="Draws the customers: another text draws others, the same text the same ones.")


class Rule(Part):
    """One rule of a policy: a name and exactly one of its kinds."""

    name: Name = Field(description="Its name, unique in the policy.")
    frequency_cap: FrequencyCap | None = Field(None, description="At most so much in a window.")
    back_off: BackOff | None = Field(None, description="A growing rest after contacts that nobody answered.")
    respite: Respite | None = Field(None, description="No contact for a span after an event.")
    prerequisite: Prerequisite | None = Field(None, description="Only after a contact or an engagement.")
    capacity: Capacities = Field(None, description="At most so many in a window, over all customers.")
    holdout: Holdout | None = Field(None, description="No contact with a share of the customers.")
    hours: NotServed = None

    @model_validator(mode="before")
    @classmethod
    def _one_kind_of_rule(cls, written: Any) -> Any:  # noqa: ANN401 - whatever stands in the document
        return refuse_several(written, RULE_KINDS + RULE_KINDS_NOT_SERVED, "the rule")

    @model_validator(mode="after")
    def _some_kind_of_rule(self) -> Self:
        refuse_none(self, RULE_KINDS, "the rule")
        return self
