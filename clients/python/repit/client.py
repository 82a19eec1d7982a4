"""The client that waits: one method for each verb of the contract."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar, Unpack

import grpc

from repit import arbitration_calls, catalog_calls, claim_calls
from repit.answers import Answer, RequestResult
from repit.arbitration_calls import ExplainAsked
from repit.call import CHANNEL_OPTIONS, DEADLINE_S, Call, Service
from repit.catalog import AppliedCatalog, Campaign, CampaignChange, Catalog
from repit.claim_calls import Claimed, ClaimStream
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


class Client:
    """Asks a Répit server; safe to use from many threads. Use it in a `with` block, or close it.

    Every method takes `deadline_s`, the seconds within which an answer must come, retries included: 5 where not given
    (here or for the client), 60 for batches and documents. Calls that may be repeated are made again as `retry` says;
    every method raises RepitError. `credentials` make the connection secure; `channel` is a channel of your own, which
    the client leaves open.
    """

    def __init__(
        self,
        target: str,
        *,
        deadline_s: float = DEADLINE_S,
        retry: RetryPolicy = RETRY_POLICY,
        credentials: grpc.ChannelCredentials | None = None,
        channel: grpc.Channel | None = None,
        clock: Clock = SYSTEM_CLOCK,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._target = target
        self._deadline_s = deadline_s
        self._retry = retry
        self._clock = clock
        self._sleep = sleep
        self._own_channel: grpc.Channel | None = None
        if channel is None:
            channel = self._own_channel = _open_channel(target, credentials)
        self._arbitration = ArbitrationServiceStub(channel)
        self._catalog = CatalogServiceStub(channel)

    def close(self) -> None:
        """Close the connection that the client made."""
        if self._own_channel is not None:
            self._own_channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _make(self, call: Call[Result], deadline_s: float | None) -> Result:
        stub = self._arbitration if call.service is Service.ARBITRATION else self._catalog
        rpc = getattr(stub, call.verb)
        attempts = call.attempts(self._retry, self._clock, given_s=deadline_s, default_s=self._deadline_s)
        while True:
            try:
                return call.read(rpc(call.message, timeout=attempts.remaining_s()))
            except grpc.RpcError as error:
                wait_s = attempts.wait_s_after(error_of_rpc(error, target=self._target))
            self._sleep(wait_s)

    # The data plane.

    def request_contact(self, customer_id: str, *, deadline_s: float | None = None, **asked: Unpack[Asked]) -> Answer:
        """May I contact this customer? Reserves the winners and explains the losers.

        Give `campaign` and `channel`, or `candidates` (1 to 64) of which at most `max_grants` (1) win. `segments` and
        `time_zone` (IANA) are what you know of the customer, `party_id` its household or account, `contact_point` a
        hash of the address, `subject` what it is about. `planned_time` is when the contact will be made, up to 31 days
        ahead; `as_of` is the time of the decision, for servers that run with `--clock request`. `request_id` is made
        where absent: asked again with the same one within 24 hours, a grant comes back the same.
        """
        request = ContactRequest.of(customer_id, **asked)
        return self._make(arbitration_calls.request_contact(request, now=self._clock.now()), deadline_s)

    def check_contact(self, customer_id: str, *, deadline_s: float | None = None, **asked: Unpack[Asked]) -> Answer:
        """The answer that `request_contact` would give, nothing reserved."""
        request = ContactRequest.of(customer_id, **asked)
        return self._make(arbitration_calls.check_contact(request, now=self._clock.now()), deadline_s)

    def batch_request_contacts(
        self, requests: Iterable[ContactRequest], *, deadline_s: float | None = None
    ) -> tuple[RequestResult, ...]:
        """1 to 10,000 requests in one call, answered in their order, each alone.

        ValueError for more; `request_contacts` splits.
        """
        return self._make(arbitration_calls.batch_request_contacts(requests, now=self._clock.now()), deadline_s)

    def request_contacts(
        self, requests: Iterable[ContactRequest], *, batch_size: int = BATCH_SIZE, deadline_s: float | None = None
    ) -> Iterator[RequestResult]:
        """Any number of requests, in batches of `batch_size`, each with its own deadline; the results in order."""
        for batch in batches_of(requests, batch_size):
            yield from self.batch_request_contacts(batch, deadline_s=deadline_s)

    def stream_request_contacts(
        self, requests: Iterable[ContactRequest], *, deadline_s: float | None = None
    ) -> Iterator[RequestResult]:
        """Any number of requests as one stream, answered in order while more are sent.

        Without `deadline_s` it has no end in time. A stream that breaks is not taken up again: ask anew with the same
        request objects, their grants come back the same.
        """
        pairing = arbitration_calls.StreamPairing(self._clock.now)
        stream = self._arbitration.StreamRequestContacts(pairing.messages(requests), timeout=deadline_s)
        try:
            for response in stream:
                yield pairing.read(response)
        except grpc.RpcError as error:
            raise error_of_rpc(error, target=self._target) from error
        finally:
            stream.cancel()
        pairing.raise_failure()

    def confirm_contact(
        self,
        contact_id: str,
        *,
        send_time: datetime | None = None,
        as_of: datetime | None = None,
        deadline_s: float | None = None,
    ) -> Contact:
        """The contact was made, at `send_time` (the server's clock where none). Confirmed twice is confirmed once."""
        return self._make(arbitration_calls.confirm_contact(contact_id, send_time=send_time, as_of=as_of), deadline_s)

    def release_contact(
        self, contact_id: str, *, reason: str = "", as_of: datetime | None = None, deadline_s: float | None = None
    ) -> Contact:
        """The contact was not made after all: its place is given back at once. Released twice is released once."""
        return self._make(arbitration_calls.release_contact(contact_id, reason=reason, as_of=as_of), deadline_s)

    def record_engagements(
        self, engagements: Iterable[Engagement], *, as_of: datetime | None = None, deadline_s: float | None = None
    ) -> tuple[EngagementResult, ...]:
        """What came back: 1 to 10,000 engagements, late and out of order as they may be, each alone.

        ValueError for more.
        """
        return self._make(arbitration_calls.record_engagements(engagements, as_of=as_of), deadline_s)

    def register_claims(
        self, campaign: str, places: Iterable[Place], *, deadline_s: float | None = None, **claimed: Unpack[Claimed]
    ) -> ClaimRegistration:
        """Ask in advance for the places of a campaign: one for each customer, (customer, score) or `ClaimedPlace`.

        They may be used from `from_time` (now where none) and by `channels` (all of the campaign's where none), and
        hold until `until_time`. Any number of places: they are read as they are sent, 1,000 a message, and
        `on_progress` is called with the registration so far after each answer. Places that are refused are counted in
        what comes back. An error says in `registration` how far it came: give the same places again with `resume_at`
        its `position` and `from_time` its `from_time`. What was registered stays; registered twice is registered once.
        """
        stream = ClaimStream(campaign, self._clock.now(), **claimed)
        call = self._arbitration.RegisterClaims(stream.messages(places), timeout=deadline_s)
        try:
            for response in call:
                stream.read(response)
        except grpc.RpcError as error:
            raise stream.registration.cut_by(error_of_rpc(error, target=self._target)) from error
        finally:
            stream.close()
            call.cancel()
        return stream.finish()

    def withdraw_claims(
        self, campaign: str, places: Iterable[Place], *, as_of: datetime | None = None, deadline_s: float | None = None
    ) -> ClaimWithdrawal:
        """Give back the claims that a campaign has for 1 to 10,000 customers. ValueError for none."""
        return self._make(claim_calls.withdraw_claims(campaign, places, as_of=as_of), deadline_s)

    def withdraw_all_claims(
        self, campaign: str, *, author: str = "", as_of: datetime | None = None, deadline_s: float | None = None
    ) -> ClaimWithdrawal:
        """Give back all claims that a campaign ever registered, in one new catalog version.

        Never repeated by itself.
        """
        return self._make(claim_calls.withdraw_all_claims(campaign, author=author, as_of=as_of), deadline_s)

    def list_claims(
        self,
        customer_id: str = "",
        *,
        party_id: str = "",
        campaign: str = "",
        as_of: datetime | None = None,
        deadline_s: float | None = None,
    ) -> ClaimList:
        """The live claims of a customer, the best ranked first, and how many claims of each campaign came.

        The totals alone where no customer is named; one campaign, or all.
        """
        call = claim_calls.list_claims(customer_id, party_id=party_id, campaign=campaign, as_of=as_of)
        return self._make(call, deadline_s)

    def explain_customer(
        self, customer_id: str, *, deadline_s: float | None = None, **asked: Unpack[ExplainAsked]
    ) -> Explanation:
        """Why is this customer contacted or left alone? For one `campaign`, or all.

        `segments`, `time_zone`, `party_id`, `contact_point`, `subject` and `as_of` as in `request_contact`; at most
        `max_entries` of the timeline (100 where 0).
        """
        explained = arbitration_calls.Explained(customer_id, **asked)
        return self._make(arbitration_calls.explain_customer(explained), deadline_s)

    # The control plane.

    def get_catalog(self, version: int = 0, *, deadline_s: float | None = None) -> Catalog:
        """The catalog at a version; the active one where 0."""
        return self._make(catalog_calls.get_catalog(version), deadline_s)

    def apply_catalog(
        self, document: str, *, etag: str = "", author: str = "", message: str = "", deadline_s: float | None = None
    ) -> AppliedCatalog:
        """Make a document (YAML or JSON) the catalog on every replica.

        Look at `errors` of the outcome. The client never makes this call again by itself.

        With the `etag` of the catalog that the change was made from, AbortedError tells that another change came first.
        """
        call = catalog_calls.apply_catalog(document, etag=etag, author=author, message=message)
        return self._make(call, deadline_s)

    def validate_catalog(self, document: str, *, deadline_s: float | None = None) -> AppliedCatalog:
        """What would be wrong or unwise with a document; changes nothing."""
        return self._make(catalog_calls.validate_catalog(document), deadline_s)

    def list_catalog_versions(self, *, deadline_s: float | None = None) -> Iterator[Catalog]:
        """The versions, newest first, without their documents; read page by page as you go."""
        token = ""
        while True:
            page = self._make(catalog_calls.list_catalog_versions(token), deadline_s)
            yield from page.items
            if not (token := page.next_page_token):
                return

    def rollback_catalog(
        self, version: int, *, etag: str = "", author: str = "", message: str = "", deadline_s: float | None = None
    ) -> AppliedCatalog:
        """Make the next version from an earlier one: its document and its campaigns. Never repeated by itself."""
        call = catalog_calls.rollback_catalog(version, etag=etag, author=author, message=message)
        return self._make(call, deadline_s)

    def diff_catalog(
        self,
        later: str | int,
        *,
        against_version: int = 0,
        skip_log: bool = False,
        max_log_s: float | None = None,
        deadline_s: float | None = None,
    ) -> CatalogDifferences:
        """What a document, or a version, changes against a version (the active one where 0); changes nothing.

        The server reads its contact log for at most `max_log_s` (30) to say how many customers are touched; not at all
        with `skip_log`.
        """
        call = catalog_calls.diff_catalog(
            later, against_version=against_version, skip_log=skip_log, max_log_s=max_log_s
        )
        return self._make(call, deadline_s)

    def shadow_catalog(
        self, document: str, *, interval_s: float | None = None, deadline_s: float | None = None
    ) -> Iterator[ShadowReport]:
        """Let a document decide beside the active catalog for as long as you iterate; it acts on nothing.

        The first report comes at once, the others every `interval_s` (1 s). Without `deadline_s` it has no end in time.
        """
        request = catalog_calls.shadow_catalog(document, interval_s=interval_s)
        stream = self._catalog.ShadowCatalog(request, timeout=deadline_s)
        try:
            for response in stream:
                yield ShadowReport.from_message(response.report)
        except grpc.RpcError as error:
            raise error_of_rpc(error, target=self._target) from error
        finally:
            stream.cancel()

    def create_campaign(
        self, campaign: Campaign, *, author: str = "", deadline_s: float | None = None
    ) -> CampaignChange:
        """Register a campaign beside those of the document. Never repeated by itself."""
        return self._make(catalog_calls.create_campaign(campaign, author=author), deadline_s)

    def get_campaign(self, campaign_id: str, *, deadline_s: float | None = None) -> Campaign:
        """One campaign, of the document or of the API."""
        return self._make(catalog_calls.get_campaign(campaign_id), deadline_s)

    def list_campaigns(self, *, deadline_s: float | None = None) -> Iterator[Campaign]:
        """All campaigns, by campaign id; read page by page as you go."""
        token = ""
        while True:
            page = self._make(catalog_calls.list_campaigns(token), deadline_s)
            yield from page.items
            if not (token := page.next_page_token):
                return

    def update_campaign(
        self, campaign: Campaign, *, fields: Collection[str] = (), author: str = "", deadline_s: float | None = None
    ) -> CampaignChange:
        """Change a campaign that was registered over the API: the named `fields`, all where none is named.

        Never repeated by itself.
        """
        return self._make(catalog_calls.update_campaign(campaign, fields=fields, author=author), deadline_s)

    def delete_campaign(self, campaign_id: str, *, author: str = "", deadline_s: float | None = None) -> int:
        """Remove a campaign that was registered over the API; gives the catalog version that it made.

        Never repeated by itself.
        """
        return self._make(catalog_calls.delete_campaign(campaign_id, author=author), deadline_s)


def _open_channel(target: str, credentials: grpc.ChannelCredentials | None) -> grpc.Channel:
    if credentials is None:
        return grpc.insecure_channel(target, options=CHANNEL_OPTIONS)
    return grpc.secure_channel(target, credentials, options=CHANNEL_OPTIONS)
