"""Random walks: what callers do with a handful of customers, with a taste for exact boundaries."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random

from tests.property.clocks import ZONES, random_start, remarkable
from tests.property.reference_model import ReferenceModel
from tests.property.reference_rules import Document
from tests.property.reference_time import DAY, HOUR, SECOND, day_start, span_ms
from tests.property.reference_values import Candidate, Contact, Decision, Engagement, Recorded, Request
from tests.property.worlds import ANSWERING, EVENTS, FAMILIES, SEGMENTS, next_catalog, random_catalog

Answer = list[Decision] | str | Recorded
Place = tuple[int, int]
"""A contact, named by the step that made it and the position of its candidate."""

Boundary = tuple[int, str, Request | None]
"""An instant that is worth a visit, whose it is, and what to ask then (anything where None)."""


@dataclass(frozen=True)
class Step:
    """One call: apply, request, check, confirm, release or record; `place` names the contact of the last three."""

    number: int
    verb: str
    customer: str
    time: int
    request: Request | None = None
    engagement: Engagement | None = None
    place: Place | None = None
    catalog: Document | None = None


@dataclass
class Played:
    """A model that plays steps and remembers which contact came of which step."""

    model: ReferenceModel
    contacts: dict[Place, Contact] = field(default_factory=dict)

    def play(self, step: Step) -> Answer | None:
        """The model's answer; None where the step names a contact that never came to be."""
        if step.catalog is not None:
            self.model.apply(step.catalog)
            return "applied"
        contact = None if step.place is None else self.contacts.get(step.place)
        if step.place is not None and contact is None:
            return None
        if step.request is not None:
            decisions = self.model.request(step.request) if step.verb == "request" else self.model.check(step.request)
            if step.verb == "request":
                self.contacts |= {
                    (step.number, position): d.contact for position, d in enumerate(decisions) if d.contact
                }
            return decisions
        if step.engagement is not None:
            recorded = self.model.record(step.customer, replace(step.engagement, contact=contact), step.time)
            if recorded.contact is not None and step.engagement.kind == "sent":
                self.contacts[step.number, 0] = recorded.contact
            return recorded
        if contact is None:
            return None
        return self.model.confirm(contact, step.time) if step.verb == "confirm" else self.model.release(contact)


class World:
    """One catalog, a few customers and what happens to them; a seed gives the same world for ever.

    Each step is played on the world's own model, to know what is worth trying next.
    """

    def __init__(self, seed: str) -> None:
        """Make the world of this seed."""
        rng = self.rng = Random(seed)
        self.now = begins = random_start(rng)
        self.first_catalog = self.catalog = random_catalog(rng, begins)
        self.change_at = rng.randint(30, 200)
        self.played = Played(ReferenceModel(self.catalog))
        self.customers = {
            f"customer-{index}": (tuple(rng.sample(SEGMENTS, rng.randint(0, 2))), rng.choice((None, *ZONES)))
            for index in range(rng.randint(2, 4))
        }
        self.steps: list[Step] = []
        self.boundaries: list[Boundary] = list(self.campaign_bounds())
        self.windows = sorted(
            {span_ms(w["sliding"]) for w in self.cap_windows() if "sliding" in w}
            | {DAY, self.played.model.rules.horizon}
        )

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
        if isinstance(answer, list):
            for decision in answer:
                found |= {m for m in (decision.earliest, *(denial.earliest for denial in decision.denials)) if m}
                if decision.contact is not None:
                    found |= {decision.contact.time + width for width in self.windows} | {decision.contact.expire}
        elif isinstance(answer, Recorded) and answer.contact is not None:
            time = answer.contact.time
            found = {time, *(time + width for width in self.windows), *(time - width for width in self.windows)}
        if step.engagement is not None:
            found.add(step.engagement.time)
        self.boundaries += [
            (moment + nudge, step.customer, step.request) for moment in sorted(found) for nudge in (-1, 0, 0, 1)
        ]

    def campaign_bounds(self) -> Iterator[Boundary]:
        """The instants at which campaigns begin and end, with a request to make then."""
        for name, campaign in self.catalog["campaigns"].items():
            candidates = (Candidate(name, campaign["channels"][0]),)
            for day in campaign.get("active", {}).values():
                moment = day_start(day, self.catalog["zone"])
                request = Request("customer-0", moment, candidates)
                yield from ((moment + nudge, request.customer, request) for nudge in (-1, 0))

    def next_step(self, number: int) -> Step:
        """Move the clock, then choose what happens."""
        if number == self.change_at:
            self.catalog = next_catalog(self.rng, self.first_catalog, self.now)
            return Step(number, "apply", "", self.now, catalog=self.catalog)
        rng = self.rng
        reach = (120 if rng.random() < 0.02 else 10) * DAY
        self.boundaries = [boundary for boundary in self.boundaries if boundary[0] >= self.now]
        near = [boundary for boundary in self.boundaries if boundary[0] < self.now + reach]
        if near and rng.random() < 0.35:
            self.now, customer, before = min((rng.choice(near) for _ in range(3)), key=lambda boundary: boundary[0])
            if before is None and rng.random() < 0.8:
                return self.random_request(number, customer)
            if before is not None and rng.random() < 0.8:
                same = replace(before, request_id=f"r{number}", time=self.now)
                return Step(number, self.request_verb(), before.customer, self.now, request=same)
        else:
            self.now = self.random_moment()
        customer = rng.choice(list(self.customers))
        mine = self.places_of(customer)
        roll = rng.random()
        if roll < 0.5 or (roll < 0.75 and not mine):
            return self.random_request(number, customer)
        if roll < 0.75:
            verb = rng.choice(("confirm", "confirm", "release"))
            return Step(number, verb, customer, self.now, place=self.recent(mine))
        return self.random_record(number, customer, mine)

    def request_verb(self) -> str:
        """Mostly `request`, seldom `check`."""
        return self.rng.choices(("request", "check"), (85, 15))[0]

    def places_of(self, customer: str) -> list[Place]:
        """The customer's contacts that are still within the horizon."""
        known = set(self.played.model.history(customer).contacts)
        oldest = self.now - self.played.model.rules.horizon
        return [place for place, c in self.played.contacts.items() if c in known and c.time > oldest]

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

    def random_request(self, number: int, customer: str) -> Step:
        """A fresh request, or one asked before."""
        rng = self.rng
        before = [
            s.request
            for s in self.steps
            if s.verb == "request" and s.customer == customer and s.request and s.time > self.now - 2 * DAY
        ]
        if before and rng.random() < 0.15:
            return Step(number, "request", customer, self.now, request=replace(rng.choice(before), time=self.now))
        segments, zone = self.customers[customer]
        if rng.random() < 0.15:
            segments, zone = tuple(rng.sample(SEGMENTS, 1)), rng.choice((None, *ZONES))
        pairs = [
            (campaign, channel) for campaign, body in self.catalog["campaigns"].items() for channel in body["channels"]
        ]
        if rng.random() < 0.06:
            pairs += [("nobody", "email")] + [
                (campaign, channel) for campaign in self.catalog["campaigns"] for channel in self.catalog["channels"]
            ]
        chosen = rng.sample(sorted(set(pairs)), min(len(set(pairs)), rng.choice((1, 1, 1, 2, 2, 3, 4))))
        candidates = tuple(
            Candidate(
                *pair, rng.choice((0.0, 0.0, 1.5, -2.0)), rng.choice((None, None, self.now + DAY, self.now + HOUR))
            )
            for pair in chosen
        )
        request = Request(customer, self.now, candidates, f"r{number}", rng.choice((0, 1, 1, 1, 2, 3)), segments, zone)
        return Step(number, self.request_verb(), customer, self.now, request=request)

    def random_record(self, number: int, customer: str, mine: list[Place]) -> Step:
        """Something that came back, a contact made elsewhere, or the same report again."""
        rng = self.rng
        before = [s for s in self.steps if s.engagement and s.customer == customer and self.now - DAY < s.time]
        if before and rng.random() < 0.1:
            return replace(rng.choice(before), number=number, time=self.now)
        place = self.recent(mine) if mine and rng.random() < 0.5 else None
        kind = rng.choices(("sent", "engaged", "answer", "objection"), (30, 34, 32, 4))[0]
        kind = {
            "engaged": rng.choice(EVENTS),
            "answer": rng.choice(ANSWERING),
            "objection": rng.choice(("opted_out", "complained")),
        }.get(kind, kind)
        if kind == "complained" and rng.random() < 0.8:
            kind = "clicked"
        engagement = Engagement(
            f"e{number}",
            kind,
            self.random_event_time(customer),
            value=rng.choice((0.0, 0.0, 49.99, 50.0, 100.0, 250.0)),
        )
        if rng.random() < 0.1:
            engagement = replace(engagement, family=rng.choice(FAMILIES))
        if place is None:
            engagement = self.name_something(engagement)
        return Step(number, "record", customer, self.now, engagement=engagement, place=place)

    def name_something(self, engagement: Engagement) -> Engagement:
        """Say of which campaign and channel an engagement is; of none for some purchases and objections."""
        rng = self.rng
        campaign = "nobody" if rng.random() < 0.02 else rng.choice(list(self.catalog["campaigns"]))
        channel = rng.choice(list(self.catalog["channels"]))
        if engagement.kind == "sent":
            listed = self.catalog["campaigns"].get(campaign, {}).get("channels", [channel])
            segments = tuple(rng.sample(SEGMENTS, rng.randint(0, 2)))
            sent = replace(engagement, campaign=campaign, channel=rng.choice(listed), family=None, segments=segments)
            return replace(sent, time=self.planned_time()) if rng.random() < 0.25 else sent
        if engagement.kind == "purchased" and rng.random() < 0.5:
            return replace(engagement, channel=rng.choice((None, "shop")))
        if engagement.kind in ("opted_out", "complained") and rng.random() < 0.5:
            return replace(engagement, channel=rng.choice((None, channel)))
        return replace(engagement, campaign=campaign, channel=rng.choice((None, channel)))

    def planned_time(self) -> int:
        """A little after now, or exactly one window of a cap after it."""
        soon = [width for width in self.windows if width <= 7 * DAY]
        return self.now + self.rng.choice((self.rng.randint(0, 3 * DAY), self.rng.choice(soon)))

    def random_event_time(self, customer: str) -> int:
        """When it happened: now, late by up to weeks, at or just beside a contact, a little in the future."""
        rng = self.rng
        contacts = self.played.model.history(customer).contacts
        if contacts and rng.random() < 0.3:
            beside = rng.choice(contacts).time + rng.choice(
                (-1, 0, 0, 1, rng.choice(self.windows), -rng.choice(self.windows))
            )
            if self.now - 30 * DAY < beside < self.now + 2 * DAY:
                return beside
        return self.now + rng.choice(
            (0, 0, -rng.randint(0, HOUR), -rng.randint(0, 3 * DAY), -rng.randint(0, 21 * DAY), rng.randint(0, DAY))
        )
