"""Frequency caps of the reference model, asked naively at one instant, with the places that claims hold in them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from tests.property.reference_case import Case, Finding, Voice, newest, takes
from tests.property.reference_claims import Held, bounds_of, holding
from tests.property.reference_time import NEVER, day_start, local_date, period_of, span_end, span_ms
from tests.property.reference_values import CapUsage, Contact


@dataclass(frozen=True)
class Window:
    """A window from its first instant to its last one, and what it holds."""

    last: int
    contacts: list[Contact]
    claims: list[Held]


def measure_of(case: Case) -> str:
    """What the cap adds up: contacts (`limit`), `points` or `cost`."""
    return next(key for key in ("limit", "points", "cost") if key in case.rule["frequency_cap"])


def weight(measure: str, contact: Contact) -> Decimal:
    """What a contact weighs in a cap."""
    return {"limit": Decimal(1), "points": contact.points, "cost": contact.cost}[measure]


def limit_of(case: Case) -> Decimal:
    """What the cap allows this candidate: places kept for higher priorities are not its own."""
    body = case.rule["frequency_cap"]
    limit = Decimal(str(body[measure_of(case)]))
    reserve = body.get("reserve", {"min_priority": 0, "places": 0})
    kept = case.question.asked.priority < reserve["min_priority"]
    return max(Decimal(0), limit - Decimal(str(reserve["places"]))) if kept else limit


def counted_contacts(case: Case) -> list[Contact]:
    """The contacts that the cap adds up, wherever they lie: the customer's, or the party's that `per` asks for."""
    body, question = case.rule["frequency_cap"], case.question
    per, mark = body.get("per", "customer"), body.get("counted", "attempts")
    contacts = question.history.contacts if per == "customer" else question.party.contacts()
    if per in ("contact_point", "subject"):
        contacts = [contact for contact in contacts if getattr(contact, per) == getattr(question.asked, per)]
    return [c for c in contacts if takes(case.counts, c) and (mark == "attempts" or getattr(c, mark))]


def frequency_cap(case: Case) -> Iterator[Voice]:
    """Deny where one more contact would hold more than the measure in any window of its kind that holds `t`.

    A second voice says so where better-ranked claims, with what is used, leave no room.
    """
    measure, limit, marked = measure_of(case), limit_of(case), counted_contacts(case)
    one = weight(measure, case.question.asked)

    def held(window: Window) -> Decimal:
        return sum((weight(measure, contact) for contact in window.contacts), Decimal(0))

    def claimed(window: Window) -> Decimal:
        return sum((claim.weight for claim in window.claims), Decimal(0))

    def fullest(now: int, t: int) -> Window:
        return heaviest(windows(case, t, case.counted(marked, now, t), []), held)

    def finds(now: int, t: int) -> Finding | None:
        window = fullest(now, t)
        full = held(window) + one > limit
        return Finding(held(window), limit, newest(window.contacts)) if full else None

    def usage(now: int, t: int) -> CapUsage:
        return CapUsage(case.policy["name"], case.rule["name"], limit, held(fullest(now, t)) + one)

    def outranked(now: int, t: int) -> Finding | None:
        claims = list(holding(case, lambda contact: weight(measure, contact), now, t))
        with_claims = [window for window in windows(case, t, case.counted(marked, now, t), claims) if window.claims]
        if not with_claims:
            return None
        window = heaviest(with_claims, lambda other: held(other) + claimed(other))
        used, best = held(window) + claimed(window), min(window.claims, key=lambda claim: claim.rank)
        return Finding(used, limit, newest(window.contacts), best.campaign) if used + one > limit else None

    moments = case.leavings(marked) | {leaves_window(case, contact) for contact in marked}
    yield case.voice("FREQUENCY_CAP", finds, moments, usage)
    if case.rule["frequency_cap"].get("counted", "attempts") == "attempts":
        yield case.voice("OUTRANKED", outranked, moments | claim_moments(case))


def heaviest(those: list[Window], weighs: Callable[[Window], Decimal]) -> Window:
    """The heaviest window, of several the one that ends first."""
    return max(those, key=lambda window: (weighs(window), -window.last))


def claim_moments(case: Case) -> set[int]:
    """The instants at which claims begin and end."""
    known = [claim for claim in case.question.party.claims if claim.campaign in case.question.catalog["campaigns"]]
    bounds = {bound for claim in known for bound in bounds_of(case.question.catalog, claim.campaign)}
    return (bounds | {moment for claim in known for moment in (claim.begins, claim.until)}) - {0, NEVER}


def windows(case: Case, t: int, contacts: list[Contact], claims: list[Held]) -> list[Window]:
    """Each window of its kind that holds `t`, of those that could hold the most, with what it holds."""
    points = [contact.time for contact in contacts] + [claim.first for claim in claims]
    return [
        Window(
            last,
            [contact for contact in contacts if first <= contact.time <= last],
            [claim for claim in claims if claim.first <= last and first < claim.end],
        )
        for first, last in sorted(spans(case, t, [point for point in points if point > t]))
    ]


def spans(case: Case, t: int, later: list[int]) -> set[tuple[int, int]]:
    """First and last instant of the windows that hold `t` and end with it or with one of the `later` instants."""
    window = case.rule["frequency_cap"]["window"]
    zone = case.zone_of(window)
    if "calendar" in window:
        first, following = period_of(t, window, zone)
        return {(first, following - 1)}
    if "rolling_days" in window:
        days, today = window["rolling_days"], local_date(t, zone)
        lasts = {today} | {day for day in (local_date(time, zone) for time in later) if (day - today).days < days}
        return {
            (day_start(last - timedelta(days=days - 1), zone), day_start(last + timedelta(days=1), zone) - 1)
            for last in lasts
        }
    width = case.question.horizon if "lifetime" in window else span_ms(window["sliding"])
    return {(end - width + 1, end) for end in {t, *later} if end < t + width}


def leaves_window(case: Case, contact: Contact) -> int:
    """The instant from which a contact no longer counts in a window of its kind."""
    window = case.rule["frequency_cap"]["window"]
    zone = case.zone_of(window)
    if "calendar" in window:
        return period_of(contact.time, window, zone)[1]
    if "rolling_days" in window:
        return span_end({"days": window["rolling_days"]}, contact.time, zone)
    return contact.time + (case.question.horizon if "lifetime" in window else span_ms(window["sliding"]))
