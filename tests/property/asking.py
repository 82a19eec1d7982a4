"""What a caller may say next in a random walk: requests, claims, engagements."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.property.clocks import ZONES
from tests.property.reference_time import DAY, HOUR
from tests.property.reference_values import Candidate, Claim, Engagement, Request
from tests.property.steps import Place, Step
from tests.property.world_rules import ANSWERING, DERIVED, EVENTS, FAMILIES, SEGMENTS

if TYPE_CHECKING:
    from tests.property.walks import World

Boundary = tuple[int, str, Request | None]
"""An instant that is worth a visit, whose it is, and what to ask then (anything where None)."""
FURTHEST = 31 * DAY


@dataclass(frozen=True)
class Asking:
    """One customer's turn in a walk."""

    world: World
    number: int
    customer: str

    @property
    def party(self) -> str:
        """The customer's party, as it is said in every call."""
        return self.world.parties[self.customer]

    def random_request(self) -> Step:
        """A fresh request, or one asked before."""
        world, rng, now = self.world, self.world.rng, self.world.now
        before = [
            s.request
            for s in world.steps
            if s.verb == "request" and s.customer == self.customer and s.request and s.time > now - 2 * DAY
        ]
        if before and rng.random() < 0.12:
            return self.step("request", request=replace(rng.choice(before), time=now))
        segments, zone = world.customers[self.customer]
        if rng.random() < 0.15:
            segments, zone = tuple(rng.sample((*SEGMENTS, *DERIVED), 2)), rng.choice((None, *ZONES))
        request = Request(
            self.customer,
            now,
            self.random_candidates(),
            f"r{self.number}",
            rng.choice((0, 1, 1, 1, 2, 3)),
            segments,
            zone,
            self.party,
            contact_point=rng.choice(("", "", "a@b", "+33 6")),
            subject=rng.choice(("", "", "debt-1", "file 2")),
            planned=self.random_planned() if rng.random() < 0.3 else None,
        )
        return self.step(world.request_verb(), request=request)

    def step(self, verb: str, *, request: Request) -> Step:
        """A request as a step."""
        return Step(self.number, verb, self.customer, self.world.now, request=request, party=self.party)

    def random_candidates(self) -> tuple[Candidate, ...]:
        """One to six ways, mostly such as the catalog knows."""
        rng, catalog = self.world.rng, self.world.catalog
        pairs = [(campaign, channel) for campaign, body in catalog["campaigns"].items() for channel in body["channels"]]
        if rng.random() < 0.06:
            pairs += [("nobody", "email")]
            pairs += [(campaign, channel) for campaign in catalog["campaigns"] for channel in catalog["channels"]]
        known = sorted(set(pairs))
        chosen = rng.sample(known, min(len(known), rng.choice((1, 1, 1, 2, 2, 3, 4, 6))))
        return tuple(self.random_candidate(*pair) for pair in chosen)

    def random_candidate(self, campaign: str, channel: str) -> Candidate:
        """A candidate with a score, with what a score is made of, or with neither."""
        rng = self.world.rng
        deadline = rng.choice((None, None, self.world.now + DAY, self.world.now + HOUR))
        if rng.random() < 0.55:
            return Candidate(campaign, channel, rng.choice((None, 0.0, 1.5, -2.0)), deadline)
        probability = rng.choice((None, 0.0, 0.02, 0.3, 1.0))
        return Candidate(campaign, channel, None, deadline, probability, rng.choice((0.0, 3.5, 40.0)))

    def random_planned(self) -> int:
        """When the contact will be made: beside another contact or a window of it, at the very last instant, soon."""
        world, rng = self.world, self.world.rng
        contacts = world.played.model.party(self.party or self.customer).contacts()
        shifts = (
            -1,
            0,
            1,
            *world.windows,
            *(-width for width in world.windows),
            *(1 - width for width in world.windows),
        )
        beside = [contact.time + rng.choice(shifts) for contact in contacts]
        claims = [claim.until + rng.choice((-1, 0, *world.windows)) for claim in world.live_claims(self.customer)]
        near = [moment for moment in (*beside, *claims) if world.now <= moment <= world.now + FURTHEST]
        if near and rng.random() < 0.4:
            return rng.choice(near)
        if rng.random() < 0.1:
            return world.now + rng.choice((FURTHEST, FURTHEST, FURTHEST + 1, -1))
        return world.now + rng.randint(0, rng.choice((HOUR, 3 * DAY, FURTHEST)))

    def random_claim(self) -> Step:
        """A claim registered, once more, withdrawn, or all of them listed."""
        world, rng = self.world, self.world.rng
        roll, mine = rng.random(), world.live_claims(self.customer)
        campaigns = sorted(
            world.catalog["campaigns"], key=lambda name: -int(world.catalog["campaigns"][name]["priority"])
        )
        campaign = "nobody" if rng.random() < 0.02 else rng.choice((*campaigns, campaigns[0]))
        claim = Claim(self.customer, campaign, world.now, world.now + 1)
        if roll < 0.03 and campaign in world.catalog["campaigns"]:
            return Step(self.number, "apply", "", world.now, catalog=world.catalog, withdrawn=(claim.campaign,))
        if roll < (0.3 if mine else 0.06):
            return self.claim_step("list", claim)
        if roll < (0.38 if mine else 0.08):
            return self.claim_step("withdraw", rng.choice([claim, *mine, *mine]))
        if roll < 0.46 and mine:
            return self.claim_step("register", replace(rng.choice(mine), score=rng.choice((None, 5.0, -1.0))))
        listed = world.catalog["campaigns"].get(campaign, {"channels": ["email"]})["channels"]
        channels = () if rng.random() < 0.5 else tuple(sorted(rng.sample(listed, rng.randint(1, len(listed)))))
        if rng.random() < 0.03:
            channels = ("carrier pigeon",)
        begins = world.now + rng.choice((0, 0, 0, -HOUR, rng.randint(0, 12 * HOUR), rng.randint(0, 20 * DAY)))
        until = max(begins, world.now) + rng.choice(
            (rng.randint(1, HOUR), rng.randint(1, 9 * DAY), rng.randint(1, 60 * DAY))
        )
        if rng.random() < 0.05:
            until = rng.choice((world.now, begins, world.now + 400 * DAY, world.now + 400 * DAY + 1))
        return self.claim_step("register", Claim(self.customer, campaign, begins, until, channels, self.random_score()))

    def random_score(self) -> float | None:
        """The score of a claim."""
        return self.world.rng.choice((None, None, 0.0, 1.5, 3.0, -2.0))

    def claim_step(self, verb: str, claim: Claim) -> Step:
        """What is said of a claim as a step."""
        return Step(self.number, verb, self.customer, self.world.now, claim=claim, party=self.party)

    def random_record(self, mine: list[Place]) -> Step:
        """Something that came back, a contact made elsewhere, or the same report again."""
        world, rng = self.world, self.world.rng
        before = [s for s in world.steps if s.engagement and s.customer == self.customer and world.now - DAY < s.time]
        if before and rng.random() < 0.1:
            return replace(rng.choice(before), number=self.number, time=world.now)
        place = world.recent(mine) if mine and rng.random() < 0.5 else None
        kind = rng.choices(("sent", "engaged", "answer", "objection"), (24, 36, 36, 4))[0]
        kind = {
            "engaged": rng.choice(EVENTS),
            "answer": rng.choice(ANSWERING),
            "objection": rng.choice(("opted_out", "complained")),
        }.get(kind, kind)
        if kind == "complained" and rng.random() < 0.8:
            kind = "clicked"
        value = rng.choice((0.0, 0.0, 49.99, 50.0, 100.0, 250.0))
        engagement = Engagement(f"e{self.number}", kind, self.random_event_time(), value=value)
        if rng.random() < 0.1:
            engagement = replace(engagement, family=rng.choice(FAMILIES))
        if place is None:
            engagement = self.name_something(engagement)
        return Step(
            self.number, "record", self.customer, world.now, engagement=engagement, place=place, party=self.party
        )

    def name_something(self, engagement: Engagement) -> Engagement:
        """Say of which campaign and channel an engagement is; of none for some purchases and objections."""
        world, rng = self.world, self.world.rng
        campaign = "nobody" if rng.random() < 0.02 else rng.choice(list(world.catalog["campaigns"]))
        channel = rng.choice(list(world.catalog["channels"]))
        if engagement.kind == "sent":
            listed = world.catalog["campaigns"].get(campaign, {}).get("channels", [channel])
            segments = tuple(rng.sample(SEGMENTS, rng.randint(0, 2)))
            sent = replace(engagement, campaign=campaign, channel=rng.choice(listed), family=None, segments=segments)
            return replace(sent, time=self.time_ahead()) if rng.random() < 0.25 else sent
        if engagement.kind == "purchased" and rng.random() < 0.5:
            return replace(engagement, channel=rng.choice((None, "shop")))
        if engagement.kind in ("opted_out", "complained") and rng.random() < 0.5:
            return replace(engagement, channel=rng.choice((None, channel)))
        return replace(engagement, campaign=campaign, channel=rng.choice((None, channel)))

    def time_ahead(self) -> int:
        """A little after now, or exactly one window of a cap after it."""
        world, rng = self.world, self.world.rng
        soon = [width for width in world.windows if width <= 7 * DAY]
        return world.now + rng.choice((rng.randint(0, 3 * DAY), rng.choice(soon)))

    def random_event_time(self) -> int:
        """When it happened: now, late by up to weeks, at or just beside a contact, a little in the future."""
        world, rng = self.world, self.world.rng
        contacts = world.played.model.history(self.customer, self.party).contacts
        if contacts and rng.random() < 0.3:
            beside = rng.choice(contacts).time + rng.choice(
                (-1, 0, 0, 1, rng.choice(world.windows), -rng.choice(world.windows))
            )
            if world.now - 30 * DAY < beside < world.now + 2 * DAY:
                return beside
        return world.now + rng.choice(
            (0, 0, -rng.randint(0, HOUR), -rng.randint(0, 3 * DAY), -rng.randint(0, 21 * DAY), rng.randint(0, DAY))
        )
