"""Capacity and budget: how much a channel, a campaign or a business unit can do, counted over all customers."""

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, Tag, ValidationInfo, field_validator
from pydantic.json_schema import SkipJsonSchema

from repit_server.catalog.findings import quoted
from repit_server.catalog.values import BudgetAmount, BudgetCurrency, Part, Share, UnitName, either, refuse
from repit_server.catalog.windows import Period

MAX_CAPACITIES: Final = 16
"""Most capacities of one channel, or of one rule."""
MAX_LIMIT: Final = 1_000_000_000


def _check_sum(shares: dict[str, float]) -> dict[str, float]:
    total = _sum(shares)
    if total > 1:
        refuse(f"the shares are {float(total * 100):g} % together", "lower them to 100 % or less together")
    return shares


def _sum(shares: dict[str, float]) -> Decimal:
    return sum((Decimal(repr(share)) for share in shares.values()), Decimal(0))


class Capacity(Part):
    """At most so many contacts in a window, over all customers."""

    limit: Annotated[int, Field(ge=0, le=MAX_LIMIT)] = Field(description="Contacts; 0 allows nothing.")
    window: Period = Field(description="Over what it counts.")
    per: Literal["channel", "campaign", "business_unit"] | None = Field(
        None, description="Each of these has the capacity for itself; one for all where absent."
    )
    shares: Annotated[dict[UnitName, Share], AfterValidator(_check_sum)] = Field(
        default={}, description="Which part of the capacity each business unit has for sure."
    )
    lend: bool = Field(
        default=False, description="Whether others may use what a unit leaves, in the last tenth of the window."
    )
    declared_unused: list[UnitName] = Field(
        default=[], description="Units that will not use the rest of their share: others may, at once."
    )

    @field_validator("declared_unused")
    @classmethod
    def _declared_by_units_with_a_share(cls, declared: list[str], info: ValidationInfo) -> list[str]:
        shares = info.data.get("shares")
        strangers = [unit for unit in declared if shares is not None and unit not in shares]
        if strangers:
            refuse(f"{quoted(strangers[0])} has no share to leave", "name units of `shares`, or give it a share")
        return declared

    def pools(self) -> dict[str, int]:
        """Give the contacts that each unit has for sure, in the order of the document."""
        return {unit: int(Decimal(repr(share)) * self.limit) for unit, share in self.shares.items()}

    def is_shared_out(self) -> bool:
        """Tell whether the shares are 100 % together."""
        return _sum(self.shares) == 1

    def common(self) -> int:
        """Give the contacts that are nobody's share."""
        return self.limit - sum(self.pools().values())


class Budget(Part):
    """What a campaign may spend over all customers, as long as it runs."""

    amount: BudgetAmount = Field(description="The sum of the costs of its contacts, above 0.")
    currency: BudgetCurrency | None = Field(None, description="The catalog's currency.")


Capacities = Annotated[
    Annotated[list[Capacity], Field(min_length=1, max_length=MAX_CAPACITIES), Tag("~list")]
    | Annotated[Capacity, Tag("~mapping")]
    | Annotated[SkipJsonSchema[None], Tag("~absent")],
    either("~list", "~mapping", "this is not a capacity", "write `[{limit: 150, window: {calendar: day}}]`"),
]
"""One capacity, or several that all hold; nothing where absent."""


def listed(capacities: list[Capacity] | Capacity | None) -> list[Capacity]:
    """Give capacities as a list, however they are written."""
    if capacities is None:
        return []
    return capacities if isinstance(capacities, list) else [capacities]


def numbered(name: str, number: int) -> str:
    """Name one of several capacities: `r`, `r-2`, `r-3`."""
    return name if number == 0 else f"{name}-{number + 1}"
