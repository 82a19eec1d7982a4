"""The verbs of claims as calls, and both sides of the stream that registers them."""

import asyncio
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import NotRequired, Required, TypeAlias, TypedDict, Unpack

from repit.call import Call, Effort, Repeat, Service
from repit.claims import ClaimedPlace, ClaimList, ClaimRegistration, ClaimWithdrawal, Place, place_of, places_of
from repit.requests import batches_of, one_batch
from repit.times import timestamp_of
from repit.v1 import arbitration_service_pb2 as arbitration

PLACES_PER_MESSAGE = 1_000
MESSAGES_IN_FLIGHT = 4
"""Messages of one registration that wait for their answer; no more places are read meanwhile."""

Progress: TypeAlias = Callable[[ClaimRegistration], object]


class Claimed(TypedDict):
    """What can be said with a registration."""

    until_time: Required[datetime]
    channels: NotRequired[Sequence[str]]
    from_time: NotRequired[datetime | None]
    as_of: NotRequired[datetime | None]
    resume_at: NotRequired[int]
    on_progress: NotRequired[Progress | None]


@dataclass(frozen=True, slots=True)
class ClaimTerms:
    """What is claimed for every place of a registration, where it begins and who is told of its progress."""

    campaign_id: str
    from_time: datetime
    until_time: datetime
    channels: tuple[str, ...] = ()
    as_of: datetime | None = None
    resume_at: int = 0
    on_progress: Progress | None = None

    @classmethod
    def of(  # noqa: PLR0913 - the keys of `Claimed`, so that Python itself names the one that is mistyped
        cls,
        campaign: str,
        now: datetime,
        *,
        until_time: datetime,
        channels: Sequence[str] = (),
        from_time: datetime | None = None,
        as_of: datetime | None = None,
        resume_at: int = 0,
        on_progress: Progress | None = None,
    ) -> "ClaimTerms":
        """The terms as given; claims without `from_time` hold from `as_of` on, else from `now` on.

        ValueError for a place before the first.
        """
        if resume_at < 0:
            raise ValueError(f"`resume_at` {resume_at} is before the first place; 0 begins with it")
        begin = from_time or as_of or now
        begin = begin.replace(microsecond=begin.microsecond // 1_000 * 1_000)
        return cls(campaign, begin, until_time, tuple(channels), as_of, resume_at, on_progress)

    def message(self, places: Iterable[ClaimedPlace]) -> arbitration.RegisterClaimsRequest:
        """One message of the stream."""
        return arbitration.RegisterClaimsRequest(
            campaign_id=self.campaign_id,
            channels=self.channels,
            from_time=timestamp_of(self.from_time, name="from_time"),
            until_time=timestamp_of(self.until_time, name="until_time"),
            places=[place.to_message() for place in places],
            as_of_time=timestamp_of(self.as_of, name="as_of"),
        )


class _Reading:
    """The side of a registration that reads the answers; what kept the caller's places from coming waits here."""

    def __init__(self, campaign: str, now: datetime, **given: Unpack[Claimed]) -> None:
        self._terms = ClaimTerms.of(campaign, now, **given)
        terms = self._terms
        self.registration = ClaimRegistration(campaign, terms.from_time, terms.until_time, position=terms.resume_at)
        self._failure: Exception | None = None
        self._is_over = False

    def _read(self, response: arbitration.RegisterClaimsResponse) -> None:
        self.registration = self.registration.after(response)
        if self._terms.on_progress is not None:
            self._terms.on_progress(self.registration)

    def finish(self) -> ClaimRegistration:
        """The whole registration; raises what kept the caller's places from coming, if anything did."""
        if self._failure is not None:
            raise self._failure
        return self.registration


class ClaimStream(_Reading):
    """A registration under way: a thread of gRPC takes the messages while the caller's reads the answers."""

    def __init__(self, campaign: str, now: datetime, **given: Unpack[Claimed]) -> None:
        super().__init__(campaign, now, **given)
        self._room = threading.Semaphore(MESSAGES_IN_FLIGHT)

    def messages(self, places: Iterable[Place]) -> Iterator[arbitration.RegisterClaimsRequest]:
        """The messages, each when there is room for one more in flight."""
        try:
            left = islice(places_of(places), self._terms.resume_at, None)
            for batch in batches_of(left, PLACES_PER_MESSAGE):
                self._room.acquire()
                if self._is_over:
                    return
                yield self._terms.message(batch)
        except Exception as failure:  # noqa: BLE001 - handed to the caller by `finish`
            self._failure = failure

    def read(self, response: arbitration.RegisterClaimsResponse) -> None:
        """Take one answer; raises the error that ends the registration."""
        self._read(response)
        self._room.release()

    def close(self) -> None:
        """No message goes out any more."""
        self._is_over = True
        self._room.release()


class AsyncClaimStream(_Reading):
    """A registration under way on one asyncio loop; see `ClaimStream`."""

    def __init__(self, campaign: str, now: datetime, **given: Unpack[Claimed]) -> None:
        super().__init__(campaign, now, **given)
        self._room = asyncio.Semaphore(MESSAGES_IN_FLIGHT)

    async def messages(
        self, places: Iterable[Place] | AsyncIterable[Place]
    ) -> AsyncIterator[arbitration.RegisterClaimsRequest]:
        """The messages, each when there is room for one more in flight."""
        try:
            async for batch in _batches_async(places, self._terms.resume_at):
                await self._room.acquire()
                if self._is_over:
                    return
                yield self._terms.message(batch)
        except Exception as failure:  # noqa: BLE001 - handed to the caller by `finish`
            self._failure = failure

    def read(self, response: arbitration.RegisterClaimsResponse) -> None:
        """Take one answer; raises the error that ends the registration."""
        self._read(response)
        self._room.release()

    def close(self) -> None:
        """No message goes out any more."""
        self._is_over = True
        self._room.release()


async def _batches_async(
    places: Iterable[Place] | AsyncIterable[Place], resume_at: int
) -> AsyncIterator[tuple[ClaimedPlace, ...]]:
    """The places from `resume_at` on, in batches."""
    if isinstance(places, Iterable):
        for batch in batches_of(islice(places_of(places), resume_at, None), PLACES_PER_MESSAGE):
            yield batch
        return
    position, gathered = 0, list[ClaimedPlace]()
    async for place in places:
        if position >= resume_at:
            gathered.append(place_of(place))
        position += 1
        if len(gathered) == PLACES_PER_MESSAGE:
            yield tuple(gathered)
            gathered.clear()
    if gathered:
        yield tuple(gathered)


def withdraw_claims(campaign: str, places: Iterable[Place], *, as_of: datetime | None) -> Call[ClaimWithdrawal]:
    """Gives back the claims of some customers. ValueError for none and for more than 10,000."""
    named = one_batch(places_of(places), what="customers")
    message = arbitration.WithdrawClaimsRequest(
        campaign_id=campaign,
        places=[place.to_message() for place in named],
        as_of_time=timestamp_of(as_of, name="as_of"),
    )
    return Call(Service.ARBITRATION, "WithdrawClaims", message, ClaimWithdrawal.from_message, effort=Effort.BULK)


def withdraw_all_claims(campaign: str, *, author: str, as_of: datetime | None) -> Call[ClaimWithdrawal]:
    """Gives back all claims of a campaign, in one new catalog version."""
    message = arbitration.WithdrawClaimsRequest(
        campaign_id=campaign, author=author, as_of_time=timestamp_of(as_of, name="as_of")
    )
    return Call(
        Service.ARBITRATION, "WithdrawClaims", message, ClaimWithdrawal.from_message, Repeat.UNSAFE, Effort.BULK
    )


def list_claims(customer_id: str, *, party_id: str, campaign: str, as_of: datetime | None) -> Call[ClaimList]:
    """The live claims of a customer, and the totals of the campaigns."""
    message = arbitration.ListClaimsRequest(
        customer_id=customer_id,
        party_id=party_id,
        campaign_id=campaign,
        as_of_time=timestamp_of(as_of, name="as_of"),
    )
    return Call(Service.ARBITRATION, "ListClaims", message, ClaimList.from_message)
