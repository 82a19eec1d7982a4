"""Segments: given by the caller, or derived from what the customer did."""

from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, Tag, model_validator

from repit_server.catalog.values import AtLeastOne, Name, Part, SpanInHorizon, either, refuse, refuse_none

CONDITIONS: Final = ("answered_within", "unanswered_at_least", "first_contact_within", "purchased_within")
"""What a derived segment can ask; it asks at least one of them."""


class When(Part):
    """What a customer must have done to be in the segment: all that is written must hold."""

    answered_within: SpanInHorizon | None = Field(
        None, description="Clicked, answered, converted or purchased, less than so long ago."
    )
    unanswered_at_least: AtLeastOne | None = Field(
        None, description="So many contacts or more since the last of these, remembered ones."
    )
    first_contact_within: SpanInHorizon | None = Field(
        None, description="Contacted, for the first time less than so long ago."
    )
    purchased_within: SpanInHorizon | None = Field(None, description="Purchased, less than so long ago.")

    @model_validator(mode="after")
    def _some_condition(self) -> Self:
        refuse_none(self, CONDITIONS, "`when`", "at least one")
        return self


class Segment(Part):
    """A named group of customers."""

    when: When | None = Field(None, description="Derives it from what the customer did; given by callers where absent.")


def _given_only(written: Any) -> Any:  # noqa: ANN401 - whatever stands in the document
    if isinstance(written, dict):
        remedy = "write the segments as a mapping, `{engaged: {when: {answered_within: 30d}}, loyal: {}}`"
        refuse("a list holds names of segments that callers give, and no more", remedy)
    return written


Segments = Annotated[
    Annotated[list[Annotated[Name, BeforeValidator(_given_only)]], Tag("~list")]
    | Annotated[dict[Name, Segment], Tag("~mapping")],
    either("~list", "~mapping", "this is not a list of names", "write `[loyal, prospect]`"),
]
