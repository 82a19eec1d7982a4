"""Reference model of the service, written from the contract page alone: obviously correct rather than quick.

It keeps the whole history of every customer, asks each rule naively at one instant, and finds `earliest_time` by
asking again at every instant at which anything could change.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tests.property.reference_rules import ANSWERS, UNNAMED, Document, Rules, standing
from tests.property.reference_time import DAY, NEVER, span_ms
from tests.property.reference_values import (
    Candidate,
    Contact,
    Decision,
    Denial,
    Engagement,
    Event,
    History,
    Recorded,
    Request,
)


class ReferenceModel:
    """The service, as the contract describes it, for one catalog document."""

    def __init__(self, catalog: Document) -> None:
        """Take a catalog document in its normal, written form."""
        self.histories: dict[str, History] = {}
        self.apply(catalog)

    def apply(self, catalog: Document) -> None:
        """Decide by this document from here on; what was frozen into contacts stays."""
        self.catalog = catalog
        self.rules = Rules(catalog)

    def request(self, asked: Request) -> list[Decision]:
        """Decide and reserve; one decision per candidate, in the order asked."""
        contacts = self.history(asked.customer).contacts
        held = {
            (c.campaign, c.channel): c
            for c in contacts
            if asked.request_id and c.request_id == asked.request_id and asked.time < c.time + DAY
        }
        decisions: dict[int, Decision] = {}
        winners: list[str] = []
        ranked = sorted(
            range(len(asked.candidates)), key=lambda position: self.rank(asked.candidates[position], position)
        )
        for position in ranked:
            candidate = asked.candidates[position]
            if (candidate.campaign, candidate.channel) in held:
                decisions[position] = Decision("GRANT", contact=held[candidate.campaign, candidate.channel])
                winners.append(candidate.campaign)
        for position in (p for p in ranked if p not in decisions):
            candidate = asked.candidates[position]
            if candidate.campaign not in self.catalog["campaigns"]:
                decisions[position] = Decision("DENY", (Denial("CAMPAIGN_UNKNOWN"),))
                continue
            contact = self.contact(candidate.campaign, candidate.channel, asked.time, asked.segments)
            contact.request_id = asked.request_id
            zone = asked.zone or self.catalog["zone"]
            outranked_by = winners[-1] if len(winners) >= max(asked.max_grants, 1) else None
            decisions[position] = self.rules.judge(contact, zone, self.history(asked.customer), outranked_by)
            if decisions[position].verdict == "GRANT":
                contacts.append(contact)
                winners.append(candidate.campaign)
        return [decisions[position] for position in range(len(asked.candidates))]

    def check(self, asked: Request) -> list[Decision]:
        """The same answer, nothing reserved."""
        history = self.history(asked.customer)
        before = list(history.contacts)
        decisions = self.request(asked)
        history.contacts[:] = before
        return decisions

    def confirm(self, contact: Contact, t_ms: int) -> str:
        """`ok` or `failed_precondition`."""
        if not contact.stands_at(t_ms):
            return "failed_precondition"
        contact.confirmed = True
        return "ok"

    def release(self, contact: Contact) -> str:
        """`ok` or `failed_precondition`."""
        if contact.confirmed:
            return "failed_precondition"
        contact.released = True
        return "ok"

    def record(self, customer: str, engagement: Engagement, moment: int) -> Recorded:
        """Count an engagement, or a contact made elsewhere, at its own time; `moment` is that of the report."""
        history = self.history(customer)
        named = self.catalog["campaigns"].get(engagement.campaign)
        foreign = engagement.channel is not None and engagement.channel not in self.catalog["channels"]
        if engagement.event_id in history.event_ids:
            return Recorded("duplicate")
        if (engagement.campaign is not None and named is None) or (foreign and engagement.kind != "purchased"):
            return Recorded("not_found")
        if engagement.kind == "sent" and engagement.contact and not engagement.contact.stands_at(moment):
            return Recorded("failed_precondition")
        if engagement.kind == "sent" and engagement.contact and engagement.contact.confirmed:
            return Recorded("duplicate", engagement.contact)
        history.event_ids.add(engagement.event_id)
        if engagement.kind == "sent" and engagement.contact is None:
            contact = self.contact(
                str(engagement.campaign), str(engagement.channel), engagement.time, engagement.segments
            )
            contact.confirmed = True
            history.contacts.append(contact)
            return Recorded("recorded", contact)
        contact_or_none = engagement.contact or self.latest_contact(history, engagement, moment)
        if contact_or_none is not None:
            contact_or_none.confirmed |= engagement.kind == "sent"
            contact_or_none.answered |= engagement.kind in ANSWERS
        history.events.append(self.event(engagement, contact_or_none))
        return Recorded("recorded", contact_or_none)

    def event(self, engagement: Engagement, contact: Contact | None) -> Event:
        """The engagement as the rules see it: campaign, channel and family of its contact, else of what it names."""
        if contact is not None:
            campaign, channel, family = contact.campaign, contact.channel, contact.family
        else:
            campaign, channel = engagement.campaign or UNNAMED, engagement.channel or UNNAMED
            family = self.catalog["campaigns"][campaign].get("offer_family") if engagement.campaign else UNNAMED
        return Event(
            engagement.kind,
            engagement.time,
            engagement.value,
            campaign,
            channel,
            offer_family=engagement.family or family,
        )

    def history(self, customer_id: str) -> History:
        """The customer's history, empty at first."""
        return self.histories.setdefault(customer_id, History())

    def contact(self, campaign_id: str, channel: str, moment: int, segments: Iterable[str]) -> Contact:
        """A contact of a known campaign at `moment`, with what is frozen into it; an unknown channel weighs nothing."""
        campaign = self.catalog["campaigns"][campaign_id]
        means = self.catalog["channels"].get(channel, {"cost": 0, "pressure": 0})
        reservation = means.get("reservation", {})
        return Contact(
            moment,
            campaign_id,
            channel,
            kind=campaign["kind"],
            priority=campaign["priority"],
            family=campaign.get("offer_family"),
            unit=campaign.get("business_unit"),
            segments=frozenset(segments),
            points=Decimal(str(campaign.get("pressure", means.get("pressure", 1)))),
            cost=Decimal(str(means.get("cost", 0))),
            expire=moment + span_ms(reservation.get("expires_after", "24h")),
            lapses=reservation.get("unconfirmed", "counts") == "released",
        )

    def rank(self, candidate: Candidate, position: int) -> tuple[Any, ...]:
        """Best first: priority, score, earliest deadline (none is last), campaign id in byte order, position."""
        priority = self.catalog["campaigns"].get(candidate.campaign, {}).get("priority", 0)
        deadline = NEVER if candidate.deadline is None else candidate.deadline
        return (-priority, -candidate.score, deadline, candidate.campaign.encode(), position)

    def latest_contact(self, history: History, engagement: Engagement, moment: int) -> Contact | None:
        """The contact of an engagement that names none: the latest of its campaign (and channel) at or before it.

        What lies beyond the horizon at `moment`, that of the report, is forgotten.
        """
        eligible = [
            contact
            for contact in standing(history.contacts, engagement.time)
            if contact.campaign == engagement.campaign
            and engagement.channel in (None, contact.channel)
            and moment - self.rules.horizon < contact.time <= engagement.time
        ]
        return max(reversed(eligible), key=lambda contact: contact.time, default=None)
