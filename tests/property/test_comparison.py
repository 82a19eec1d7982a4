"""The comparison itself: it finds a planted mistake, makes it small, and finds none where there is none."""

from dataclasses import dataclass, field

from tests.property.comparison import Difference, first_difference
from tests.property.engine import EngineDecision, EngineDenial, EngineRecorded
from tests.property.reference_model import ReferenceModel
from tests.property.reference_rules import Document
from tests.property.reference_values import Contact, Decision, Engagement, Request
from tests.property.steps import World


@dataclass
class ModelEngine:
    """A second model that plays the engine; its `earliest_time` of caps is off by `mistake_ms`."""

    catalog: Document
    mistake_ms: int = 0
    models: dict[str, ReferenceModel] = field(default_factory=dict)
    ids: dict[Contact, str] = field(default_factory=dict)

    def apply(self, catalog: Document) -> None:
        self.catalog = catalog

    def model(self, customer: str) -> ReferenceModel:
        model = self.models.setdefault(customer, ReferenceModel(self.catalog))
        model.apply(self.catalog)
        return model

    def id_of(self, contact: Contact | None) -> str:
        return "" if contact is None else self.ids.setdefault(contact, f"contact {len(self.ids)}")

    def contact(self, contact_id: str) -> Contact:
        return next(contact for contact, known in self.ids.items() if known == contact_id)

    def request(self, asked: Request) -> list[EngineDecision]:
        return [self.translated(decision) for decision in self.model(asked.customer).request(asked)]

    def check(self, asked: Request) -> list[EngineDecision]:
        return [self.translated(decision) for decision in self.model(asked.customer).check(asked)]

    def translated(self, decision: Decision) -> EngineDecision:
        denials = []
        for d in decision.denials:
            shift = self.mistake_ms if d.reason == "FREQUENCY_CAP" else 0
            earliest = None if d.earliest is None else d.earliest + shift
            figures = (float(d.used or 0), float(d.limit or 0))
            denials.append(EngineDenial(d.reason, d.policy, d.rule, earliest, *figures, d.outranked_by))
        expire = decision.contact.expire if decision.contact else None
        caps = [cap.figures() for cap in decision.remaining or ()]
        contact_id = self.id_of(decision.contact)
        return EngineDecision(decision.verdict, tuple(denials), decision.earliest, contact_id, expire, tuple(caps))

    def confirm(self, contact_id: str, moment: int) -> str:
        return ReferenceModel(self.catalog).confirm(self.contact(contact_id), moment)

    def release(self, contact_id: str, moment: int) -> str:
        assert moment
        return ReferenceModel(self.catalog).release(self.contact(contact_id))

    def record(self, customer: str, engagement: Engagement, contact_id: str, moment: int) -> EngineRecorded:
        known = self.contact(contact_id) if contact_id else None
        told = Engagement(**{**vars(engagement), "contact": known})
        recorded = self.model(customer).record(customer, told, moment)
        return EngineRecorded(recorded.outcome, self.id_of(recorded.contact))


def walk_of(seed: str, mistake_ms: int) -> Difference | None:
    world = World(seed)
    return first_difference(world, 160, ModelEngine(world.first_catalog, mistake_ms), "test")


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
