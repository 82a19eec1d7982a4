"""Reference model of the service, written from the contract page alone: obviously correct rather than quick.

It keeps the whole history of every customer, asks each rule naively at one instant, and finds `earliest_time` by
asking again at every instant at which anything could change.
"""

from collections.abc import Iterable
from dataclasses import replace

from tests.property import reference_claims
from tests.property.reference_alternatives import alternatives_to
from tests.property.reference_case import Accounts, Question, standing
from tests.property.reference_rules import UNNAMED, judge, payments
from tests.property.reference_score import rank_of, score_of
from tests.property.reference_segments import ANSWERS
from tests.property.reference_terms import contact_of
from tests.property.reference_time import DAY, span_ms
from tests.property.reference_values import (
    Alternative,
    Candidate,
    Claim,
    Contact,
    Decision,
    Denial,
    Document,
    Engagement,
    Event,
    History,
    Party,
    Rank,
    Recorded,
    Request,
    Score,
)

FURTHEST = 31 * DAY
"""How far ahead a contact may be planned."""


class ReferenceModel:
    """The service, as the contract describes it, for one catalog document.

    `prefix` is what the service's names of customers begin with, where they are longer than the model's.
    """

    def __init__(self, catalog: Document, prefix: str = "") -> None:
        """Take a catalog document in its normal, written form."""
        self.prefix = prefix
        self.parties: dict[str, Party] = {}
        self.accounts = Accounts()
        self.apply(catalog)

    def apply(self, catalog: Document) -> None:
        """Decide by this document from here on; what was frozen into contacts stays, claims die with their campaign."""
        self.catalog = catalog
        self.horizon = span_ms(catalog["horizon"])
        for party in self.parties.values():
            party.claims[:] = [claim for claim in party.claims if claim.campaign in catalog["campaigns"]]

    def is_valid(self, asked: Request) -> bool:
        """Whether the contact is planned neither in the past nor too far ahead."""
        return asked.time <= asked.contact_time <= asked.time + FURTHEST

    def request(self, asked: Request) -> list[Decision]:
        """Decide and reserve; one decision per candidate, in the order asked."""
        party = self.party_of(asked)
        contacts = party.history(asked.customer).contacts
        held = {
            (c.campaign, c.channel): c
            for c in contacts
            if asked.request_id and c.request_id == asked.request_id and asked.time < c.asked + DAY
        }
        scores = [self.score(asked, candidate) for candidate in asked.candidates]
        decisions: dict[int, Decision] = {}
        ranked = self.ranking(asked, scores)
        for position in ranked:
            candidate = asked.candidates[position]
            if (candidate.campaign, candidate.channel) in held:
                decisions[position] = Decision("GRANT", contact=held[candidate.campaign, candidate.channel])
        # In the order in which they took their places: scores may have changed since.
        again = [decision.contact for decision in decisions.values()]
        winners = [c.campaign for c in contacts for repeated in again if c is repeated]
        for position in (p for p in ranked if p not in decisions):
            candidate = asked.candidates[position]
            if candidate.campaign not in self.catalog["campaigns"]:
                decisions[position] = Decision("DENY", (Denial("CAMPAIGN_UNKNOWN"),))
                continue
            outranked_by = winners[-1] if len(winners) >= max(asked.max_grants, 1) else None
            question = self.question(asked, candidate, scores[position])
            decisions[position] = replace(judge(question, outranked_by), score=scores[position])
            if decisions[position].verdict == "GRANT":
                self.reserve(question)
                winners.append(candidate.campaign)
        return [decisions[position] for position in range(len(asked.candidates))]

    def check(self, asked: Request) -> list[Decision]:
        """The same answer, nothing reserved."""
        party = self.party_of(asked)
        history = party.history(asked.customer)
        before = list(history.contacts), list(party.claims), self.accounts.taken.copy()
        decisions = self.request(asked)
        history.contacts[:], party.claims[:], self.accounts.taken = before
        return decisions

    def alternatives(self, asked: Request, decisions: list[Decision]) -> tuple[Alternative, ...]:
        """What is open instead, where a request was just answered with denials alone."""
        scores = [self.score(asked, candidate) for candidate in asked.candidates]
        known = [p for p in self.ranking(asked, scores) if asked.candidates[p].campaign in self.catalog["campaigns"]]
        if not known or any(decision.verdict == "GRANT" for decision in decisions):
            return ()
        best = asked.candidates[known[0]]

        def question_of(candidate: Candidate) -> Question:
            return self.question(asked, candidate, self.score(asked, candidate))

        return alternatives_to(self.catalog, best, decisions[known[0]], question_of)

    def reserve(self, question: Question) -> None:
        """Let the granted contact take its place, its claim and what it costs."""
        contact = question.asked
        contact.payments = tuple(payments(question))
        for payment in contact.payments:
            self.accounts.pay(payment)
        reference_claims.use(self.catalog, question.party, question.customer, contact)
        question.history.contacts.append(contact)

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
        if not contact.released:
            for payment in contact.payments:
                self.accounts.give_back(payment)
        contact.released = True
        return "ok"

    def register(self, claim: Claim, now: int, party: str = "") -> str:
        """`registered`, `known` already, `invalid_argument`, `not_found` or `resource_exhausted`."""
        return reference_claims.register(self.catalog, self.party(party or claim.customer), claim, now)

    def withdraw(self, campaign: str, now: int, customer: str, party: str = "") -> str:
        """`n withdrawn`, of the live claims of the campaign that the customer had, or `not_found`."""
        if campaign not in self.catalog["campaigns"]:
            return "not_found"
        claims = self.party(party or customer).claims
        gone = [claim for claim in claims if (claim.campaign, claim.customer) == (campaign, customer)]
        claims[:] = [claim for claim in claims if claim not in gone]
        live = [claim for claim in gone if reference_claims.span_of(self.catalog, claim, now) is not None]
        return f"{len(live)} withdrawn"

    def withdraw_all(self, campaign: str) -> None:
        """The claims of the campaign, everybody's, are dead."""
        for party in self.parties.values():
            party.claims[:] = [claim for claim in party.claims if claim.campaign != campaign]

    def claims_left(self, customer: str, now: int, party: str = "") -> list[Claim]:
        """The customer's claims that are live."""
        mine = [claim for claim in self.party(party or customer).claims if claim.customer == customer]
        return [claim for claim in mine if reference_claims.span_of(self.catalog, claim, now) is not None]

    def listed(self, customer: str, now: int, party: str = "") -> tuple[Claim, ...]:
        """The customer's live claims as a list shows them: with their own channels, else all of the campaign's."""
        campaigns = self.catalog["campaigns"]
        return tuple(
            replace(claim, channels=tuple(sorted(claim.channels or campaigns[claim.campaign]["channels"])))
            for claim in self.claims_left(customer, now, party)
        )

    def record(self, customer: str, engagement: Engagement, moment: int, party: str = "") -> Recorded:
        """Count an engagement, or a contact made elsewhere, at its own time; `moment` is that of the report."""
        history = self.history(customer, party)
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

    def party(self, party_id: str) -> Party:
        """The party of this name, without members at first."""
        return self.parties.setdefault(party_id, Party())

    def party_of(self, asked: Request) -> Party:
        """The party that a request names; a customer alone is its own."""
        return self.party(asked.party or asked.customer)

    def history(self, customer: str, party: str = "") -> History:
        """The customer's history, empty at first."""
        return self.party(party or customer).history(customer)

    def contact(self, campaign_id: str, channel: str, moment: int, segments: Iterable[str]) -> Contact:
        """A contact of a known campaign at `moment`, with what is frozen into it."""
        return contact_of(self.catalog, campaign_id, channel, moment, segments)

    def question(self, asked: Request, candidate: Candidate, score: Score | None) -> Question:
        """What the rules judge: the contact that a candidate of a known campaign asks for."""
        contact = self.contact(candidate.campaign, candidate.channel, asked.contact_time, asked.segments)
        contact.asked, contact.request_id = asked.time, asked.request_id
        contact.contact_point, contact.subject = asked.contact_point, asked.subject
        return Question(
            catalog=self.catalog,
            asked=contact,
            customer=asked.customer,
            named=self.prefix + asked.customer,
            zone=asked.zone or self.catalog["zone"],
            party=self.party_of(asked),
            accounts=self.accounts,
            rank=self.rank(candidate, score),
        )

    def score(self, asked: Request, candidate: Candidate) -> Score | None:
        """What a candidate is worth as things stand."""
        history = self.party_of(asked).history(asked.customer)
        return score_of(self.catalog, candidate, history, asked.time, asked.contact_time)

    def rank(self, candidate: Candidate, score: Score | None) -> Rank:
        """Where a candidate stands; without a score, by its priority alone."""
        return rank_of(self.catalog, candidate.campaign, score.score if score else 0.0, candidate.deadline)

    def ranking(self, asked: Request, scores: list[Score | None]) -> list[int]:
        """The positions of the candidates, best first; of equals the one named first."""
        ranks = [
            (self.rank(candidate, score), position)
            for position, (candidate, score) in enumerate(zip(asked.candidates, scores, strict=True))
        ]
        return [position for _, position in sorted(ranks)]

    def latest_contact(self, history: History, engagement: Engagement, moment: int) -> Contact | None:
        """The contact of an engagement that names none: the latest of its campaign (and channel) at or before it.

        What lies beyond the horizon at `moment`, that of the report, is forgotten.
        """
        eligible = [
            contact
            for contact in standing(history.contacts, engagement.time)
            if contact.campaign == engagement.campaign
            and engagement.channel in (None, contact.channel)
            and moment - self.horizon < contact.time <= engagement.time
        ]
        return max(reversed(eligible), key=lambda contact: contact.time, default=None)
