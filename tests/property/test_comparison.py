"""The comparison itself: it finds a planted mistake, makes it small, and finds none where there is none."""

from dataclasses import dataclass, field, replace

from tests.property.comparison import Difference, first_difference
from tests.property.engine import EngineDecision, EngineDenial, EngineRecorded, EngineResponse
from tests.property.reference_model import ReferenceModel
from tests.property.reference_values import Claim, Contact, Decision, Document, Engagement, Request
from tests.property.walks import World


@dataclass
class ModelEngine:
    """A second model that plays the engine; its `earliest_time` of caps is off by `mistake_ms`."""

    mistake_ms: int = 0
    model: ReferenceModel | None = None
    ids: dict[Contact, str] = field(default_factory=dict)

    def begin(self) -> None:
        self.model = None

    def apply(self, catalog: Document, withdrawn: tuple[str, ...] = ()) -> None:
        if self.model is None:
            self.model = ReferenceModel(catalog)
        self.model.apply(catalog)
        for campaign in withdrawn:
            self.model.withdraw_all(campaign)

    @property
    def known(self) -> ReferenceModel:
        assert self.model is not None
        return self.model

    def id_of(self, contact: Contact | None) -> str:
        return "" if contact is None else self.ids.setdefault(contact, f"contact {len(self.ids)}")

    def contact(self, contact_id: str) -> Contact:
        return next(contact for contact, known in self.ids.items() if known == contact_id)

    def request(self, asked: Request) -> EngineResponse | str:
        if not self.known.is_valid(asked):
            return "invalid_argument"
        return self.translated(asked, self.known.request(asked))

    def check(self, asked: Request) -> EngineResponse | str:
        if not self.known.is_valid(asked):
            return "invalid_argument"
        answer = self.translated(asked, self.known.check(asked))
        return replace(answer, decisions=tuple(self.without_unmade(decision) for decision in answer.decisions))

    def without_unmade(self, decision: EngineDecision) -> EngineDecision:
        """The decision of a check, naming only contacts that were made."""
        made = {self.id_of(contact) for party in self.known.parties.values() for contact in party.contacts()}
        denials = (replace(d, contacts=tuple(c for c in d.contacts if c[0] in made)) for d in decision.denials)
        return replace(decision, denials=tuple(denials))

    def translated(self, asked: Request, decisions: list[Decision]) -> EngineResponse:
        others = self.known.alternatives(asked, decisions)
        return EngineResponse(tuple(self.decision(decision) for decision in decisions), others)

    def decision(self, decision: Decision) -> EngineDecision:
        denials = []
        for d in decision.denials:
            shift = self.mistake_ms if d.reason == "FREQUENCY_CAP" else 0
            earliest = None if d.earliest is None else d.earliest + shift
            figures = (float(d.used or 0), float(d.limit or 0))
            contacts = tuple((self.id_of(contact), contact.time) for contact in d.contacts[:10])
            denials.append(EngineDenial(d.reason, d.policy, d.rule, earliest, *figures, d.outranked_by, contacts))
        expire = decision.contact.expire if decision.contact else None
        caps = [cap.figures() for cap in decision.remaining or ()]
        contact_id = self.id_of(decision.contact)
        return EngineDecision(
            decision.verdict, tuple(denials), decision.earliest, contact_id, expire, tuple(caps), decision.score
        )

    def confirm(self, contact_id: str, moment: int) -> str:
        return self.known.confirm(self.contact(contact_id), moment)

    def release(self, contact_id: str, moment: int) -> str:
        return self.known.release(self.contact(contact_id))

    def record(self, customer: str, engagement: Engagement, contact_id: str, moment: int, party: str) -> EngineRecorded:
        known = self.contact(contact_id) if contact_id else None
        recorded = self.known.record(customer, replace(engagement, contact=known), moment, party)
        return EngineRecorded(recorded.outcome, self.id_of(recorded.contact))

    def register(self, claim: Claim, moment: int, party: str) -> str:
        return self.known.register(claim, moment, party)

    def withdraw(self, campaign: str, customer: str, moment: int, party: str) -> str:
        return self.known.withdraw(campaign, moment, customer, party)

    def claims(self, customer: str, moment: int, party: str) -> tuple[Claim, ...]:
        return self.known.listed(customer, moment, party)


def walk_of(seed: str, mistake_ms: int) -> Difference | None:
    return first_difference(World(seed), 160, ModelEngine(mistake_ms), "test")


def test_two_models_agree() -> None:
    assert [walk_of(f"agreement:{number}", mistake_ms=0) for number in range(5)] == [None] * 5


def test_a_planted_mistake_is_found_and_made_small() -> None:
    seeds = [f"mistake:{number}" for number in range(8)]
    found = [difference for seed in seeds if (difference := walk_of(seed, mistake_ms=1)) is not None]
    assert found
    for difference in found:
        assert any("FREQUENCY_CAP" in finding for finding in difference.findings)
        assert len(difference.lines) <= 8
        assert "engine:" in difference.explained()
