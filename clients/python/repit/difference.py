"""What differs between two catalogs, in words, and how many customers it would have touched."""

from dataclasses import dataclass

from repit.kinds import DifferenceEffect, DifferenceKind
from repit.v1.catalog_pb2 import Difference as DifferenceMessage
from repit.v1.catalog_pb2 import TouchedCustomers as TouchedCustomersMessage
from repit.v1.catalog_service_pb2 import DiffCatalogResponse


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs: `section` and `name` (`policy/rule` for a rule) say which, `words` what for whom.

    `customer_count` are distinct customers of the log with a contact that it judges or counts; none where the log was
    not read.
    """

    section: str
    name: str
    kind: DifferenceKind
    words: str
    effect: DifferenceEffect
    customer_count: int | None

    @classmethod
    def from_message(cls, message: DifferenceMessage) -> "Difference":
        """The difference of a message."""
        return cls(
            section=message.section,
            name=message.name,
            kind=DifferenceKind.of_number(message.kind),
            words=message.words,
            effect=DifferenceEffect.of_number(message.effect),
            customer_count=message.customer_count if message.HasField("customer_count") else None,
        )

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class TouchedCustomers:
    """Distinct customers of the contact log: `touched_count` of `customer_count` have a contact that something judges.

    With `is_at_least` there are as many or more.
    """

    touched_count: int
    customer_count: int
    record_count: int
    is_at_least: bool

    @classmethod
    def from_message(cls, message: TouchedCustomersMessage) -> "TouchedCustomers":
        """The customers of a message."""
        return cls(message.touched_count, message.customer_count, message.record_count, message.is_at_least)

    def __str__(self) -> str:
        least = "at least " if self.is_at_least else ""
        return f"{least}{self.touched_count:,} of {self.customer_count:,} customers of the contact log"


@dataclass(frozen=True, slots=True)
class CatalogDifferences:
    """What differs from version `against_version`; `touched` is none where nothing differs or the log was not read.

    `bool()` is whether something differs.
    """

    differences: tuple[Difference, ...]
    against_version: int
    touched: TouchedCustomers | None

    @classmethod
    def from_message(cls, message: DiffCatalogResponse) -> "CatalogDifferences":
        """The differences of a message."""
        return cls(
            differences=tuple(Difference.from_message(difference) for difference in message.differences),
            against_version=message.against_version,
            touched=TouchedCustomers.from_message(message.touched) if message.HasField("touched") else None,
        )

    def __bool__(self) -> bool:
        return bool(self.differences)

    def __str__(self) -> str:
        lines = [str(difference) for difference in self.differences] or ["no difference"]
        return "\n".join([*lines, f"touches {self.touched}"] if self.touched else lines)
