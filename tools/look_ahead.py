"""Measures look-ahead on an event file: what claims and scores keep of its answers under a cap of 1 per window.

The engine decides everything: claims go in by RegisterClaims, mailings are asked for by RequestContact, answers are
recorded as engagements, and a score knows no answer that was not yet given or whose mailing was not sent. Purchases
are left out: no cap looks at them, and they teach no offer family. Nothing is drawn at random. docs/demo/look-ahead.md
explains the figures.
"""

import argparse
import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TypeAlias

from rich.table import Table

from arbiter_rs import Arbiter
from repit.v1.arbitration_service_pb2 import (
    BatchRequestContactsRequest,
    BatchRequestContactsResponse,
    CheckContactRequest,
    CheckContactResponse,
    RecordEngagementsRequest,
    RecordEngagementsResponse,
    RegisterClaimsRequest,
    RegisterClaimsResponse,
)
from repit.v1.decision_pb2 import Decision, Verdict
from repit_server.cli.output import Advance, console, print_json, progress_bar
from repit_server.history.event_file import EventLine
from repit_server.history.event_message import (
    add_confirmation,
    add_engagement,
    add_request,
    set_time,
)
from tools.look_ahead_oracle import DAY_MS, Key, Year, conflicts, key_of, oracle, read_year, why

CATALOG: Final = Path(__file__).parents[1] / "docs/demo/policies/one-per-30d.yaml"
HOUR_MS: Final = 3_600_000
HALF_LIFE_DAYS: Final = 180
"""In which half of what an answer taught about a household fades: the example of docs/reference/catalog.md."""
PRIOR_MAILINGS: Final = 10
"""With how many mailings of the rate of all families each one starts."""
ANNOUNCED_DAYS: Final = (0, 7, 14, 30, 60)
FIXED_SCORE: Final = "affinity"
"""The score that was fixed before any figure was seen; so was the announcement of `FIXED_DAYS`."""
FIXED_DAYS: Final = 30
ASKED_AGAIN_DAYS: Final = 28
"""How long a refused mailing goes on asking, in the runs where it does: no campaign of the year is shorter."""


@dataclass(frozen=True)
class Plan:
    """One way to run the year."""

    score: str
    announced_days: int | None
    """How long before its start a campaign registers its audience as claims; None: no claims at all."""
    asked_again_days: int = 0
    """How long a refused mailing asks again; its claim lives as long. 0: what is refused at its time is lost."""

    @property
    def life_ms(self) -> int:
        """How long a mailing's claim lives; where it asks once, long enough for that."""
        return self.asked_again_days * DAY_MS or HOUR_MS


@dataclass
class Families:
    """What the answers so far taught about each offer family, over all households: of sent mailings alone."""

    prior_mailings: int
    sent: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    value: Counter[str] = field(default_factory=Counter)

    def mean(self, what: Counter[str], family: str) -> float:
        """What one mailing of a family brought, drawn towards the mean of all families."""
        overall = sum(what.values()) / max(1, self.sent.total())
        return (what[family] + self.prior_mailings * overall) / (self.sent[family] + self.prior_mailings)


@dataclass
class Ranking:
    """Of two mailings of which only one fits and only one is answered: how often that one had the better score."""

    better: int = 0
    alike: int = 0
    worse: int = 0

    def take(self, answered: float, other: float) -> None:
        """Count one conflict by its two scores."""
        self.better += answered > other
        self.alike += answered == other
        self.worse += answered < other

    @property
    def share(self) -> float | None:
        """Equal scores count half; chance is 0.5."""
        count = self.better + self.alike + self.worse
        return (self.better + self.alike / 2) / count if count else None


@dataclass
class Run:
    """One plan, from the first mailing to the last, on an engine of its own."""

    year: Year
    plan: Plan
    engine: Arbiter
    families: Families
    ranking: Ranking = field(default_factory=Ranking)
    contacts: dict[Key, tuple[str, int]] = field(default_factory=dict)
    """The contact id and time of what was sent."""
    _answered: set[Key] = field(default_factory=set)
    _heard: int = 0

    def go(self, advance: Advance) -> None:
        """Ask for every mailing at its time, and again at the engine's earliest time where the plan says so."""
        waiting = [(line.event.time_ms, index) for index, line in enumerate(self.year.mailings)]
        heapq.heapify(waiting)
        while waiting:
            now_ms, asked = waiting[0][0], []
            while waiting and waiting[0][0] == now_ms:
                asked.append(heapq.heappop(waiting)[1])
            lines = [self.year.mailings[index] for index in asked]
            self._hear(now_ms)
            scores = self._claim(lines, now_ms) if self.plan.announced_days is not None else {}
            for index, decision in zip(asked, self._ask(lines, scores, now_ms), strict=True):
                line = self.year.mailings[index]
                advance(int(line.event.time_ms == now_ms))
                again_ms = self._take(line, decision, now_ms)
                if again_ms is not None:
                    heapq.heappush(waiting, (again_ms, index))

    def _hear(self, now_ms: int) -> None:
        """Record the answers since the last time, of what was sent before them."""
        record = RecordEngagementsRequest()
        set_time(record.as_of_time, now_ms)
        while self._heard < len(self.year.conversions):
            line = self.year.conversions[self._heard]
            if line.event.time_ms > now_ms:
                break
            self._heard += 1
            contact_id, sent_ms = self.contacts.get(key_of(line), ("", now_ms))
            if sent_ms < line.event.time_ms:
                add_engagement(record, line, self.year.names, contact_id=contact_id)
                self._learn(line)
        self._record(record)

    def _learn(self, line: EventLine) -> None:
        family = line.event.offer_family
        if key_of(line) not in self._answered:
            self._answered.add(key_of(line))
            self.families.answered[family] += 1
        self.families.value[family] += round(100 * (line.event.value or 0))

    def _record(self, record: RecordEngagementsRequest) -> None:
        if record.engagements:
            answer = RecordEngagementsResponse.FromString(self.engine.record_engagements(record.SerializeToString()))
            require(not any(result.HasField("error") for result in answer.results), answer)

    def _claim(self, asked: Sequence[EventLine], now_ms: int) -> dict[Key, float]:
        """Register the live places of the households that ask, scored by what is known at this moment; the scores.

        A claim is looked at only when its own household asks, so this is the same as renewing all claims every time.
        """
        customers = dict.fromkeys(line.event.customer_id for line in asked)
        announced_ms = now_ms + (self.plan.announced_days or 0) * DAY_MS
        scores: dict[Key, float] = {}
        messages: dict[tuple[str, int], RegisterClaimsRequest] = {}
        for line in (line for customer in customers for line in self.year.by_customer[customer]):
            start_ms = line.event.time_ms
            if start_ms <= announced_ms and now_ms < start_ms + self.plan.life_ms and key_of(line) not in self.contacts:
                scores[key_of(line)] = (SCORES | CHANCES)[self.plan.score](self, line, now_ms)
                message = messages.setdefault((line.event.campaign_id, start_ms), self._registration(line, now_ms))
                message.places.add(customer_id=line.event.customer_id, score=scores[key_of(line)])
        for message in messages.values():
            answer = RegisterClaimsResponse.FromString(self.engine.register_claims(message.SerializeToString()))
            require(answer.registered_count == len(message.places), answer)
        for customer in customers:
            self._rank(self.year.by_customer[customer], scores, now_ms)
        return scores

    def _registration(self, line: EventLine, now_ms: int) -> RegisterClaimsRequest:
        message = RegisterClaimsRequest(campaign_id=line.event.campaign_id)
        set_time(message.from_time, line.event.time_ms)
        set_time(message.until_time, line.event.time_ms + self.plan.life_ms)
        set_time(message.as_of_time, now_ms)
        return message

    def _rank(self, lines: Sequence[EventLine], scores: Mapping[Key, float], now_ms: int) -> None:
        """Compare the scores of what starts at this moment with those of what it is in the way of."""
        for first, second in conflicts(lines, self.year.window_ms):
            one, other = key_of(first), key_of(second)
            is_decided = (one in self.year.answers) != (other in self.year.answers)
            if first.event.time_ms == now_ms and is_decided and one in scores and other in scores:
                won, lost = (one, other) if one in self.year.answers else (other, one)
                self.ranking.take(scores[won], scores[lost])

    def _ask(self, lines: Sequence[EventLine], scores: Mapping[Key, float], now_ms: int) -> list[Decision]:
        batch = BatchRequestContactsRequest()
        for line in lines:
            add_request(batch, line, self.year.names)
            request = batch.requests[-1]
            set_time(request.as_of_time, now_ms)
            if key_of(line) in scores:
                request.candidates[0].score = scores[key_of(line)]
                set_time(request.candidates[0].deadline_time, line.event.time_ms + self.plan.life_ms)
        answer = BatchRequestContactsResponse.FromString(self.engine.batch_request_contacts(batch.SerializeToString()))
        require(not any(result.HasField("error") for result in answer.results), answer)
        return [result.response.decisions[0] for result in answer.results]

    def _take(self, line: EventLine, decision: Decision, now_ms: int) -> int | None:
        """Note a decision; gives when a refused mailing asks again."""
        if decision.verdict == Verdict.VERDICT_GRANT:
            self.contacts[key_of(line)] = decision.contact_id, now_ms
            self.families.sent[line.event.offer_family] += 1
            record = RecordEngagementsRequest()
            set_time(record.as_of_time, now_ms)
            add_confirmation(record, line, decision.contact_id)
            set_time(record.engagements[0].event_time, now_ms)
            self._record(record)
            return None
        again_ms = decision.earliest_time.ToMilliseconds()
        return again_ms if now_ms < again_ms < line.event.time_ms + self.plan.asked_again_days * DAY_MS else None

    def kept(self) -> dict[Key, float]:
        """The mailings that were sent and answered after that, each with the worth of those answers."""
        kept: dict[Key, float] = {}
        for key, (_, sent_ms) in self.contacts.items():
            for line in self.year.answers.get(key, ()):
                if line.event.time_ms > sent_ms:
                    kept[key] = kept.get(key, 0) + (line.event.value or 0)
        return kept

    def result(self, first_come: Mapping[Key, float]) -> dict[str, Any]:
        """The figures of a run that is over; gains and losses are against first come, first served."""
        kept, left_empty = self.kept(), self._left_empty()
        gained, lost = kept.keys() - first_come.keys(), first_come.keys() - kept.keys()
        return {
            "score": self.plan.score if self.plan.announced_days is not None else "",
            "announced_days": self.plan.announced_days,
            "asked_again_days": self.plan.asked_again_days,
            "mailings": len(self.contacts),
            "answers": len(kept),
            "answers_gained": len(gained),
            "answers_lost": len(lost),
            "value": round(sum(kept.values()), 2),
            "left_empty": len(left_empty),
            "answers_left_empty": sum(key in self.year.answers for key in left_empty),
            "conflicts_ranked_right": None if self.ranking.share is None else round(self.ranking.share, 3),
            "mailings_by_campaign": by_campaign(self.contacts),
            "gained_by_campaign": by_campaign(gained),
            "lost_by_campaign": by_campaign(lost),
        }

    def _left_empty(self) -> list[Key]:
        """Mailings that were not sent though nothing that was sent is within a window of their time."""
        sent_ms = defaultdict(list)
        for key, (_, time_ms) in self.contacts.items():
            sent_ms[key.customer].append(time_ms)
        return [
            key_of(line)
            for line in self.year.mailings
            if key_of(line) not in self.contacts
            and all(abs(line.event.time_ms - ms) >= self.year.window_ms for ms in sent_ms[line.event.customer_id])
        ]


def by_campaign(keys: Iterable[Key]) -> dict[str, int]:
    """How many there are of each campaign."""
    return dict(sorted(Counter(key.campaign for key in keys).items()))


def require(is_so: bool, answer: object) -> None:  # noqa: FBT001 - an assertion that stays in
    """Stop where the engine refused what it was told."""
    if not is_so:
        raise RuntimeError(f"the engine refused: {answer}")


Score: TypeAlias = Callable[[Run, EventLine, int], float]


def engine_score(run: Run, line: EventLine, now_ms: int) -> float:
    """The family's rate times what the engine says of the household's affinity with it."""
    request = CheckContactRequest(customer_id=line.event.customer_id)
    rate = run.families.mean(run.families.answered, line.event.offer_family)
    request.candidates.add(
        campaign_id=line.event.campaign_id, channel=line.event.channel, answer_probability=min(1.0, rate)
    )
    set_time(request.as_of_time, now_ms)
    answer = CheckContactResponse.FromString(run.engine.check_contact(request.SerializeToString()))
    return answer.decisions[0].score.score


def chance(salt: str) -> Score:
    """A number that knows nothing: a hash of the household and the campaign."""

    def score(_run: Run, line: EventLine, _now_ms: int) -> float:
        hashed = blake2b("\0".join((salt, *key_of(line))).encode(), digest_size=6)
        return float(int.from_bytes(hashed.digest()))

    return score


SCORES: Final[dict[str, Score]] = {
    "affinity": engine_score,
    "family": lambda run, line, _: run.families.mean(run.families.answered, line.event.offer_family),
    "value": lambda run, line, _: run.families.mean(run.families.value, line.event.offer_family),
    "small-audience": lambda run, line, _: -float(run.year.audience[line.event.campaign_id]),
    "large-audience": lambda run, line, _: float(run.year.audience[line.event.campaign_id]),
    "campaign-in-hindsight": lambda run, line, _: (
        run.year.answered_of[line.event.campaign_id] / run.year.audience[line.event.campaign_id]
    ),
    "answers-in-hindsight": lambda run, line, _: float(key_of(line) in run.year.answers),
}
"""The last two know the year's answers: limits to measure the others by, which nobody could use."""
CHANCES: Final[dict[str, Score]] = {f"chance-{salt}": chance(salt) for salt in "12345"}


def plans() -> list[Plan]:
    """Every run: without claims, each score with each announcement, and asked again."""
    return [
        Plan("", None),
        *(Plan(score, days) for score in SCORES for days in ANNOUNCED_DAYS),
        *(Plan(score, FIXED_DAYS) for score in CHANCES),
        Plan("", None, ASKED_AGAIN_DAYS),
        *(Plan(FIXED_SCORE, days, ASKED_AGAIN_DAYS) for days in (0, FIXED_DAYS)),
    ]


def measured(year: Year, prior_mailings: int) -> dict[str, Any]:
    """All figures."""
    runs = []
    first_come: dict[Key, float] | None = None
    with progress_bar("the year, again and again", len(plans()) * len(year.mailings)) as advance:
        for plan in plans():
            with Arbiter.open("memory", clock="request") as engine:
                engine.apply_catalog(year.compiled)
                run = Run(year, plan, engine, Families(prior_mailings))
                run.go(advance)
            first_come = run.kept() if first_come is None else first_come
            runs.append(run.result(first_come))
    return {"runs": runs, "oracle": oracle(year, runs[0]["mailings"]), "why": why(year)}


def show(figures: Mapping[str, Any]) -> None:
    """Print the figures for people."""
    table = Table(
        "score",
        "announced",
        "asked again",
        "mailings",
        "answers kept",
        "gained",
        "lost",
        "value",
        "left empty",
        "ranked right",
    )
    for run in figures["runs"]:
        days = "no claims" if run["announced_days"] is None else f"{run['announced_days']} d before"
        right = run["conflicts_ranked_right"]
        table.add_row(
            run["score"] or "first come, first served",
            days,
            f"{run['asked_again_days']} d" if run["asked_again_days"] else "",
            f"{run['mailings']:,}",
            f"{run['answers']:,}",
            f"{run['answers_gained']:,}",
            f"{run['answers_lost']:,}",
            f"{run['value']:,.2f}",
            f"{run['left_empty']:,}",
            "" if right is None else f"{right:.1%}",
        )
    console().print(table)
    for name in ("oracle", "why"):
        for what, figure in figures[name].items():
            written = f"{figure:.3f}" if isinstance(figure, float) else figure
            console().print(f"{name}: {what.replace('_', ' ')}: {written}")


def main() -> int:
    """Measure an event file, as `repit demo --events` writes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events", type=Path, help="the event file")
    parser.add_argument("--catalog", type=Path, default=CATALOG, help="its campaigns under a cap of 1 per window")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--half-life", type=int, default=HALF_LIFE_DAYS, help="of what a household taught, in days")
    parser.add_argument("--prior", type=int, default=PRIOR_MAILINGS, help="mailings that a family's rate starts from")
    arguments = parser.parse_args()
    year = read_year(arguments.events, arguments.catalog, half_life_ms=arguments.half_life * DAY_MS)
    figures = measured(year, arguments.prior)
    if arguments.json:
        print_json(figures)
    else:
        show(figures)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
