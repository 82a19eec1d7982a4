"""Words for a person who has to understand why engine and model differ."""

from datetime import UTC, datetime
from textwrap import indent
from typing import Any

import yaml

from tests.property.engine import EngineDecision, EngineRecorded, Reply
from tests.property.reference_values import Candidate, Decision, Engagement, Recorded
from tests.property.steps import Answer, Step


def instant(moment: int | None) -> str:
    """An instant in ms, as ISO 8601 UTC with milliseconds."""
    if moment is None:
        return "absent"
    return datetime.fromtimestamp(moment / 1000, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line_of(step: Step, answer: Answer) -> str:
    """A step and what the model answered, on one line."""
    what = ""
    if step.request is not None:
        asked = step.request
        ways = " | ".join(way(candidate) for candidate in asked.candidates)
        what = (
            f"{ways} grants={asked.max_grants} segments={list(asked.segments)} zone={asked.zone} id={asked.request_id}"
        )
    elif step.engagement is not None:
        what = engagement_words(step.engagement)
    elif step.catalog is not None:
        what = f"\n{indent(yaml_of(step.catalog), ' ' * 8)}"
    place = f" of contact {step.place[0]}.{step.place[1]}" if step.place else ""
    return f"{step.number:>4}  {instant(step.time)}  {step.verb}{place}  {what}\n        -> {answer_words(answer)}"


def way(candidate: Candidate) -> str:
    """A candidate as `campaign:channel` with what ranks it."""
    score = f" score={candidate.score}" if candidate.score else ""
    deadline = f" deadline={instant(candidate.deadline)}" if candidate.deadline else ""
    return f"{candidate.campaign}:{candidate.channel}{score}{deadline}"


def engagement_words(engagement: Engagement) -> str:
    """What came back, with everything that it says."""
    said = {name: getattr(engagement, name) for name in ("campaign", "channel", "family", "value", "segments")}
    words = " ".join(f"{name}={value}" for name, value in said.items() if value)
    return f"{engagement.kind} at {instant(engagement.time)} {words} id={engagement.event_id}"


def answer_words(answer: Answer | Reply) -> str:
    """An answer of the model or the engine."""
    if isinstance(answer, list):
        return "; ".join(decision_words(decision) for decision in answer)
    if isinstance(answer, Recorded | EngineRecorded):
        return answer.outcome
    return str(answer)


def decision_words(decision: Decision | EngineDecision) -> str:
    """A decision of the model or the engine."""
    if decision.verdict == "GRANT":
        return "GRANT"
    reasons = ", ".join(
        f"{d.reason} {d.policy}/{d.rule} {d.used} of {d.limit} until {instant(d.earliest)}" for d in decision.denials
    )
    return f"DENY until {instant(decision.earliest)} [{reasons}]"


def yaml_of(catalog: dict[str, Any]) -> str:
    """The catalog document as a person writes it."""
    return yaml.safe_dump(catalog, sort_keys=False, default_flow_style=None, width=160)
