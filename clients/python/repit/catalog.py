"""The catalog as callers see it: its versions, what is wrong with a document, and campaigns registered over the API."""

from dataclasses import dataclass
from datetime import date, datetime

from repit.kinds import CampaignOrigin, Kind, Severity
from repit.times import time_in
from repit.v1.campaign_pb2 import Campaign as CampaignMessage
from repit.v1.campaign_pb2 import Selector as SelectorMessage
from repit.v1.catalog_pb2 import Catalog as CatalogMessage
from repit.v1.catalog_pb2 import Finding as FindingMessage
from repit.v1.catalog_service_pb2 import (
    ApplyCatalogResponse,
    CreateCampaignResponse,
    RollbackCatalogResponse,
    UpdateCampaignResponse,
)
from repit.v1.kind_pb2 import Kind as KindMessage


@dataclass(frozen=True, slots=True)
class Catalog:
    """The catalog at one version; `change` is what was done to `from_version` to make it.

    Give `etag` back when you apply a change made from it, so that nobody's change is overwritten.
    """

    version: int
    etag: str
    document: str
    api_campaign_ids: tuple[str, ...]
    author: str
    message: str
    create_time: datetime | None
    from_version: int
    change: str

    @classmethod
    def from_message(cls, message: CatalogMessage) -> "Catalog":
        """The catalog of a message."""
        return cls(
            version=message.version,
            etag=message.etag,
            document=message.document,
            api_campaign_ids=tuple(message.api_campaign_ids),
            author=message.author,
            message=message.message,
            create_time=time_in(message, "create_time"),
            from_version=message.from_version,
            change=message.change,
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong or unwise in a catalog document: where, what, and what would be right.

    `line` and `column` count from 1; 0 where none is to blame.
    """

    severity: Severity
    line: int
    column: int
    path: str
    problem: str
    remedy: str

    @classmethod
    def from_message(cls, message: FindingMessage) -> "Finding":
        """The finding of a message."""
        return cls(
            severity=Severity.of_number(message.severity),
            line=message.line,
            column=message.column,
            path=message.path,
            problem=message.problem,
            remedy=message.remedy,
        )

    def __str__(self) -> str:
        where = f"{self.line}:{self.column}: " if self.line else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{where}{self.severity}: {self.problem}{remedy}"


@dataclass(frozen=True, slots=True)
class AppliedCatalog:
    """What became of a document: the catalog that is active, and the findings.

    `bool()` is whether no finding is an error.
    """

    catalog: Catalog
    findings: tuple[Finding, ...]

    @classmethod
    def from_message(cls, message: ApplyCatalogResponse | RollbackCatalogResponse) -> "AppliedCatalog":
        """The outcome of a message."""
        findings = tuple(Finding.from_message(finding) for finding in message.findings)
        return cls(Catalog.from_message(message.catalog), findings)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that keep the document from being applied."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    def __bool__(self) -> bool:
        return not self.errors

    def __str__(self) -> str:
        outcome = (
            f"refused; version {self.catalog.version} stays"
            if self.errors
            else f"version {self.catalog.version} is active"
        )
        return "\n".join([outcome, *(f"  {finding}" for finding in self.findings)])


@dataclass(frozen=True, slots=True)
class Selector:
    """Which requests, contacts or customers are meant.

    Each list means any of them, and all given ones must hold; `not_` must not hold.
    """

    kinds: tuple[Kind | str, ...] = ()
    channels: tuple[str, ...] = ()
    campaigns: tuple[str, ...] = ()
    offer_families: tuple[str, ...] = ()
    business_units: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    min_priority: int | None = None
    max_priority: int | None = None
    not_: "Selector | None" = None

    def to_message(self) -> SelectorMessage:
        """The selector as a message."""
        message = SelectorMessage(
            kinds=[_kind_number(kind) for kind in self.kinds],
            channels=self.channels,
            campaigns=self.campaigns,
            offer_families=self.offer_families,
            business_units=self.business_units,
            segments=self.segments,
            min_priority=self.min_priority,
            max_priority=self.max_priority,
        )
        if self.not_ is not None:
            # `not` is a word of Python: the field is reached by its name.
            getattr(message, "not").CopyFrom(self.not_.to_message())
        return message

    @classmethod
    def from_message(cls, message: SelectorMessage) -> "Selector":
        """The selector of a message."""
        return cls(
            kinds=tuple(Kind.of_number(kind) for kind in message.kinds),
            channels=tuple(message.channels),
            campaigns=tuple(message.campaigns),
            offer_families=tuple(message.offer_families),
            business_units=tuple(message.business_units),
            segments=tuple(message.segments),
            min_priority=message.min_priority if message.HasField("min_priority") else None,
            max_priority=message.max_priority if message.HasField("max_priority") else None,
            not_=cls.from_message(getattr(message, "not")) if message.HasField("not") else None,
        )


def _kind_number(kind: Kind | str) -> KindMessage.ValueType:
    return KindMessage.Value(f"KIND_{Kind(kind).name}")


@dataclass(frozen=True, slots=True)
class Campaign:
    """Who asks, and how much it matters: `priority` 0 to 100, higher wins.

    It is active from the first instant of `active_from` to the midnight of `active_until`, both in the brand's zone;
    `value` is what an answer is worth, `pressure` its points (the channel's where none), `budget` what it may spend
    over all customers. `origin` is set by the server.
    """

    campaign_id: str
    channels: tuple[str, ...]
    priority: int
    kind: Kind | str = Kind.MARKETING
    offer_family: str = ""
    business_unit: str = ""
    active_from: date | None = None
    active_until: date | None = None
    value: float | None = None
    pressure: float | None = None
    eligible: Selector | None = None
    origin: CampaignOrigin = CampaignOrigin.UNSPECIFIED
    budget: float | None = None

    def to_message(self) -> CampaignMessage:
        """The campaign as a message; without its origin, which is the server's to say."""
        return CampaignMessage(
            campaign_id=self.campaign_id,
            channels=self.channels,
            priority=self.priority,
            kind=_kind_number(self.kind),
            offer_family=self.offer_family,
            business_unit=self.business_unit,
            active_from=self.active_from.isoformat() if self.active_from else "",
            active_until=self.active_until.isoformat() if self.active_until else "",
            value=self.value,
            pressure=self.pressure,
            eligible=self.eligible.to_message() if self.eligible else None,
            budget=self.budget,
        )

    @classmethod
    def from_message(cls, message: CampaignMessage) -> "Campaign":
        """The campaign of a message."""
        return cls(
            campaign_id=message.campaign_id,
            channels=tuple(message.channels),
            priority=message.priority,
            kind=Kind.of_number(message.kind),
            offer_family=message.offer_family,
            business_unit=message.business_unit,
            active_from=date.fromisoformat(message.active_from) if message.active_from else None,
            active_until=date.fromisoformat(message.active_until) if message.active_until else None,
            value=message.value if message.HasField("value") else None,
            pressure=message.pressure if message.HasField("pressure") else None,
            eligible=Selector.from_message(message.eligible) if message.HasField("eligible") else None,
            origin=CampaignOrigin.of_number(message.origin),
            budget=message.budget if message.HasField("budget") else None,
        )


@dataclass(frozen=True, slots=True)
class CampaignChange:
    """A campaign as it stands after a change, and the catalog version that the change made."""

    campaign: Campaign
    catalog_version: int

    @classmethod
    def from_message(cls, message: CreateCampaignResponse | UpdateCampaignResponse) -> "CampaignChange":
        """The change of a message."""
        return cls(Campaign.from_message(message.campaign), message.catalog_version)
