"""Counts what a replay asked, what was granted, and which rule spoke first against the rest."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from repit.v1.decision_pb2 import Decision, Verdict
from repit.v1.denial_pb2 import DenialReason
from repit_server.history.answer_ledger import AnswerTotals
from repit_server.history.event import Event

_REASON_PREFIX: Final = "DENIAL_REASON_"


@dataclass(frozen=True, slots=True)
class CampaignCounts:
    """How often one campaign asked, and what it was told."""

    campaign_id: str
    requests: int
    granted: int
    denied: int


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What became of an event file under one catalog. Values are money of the catalog, `seconds` wall time."""

    requests: int
    granted: int
    denied: int
    denied_by_reason: dict[str, int]
    denied_by_rule: dict[str, int]
    by_campaign: list[CampaignCounts]
    answered_total: int
    answers_kept: int
    answers_lost: int
    value_total: float
    value_kept: float
    catalog_version: int
    seconds: float
    events_per_second: float
    events: int
    engagements_dropped: int

    def as_json(self) -> dict[str, Any]:
        """Give the object that `--json` prints; money to the cent."""
        written = asdict(self)
        for name in ("value_total", "value_kept"):
            written[name] = round(written[name], 2)
        written["seconds"] = round(self.seconds, 3)
        written["events_per_second"] = round(self.events_per_second, 1)
        return written


def is_grant(decision: Decision) -> bool:
    """Whether the contact may be made."""
    return decision.verdict == Verdict.VERDICT_GRANT


def first_reason(decision: Decision) -> str:
    """Name the reason of the first denial in order of precedence; empty for a grant."""
    if not decision.denials:
        return ""
    return DenialReason.Name(decision.denials[0].reason).removeprefix(_REASON_PREFIX)


def first_rule(decision: Decision) -> str:
    """Name the rule of the first denial as `policy/rule`; empty where that is no policy's rule."""
    if not decision.denials or not decision.denials[0].rule:
        return ""
    return f"{decision.denials[0].policy}/{decision.denials[0].rule}"


@dataclass(slots=True)
class Tally:
    """The running counts of one replay."""

    events: int = 0
    engagements_dropped: int = 0
    catalog_version: int = 0
    _granted: Counter[str] = field(default_factory=Counter)
    _denied: Counter[str] = field(default_factory=Counter)
    _reasons: Counter[str] = field(default_factory=Counter)
    _rules: Counter[str] = field(default_factory=Counter)

    def take(self, event: Event, decision: Decision, *, catalog_version: int) -> None:
        """Count one decision."""
        self.catalog_version = catalog_version
        if is_grant(decision):
            self._granted[event.campaign_id] += 1
            return
        self._denied[event.campaign_id] += 1
        self._reasons[first_reason(decision)] += 1
        if rule := first_rule(decision):
            self._rules[rule] += 1

    def result(self, answers: AnswerTotals, *, seconds: float) -> ReplayResult:
        """Close the counts."""
        granted, denied = self._granted.total(), self._denied.total()
        return ReplayResult(
            requests=granted + denied,
            granted=granted,
            denied=denied,
            denied_by_reason=dict(self._reasons.most_common()),
            denied_by_rule=dict(self._rules.most_common()),
            by_campaign=[self._campaign(name) for name in sorted({*self._granted, *self._denied})],
            answered_total=answers.answered,
            answers_kept=answers.kept,
            answers_lost=answers.answered - answers.kept,
            value_total=answers.value_total,
            value_kept=answers.value_kept,
            catalog_version=self.catalog_version,
            seconds=seconds,
            events_per_second=self.events / seconds if seconds > 0 else 0.0,
            events=self.events,
            engagements_dropped=self.engagements_dropped,
        )

    def _campaign(self, name: str) -> CampaignCounts:
        granted, denied = self._granted[name], self._denied[name]
        return CampaignCounts(name, granted + denied, granted, denied)
