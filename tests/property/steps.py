"""The steps of a walk, and a model that plays them."""

from dataclasses import dataclass, field, replace

from tests.property.reference_model import ReferenceModel
from tests.property.reference_values import Claim, Contact, Document, Engagement, Recorded, Request, Response

Answer = Response | str | Recorded | tuple[Claim, ...]
Place = tuple[int, int]
"""A contact, named by the step that made it and the position of its candidate."""


@dataclass(frozen=True)
class Step:
    """One call: apply, request, check, confirm, release, record, register, withdraw or list.

    `place` names the contact of confirm, release and record; `claim` what is registered, or of which campaign and
    customer claims are withdrawn or listed.
    """

    number: int
    verb: str
    customer: str
    time: int
    request: Request | None = None
    engagement: Engagement | None = None
    place: Place | None = None
    catalog: Document | None = None
    claim: Claim | None = None
    party: str = ""
    withdrawn: tuple[str, ...] = ()
    """Campaigns of which the applied catalog withdraws every claim."""


@dataclass
class Played:
    """A model that plays steps and remembers which contact came of which step."""

    model: ReferenceModel
    contacts: dict[Place, Contact] = field(default_factory=dict)

    def play(self, step: Step) -> Answer | None:
        """The model's answer; None where the step names a contact that never came to be."""
        if step.catalog is not None:
            self.model.apply(step.catalog)
            for campaign in step.withdrawn:
                self.model.withdraw_all(campaign)
            return "applied"
        if step.request is not None:
            return self.ask(step, step.request)
        if step.claim is not None:
            return self.claim(step, step.claim)
        contact = None if step.place is None else self.contacts.get(step.place)
        if step.engagement is not None and (step.place is None or contact is not None):
            return self.tell(step, replace(step.engagement, contact=contact))
        return None if contact is None else self.settle(step, contact)

    def settle(self, step: Step, contact: Contact) -> str:
        """The model's answer to a confirmation or release."""
        return self.model.confirm(contact, step.time) if step.verb == "confirm" else self.model.release(contact)

    def tell(self, step: Step, engagement: Engagement) -> Answer:
        """The model's answer to an engagement."""
        recorded = self.model.record(step.customer, engagement, step.time, step.party)
        if recorded.contact is not None and engagement.kind == "sent":
            self.contacts[step.number, 0] = recorded.contact
        return recorded

    def ask(self, step: Step, asked: Request) -> Answer:
        """The model's answer to a request or check."""
        if not self.model.is_valid(asked):
            return "invalid_argument"
        decisions = self.model.request(asked) if step.verb == "request" else self.model.check(asked)
        if step.verb == "request":
            self.contacts |= {(step.number, position): d.contact for position, d in enumerate(decisions) if d.contact}
        return Response(tuple(decisions), self.model.alternatives(asked, decisions))

    def claim(self, step: Step, claim: Claim) -> Answer:
        """The model's answer to what is said of claims."""
        if step.verb == "register":
            return self.model.register(claim, step.time, step.party)
        if step.verb == "withdraw":
            return self.model.withdraw(claim.campaign, step.time, step.customer, step.party)
        return self.model.listed(step.customer, step.time, step.party)
