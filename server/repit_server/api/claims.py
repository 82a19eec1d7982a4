"""Claims over the wire: a stream answered message by message, and the withdrawal of a whole campaign."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Final, TypeAlias

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from arbiter_rs import Arbiter
from repit.v1.arbitration_service_pb2 import RegisterClaimsResponse, WithdrawClaimsRequest, WithdrawClaimsResponse
from repit_server.api.campaign_changes import CampaignChanges
from repit_server.api.catalog_service import MAX_AUTHOR_BYTES, check_lengths
from repit_server.api.errors import invalid_fields
from repit_server.settings import Clock

Verb: TypeAlias = Callable[[bytes], Awaitable[bytes]]

_MAX_NAME_BYTES: Final = 64
_FIRST_SECOND: Final = 946_684_800
_END_SECOND: Final = 7_258_118_400
"""Times are served from 2000-01-01 to 2199-12-31."""
_NANOS: Final = 1_000_000_000


class Claims:
    """The verbs of claims: the engine's, and what needs a new catalog version."""

    def __init__(self, arbiter: Arbiter, campaigns: CampaignChanges, clock: Clock) -> None:
        self._arbiter = arbiter
        self._campaigns = campaigns
        self._clock = clock

    async def register(self, requests: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """Register the places of a stream."""
        async for answer in positioned_answers(requests, self._arbiter.register_claims_async):
            yield answer

    async def list(self, request: bytes) -> bytes:
        """List the live claims of a customer and the totals of the campaigns."""
        return await self._arbiter.list_claims_async(request)

    async def withdraw(self, request: bytes) -> bytes:
        """Give back the claims of the customers named; where none is named, all of the campaign."""
        try:
            message = WithdrawClaimsRequest.FromString(request)
        except DecodeError:
            # The engine says what is wrong with it.
            return await self._arbiter.withdraw_claims_async(request)
        if not message.places:
            return (await self._withdraw_all(message)).SerializeToString()
        if message.author:
            raise invalid_fields([("author", "is only taken where no customer is named: leave it out")])
        return await self._arbiter.withdraw_claims_async(request)

    async def _withdraw_all(self, message: WithdrawClaimsRequest) -> WithdrawClaimsResponse:
        check_lengths(author=(message.author, MAX_AUTHOR_BYTES), campaign_id=(message.campaign_id, _MAX_NAME_BYTES))
        if not message.campaign_id:
            raise invalid_fields([("campaign_id", "is empty; name the campaign")])
        if problem := self._problem_of_time(message.as_of_time if message.HasField("as_of_time") else None):
            raise invalid_fields([("as_of_time", problem)])
        version = await self._campaigns.withdraw_claims(message.campaign_id, author=message.author)
        return WithdrawClaimsResponse(catalog_version=version)

    def _problem_of_time(self, time: Timestamp | None) -> str:
        """Say what is wrong with a time of the call, as the engine does; nothing where it is right."""
        if time is None:
            return "is needed: this server runs with `--clock request`" if self._clock is Clock.REQUEST else ""
        if not (_FIRST_SECOND <= time.seconds < _END_SECOND and 0 <= time.nanos < _NANOS):
            return "must be from 2000-01-01 to 2199-12-31"
        return "is only taken by a server that runs with `--clock request`" if self._clock is Clock.SYSTEM else ""


async def positioned_answers(requests: AsyncIterator[bytes], verb: Verb) -> AsyncGenerator[bytes, None]:
    """Answer each message before the next is read, and say how many places of the stream are taken by then.

    A message that was refused as a whole took none: there the caller goes on.
    """
    position = 0
    async for request in requests:
        response = RegisterClaimsResponse.FromString(await verb(request))
        position += response.registered_count + len(response.refusals)
        response.position = position
        yield response.SerializeToString()
