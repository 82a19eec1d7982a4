"""Contacts as they stand and the explanation of a customer."""

from datetime import UTC, datetime

from repit import Client, Contact, ContactState, Engagement, Kind
from repit.v1 import arbitration_service_pb2 as arbitration
from repit.v1 import claim_pb2, customer_pb2, denial_pb2, engagement_pb2
from repit.v1.candidate_pb2 import CustomerContext
from repit.v1.kind_pb2 import KIND_MARKETING
from tests.unit.client.canned_server import CannedServer
from tests.unit.client.messages import FULL, at

PENDING = customer_pb2.Contact(
    contact_id="1-abc",
    campaign_id="spring",
    channel="email",
    kind=KIND_MARKETING,
    offer_family="weekends",
    contact_time=at("2026-12-02 14:05"),
    state=customer_pb2.CONTACT_STATE_PENDING,
    expire_time=at("2026-12-02 14:35"),
    count=1,
)
OLD = customer_pb2.Contact(
    campaign_id="winter", channel="post", state=customer_pb2.CONTACT_STATE_CONFIRMED, is_answered=True, count=12
)
CLICK = engagement_pb2.Engagement(
    customer_id="customer-42",
    kind=engagement_pb2.ENGAGEMENT_KIND_CONVERTED,
    campaign_id="spring",
    channel="email",
    value=32.5,
)
OPT_OUT = engagement_pb2.Engagement(
    customer_id="customer-42", kind=engagement_pb2.ENGAGEMENT_KIND_OPTED_OUT, channel="sms"
)
EXPLANATION = arbitration.ExplainCustomerResponse(
    customer_id="customer-42",
    timeline=[
        customer_pb2.TimelineEntry(time=at("2026-12-02 14:06"), engagement=CLICK),
        customer_pb2.TimelineEntry(time=at("2026-12-02 14:05"), contact=PENDING),
        customer_pb2.TimelineEntry(contact=OLD),
    ],
    rules=[
        customer_pb2.RuleUsage(
            policy="pressure",
            rule="three-a-week",
            reason=denial_pb2.DENIAL_REASON_FREQUENCY_CAP,
            limit=3,
            used=3,
            window="sliding 7d",
            is_against=True,
            earliest_time=at("2026-12-03 14:05"),
            campaign_id="spring",
            channel="email",
        ),
        customer_pb2.RuleUsage(rule="silence", limit=3, used=1, campaign_id="spring", channel="email"),
    ],
    channels=[
        customer_pb2.ChannelAvailability(channel="email", campaign_id="spring", earliest_time=at("2026-12-03 14:05")),
        customer_pb2.ChannelAvailability(channel="post", campaign_id="winter", earliest_time=at("2026-12-02 14:10")),
        customer_pb2.ChannelAvailability(channel="sms"),
    ],
    suppressions=[OPT_OUT],
    catalog_version=7,
    as_of_time=at("2026-12-02 14:10"),
    contact_count=13,
    value_bytes=194,
)


def test_a_customer_is_explained_line_by_line(canned: CannedServer, client: Client) -> None:
    canned.answers = [EXPLANATION]
    explanation = client.explain_customer("customer-42")
    assert explanation.describe(UTC).splitlines() == [
        "customer-42 at Wed 2 Dec 2026 14:10: 13 contacts, catalog version 7",
        "objections:",
        "  opted_out by sms",
        "channels:",
        "  email: free for spring from Thu 14:05",
        "  post: free for winter at once",
        "  sms: not free, no later time helps",
        "rules:",
        "  three-a-week: 3 of 3 in 7 d, against spring by email until Thu 14:05",
        "  silence: 1 of 3, not against spring by email",
        "timeline, newest first:",
        "  Wed 2 Dec 2026 14:06  converted spring by email, value 32.5",
        "  Wed 2 Dec 2026 14:05  spring by email, pending until Wed 2 Dec 2026 14:35",
        "  12 times winter by post, confirmed, answered",
    ]
    assert explanation.value_bytes == 194
    assert isinstance(explanation.timeline[0].entry, Engagement)
    assert isinstance(explanation.timeline[1].entry, Contact)


WHOLE = arbitration.ExplainCustomerResponse(
    customer_id="customer-42",
    catalog_version=7,
    as_of_time=at("2026-12-02 14:10"),
    streaks=[
        customer_pb2.Streak(policy="p", rule="silence", of="offer_family", name="weekends", length=3, after=3),
        customer_pb2.Streak(policy="p", rule="silence", of="offer_family", length=1, after=3),
        customer_pb2.Streak(policy="p", rule="quiet", of="any", length=4, after=5),
    ],
    affinities=[customer_pb2.Affinity(offer_family="weekends", strength=1.756, half_life_days=180)],
    claims=[claim_pb2.Claim(campaign_id="summer", channels=["email"], priority=60, until_time=at("2026-12-30 09:00"))],
    holdings=[customer_pb2.CapacityHolding(policy="p", rule="calls", per="call", leased=20, used=12, free=8)],
    ladder=[
        customer_pb2.LadderStep(reason=denial_pb2.DENIAL_REASON_SUPPRESSED, channel="email"),
        customer_pb2.LadderStep(
            reason=denial_pb2.DENIAL_REASON_FREQUENCY_CAP,
            policy="pressure",
            rule="three-a-week",
            channel="email",
            is_against=True,
            denial=FULL,
        ),
        customer_pb2.LadderStep(
            reason=denial_pb2.DENIAL_REASON_HELD_OUT,
            rule="control",
            channel="email",
            is_against=True,
            denial=denial_pb2.Denial(reason=denial_pb2.DENIAL_REASON_HELD_OUT, rule="control"),
        ),
    ],
    derived_segments=["engaged"],
    party_customer_ids=["customer-42", "customer-43"],
)


def test_what_is_known_besides_is_told_where_there_is_any(canned: CannedServer, client: Client) -> None:
    canned.answers = [WHOLE]
    explanation = client.explain_customer("customer-42", campaign="spring", party_id="home", subject="s")
    assert explanation.describe(UTC).splitlines()[3:-2] == [
        "party:",
        "  customer-42",
        "  customer-43",
        "derived segments:",
        "  engaged",
        "ladder:",
        "  ✓ email: no objection holds",
        "  ✗ email, three-a-week: 3 of 3 in 7 d, until Thu 14:05",
        "  ✗ email, control: the customer is in the hold-out, no later time helps",
        "streaks:",
        "  offer family weekends: 3 unanswered in a row, rests from 3 on",
        "  no offer family: 1 unanswered in a row, rests from 3 on",
        "  all contacts: 4 unanswered in a row, rests from 5 on",
        "affinities:",
        "  weekends: 1.76, half of it left after 180 d",
        "claims:",
        "  summer by email, priority 60, until Wed 30 Dec 2026 09:00",
        "capacities held by this server:",
        "  calls (call): 12 of 20 leased are used",
    ]
    assert explanation.holdings[0].free == 8
    assert explanation.ladder[1].denial is not None


def test_a_customer_of_whom_nothing_is_known_is_explained_too(canned: CannedServer, client: Client) -> None:
    canned.answers = [arbitration.ExplainCustomerResponse(customer_id="customer-43", catalog_version=7)]
    assert str(client.explain_customer("customer-43")).splitlines() == [
        "customer-43: 0 contacts, catalog version 7",
        "objections: none",
        "channels: none",
        "rules: none",
        "timeline, newest first: none",
    ]


def test_what_is_to_be_explained_reaches_the_server(canned: CannedServer, client: Client) -> None:
    canned.answers = [EXPLANATION]
    client.explain_customer(
        "customer-42",
        campaign="spring",
        segments=["loyal"],
        time_zone="Europe/Paris",
        as_of=datetime(2026, 12, 2, 14, 10, tzinfo=UTC),
        max_entries=5,
    )
    assert canned.asked[0][1] == arbitration.ExplainCustomerRequest(
        customer_id="customer-42",
        customer=CustomerContext(segments=["loyal"], time_zone="Europe/Paris"),
        campaign_id="spring",
        as_of_time=at("2026-12-02 14:10"),
        max_entries=5,
    )


def test_a_confirmed_contact_comes_back_as_it_stands(canned: CannedServer, client: Client) -> None:
    canned.answers = [arbitration.ConfirmContactResponse(contact=OLD)]
    contact = client.confirm_contact("1-abc", send_time=datetime(2026, 12, 2, 14, 6, tzinfo=UTC))
    assert canned.asked[0][1] == arbitration.ConfirmContactRequest(contact_id="1-abc", send_time=at("2026-12-02 14:06"))
    assert contact.state is ContactState.CONFIRMED
    assert contact.is_answered


def test_a_released_contact_says_why(canned: CannedServer, client: Client) -> None:
    canned.answers = [arbitration.ReleaseContactResponse(contact=PENDING)]
    contact = client.release_contact("1-abc", reason="out of stock", as_of=datetime(2026, 12, 2, 14, 6, tzinfo=UTC))
    assert canned.asked[0][1] == arbitration.ReleaseContactRequest(
        contact_id="1-abc", reason="out of stock", as_of_time=at("2026-12-02 14:06")
    )
    assert contact.kind is Kind.MARKETING
    assert contact.describe(UTC) == "spring by email, pending until Wed 2 Dec 2026 14:35"
