"""The client for asyncio: the verbs of `Client`, awaited."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Collection, Iterable
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar, Unpack

import grpc
from grpc import aio

from repit import arbitration_calls, catalog_calls, claim_calls
from repit.answers import Answer, RequestResult
from repit.arbitration_calls import ExplainAsked
from repit.call import CHANNEL_OPTIONS, DEADLINE_S, Call, Service
from repit.catalog import AppliedCatalog, Campaign, CampaignChange, Catalog
from repit.claim_calls import AsyncClaimStream, Claimed
from repit.claims import ClaimList, ClaimRegistration, ClaimWithdrawal, Place
from repit.contact import Contact, EngagementResult
from repit.difference import CatalogDifferences
from repit.errors import error_of_rpc
from repit.explanation import Explanation
from repit.requests import BATCH_SIZE, Asked, ContactRequest, Engagement, batches_of
from repit.retry import RETRY_POLICY, SYSTEM_CLOCK, Clock, RetryPolicy
from repit.shadow import ShadowReport
from repit.v1.arbitration_service_pb2_grpc import ArbitrationServiceStub
from repit.v1.catalog_service_pb2_grpc import CatalogServiceStub

Result = TypeVar("Result")


class AsyncClient:
    """Asks a Répit server from asyncio: the methods of `Client`, with the same arguments and answers.

    Make it where a loop runs, in an `async with` block.

    What `Client` says of deadlines, retries, credentials and channels holds here too.
    """

    def __init__(
        self,
        target: str,
        *,
        deadline_s: float = DEADLINE_S,
        retry: RetryPolicy = RETRY_POLICY,
        credentials: grpc.ChannelCredentials | None = None,
        channel: aio.Channel | None = None,
        clock: Clock = SYSTEM_CLOCK,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._target = target
        self._deadline_s = deadline_s
        self._retry = retry
        self._clock = clock
        self._sleep = sleep
        self._own_channel: aio.Channel | None = None
        if channel is None:
            channel = self._own_channel = _open_channel(target, credentials)
        self._arbitration = ArbitrationServiceStub(channel)
        self._catalog = CatalogServiceStub(channel)

    async def close(self) -> None:
        """Close the connection that the client made."""
        if self._own_channel is not None:
            await self._own_channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _make(self, call: Call[Result], deadline_s: float | None) -> Result:
        stub = self._arbitration if call.service is Service.ARBITRATION else self._catalog
        rpc = getattr(stub, call.verb)
        attempts = call.attempts(self._retry, self._clock, given_s=deadline_s, default_s=self._deadline_s)
        while True:
            try:
                return call.read(await rpc(call.message, timeout=attempts.remaining_s()))
            except grpc.RpcError as error:
                wait_s = attempts.wait_s_after(error_of_rpc(error, target=self._target))
            await self._sleep(wait_s)

    # The data plane.

    async def request_contact(
        self, customer_id: str, *, deadline_s: float | None = None, **asked: Unpack[Asked]
    ) -> Answer:
        """As `Client.request_contact`."""
        request = ContactRequest.of(customer_id, **asked)
        return await self._make(arbitration_calls.request_contact(request, now=self._clock.now()), deadline_s)

    async def check_contact(
        self, customer_id: str, *, deadline_s: float | None = None, **asked: Unpack[Asked]
    ) -> Answer:
        """As `Client.check_contact`."""
        request = ContactRequest.of(customer_id, **asked)
        return await self._make(arbitration_calls.check_contact(request, now=self._clock.now()), deadline_s)

    async def batch_request_contacts(
        self, requests: Iterable[ContactRequest], *, deadline_s: float | None = None
    ) -> tuple[RequestResult, ...]:
        """As `Client.batch_request_contacts`."""
        return await self._make(arbitration_calls.batch_request_contacts(requests, now=self._clock.now()), deadline_s)

    async def request_contacts(
        self, requests: Iterable[ContactRequest], *, batch_size: int = BATCH_SIZE, deadline_s: float | None = None
    ) -> AsyncIterator[RequestResult]:
        """As `Client.request_contacts`."""
        for batch in batches_of(requests, batch_size):
            for result in await self.batch_request_contacts(batch, deadline_s=deadline_s):
                yield result

    async def stream_request_contacts(
        self, requests: Iterable[ContactRequest] | AsyncIterable[ContactRequest], *, deadline_s: float | None = None
    ) -> AsyncIterator[RequestResult]:
        """As `Client.stream_request_contacts`; the requests may be awaited too."""
        pairing = arbitration_calls.StreamPairing(self._clock.now)
        messages = (
            pairing.messages_async(requests) if isinstance(requests, AsyncIterable) else pairing.messages(requests)
        )
        stream = self._arbitration.StreamRequestContacts(messages, timeout=deadline_s)
        try:
            async for response in stream:
                yield pairing.read(response)
        except grpc.RpcError as error:
            raise error_of_rpc(error, target=self._target) from error
        finally:
            stream.cancel()
        pairing.raise_failure()

    async def confirm_contact(
        self,
        contact_id: str,
        *,
        send_time: datetime | None = None,
        as_of: datetime | None = None,
        deadline_s: float | None = None,
    ) -> Contact:
        """As `Client.confirm_contact`."""
        return await self._make(
            arbitration_calls.confirm_contact(contact_id, send_time=send_time, as_of=as_of), deadline_s
        )

    async def release_contact(
        self, contact_id: str, *, reason: str = "", as_of: datetime | None = None, deadline_s: float | None = None
    ) -> Contact:
        """As `Client.release_contact`."""
        return await self._make(arbitration_calls.release_contact(contact_id, reason=reason, as_of=as_of), deadline_s)

    async def record_engagements(
        self, engagements: Iterable[Engagement], *, as_of: datetime | None = None, deadline_s: float | None = None
    ) -> tuple[EngagementResult, ...]:
        """As `Client.record_engagements`."""
        return await self._make(arbitration_calls.record_engagements(engagements, as_of=as_of), deadline_s)

    async def register_claims(
        self,
        campaign: str,
        places: Iterable[Place] | AsyncIterable[Place],
        *,
        deadline_s: float | None = None,
        **claimed: Unpack[Claimed],
    ) -> ClaimRegistration:
        """As `Client.register_claims`; the places may be awaited too."""
        stream = AsyncClaimStream(campaign, self._clock.now(), **claimed)
        call = self._arbitration.RegisterClaims(stream.messages(places), timeout=deadline_s)
        try:
            async for response in call:
                stream.read(response)
        except grpc.RpcError as error:
            raise stream.registration.cut_by(error_of_rpc(error, target=self._target)) from error
        finally:
            stream.close()
            call.cancel()
        return stream.finish()

    async def withdraw_claims(
        self, campaign: str, places: Iterable[Place], *, as_of: datetime | None = None, deadline_s: float | None = None
    ) -> ClaimWithdrawal:
        """As `Client.withdraw_claims`."""
        return await self._make(claim_calls.withdraw_claims(campaign, places, as_of=as_of), deadline_s)

    async def withdraw_all_claims(
        self, campaign: str, *, author: str = "", as_of: datetime | None = None, deadline_s: float | None = None
    ) -> ClaimWithdrawal:
        """As `Client.withdraw_all_claims`."""
        return await self._make(claim_calls.withdraw_all_claims(campaign, author=author, as_of=as_of), deadline_s)

    async def list_claims(
        self,
        customer_id: str = "",
        *,
        party_id: str = "",
        campaign: str = "",
        as_of: datetime | None = None,
        deadline_s: float | None = None,
    ) -> ClaimList:
        """As `Client.list_claims`."""
        call = claim_calls.list_claims(customer_id, party_id=party_id, campaign=campaign, as_of=as_of)
        return await self._make(call, deadline_s)

    async def explain_customer(
        self, customer_id: str, *, deadline_s: float | None = None, **asked: Unpack[ExplainAsked]
    ) -> Explanation:
        """As `Client.explain_customer`."""
        explained = arbitration_calls.Explained(customer_id, **asked)
        return await self._make(arbitration_calls.explain_customer(explained), deadline_s)

    # The control plane.

    async def get_catalog(self, version: int = 0, *, deadline_s: float | None = None) -> Catalog:
        """As `Client.get_catalog`."""
        return await self._make(catalog_calls.get_catalog(version), deadline_s)

    async def apply_catalog(
        self, document: str, *, etag: str = "", author: str = "", message: str = "", deadline_s: float | None = None
    ) -> AppliedCatalog:
        """As `Client.apply_catalog`."""
        call = catalog_calls.apply_catalog(document, etag=etag, author=author, message=message)
        return await self._make(call, deadline_s)

    async def validate_catalog(self, document: str, *, deadline_s: float | None = None) -> AppliedCatalog:
        """As `Client.validate_catalog`."""
        return await self._make(catalog_calls.validate_catalog(document), deadline_s)

    async def list_catalog_versions(self, *, deadline_s: float | None = None) -> AsyncIterator[Catalog]:
        """As `Client.list_catalog_versions`."""
        token = ""
        while True:
            page = await self._make(catalog_calls.list_catalog_versions(token), deadline_s)
            for item in page.items:
                yield item
            if not (token := page.next_page_token):
                return

    async def rollback_catalog(
        self, version: int, *, etag: str = "", author: str = "", message: str = "", deadline_s: float | None = None
    ) -> AppliedCatalog:
        """As `Client.rollback_catalog`."""
        call = catalog_calls.rollback_catalog(version, etag=etag, author=author, message=message)
        return await self._make(call, deadline_s)

    async def diff_catalog(
        self,
        later: str | int,
        *,
        against_version: int = 0,
        skip_log: bool = False,
        max_log_s: float | None = None,
        deadline_s: float | None = None,
    ) -> CatalogDifferences:
        """As `Client.diff_catalog`."""
        call = catalog_calls.diff_catalog(
            later, against_version=against_version, skip_log=skip_log, max_log_s=max_log_s
        )
        return await self._make(call, deadline_s)

    async def shadow_catalog(
        self, document: str, *, interval_s: float | None = None, deadline_s: float | None = None
    ) -> AsyncIterator[ShadowReport]:
        """As `Client.shadow_catalog`."""
        request = catalog_calls.shadow_catalog(document, interval_s=interval_s)
        stream = self._catalog.ShadowCatalog(request, timeout=deadline_s)
        try:
            async for response in stream:
                yield ShadowReport.from_message(response.report)
        except grpc.RpcError as error:
            raise error_of_rpc(error, target=self._target) from error
        finally:
            stream.cancel()

    async def create_campaign(
        self, campaign: Campaign, *, author: str = "", deadline_s: float | None = None
    ) -> CampaignChange:
        """As `Client.create_campaign`."""
        return await self._make(catalog_calls.create_campaign(campaign, author=author), deadline_s)

    async def get_campaign(self, campaign_id: str, *, deadline_s: float | None = None) -> Campaign:
        """As `Client.get_campaign`."""
        return await self._make(catalog_calls.get_campaign(campaign_id), deadline_s)

    async def list_campaigns(self, *, deadline_s: float | None = None) -> AsyncIterator[Campaign]:
        """As `Client.list_campaigns`."""
        token = ""
        while True:
            page = await self._make(catalog_calls.list_campaigns(token), deadline_s)
            for item in page.items:
                yield item
            if not (token := page.next_page_token):
                return

    async def update_campaign(
        self, campaign: Campaign, *, fields: Collection[str] = (), author: str = "", deadline_s: float | None = None
    ) -> CampaignChange:
        """As `Client.update_campaign`."""
        return await self._make(catalog_calls.update_campaign(campaign, fields=fields, author=author), deadline_s)

    async def delete_campaign(self, campaign_id: str, *, author: str = "", deadline_s: float | None = None) -> int:
        """As `Client.delete_campaign`."""
        return await self._make(catalog_calls.delete_campaign(campaign_id, author=author), deadline_s)


def _open_channel(target: str, credentials: grpc.ChannelCredentials | None) -> aio.Channel:
    if credentials is None:
        return aio.insecure_channel(target, options=CHANNEL_OPTIONS)
    return aio.secure_channel(target, credentials, options=CHANNEL_OPTIONS)
