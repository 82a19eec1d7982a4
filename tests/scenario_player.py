"""Plays a scenario against a target, step by step; an AssertionError names the step and what came instead."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from repit import Answer, Contact, ContactRequest, Decision, Denial, Engagement, EngagementResult, RepitError
from repit import Candidate as AskedCandidate
from tests.scenario_claims import ClaimPlayer
from tests.scenario_files import NEVER, Ask, Candidate, Engage, Expected, ExpectedDenial, Scenario, Step
from tests.scenario_targets import Target

Figures = dict[str, Any]
Outcome = TypeVar("Outcome")


def play(scenario: Scenario, target: Target, space: str) -> None:
    """Play it for customers of a name space of its own."""
    target.apply(scenario.catalogs["catalog"])
    Player(scenario, target, space).play()


class Player:
    """One play: the target, and the contacts that have got names."""

    def __init__(self, scenario: Scenario, target: Target, space: str) -> None:
        self._scenario = scenario
        self._target = target
        self._space = space
        self._contacts: dict[str, str] = {}
        self._claims = ClaimPlayer(scenario, target, space)

    def play(self) -> None:
        """Take every step in its turn."""
        for number, (step, at) in enumerate(
            zip(self._scenario.written.step, self._scenario.moments, strict=True), start=1
        ):
            try:
                self._take(step, at, number)
            except AssertionError as error:
                error.add_note(f"step {number} of `{self._scenario.name}`, at {at:%Y-%m-%d %H:%M:%S.%f}")
                raise

    def _take(self, step: Step, at: datetime, number: int) -> None:
        if step.apply:
            self._target.apply(self._scenario.catalogs[step.apply])
        elif step.question is not None:
            for customer in step.question.all_customers():
                self._asked(step, self._request(step.question, customer, at, number), at)
        elif step.claim is not None or step.withdraw is not None or step.claims is not None:
            self._claims.take(step, at)
        elif step.engage is not None:
            engagement = self._engagement(step.engage, at, number)
            self._settled(step, lambda: self._target.record(engagement, at))
        elif step.confirm:
            self._settled(step, lambda: self._target.confirm(self._contacts[step.confirm], at))
        else:
            self._settled(step, lambda: self._target.release(self._contacts[step.release], at))

    def _asked(self, step: Step, request: ContactRequest, at: datetime) -> None:
        if step.check is not None or not (step.ask and step.ask.request_id):
            # A check before a request gives the same answer and takes nothing; it knows no request ids.
            self._answered(step, self._target.check, request, at)
        if step.ask is not None:
            answer = self._answered(step, self._target.ask, request, at)
            if answer is not None:
                self._name(step, answer)

    def _answered(
        self, step: Step, ask: Callable[[ContactRequest], Answer], request: ContactRequest, at: datetime
    ) -> Answer | None:
        outcome = outcome_of(lambda: ask(request))
        if isinstance(outcome, RepitError):
            assert outcome.code.name == step.then[0].error, outcome
            return None
        assert not step.then[0].error, outcome
        self._compare(step, outcome, at)
        return outcome

    def _request(self, ask: Ask, customer: str, at: datetime, number: int) -> ContactRequest:
        return ContactRequest.of(
            f"{self._space}/{customer}",
            candidates=[self._candidate(candidate, at) for candidate in ask.all_candidates()],
            party_id=f"{self._space}/{ask.party}" if ask.party else "",
            contact_point=ask.contact_point,
            subject=ask.subject,
            planned_time=self._instant(ask.planned, at),
            max_grants=ask.max_grants,
            segments=ask.segments,
            time_zone=ask.time_zone,
            as_of=at,
            request_id=ask.request_id or f"request {number}",
        )

    def _candidate(self, candidate: Candidate, at: datetime) -> AskedCandidate:
        return AskedCandidate(
            candidate.campaign,
            candidate.channel,
            score=candidate.score,
            answer_probability=candidate.answer_probability,
            value=candidate.value or 0.0,
            deadline_time=self._instant(candidate.deadline, at),
        )

    def _engagement(self, engage: Engage, at: datetime, number: int) -> Engagement:
        return Engagement(
            customer_id=f"{self._space}/{engage.customer}",
            party_id=f"{self._space}/{engage.party}" if engage.party else "",
            kind=engage.kind,
            contact_id=self._contacts[engage.contact] if engage.contact else "",
            campaign_id=engage.campaign,
            channel=engage.channel,
            offer_family=engage.offer_family,
            value=engage.value,
            event_time=at if engage.time is None else self._scenario.moment(engage.time, at),
            segments=tuple(engage.segments),
            event_id=engage.event_id or f"event {number}",
        )

    def _compare(self, step: Step, answer: Answer, at: datetime) -> None:
        assert len(answer.decisions) == len(step.then)
        self._compare_alternatives(step.then[0], answer, at)
        for then, decision in zip(step.then, answer.decisions, strict=True):
            expected = self._expected(then, at)
            assert self._came(expected, then, decision) == expected

    def _compare_alternatives(self, then: Expected, answer: Answer, at: datetime) -> None:
        if then.alternatives is None:
            return
        timed = [wanted.time is not None for wanted in then.alternatives] + [True] * len(answer.alternatives)
        came = [
            (other.kind.name, other.campaign_id, other.channel, other.time if is_timed else None)
            for other, is_timed in zip(answer.alternatives, timed, strict=False)
        ]
        assert came == [
            (wanted.kind, wanted.campaign, wanted.channel, self._instant(wanted.time, at))
            for wanted in then.alternatives
        ]

    def _name(self, step: Step, answer: Answer) -> None:
        for then, decision in zip(step.then, answer.decisions, strict=True):
            if then.name:
                self._contacts[then.name] = decision.contact_id
        if step.name and len(answer.granted) == 1:
            self._contacts[step.name] = answer.contact_id

    def _expected(self, then: Expected, at: datetime) -> Figures:
        figures: Figures = {
            "verdict": then.verdict,
            "earliest": self._instant(then.earliest, at),
            "denials": [self._denial(denial, at) for denial in then.all_denials()],
            "left": then.left,
            "score": then.score,
            "expires": self._instant(then.expires, at),
            "contact": self._contacts[then.same_contact] if then.same_contact else None,
        }
        return figures

    def _came(self, expected: Figures, then: Expected, decision: Decision) -> Figures:
        """What came, as far as something is expected of it."""
        looked_at = [self._looked_at(*pair) for pair in zip(then.all_denials(), decision.denials, strict=False)]
        unexpected = [str(denial) for denial in decision.denials[len(looked_at) :]]
        left = {usage.rule: usage.left for usage in decision.remaining if usage.rule in (then.left or {})}
        return {
            "verdict": decision.verdict,
            "earliest": decision.earliest_time,
            "denials": looked_at + unexpected,
            "left": None if then.left is None else left,
            "score": None if then.score is None else {name: getattr(decision.score, name) for name in then.score},
            "expires": None if then.expires is None else decision.expire_time,
            "contact": decision.contact_id if expected["contact"] else None,
        }

    def _denial(self, denial: ExpectedDenial, at: datetime) -> Figures:
        figures: Figures = denial.model_dump(exclude_none=True, exclude={"contacts"})
        figures["earliest"] = self._instant(denial.earliest, at)
        if denial.contacts is not None:
            figures["contacts"] = [self._contacts[name] for name in denial.contacts]
        return figures

    def _looked_at(self, expected: ExpectedDenial, denial: Denial) -> Figures:
        came: Figures = {
            "reason": denial.reason,
            "rule": f"{denial.policy}/{denial.rule}".removeprefix("/").removesuffix("/"),
            "limit": denial.limit,
            "used": denial.used,
            "window": denial.window,
            "outranked_by": denial.outranked_by,
            "earliest": denial.earliest_time,
            "contacts": [contact.contact_id for contact in denial.contacts],
        }
        asked_for = expected.model_dump(exclude_none=True).keys()
        return {key: figure for key, figure in came.items() if key in asked_for}

    def _settled(self, step: Step, do: Callable[[], Contact | EngagementResult]) -> None:
        then = step.then[0] if step.then else Expected()
        outcome = outcome_of(do)
        failed = outcome.error if isinstance(outcome, EngagementResult) else outcome
        failed = failed if isinstance(failed, RepitError) else None
        assert (failed.code.name if failed else "") == then.error, outcome
        if isinstance(outcome, Contact):
            assert then.state in ("", outcome.state), outcome
        elif isinstance(outcome, EngagementResult) and not failed:
            assert outcome.is_duplicate == then.duplicate, outcome
            assert outcome.contact_id == (self._contacts[then.contact] if then.contact else outcome.contact_id), outcome
            if step.name:
                self._contacts[step.name] = outcome.contact_id

    def _instant(self, text: str | None, at: datetime) -> datetime | None:
        return None if text in (None, NEVER) else self._scenario.moment(text, at)


def outcome_of(do: Callable[[], Outcome]) -> Outcome | RepitError:
    """What comes of it, the error where it goes wrong."""
    try:
        return do()
    except RepitError as error:
        return error
