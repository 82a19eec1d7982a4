"""Words for a person who has to understand why engine and model differ."""

from datetime import UTC, datetime
from textwrap import indent
from typing import Any

import yaml

from tests.property.engine import EngineDecision, EngineRecorded, EngineResponse, Reply
from tests.property.reference_values import Candidate, Claim, Decision, Engagement, Recorded, Request, Response
from tests.property.steps import Answer, Step


def instant(moment: int | None) -> str:
    """An instant in ms, as ISO 8601 UTC with milliseconds."""
    if moment is None:
        return "absent"
    return datetime.fromtimestamp(moment / 1000, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line_of(step: Step, answer: Answer) -> str:
    """A step and what the model answered, on one line."""
    what = f"party={step.party}" if step.party else ""
    if step.request is not None:
        what = request_words(step.request)
    elif step.claim is not None:
        what = f"{what} {claim_words(step.claim)}"
    elif step.engagement is not None:
        what = f"{what} {engagement_words(step.engagement)}"
    elif step.catalog is not None:
        what = f"withdrawn={list(step.withdrawn)}\n{indent(yaml_of(step.catalog), ' ' * 8)}"
    place = f" of contact {step.place[0]}.{step.place[1]}" if step.place else ""
    who = f"{step.verb} {step.customer}{place}"
    return f"{step.number:>4}  {instant(step.time)}  {who}  {what}\n        -> {answer_words(answer)}"


def request_words(asked: Request) -> str:
    """What is asked, with everything that is said."""
    ways = " | ".join(way(candidate) for candidate in asked.candidates)
    planned = f" planned={instant(asked.planned)}" if asked.planned is not None else ""
    said = {name: getattr(asked, name) for name in ("party", "contact_point", "subject", "zone", "request_id")}
    words = " ".join(f"{name}={value}" for name, value in said.items() if value)
    return f"{ways} grants={asked.max_grants} segments={list(asked.segments)} {words}{planned}"


def way(candidate: Candidate) -> str:
    """A candidate as `campaign:channel` with what ranks it."""
    said = {name: getattr(candidate, name) for name in ("score", "probability", "value")}
    words = "".join(f" {name}={value}" for name, value in said.items() if value not in (None, 0.0))
    deadline = f" deadline={instant(candidate.deadline)}" if candidate.deadline else ""
    return f"{candidate.campaign}:{candidate.channel}{words}{deadline}"


def claim_words(claim: Claim) -> str:
    """A claim, with everything that it says."""
    span = f"{instant(claim.begins)} to {instant(claim.until)}"
    return f"claim of {claim.campaign} for {claim.customer} {span} by {list(claim.channels)} score={claim.score}"


def engagement_words(engagement: Engagement) -> str:
    """What came back, with everything that it says."""
    said = {name: getattr(engagement, name) for name in ("campaign", "channel", "family", "value", "segments")}
    words = " ".join(f"{name}={value}" for name, value in said.items() if value)
    return f"{engagement.kind} at {instant(engagement.time)} {words} id={engagement.event_id}"


def answer_words(answer: Answer | Reply) -> str:
    """An answer of the model or the engine."""
    if isinstance(answer, Response | EngineResponse):
        words = [decision_words(decision) for decision in answer.decisions]
        others = [f"or {a.kind} {a.campaign}:{a.channel} {instant(a.time)}" for a in answer.alternatives]
        return "; ".join((*words, *others))
    if isinstance(answer, tuple):
        return "; ".join(claim_words(claim) for claim in answer)
    if isinstance(answer, Recorded | EngineRecorded):
        return answer.outcome
    return answer


def decision_words(decision: Decision | EngineDecision) -> str:
    """A decision of the model or the engine."""
    score = f" score {decision.score.score}" if decision.score else ""
    if decision.verdict == "GRANT":
        return f"GRANT{score}"
    reasons = ", ".join(
        f"{d.reason} {d.policy}/{d.rule} {d.outranked_by} {d.used} of {d.limit} until {instant(d.earliest)}"
        for d in decision.denials
    )
    return f"DENY{score} until {instant(decision.earliest)} [{reasons}]"


def yaml_of(catalog: dict[str, Any]) -> str:
    """The catalog document as a person writes it."""
    return yaml.safe_dump(catalog, sort_keys=False, default_flow_style=None, width=160)
