"""Catalogs of caps, and the questions and facts that the tests of faults share."""

import uuid
from typing import cast

import grpc

from repit.v1 import arbitration_service_pb2 as messages
from repit.v1.candidate_pb2 import Candidate
from repit.v1.catalog_pb2 import Severity
from repit.v1.catalog_service_pb2 import ApplyCatalogRequest
from repit.v1.customer_pb2 import ContactState
from repit.v1.decision_pb2 import Decision, Verdict
from repit.v1.denial_pb2 import DenialReason
from tests.faults.served import Served

CHANNEL = "email"
CALL_SECONDS = 30.0
HELD: frozenset[int] = frozenset({ContactState.CONTACT_STATE_PENDING, ContactState.CONTACT_STATE_CONFIRMED})


def caps(*limits: int) -> str:
    """A catalog with one campaign and one cap of its own for each limit: `capped-3` may contact a customer 3 times."""
    campaigns = "\n".join(f"  {campaign_of(limit)}: {{priority: 50, channels: [{CHANNEL}]}}" for limit in limits)
    rules = "\n".join(
        f"  - name: {campaign_of(limit)}\n"
        f"    applies_to: {{campaigns: [{campaign_of(limit)}]}}\n"
        f"    rules: [{{name: cap, frequency_cap: {{limit: {limit}, window: {{sliding: 30d}}}}}}]"
        for limit in limits
    )
    return (
        "repit: 1\nzone: Europe/Paris\nhorizon: 400d\n"
        f"channels: {{{CHANNEL}: {{}}}}\ncampaigns:\n{campaigns}\npolicies:\n{rules}\n"
    )


def campaign_of(limit: int) -> str:
    return f"capped-{limit}"


def question(customer: str, limit: int, request_id: str = "") -> messages.RequestContactRequest:
    """May the campaign with this cap contact this customer? A new question where no request id is given."""
    return messages.RequestContactRequest(
        request_id=request_id or uuid.uuid4().hex,
        customer_id=customer,
        candidates=[Candidate(campaign_id=campaign_of(limit), channel=CHANNEL)],
    )


def contact_of(response: messages.RequestContactResponse) -> str:
    """The contact that was granted; empty for a denial."""
    (decision,) = response.decisions
    assert (decision.verdict == Verdict.VERDICT_GRANT) == bool(decision.contact_id), decision
    return decision.contact_id


def is_denied_by_full_cap(decision: Decision, limit: int) -> bool:
    """Whether nothing but the cap speaks against, and it is exactly full."""
    figures = [(denial.reason, denial.limit, denial.used) for denial in decision.denials]
    return figures == [(DenialReason.DENIAL_REASON_FREQUENCY_CAP, limit, limit)]


def fill(server: Served, customer: str, limit: int) -> list[str]:
    """Ask new questions until the cap is full; gives the contacts that were granted."""
    contacts: list[str] = []
    for _ in range(limit + 1):
        response = server.arbitration.RequestContact(question(customer, limit), timeout=CALL_SECONDS)
        if not (contact := contact_of(response)):
            assert is_denied_by_full_cap(response.decisions[0], limit), response
            return contacts
        contacts.append(contact)
    raise AssertionError(f"more than {limit} contacts were granted to `{customer}`")


def apply(server: Served, document: str) -> int:
    """Make a document the catalog; gives the version that it became."""
    response = server.catalogs.ApplyCatalog(ApplyCatalogRequest(document=document), timeout=CALL_SECONDS)
    assert [finding for finding in response.findings if finding.severity == Severity.SEVERITY_ERROR] == []
    return response.catalog.version


def explained(server: Served, customer: str) -> messages.ExplainCustomerResponse:
    request = messages.ExplainCustomerRequest(customer_id=customer, max_entries=4_096)
    return server.arbitration.ExplainCustomer(request, timeout=CALL_SECONDS)


def contact_states(server: Served, customer: str) -> dict[str, int]:
    """Every contact of a customer, and where it stands."""
    return {
        entry.contact.contact_id: entry.contact.state
        for entry in explained(server, customer).timeline
        if entry.HasField("contact")
    }


def held(states: dict[str, int]) -> set[str]:
    """The contacts that hold a place."""
    return {contact for contact, state in states.items() if state in HELD}


def code_of(error: grpc.RpcError) -> grpc.StatusCode:
    """The gRPC status of a failed call."""
    return cast("grpc.Call", error).code()
