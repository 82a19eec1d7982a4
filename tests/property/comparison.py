"""Plays a world's steps on engine and reference model side by side, and makes the first difference small."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from tests.property.engine import Engine, EngineDecision, EngineDenial, EngineRecorded, EngineResponse, Reply
from tests.property.reference_model import ReferenceModel
from tests.property.reference_values import Claim, Contact, Decision, Denial, Document, Recorded, Response, Score
from tests.property.report import answer_words, claim_words, instant, line_of, yaml_of
from tests.property.steps import Answer, Played, Step
from tests.property.walks import World

MOST_CONTACTS = 10
"""How many contacts a denial names."""


@dataclass(frozen=True)
class Difference:
    """Where engine and model part: the step, both answers, what differs, and the steps up to there."""

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
    """An engine, and which of its contacts is which of the model's; `name` begins the names of its customers."""

    engine: Engine
    name: str
    twins: dict[Contact, str] = field(default_factory=dict)

    def named(self, name: str) -> str:
        """The engine's name of a customer or party."""
        return f"{self.name}/{name}" if name else ""

    def play(self, step: Step, contact: Contact | None) -> Reply:
        """The engine's answer to a step that names `contact`."""
        if step.catalog is not None:
            self.engine.apply(step.catalog, step.withdrawn)
            return "applied"
        customer, party = self.named(step.customer), self.named(step.party)
        contact_id = self.twins.get(contact, "") if contact else ""
        if step.request is not None:
            asked = replace(step.request, customer=customer, party=self.named(step.request.party))
            return self.engine.request(asked) if step.verb == "request" else self.engine.check(asked)
        if step.claim is not None:
            return self.play_claim(step, replace(step.claim, customer=customer), party)
        if step.engagement is not None:
            return self.engine.record(customer, step.engagement, contact_id, step.time, party)
        settle = self.engine.confirm if step.verb == "confirm" else self.engine.release
        return settle(contact_id, step.time)

    def play_claim(self, step: Step, claim: Claim, party: str) -> Reply:
        """The engine's answer to what is said of claims."""
        if step.verb == "register":
            return self.engine.register(claim, step.time, party)
        if step.verb == "withdraw":
            return self.engine.withdraw(claim.campaign, claim.customer, step.time, party)
        return self.engine.claims(claim.customer, step.time, party)

    def compare(self, step: Step, answer: Answer, reply: Reply) -> list[str]:
        """Everything in which the answers differ; learns which contacts are twins."""
        if isinstance(answer, Response) and isinstance(reply, EngineResponse):
            return self.compare_response(step, answer, reply)
        if isinstance(answer, tuple) and isinstance(reply, tuple):
            expected = sorted(claim_words(replace(claim, customer=self.named(claim.customer))) for claim in answer)
            got = sorted(claim_words(claim) for claim in reply)
            return [] if expected == got else [f"claims: expected {expected}, got {got}"]
        if not isinstance(answer, Recorded) or not isinstance(reply, EngineRecorded):
            same = isinstance(answer, str) and answer == reply
            return [] if same else [f"outcome: expected {answer}, got {reply}"]
        found = [] if answer.outcome == reply.outcome else [f"outcome: expected {answer.outcome}, got {reply.outcome}"]
        if not found and answer.outcome == "recorded":
            found += self.compare_contact(answer.contact, reply.contact_id)
        return found

    def compare_response(self, step: Step, answer: Response, reply: EngineResponse) -> list[str]:
        """Decision by decision, then the alternatives."""
        mine, theirs = answer.decisions, reply.decisions
        found = [f"{len(theirs)} decisions for {len(mine)} candidates"] if len(mine) != len(theirs) else []
        for position, (expected, got) in enumerate(zip(mine, theirs, strict=False)):
            found += [f"candidate {position}: {text}" for text in self.compare_decision(step, expected, got)]
        if answer.alternatives != reply.alternatives:
            found.append(f"alternatives: expected {answer.alternatives}, got {reply.alternatives}")
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
            found += self.compare_denial(step, ours, theirs)
        found += compare_score(expected, got.score)
        if expected.remaining is not None and expected.verdict == got.verdict:
            caps = [cap.figures() for cap in expected.remaining]
            found += [] if caps == list(got.remaining) else [f"remaining: expected {caps}, got {list(got.remaining)}"]
        if expected.contact is not None and expected.verdict == got.verdict and step.verb == "request":
            if expected.contact.expire != got.expire:
                found.append(f"expire_time: expected {instant(expected.contact.expire)}, got {instant(got.expire)}")
            found += self.compare_contact(expected.contact, got.contact_id)
        return found

    def compare_denial(self, step: Step, ours: Denial, theirs: EngineDenial) -> list[str]:
        """The earliest time and the figures of one rule, and the contacts that it counts.

        What a check would have granted is no contact, and so not named.
        """
        where, found = f"{ours.reason} {ours.policy}/{ours.rule}", []
        if ours.earliest != theirs.earliest:
            found.append(f"{where} earliest_time: expected {instant(ours.earliest)}, got {instant(theirs.earliest)}")
        for figure in ("used", "limit"):
            value = getattr(ours, figure)
            if value is not None and float(value) != getattr(theirs, figure):
                found.append(f"{where} {figure}: expected {value}, got {getattr(theirs, figure)}")
        known = {contact_id: contact for contact, contact_id in self.twins.items()}
        latest = ours.contacts[:MOST_CONTACTS]
        expected = [contact.time for contact in latest if step.verb != "check" or contact in self.twins]
        if expected != [time for _, time in theirs.contacts]:
            found.append(f"{where} contacts: expected those of {expected}, got {theirs.contacts}")
        strange = [named for named, _ in theirs.contacts if named in known and known[named] not in ours.contacts]
        return [*found, f"{where} contacts: {strange} do not count"] if strange else found

    def compare_contact(self, contact: Contact | None, contact_id: str) -> list[str]:
        """Whether an id names the model's contact; one seen for the first time must have an id of its own."""
        if contact is not None and contact not in self.twins and contact_id and contact_id not in self.twins.values():
            self.twins[contact] = contact_id
        known = self.twins.get(contact, "") if contact else ""
        agrees = known == contact_id and bool(known) == bool(contact)
        return [] if agrees else [f"contact: expected `{known}`, got `{contact_id}`"]


def compare_score(expected: Decision, got: Score | None) -> list[str]:
    """Whether the scores are alike to the millionth; nothing is said of candidates that were not ranked afresh."""
    ours = expected.score
    if expected.remaining is None and not any(d.reason != "CAMPAIGN_UNKNOWN" for d in expected.denials):
        return []
    if ours is None or got is None or (ours.factors is None) != (got.factors is None):
        return [] if ours == got else [f"score: expected {ours}, got {got}"]
    pairs = [(ours.score, got.score)]
    if ours.factors is not None and got.factors is not None:
        pairs += zip(vars(ours.factors).values(), vars(got.factors).values(), strict=True)
    alike = all(math.isclose(mine, theirs, rel_tol=1e-9, abs_tol=1.5e-6) for mine, theirs in pairs)
    return [] if alike else [f"score: expected {ours}, got {got}"]


def first_difference(world: World, length: int, engine: Engine, name: str) -> Difference | None:
    """Walk the world beside the engine until they differ; the difference comes back with its steps made few."""
    engine.begin()
    engine.apply(world.first_catalog)
    world.played.model.prefix = f"{name}/"
    pair = Pair(engine, name)
    for step, answer in world.walk(length):
        try:
            reply = pair.play(step, world.played.contacts.get(step.place) if step.place else None)
        except Exception as error:
            error.add_note(line_of(step, answer))
            raise
        findings = pair.compare(step, answer, reply)
        if findings:
            alone = shrunk(world.first_catalog, engine, world.steps, name)
            lines = ("(not seen again with these steps alone)",)
            return alone or Difference(world.catalog, step, answer, reply, tuple(findings), lines)
    return None


def replayed(catalog: Document, engine: Engine, steps: Iterable[Step], name: str) -> Difference | None:
    """Play these steps on a fresh model and an empty engine; those whose contact never came to be are left out."""
    engine.begin()
    engine.apply(catalog)
    played, pair, lines = Played(ReferenceModel(catalog, f"{name}/")), Pair(engine, name), []
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
    """Leave out steps, many at once and then one after the other, while engine and model still differ."""
    smallest = replayed(catalog, engine, steps, name)
    size = len(steps) // 2 if smallest else 0
    while size:
        end = len(steps)
        while end > 0:
            without = [*steps[: max(0, end - size)], *steps[end:]]
            smaller = replayed(catalog, engine, without, name)
            if smaller is not None:
                smallest, steps = smaller, without
            end -= size
        size //= 2
    return smallest
