"""Windows: over what a frequency cap adds up, and over what a capacity counts."""

from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator
from pydantic.json_schema import SkipJsonSchema

from repit_server.catalog import times
from repit_server.catalog.values import (
    Days,
    Part,
    SpanInHorizon,
    Zone,
    check_horizon,
    never_here,
    refuse,
    refuse_none,
    refuse_several,
)

WINDOW_KINDS: Final = ("sliding", "calendar", "rolling_days", "lifetime")
"""The kinds of window; a window has exactly one."""
CALENDAR_DAYS: Final = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
"""The longest that each calendar period can be, in days."""

Unit = Literal["day", "week", "month", "quarter", "year"]

_PERIODS: Final = "write `{calendar: day}`, another period, or `{lifetime: true}`"


def _check_unit(unit: str, info: ValidationInfo) -> str:
    check_horizon(CALENDAR_DAYS[unit] * times.DAY_MS, info, f"a calendar {unit}")
    return unit


class Window(Part):
    """Over what a cap adds up: exactly one of `sliding`, `calendar`, `rolling_days`, `lifetime`."""

    kinds: ClassVar[tuple[str, ...]] = WINDOW_KINDS

    sliding: SpanInHorizon | None = Field(
        None, description="The last so much time, exactly; a contact exactly one window old no longer counts."
    )
    calendar: Annotated[Unit, AfterValidator(_check_unit)] | None = Field(
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
        return refuse_several(written, cls.kinds, "the window")

    @model_validator(mode="after")
    def _keys_belong_together(self) -> Self:
        refuse_none(self, self.kinds, "the window")
        if self.zone is not None and self.calendar is None and self.rolling_days is None:
            refuse("the window has a `zone` and needs none", "leave `zone` out, or use `calendar` or `rolling_days`")
        if self.week_starts is not None and self.calendar != "week":
            refuse("the window has `week_starts` and is no week", "leave `week_starts` out, or write `calendar: week`")
        return self


def _check_common_zone(zone: str) -> str:
    if zone == "customer":
        refuse("a capacity is counted over all customers, whatever their zone", "write `brand` or an IANA time zone")
    return zone


class Period(Window):
    """Over what a capacity counts: exactly one of `calendar`, `lifetime`."""

    kinds: ClassVar[tuple[str, ...]] = ("calendar", "lifetime")

    sliding: Annotated[
        SkipJsonSchema[None], never_here("a capacity counts calendar periods, no sliding window", _PERIODS)
    ] = Field(None, description="Of caps alone.")
    rolling_days: Annotated[
        SkipJsonSchema[None], never_here("a capacity counts calendar periods, no rolling days", _PERIODS)
    ] = Field(None, description="Of caps alone.")
    calendar: Unit | None = Field(None, description="The calendar period that holds the contact.")
    lifetime: Literal[True] | None = Field(None, description="Ever.")
    zone: Annotated[Zone, AfterValidator(_check_common_zone)] | None = Field(
        None, description="Of `calendar`: `brand` (the default) or an IANA time zone.", examples=["brand", "UTC"]
    )
