"""Random walks: what callers do with a handful of customers, with a taste for exact boundaries."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from tests.property.asking import Asking, Boundary
from tests.property.clocks import ZONES, random_start, remarkable
from tests.property.reference_model import ReferenceModel
from tests.property.reference_time import DAY, HOUR, SECOND, day_start, span_ms
from tests.property.reference_values import Candidate, Claim, Document, Recorded, Request, Response
from tests.property.steps import Answer, Place, Played, Step
from tests.property.world_rules import SEGMENTS
from tests.property.worlds import next_catalog, random_catalog, without_campaign

PARTIES = ("", "home", "home", "customer-0")
"""Whose members the customers are; a party may have the name of a customer."""


class World:
    """One catalog, a few customers and what happens to them; a seed gives the same world for ever.

    Each step is played on the world's own model, to know what is worth trying next.
    """

    def __init__(self, seed: str) -> None:
        """Make the world of this seed."""
        rng = self.rng = Random(seed)
        self.now = begins = random_start(rng)
        self.first_catalog = self.catalog = random_catalog(rng, begins)
        self.changes = self.random_changes()
        self.played = Played(ReferenceModel(self.catalog))
        self.customers = {
            f"customer-{index}": (tuple(rng.sample(SEGMENTS, rng.randint(0, 2))), rng.choice((None, *ZONES)))
            for index in range(rng.randint(2, 4))
        }
        self.parties = {customer: rng.choice(PARTIES) for customer in self.customers}
        self.steps: list[Step] = []
        self.boundaries: list[Boundary] = list(self.campaign_bounds())
        self.windows = sorted(
            {span_ms(w["sliding"]) for w in self.cap_windows() if "sliding" in w} | {DAY, self.played.model.horizon}
        )

    def random_changes(self) -> dict[int, Document]:
        """Which catalog holds from which step on: one without a campaign, the first again, another one."""
        rng = self.rng
        changes = {rng.randint(60, 220): next_catalog(rng, self.first_catalog, self.now)}
        if rng.random() < 0.6:
            gone = rng.randint(15, 45)
            changes |= {gone: without_campaign(rng, self.first_catalog), gone + rng.randint(1, 14): self.first_catalog}
        return changes

    def cap_windows(self) -> Iterator[dict[str, str]]:
        """Every window of a frequency cap in the catalog."""
        for policy in self.catalog["policies"]:
            yield from (rule["frequency_cap"]["window"] for rule in policy["rules"] if "frequency_cap" in rule)

    def walk(self, length: int) -> Iterator[tuple[Step, Answer]]:
        """The first `length` steps, each with the model's answer."""
        for number in range(length):
            step = self.next_step(number)
            answer = self.played.play(step)
            if answer is None:
                message = f"step {number} names a contact that never came to be"
                raise AssertionError(message)
            self.steps.append(step)
            self.learn(step, answer)
            yield step, answer

    def learn(self, step: Step, answer: Answer) -> None:
        """Keep the instants at which it is worth asking the same again, or anything."""
        found: set[int] = set()
        if isinstance(answer, Response):
            for decision in answer.decisions:
                found |= {m for m in (decision.earliest, *(denial.earliest for denial in decision.denials)) if m}
                if decision.contact is not None:
                    found |= {decision.contact.time + width for width in self.windows} | {decision.contact.expire}
        elif isinstance(answer, Recorded) and answer.contact is not None:
            time = answer.contact.time
            found = {time, *(time + width for width in self.windows), *(time - width for width in self.windows)}
        if step.engagement is not None:
            found.add(step.engagement.time)
        if step.verb == "register" and step.claim is not None:
            bounds = (step.claim.begins, step.claim.until)
            found |= {bound - width for bound in bounds for width in (0, *self.windows)}
        self.boundaries += [
            (moment + nudge, step.customer, step.request) for moment in sorted(found) for nudge in (-1, 0, 0, 1)
        ]

    def campaign_bounds(self) -> Iterator[Boundary]:
        """The instants at which campaigns begin and end, with a request to make then."""
        for name, campaign in self.catalog["campaigns"].items():
            candidates = (Candidate(name, campaign["channels"][0]),)
            for day in campaign.get("active", {}).values():
                moment = day_start(day, self.catalog["zone"])
                request = Request("customer-0", moment, candidates, party=self.parties["customer-0"])
                yield from ((moment + nudge, request.customer, request) for nudge in (-1, 0))

    def next_step(self, number: int) -> Step:
        """Move the clock, then choose what happens."""
        if number in self.changes:
            self.catalog = self.changes[number]
            return Step(number, "apply", "", self.now, catalog=self.catalog)
        again = self.at_a_boundary(number)
        if again is not None:
            return again
        rng = self.rng
        customer = rng.choice(list(self.customers))
        asking, mine = Asking(self, number, customer), self.places_of(customer)
        roll = rng.random()
        if roll < 0.45 or (roll < 0.64 and not mine):
            return asking.random_request()
        if roll < 0.64:
            verb = rng.choice(("confirm", "confirm", "release", "release"))
            return Step(number, verb, customer, self.now, place=self.recent(mine))
        return asking.random_claim() if roll < 0.82 else asking.random_record(mine)

    def at_a_boundary(self, number: int) -> Step | None:
        """The same asked again at an instant that matters, where one is near; None: something else, then or later."""
        rng = self.rng
        reach = (120 if rng.random() < 0.02 else 10) * DAY
        self.boundaries = [boundary for boundary in self.boundaries if boundary[0] >= self.now]
        near = [boundary for boundary in self.boundaries if boundary[0] < self.now + reach]
        if not near or rng.random() >= 0.35:
            self.now = self.random_moment()
            return None
        self.now, customer, before = min((rng.choice(near) for _ in range(3)), key=lambda boundary: boundary[0])
        if rng.random() >= 0.8:
            return None
        if before is None:
            return Asking(self, number, customer).random_request()
        same = replace(before, request_id=f"r{number}", time=self.now, planned=None)
        return Step(number, self.request_verb(), before.customer, self.now, request=same, party=same.party)

    def request_verb(self) -> str:
        """Mostly `request`, seldom `check`."""
        return self.rng.choices(("request", "check"), (85, 15))[0]

    def places_of(self, customer: str) -> list[Place]:
        """The customer's contacts that are still within the horizon."""
        known = set(self.played.model.history(customer, self.parties[customer]).contacts)
        oldest = self.now - self.played.model.horizon
        return [place for place, c in self.played.contacts.items() if c in known and c.time > oldest]

    def live_claims(self, customer: str) -> list[Claim]:
        """The customer's claims."""
        return self.played.model.claims_left(customer, self.now, self.parties[customer])

    def random_moment(self) -> int:
        """Where the clock goes: often nowhere, seldom months ahead or a little back (a replica's clock)."""
        rng = self.rng
        if rng.random() < 0.1:
            return remarkable(rng, self.now, rng.choice((self.catalog["zone"], *ZONES)))
        leaps = {0: 30, 10: 3, 10 * SECOND: 10, HOUR: 20, 12 * HOUR: 20, 3 * DAY: 10, 70 * DAY: 1, -20 * SECOND: 1}
        (longest,) = rng.choices(list(leaps), list(leaps.values()))
        return self.now + rng.randint(min(0, longest), max(0, longest))

    def recent(self, places: list[Place]) -> Place:
        """One of the contacts, rather a late one."""
        return max(self.rng.choice(places), self.rng.choice(places))
