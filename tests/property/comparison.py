"""Plays a world's steps on engine and reference model side by side, and makes the first difference small."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from tests.property.engine import Engine, EngineDecision, Reply
from tests.property.reference_model import ReferenceModel
from tests.property.reference_rules import Document
from tests.property.reference_values import Contact, Decision
from tests.property.report import answer_words, instant, line_of, yaml_of
from tests.property.steps import Answer, Played, Step, World


@dataclass(frozen=True)
class Difference:
    """Where engine and model part: the step, both answers, what differs, and the customer's steps up to there."""

    catalog: Document
    step: Step
    answer: Answer
    reply: Reply
    findings: tuple[str, ...]
    lines: tuple[str, ...]

    def explained(self) -> str:
        """All that a person needs to see why."""
        parts = (*self.lines, f"        engine: {answer_words(self.reply)}", "", *self.findings)
        return f"{yaml_of(self.catalog)}\n" + "\n".join(parts)


@dataclass
class Pair:
    """An engine, and which of its contacts is which of the model's; `name` keeps its customers apart from others."""

    engine: Engine
    name: str
    twins: dict[Contact, str] = field(default_factory=dict)

    def play(self, step: Step, contact: Contact | None) -> Reply:
        """The engine's answer to a step that names `contact`."""
        if step.catalog is not None:
            self.engine.apply(step.catalog)
            return "applied"
        customer = f"{self.name}/{step.customer}"
        contact_id = self.twins.get(contact, "") if contact else ""
        if step.request is not None:
            asked = replace(step.request, customer=customer)
            return self.engine.request(asked) if step.verb == "request" else self.engine.check(asked)
        if step.engagement is not None:
            return self.engine.record(customer, step.engagement, contact_id, step.time)
        settle = self.engine.confirm if step.verb == "confirm" else self.engine.release
        return settle(contact_id, step.time)

    def compare(self, step: Step, answer: Answer, reply: Reply) -> list[str]:
        """Everything in which the answers differ; learns which contacts are twins."""
        if isinstance(answer, list) and isinstance(reply, list):
            found = [f"{len(reply)} decisions for {len(answer)} candidates"] if len(answer) != len(reply) else []
            for position, (expected, got) in enumerate(zip(answer, reply, strict=False)):
                found += [f"candidate {position}: {text}" for text in self.compare_decision(step, expected, got)]
            return found
        if isinstance(answer, str) or isinstance(reply, str) or isinstance(answer, list) or isinstance(reply, list):
            return [] if answer == reply else [f"outcome: expected {answer}, got {reply}"]
        found = [] if answer.outcome == reply.outcome else [f"outcome: expected {answer.outcome}, got {reply.outcome}"]
        if not found and answer.outcome == "recorded":
            found += self.compare_contact(answer.contact, reply.contact_id)
        return found

    def compare_decision(self, step: Step, expected: Decision, got: EngineDecision) -> list[str]:
        """Verdict, reasons in order, figures, earliest times, and for grants the contact and its expiry."""
        found = [] if expected.verdict == got.verdict else [f"verdict: expected {expected.verdict}, got {got.verdict}"]
        if expected.earliest != got.earliest:
            found.append(f"earliest_time: expected {instant(expected.earliest)}, got {instant(got.earliest)}")
        expected_rules = [(d.reason, d.policy, d.rule, d.outranked_by) for d in expected.denials]
        if expected_rules != [(d.reason, d.policy, d.rule, d.outranked_by) for d in got.denials]:
            return [*found, "denials differ"]
        for ours, theirs in zip(expected.denials, got.denials, strict=True):
            where = f"{ours.reason} {ours.policy}/{ours.rule}"
            if ours.earliest != theirs.earliest:
                found.append(
                    f"{where} earliest_time: expected {instant(ours.earliest)}, got {instant(theirs.earliest)}"
                )
            for figure in ("used", "limit"):
                value = getattr(ours, figure)
                if value is not None and float(value) != getattr(theirs, figure):
                    found.append(f"{where} {figure}: expected {value}, got {getattr(theirs, figure)}")
        if expected.remaining is not None and expected.verdict == got.verdict:
            caps = [cap.figures() for cap in expected.remaining]
            found += [] if caps == list(got.remaining) else [f"remaining: expected {caps}, got {list(got.remaining)}"]
        if expected.contact is not None and expected.verdict == got.verdict and step.verb == "request":
            if expected.contact.expire != got.expire:
                found.append(f"expire_time: expected {instant(expected.contact.expire)}, got {instant(got.expire)}")
            found += self.compare_contact(expected.contact, got.contact_id)
        return found

    def compare_contact(self, contact: Contact | None, contact_id: str) -> list[str]:
        """Whether an id names the model's contact; one seen for the first time must have an id of its own."""
        if contact is not None and contact not in self.twins and contact_id and contact_id not in self.twins.values():
            self.twins[contact] = contact_id
        known = self.twins.get(contact, "") if contact else ""
        agrees = known == contact_id and bool(known) == bool(contact)
        return [] if agrees else [f"contact: expected `{known}`, got `{contact_id}`"]


def first_difference(world: World, length: int, engine: Engine, name: str) -> Difference | None:
    """Walk the world beside the engine until they differ; the difference comes back with its steps made few."""
    engine.apply(world.first_catalog)
    pair = Pair(engine, name)
    for step, answer in world.walk(length):
        try:
            reply = pair.play(step, world.played.contacts.get(step.place) if step.place else None)
        except Exception as error:
            error.add_note(line_of(step, answer))
            raise
        findings = pair.compare(step, answer, reply)
        if findings:
            mine = [other for other in world.steps if other.customer in ("", step.customer)]
            alone = shrunk(world.first_catalog, engine, mine, name)
            lines = ("(not seen again with this customer's steps alone)",)
            return alone or Difference(world.catalog, step, answer, reply, tuple(findings), lines)
    return None


def replayed(catalog: Document, engine: Engine, steps: Iterable[Step], name: str) -> Difference | None:
    """Play these steps on a model and customers of their own; steps whose contact never came to be are left out."""
    engine.apply(catalog)
    played, pair, lines = Played(ReferenceModel(catalog)), Pair(engine, name), []
    for step in steps:
        answer = played.play(step)
        if answer is None:
            continue
        reply = pair.play(step, played.contacts.get(step.place) if step.place else None)
        lines.append(line_of(step, answer))
        findings = pair.compare(step, answer, reply)
        if findings:
            return Difference(catalog, step, answer, reply, tuple(findings), tuple(lines))
    return None


def shrunk(catalog: Document, engine: Engine, steps: Sequence[Step], name: str) -> Difference | None:
    """Leave out one step after the other while engine and model still differ; None where replayed they do not."""
    smallest = replayed(catalog, engine, steps, f"{name}~")
    for index in reversed(range(len(steps) if smallest else 0)):
        without = [*steps[:index], *steps[index + 1 :]]
        smaller = replayed(catalog, engine, without, f"{name}~{index}")
        if smaller is not None:
            smallest, steps = smaller, without
    return smallest
