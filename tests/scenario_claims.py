"""Plays the steps of a scenario that register, withdraw and list claims."""

from datetime import datetime

from tests.scenario_files import Claim, Expected, LiveClaim, Scenario, Step
from tests.scenario_targets import HeldClaim, Places, Registration, Target, error_of


class ClaimPlayer:
    """Claims of one play: customers and parties in a name space of its own."""

    def __init__(self, scenario: Scenario, target: Target, space: str) -> None:
        self._scenario = scenario
        self._target = target
        self._space = space

    def take(self, step: Step, at: datetime) -> None:
        """Take a step that is about claims."""
        then = step.then[0] if step.then else Expected()
        failed = error_of(lambda: self._do(step, then, at))
        assert (failed.code.name if failed else "") == then.error, failed

    def _do(self, step: Step, then: Expected, at: datetime) -> None:
        if step.claim is not None:
            self._register(step.claim, then, at)
        elif step.withdraw is not None:
            customers = [self._own(customer) for customer in step.withdraw.customers]
            withdrawn = self._target.withdraw(step.withdraw.campaign, customers, self._own(step.withdraw.party), at)
            assert then.withdrawn in (None, withdrawn), f"{withdrawn} were withdrawn"
        elif step.claims is not None:
            asked = step.claims
            held = self._target.claims(self._own(asked.customer), self._own(asked.party), at)
            self._compare(then.live or [], held, at)

    def _register(self, claim: Claim, then: Expected, at: datetime) -> None:
        places = Places(
            campaign=claim.campaign,
            customers=tuple(self._own(customer) for customer in claim.customers),
            party=self._own(claim.party),
            channels=tuple(claim.channels),
            first=None if claim.since is None else self._scenario.moment(claim.since, at),
            until=None if claim.until is None else self._scenario.moment(claim.until, at),
            score=claim.score,
        )
        registered = len(places.customers) if then.registered is None else then.registered
        assert self._target.register(places, at) == Registration(registered, then.known or 0)

    def _compare(self, wanted: list[LiveClaim], held: list[HeldClaim], at: datetime) -> None:
        """The best ranked first, as they must be listed; `channels` and `score` where something is expected of them."""
        expected = [
            HeldClaim(
                claim.campaign,
                self._scenario.moment(claim.since, at),
                self._scenario.moment(claim.until, at),
                None if claim.channels is None else tuple(claim.channels),
                claim.score,
            )
            for claim in wanted
        ]
        came = [claim.as_far_as(other) for claim, other in zip(held, expected, strict=False)]
        assert came + held[len(came) :] == expected

    def _own(self, name: str) -> str:
        return f"{self._space}/{name}" if name else ""
