"""A catalog of capacities and budgets, its weeks, and what must hold of the denials of each of them."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from repit.v1.arbitration_service_pb2 import ExplainCustomerRequest
from repit.v1.contact_log_pb2 import ContactGranted
from repit.v1.customer_pb2 import CapacityHolding
from tests.faults.crowd import BUDGET, CAPACITY, Said, Way, stamp
from tests.faults.served import Served
from tests.faults.worlds import CALL_SECONDS

# How long after the last grant every place that a server has left in its block can be had from the others: longer than
# a block is idle and, where a server died, than its lease lasts; with room for a machine that has other things to do.
IDLE_SECONDS = 2.5
LEASE_SECONDS = 8.0
# A block is at most this part of what was left when it was leased.
BLOCK_PART = 32

CATALOG = """\
repit: 1
zone: UTC
currency: EUR
channels:
  call: {capacity: [{limit: 1000, window: {calendar: week}}]}
  chat: {capacity: [{limit: 150, window: {calendar: week}}]}
  desk: {cost: 0.06, capacity: [{limit: 600, window: {calendar: week}}]}
  hall: {capacity: [{limit: 100, window: {calendar: week}}]}
  visit: {}
  sms: {cost: 0.06}
  letter: {cost: 0.25}
business_units: {retail: {}, business: {}}
campaigns:
  calls: {priority: 50, channels: [call]}
  chats: {priority: 50, channels: [chat]}
  halls: {priority: 50, channels: [hall]}
  desk-paid: {priority: 50, channels: [desk], budget: {amount: 18, currency: EUR}}
  desk-free: {priority: 50, channels: [desk]}
  retail: {priority: 50, channels: [visit], business_unit: retail}
  business: {priority: 50, channels: [visit], business_unit: business}
  messages: {priority: 50, channels: [sms], budget: {amount: 100, currency: EUR}}
  mixed: {priority: 50, channels: [sms, letter], budget: {amount: 100, currency: EUR}}
policies:
  - name: visits
    applies_to: {channels: [visit]}
    rules:
      - {name: week, capacity: {limit: 300, window: {calendar: week}, shares: {retail: 0.6, business: 0.3}, lend: true}}
"""
HALL = "hall: {capacity: [{limit: 100,"
RAISED = CATALOG.replace(HALL, HALL.replace("100", "400"))
LOWERED = CATALOG.replace(HALL, HALL.replace("100", "50"))
COST_CENTS = {"sms": 6, "letter": 25, "desk": 6}

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEK_MS = 7 * 24 * 3_600_000


def week(number: int, *, days: float = 2.0) -> int:
    """A moment so many days after the begin of a week."""
    return round((MONDAY + timedelta(weeks=number, days=days)).timestamp() * 1_000)


def last_tenth(number: int) -> tuple[int, int]:
    """The last moment of a week before units lend to one another, and the first at which they do."""
    lends_from = week(number + 1, days=0) - WEEK_MS // 10
    return lends_from - 1, lends_from


def holdings(server: Served, moment_ms: int) -> list[CapacityHolding]:
    """The blocks that a server holds."""
    request = ExplainCustomerRequest(customer_id="nobody", as_of_time=stamp(moment_ms))
    return list(server.arbitration.ExplainCustomer(request, timeout=CALL_SECONDS).holdings)


def hold_denials(denials: set[Said], rule: str, limit: float, *, need: float = 1.0) -> float:
    """Every denial is this rule's and has less left than a contact needs; gives the most that any said was used."""
    assert denials, "nothing was denied"
    for denial in denials:
        assert (denial.reason, denial.rule, denial.limit) in {(CAPACITY, rule, limit), (BUDGET, rule, limit)}, denial
        assert limit - need < denial.used <= limit, denial
    return max(denial.used for denial in denials)


def cents(contacts: dict[str, ContactGranted]) -> int:
    """What contacts cost together."""
    return sum(COST_CENTS[contact.channel] for contact in contacts.values())


def by_campaign(contacts: dict[str, ContactGranted]) -> Counter[str]:
    """How many contacts each campaign has."""
    return Counter(contact.campaign_id for contact in contacts.values())


def calls(number: int) -> Way:
    """The capacity of 1,000 in a week of its own."""
    return Way("calls", "call", week(number))
