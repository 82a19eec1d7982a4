"""Rules of the reference model that look at what the customer did or is: respite, back-off, prerequisite, hold-out."""

from decimal import Decimal

from tests.property.reference_case import Case, Finding, Voice, newest, standing, takes
from tests.property.reference_segments import ANSWERS
from tests.property.reference_time import NEVER, span_end
from tests.property.reference_values import Contact, Event

MASK = 2**64 - 1


def respite(case: Case) -> Voice:
    """Deny while `t < e + for`, e the latest event that the rule names."""
    body, question = case.rule["respite"], case.question
    ends = {
        event.time: span_end(body["for"], event.time, case.zone_of(body["for"]))
        for event in question.history.events
        if event.kind in body["after"] and event.value >= body.get("min_value", 0)
        if body.get("of") is None or event.offer_family == question.asked.family
    }

    def finds(_: int, t: int) -> Finding | None:
        latest = max((time for time in ends if time <= t), default=None)
        return Finding() if latest is not None and t < ends[latest] else None

    return case.voice("RESPITE", finds, ends.values())


def same_of(case: Case, of: str, thing: Contact | Event) -> bool:
    """Whether a contact or event has the candidate's value of `of`: offer family, campaign, channel, or any."""
    asked = case.question.asked
    mine = {"any": None, "channel": asked.channel, "campaign": asked.campaign, "offer_family": asked.family}[of]
    attribute = "family" if of == "offer_family" and isinstance(thing, Contact) else of
    return of == "any" or getattr(thing, attribute) == mine


def back_off(case: Case) -> Voice:
    """Deny while too many contacts in a row stay unanswered, until the latest of them has had its rest.

    A rule with a rest of `never` remembers contacts beyond the horizon, so that never is never.
    """
    body, history = case.rule["back_off"], case.question.history
    after, rests, of = body["after"], body["rests"], body["of"]
    alike = [c for c in history.contacts if takes(case.counts, c) and same_of(case, of, c)]
    events = [event for event in history.events if event.kind in body.get("answers", ANSWERS)]
    answers = [event.time for event in events if same_of(case, of, event)]

    def unanswered(now: int, t: int) -> list[Contact]:
        answered = max((time for time in answers if time <= t), default=-NEVER)
        held = standing(alike, now) if "never" in rests else case.counted(alike, now, t)
        return [contact for contact in held if answered <= contact.time <= t]

    def rest_end(streak: int, contact: Contact) -> int:
        rest = rests[min(streak - after, len(rests) - 1)]
        return span_end(rest, contact.time, case.zone_of(rest))

    def finds(now: int, t: int) -> Finding | None:
        streak = newest(unanswered(now, t))
        if len(streak) < after or t >= rest_end(len(streak), streak[0]):
            return None
        return Finding(Decimal(len(streak)), Decimal(after), streak)

    rested = {rest_end(after + step, contact) for contact in alike for step in range(len(rests))}
    return case.voice("BACK_OFF", finds, rested | set(answers) | case.leavings(alike))


def prerequisite(case: Case) -> Voice:
    """Deny unless a contact or engagement that the rule asks for lies within its span before `t`."""
    body, history = case.rule["prerequisite"], case.question.history
    within = body["within"]

    def is_near(moment: int, t: int) -> bool:
        return moment <= t < span_end(within, moment, case.zone_of(within))

    contacts = [c for c in history.contacts if "contact" in body and takes(body["contact"], c)]
    events = [
        e for e in history.events if e.kind in body.get("engagement", ()) and same_of(case, body.get("of", "any"), e)
    ]

    def finds(now: int, t: int) -> Finding | None:
        met = any(is_near(contact.time, t) for contact in case.counted(contacts, now, t))
        return None if met or any(is_near(event.time, t) for event in events) else Finding()

    return case.voice("NOT_ELIGIBLE", finds, {c.time for c in contacts} | {e.time for e in events})


def holdout(case: Case) -> Voice:
    """Deny the share of customers that salt and name choose; no time helps."""
    body = case.rule["holdout"]
    named = stable_hash(f"{body['salt']}\0{case.question.named}".encode())
    chosen = named % 1_000_000 < round(body["share"] * 1_000_000)
    return case.voice("HELD_OUT", lambda _now, _t: Finding() if chosen else None)


def stable_hash(text: bytes) -> int:
    """FNV-1a of 64 bits, its bits mixed by the finalizer of Murmur 3."""
    mixed = 0xCBF29CE484222325
    for byte in text:
        mixed = (mixed ^ byte) * 0x100000001B3 & MASK
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        mixed = (mixed ^ mixed >> 33) * factor & MASK
    return mixed ^ mixed >> 33
