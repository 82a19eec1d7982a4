"""The rules of a contact policy: frequency caps with their windows, back-off, respite."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from repit_server.catalog import times
from repit_server.catalog.values import (
    Amount,
    AtLeastOne,
    Count,
    Days,
    EngagementKind,
    Measure,
    Name,
    NotServed,
    Part,
    Priority,
    Rest,
    SpanInHorizon,
    Zone,
    check_horizon,
    refuse,
    served_only,
)

RULE_KINDS: Final = ("frequency_cap", "back_off", "respite")
"""The rule kinds that are served; a rule has exactly one."""
RULE_KINDS_NOT_SERVED: Final = ("prerequisite", "capacity", "hours", "holdout")
MEASURES: Final = ("limit", "points", "cost")
"""What a frequency cap adds up; a cap has exactly one."""
WINDOW_KINDS: Final = ("sliding", "calendar", "rolling_days", "lifetime")
"""The kinds of window; a window has exactly one."""
CALENDAR_DAYS: Final = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
"""The longest that each calendar period can be, in days."""

_PER_REMEDY: Final = "leave `per` out: contacts are added up by customer"


def _not_several(written: Any, keys: tuple[str, ...], what: str) -> Any:  # noqa: ANN401 - whatever stands in the document
    """Refuse a mapping with several of `keys`."""
    if not isinstance(written, dict):
        return written
    found = [key for key in keys if key in written]
    listed = ", ".join(f"`{key}`" for key in keys)
    if len(found) > 1:
        both = " and ".join(f"`{key}`" for key in found)
        refuse(f"{what} has {both}", f"keep exactly one of {listed}")
    return written


def _at_least_one(part: Part, keys: tuple[str, ...], what: str) -> None:
    if all(getattr(part, key) is None for key in keys):
        listed = ", ".join(f"`{key}`" for key in keys)
        refuse(f"{what} has none of {listed}", f"write exactly one of {listed}")


def _check_unit(unit: str, info: ValidationInfo) -> str:
    check_horizon(CALENDAR_DAYS[unit] * times.DAY_MS, info, f"a calendar {unit}")
    return unit


class Window(Part):
    """Over what a cap adds up: exactly one of `sliding`, `calendar`, `rolling_days`, `lifetime`."""

    sliding: SpanInHorizon | None = Field(
        None, description="The last so much time, exactly; a contact exactly one window old no longer counts."
    )
    calendar: Annotated[Literal["day", "week", "month", "quarter", "year"], AfterValidator(_check_unit)] | None = Field(
        None, description="The calendar period that holds the contact."
    )
    rolling_days: Days | None = Field(
        None, description="So many whole calendar days, the contact's own the last of them."
    )
    lifetime: Literal[True] | None = Field(None, description="Ever, within the horizon.")
    zone: Zone | None = Field(
        None,
        description="Of `calendar` and `rolling_days`: `customer`, `brand` (the default) or an IANA time zone.",
    )
    week_starts: Literal["monday", "sunday"] | None = Field(
        None, description="Of `calendar: week`: the day that weeks begin on; monday by default."
    )

    @model_validator(mode="before")
    @classmethod
    def _one_kind_of_window(cls, written: Any) -> Any:  # noqa: ANN401 - whatever stands in the document
        return _not_several(written, WINDOW_KINDS, "the window")

    @model_validator(mode="after")
    def _keys_belong_together(self) -> Self:
        _at_least_one(self, WINDOW_KINDS, "the window")
        if self.zone is not None and self.calendar is None and self.rolling_days is None:
            refuse("the window has a `zone` and needs none", "leave `zone` out, or use `calendar` or `rolling_days`")
        if self.week_starts is not None and self.calendar != "week":
            refuse("the window has `week_starts` and is no week", "leave `week_starts` out, or write `calendar: week`")
        return self


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
    per: Annotated[
        Literal["customer"], served_only(dict.fromkeys(("party", "contact_point", "subject"), _PER_REMEDY))
    ] = Field("customer", description="Whose contacts are added up.")

    @model_validator(mode="before")
    @classmethod
    def _one_measure(cls, written: Any) -> Any:  # noqa: ANN401 - whatever stands in the document
        return _not_several(written, MEASURES, "the cap")

    @model_validator(mode="after")
    def _measure_fits(self) -> Self:
        _at_least_one(self, MEASURES, "the cap")
        if self.limit is not None and self.reserve is not None and self.reserve.places % 1:
            remedy = "write a whole number of `places`"
            refuse(f"{self.reserve.places} places of a cap in contacts", remedy)
        return self


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


class Rule(Part):
    """One rule of a policy: a name and exactly one of `frequency_cap`, `back_off`, `respite`."""

    name: Name = Field(description="Its name, unique in the policy.")
    frequency_cap: FrequencyCap | None = Field(None, description="At most so much in a window.")
    back_off: BackOff | None = Field(None, description="A growing rest after contacts that nobody answered.")
    respite: Respite | None = Field(None, description="No contact for a span after an event.")
    prerequisite: NotServed = None
    capacity: NotServed = None
    hours: NotServed = None
    holdout: NotServed = None

    @model_validator(mode="before")
    @classmethod
    def _one_kind_of_rule(cls, written: Any) -> Any:  # noqa: ANN401 - whatever stands in the document
        return _not_several(written, RULE_KINDS + RULE_KINDS_NOT_SERVED, "the rule")

    @model_validator(mode="after")
    def _some_kind_of_rule(self) -> Self:
        _at_least_one(self, RULE_KINDS, "the rule")
        return self
