"""Claims: places that a campaign asks for in advance, and what became of a registration of many."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import TypeAlias

from repit.errors import RepitError, error_of_status
from repit.times import time_in
from repit.v1.arbitration_service_pb2 import ClaimedPlace as ClaimedPlaceMessage
from repit.v1.arbitration_service_pb2 import ListClaimsResponse, RegisterClaimsResponse, WithdrawClaimsResponse
from repit.v1.claim_pb2 import Claim as ClaimMessage
from repit.v1.claim_pb2 import ClaimTotals as ClaimTotalsMessage
from repit.wording import Reader, figure

REFUSALS_KEPT = 20
"""How many refused places are kept for the summary; all of them are counted."""
REFUSALS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class ClaimedPlace:
    """The place of one customer: `score` (finite) ranks after the campaign's priority; 0 where none."""

    customer_id: str
    score: float | None = None
    party_id: str = ""

    def to_message(self) -> ClaimedPlaceMessage:
        """The place as a message."""
        return ClaimedPlaceMessage(customer_id=self.customer_id, score=self.score, party_id=self.party_id)


Place: TypeAlias = ClaimedPlace | tuple[str, float | None] | str
"""Whose place: `ClaimedPlace`, (customer id, score) or the customer id alone."""


def places_of(places: Iterable[Place]) -> Iterator[ClaimedPlace]:
    """The places, however they are written."""
    return map(place_of, places)


def place_of(place: Place) -> ClaimedPlace:
    """The place, however it is written."""
    if isinstance(place, ClaimedPlace):
        return place
    return ClaimedPlace(place) if isinstance(place, str) else ClaimedPlace(*place)


@dataclass(frozen=True, slots=True)
class ClaimRefusal:
    """A place that was not registered: its `position` among all places given, from 0, and why."""

    position: int
    customer_id: str
    error: RepitError

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.error.message}"


@dataclass(frozen=True, slots=True)
class ClaimRegistration:
    """How far a registration has come. `bool()` is whether no place was refused.

    Of all places given the first `position` are taken: `registered` (of which `known` were there before and were
    brought up to date) or `refused`; `refusals` holds the first 20 of these. `from_time` and `until_time` are those of
    the claims: a place registered again with the same ones is the same place.
    """

    campaign_id: str
    from_time: datetime
    until_time: datetime
    position: int = 0
    registered: int = 0
    known: int = 0
    refused: int = 0
    refusals: tuple[ClaimRefusal, ...] = ()

    def after(self, response: RegisterClaimsResponse) -> "ClaimRegistration":
        """The registration after one more message was answered.

        Raises the error of a message that was refused as a whole, and that of the first place that may be taken when
        it is asked for again; `registration` of the error then says where to go on.
        """
        if response.HasField("error"):
            raise self.cut_by(error_of_status(response.error))
        refusals = tuple(
            ClaimRefusal(self.position + refusal.index, refusal.customer_id, error_of_status(refusal.error))
            for refusal in response.refusals
        )
        for refusal in refusals:
            if refusal.error.is_retryable:
                raise replace(self, position=refusal.position).cut_by(refusal.error)
        return replace(
            self,
            position=self.position + response.registered_count + len(refusals),
            registered=self.registered + response.registered_count,
            known=self.known + response.known_count,
            refused=self.refused + len(refusals),
            refusals=(*self.refusals, *refusals)[:REFUSALS_KEPT],
        )

    def cut_by(self, error: RepitError) -> RepitError:
        """The error that ended it, which says how far it came."""
        error.registration = self
        return error

    def __bool__(self) -> bool:
        return not self.refused

    def __str__(self) -> str:
        known = f" ({self.known:,} of them known already)" if self.known else ""
        lines = [f"{self.registered:,} places registered for {self.campaign_id}{known}, {self.refused:,} refused"]
        shown = self.refusals[:REFUSALS_SHOWN]
        lines += [f"  {refusal}" for refusal in shown]
        if self.refused > len(shown):
            lines.append(f"  and {self.refused - len(shown):,} more")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Claim:
    """A live claim: the channels that it may use, its span, and what it is ranked by."""

    customer_id: str
    campaign_id: str
    channels: tuple[str, ...]
    from_time: datetime | None
    until_time: datetime | None
    score: float | None
    priority: int

    @classmethod
    def from_message(cls, message: ClaimMessage) -> "Claim":
        """The claim of a message."""
        return cls(
            customer_id=message.customer_id,
            campaign_id=message.campaign_id,
            channels=tuple(message.channels),
            from_time=time_in(message, "from_time"),
            until_time=time_in(message, "until_time"),
            score=message.score if message.HasField("score") else None,
            priority=message.priority,
        )

    def __str__(self) -> str:
        return self.describe()

    def describe(self, zone: tzinfo | None = None) -> str:
        """The claim in words; times in `zone`, in the local one where none."""
        words = f"{self.campaign_id} by {' or '.join(self.channels)}, priority {self.priority}"
        if self.score is not None:
            words += f", score {figure(self.score)}"
        return words if self.until_time is None else f"{words}, until {Reader(zone).until(self.until_time)}"


@dataclass(frozen=True, slots=True)
class ClaimTotals:
    """How many of a campaign's claims came, since its claims were last withdrawn as a whole.

    `due` are over and were not given back; of these, `due_used` were used by a grant.
    """

    campaign_id: str
    registered: int
    used: int
    withdrawn: int
    due: int
    due_used: int

    @classmethod
    def from_message(cls, message: ClaimTotalsMessage) -> "ClaimTotals":
        """The totals of a message."""
        return cls(
            campaign_id=message.campaign_id,
            registered=message.registered_count,
            used=message.used_count,
            withdrawn=message.withdrawn_count,
            due=message.due_count,
            due_used=message.due_used_count,
        )

    @property
    def reliability(self) -> float | None:
        """Which part of the places came that should have come, 0 to 1; none where none is due yet."""
        return self.due_used / self.due if self.due else None


@dataclass(frozen=True, slots=True)
class ClaimList:
    """The live claims of a customer, the best ranked first, and the totals of the campaigns."""

    claims: tuple[Claim, ...]
    totals: tuple[ClaimTotals, ...]

    @classmethod
    def from_message(cls, message: ListClaimsResponse) -> "ClaimList":
        """The list of a message."""
        return cls(
            tuple(Claim.from_message(claim) for claim in message.claims),
            tuple(ClaimTotals.from_message(totals) for totals in message.totals),
        )


@dataclass(frozen=True, slots=True)
class ClaimWithdrawal:
    """What was given back: `withdrawn` claims of the customers named.

    Or all that the campaign ever registered, from `catalog_version` on; 0 where customers were named.
    """

    withdrawn: int
    catalog_version: int

    @classmethod
    def from_message(cls, message: WithdrawClaimsResponse) -> "ClaimWithdrawal":
        """The withdrawal of a message."""
        return cls(message.withdrawn_count, message.catalog_version)
