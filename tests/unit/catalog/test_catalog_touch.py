"""How many customers of a log a difference touches."""

from typing import Any

import pytest

from repit_server.catalog.contact_terms import ContactTerms, may_take
from repit_server.catalog.difference import Difference, DifferenceKind, Differences
from repit_server.catalog.difference_clause import Effect
from repit_server.catalog.difference_touch import TouchCounter, terms_of_campaign

TERMS = ContactTerms("spring", "email", "marketing", "weekends", "retail", 40, frozenset({"loyal"}))
UNKNOWN = ContactTerms("gone", "email", None, None, None, None)


@pytest.mark.parametrize(
    ("selector", "taken"),
    [
        ({}, True),
        ({"kinds": ["marketing"], "channels": ["sms", "email"]}, True),
        ({"channels": ["sms"]}, False),
        ({"campaigns": ["spring"], "offer_families": ["weekends"], "business_units": ["retail"]}, True),
        ({"min_priority": 40, "max_priority": 40}, True),
        ({"min_priority": 41}, False),
        ({"max_priority": 39}, False),
        ({"segments": ["vip"]}, False),
        ({"segments": ["vip", "loyal"]}, True),
        ({"not": {"segments": ["loyal"]}}, False),
        ({"not": {"segments": ["vip"]}}, True),
        ({"segments": ["engaged"]}, True),
        ({"not": {"segments": ["engaged"]}}, True),
        ({"not": {"segments": ["engaged"], "channels": ["sms"]}}, True),
        ({"channels": ["sms"], "segments": ["engaged"]}, False),
    ],
)
def test_a_selector_takes_by_frozen_terms_and_gives_derived_segments_the_benefit(
    selector: dict[str, Any], *, taken: bool
) -> None:
    assert may_take(selector, TERMS, {"engaged"}) is taken


def test_terms_that_nobody_knows_are_given_the_benefit() -> None:
    assert may_take({"kinds": ["legal"], "min_priority": 99, "max_priority": 1}, UNKNOWN)
    assert may_take({"not": {"kinds": ["legal"]}}, UNKNOWN)
    assert not may_take({"campaigns": ["spring"]}, UNKNOWN)


def difference(*judged: dict[str, Any]) -> Difference:
    return Difference("policies", "p/r", DifferenceKind.CHANGED, "words", Effect.OTHER, judged)


def counter(*found: Difference, **bounds: int) -> TouchCounter:
    return TouchCounter(Differences(found, frozenset()), **bounds)


def by_channel(channel: str) -> ContactTerms:
    return ContactTerms("spring", channel, "marketing", "", "", 40)


def test_customers_are_counted_once_over_all_their_contacts() -> None:
    count = counter(difference({"channels": ["sms"]}), difference({"channels": ["email"]}), difference())
    for customer, channel in (("a", "email"), ("a", "email"), ("a", "sms"), ("b", "email"), ("c", "post")):
        count.add(customer, by_channel(channel))
    count.end_part()
    count.add("d", by_channel("sms"))
    count.end_part()
    total = count.total()
    assert (total.customers, total.touched, total.by_difference) == (4, 3, (2, 2, 0))
    assert not total.is_at_least


def test_beyond_the_stated_maximum_the_figures_are_lower_bounds() -> None:
    count = counter(difference({}), max_customers=2)
    for customer in ("a", "b", "c", "a"):
        count.add(customer, by_channel("email"))
    count.end_part()
    total = count.total()
    assert (total.customers, total.touched, total.is_at_least) == (2, 2, True)


def test_a_contact_made_elsewhere_has_the_terms_of_its_campaign() -> None:
    campaigns = {"spring": {"priority": 40, "offer_family": "weekends"}}
    terms = terms_of_campaign(campaigns, "spring", "email", frozenset({"loyal"}))
    assert terms == ContactTerms("spring", "email", "marketing", "weekends", "", 40, frozenset({"loyal"}))
    assert terms_of_campaign(campaigns, "gone", "email", frozenset()) == UNKNOWN


def test_differences_of_campaigns_and_channels_are_found_by_name() -> None:
    count = counter(
        difference({"campaigns": ["spring"]}, {"channels": ["sms"]}),
        difference({"campaigns": ["gone"]}),
        difference({"channels": ["email"]}),
        difference({"campaigns": ["spring", "gone"]}),
        difference({"campaigns": ["spring"], "channels": ["sms"]}),
    )
    for customer, channel in (("a", "email"), ("b", "sms"), ("c", "post")):
        count.add(customer, by_channel(channel))
    count.end_part()
    assert count.total().by_difference == (3, 0, 1, 3, 1)
