"""The rules of the reference model, each asked naively at one instant: obviously correct rather than quick."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.property.reference_time import NEVER, day_start, local_date, period_of, span_end, span_ms
from tests.property.reference_values import CapUsage, Contact, Decision, Denial, History

Document = dict[str, Any]
Place = Document | str
"""A window or a span."""
PRECEDENCE = ("SUPPRESSED", "CAMPAIGN_INACTIVE", "NOT_ELIGIBLE", "RESPITE", "BACK_OFF", "FREQUENCY_CAP")
ANSWERS = ("clicked", "answered", "converted", "purchased")
SUPPRESSING = ("complained", "opted_out")
UNNAMED = "?"
"""What an engagement has for family, campaign or channel that it does not say (`None`: a campaign without family)."""


@dataclass(frozen=True)
class Voice:
    """One rule as it judges one candidate: whether it speaks at an instant, and when it could fall silent."""

    reason: str
    speaks: Callable[[int], bool]
    moments: frozenset[int] = frozenset()
    policy: str = ""
    rule: str = ""
    used: Callable[[int], Decimal] | None = None
    limit: Decimal | None = None
    weight: Decimal = Decimal(0)


@dataclass(frozen=True)
class Judged:
    """What a rule looks at: the contact asked for, the contacts that its policy counts, the history, the zone."""

    policy: str
    asked: Contact
    contacts: list[Contact]
    history: History
    zone: str


def takes(selector: Document, thing: Contact) -> bool:
    """Whether a selector takes a contact: all keys given must hold, each by any of its values."""
    values = {
        "kinds": thing.kind,
        "channels": thing.channel,
        "campaigns": thing.campaign,
        "offer_families": thing.family,
        "business_units": thing.unit,
    }
    return (
        all(value in selector[key] for key, value in values.items() if key in selector)
        and ("segments" not in selector or bool(thing.segments & set(selector["segments"])))
        and selector.get("min_priority", 0) <= thing.priority <= selector.get("max_priority", 100)
        and not ("not" in selector and takes(selector["not"], thing))
    )


def standing(contacts: list[Contact], moment: int) -> list[Contact]:
    """Those that stand at `moment`, however old."""
    return [contact for contact in contacts if contact.stands_at(moment)]


def first_silence(voices: Iterable[Voice], start: int) -> int | None:
    """First instant from `start` at which no voice speaks; None where there is none."""
    choir = list(voices)
    moments = {start}.union(*(voice.moments for voice in choir))
    return next((m for m in sorted(moments) if start <= m < NEVER and not any(v.speaks(m) for v in choir)), None)


class Rules:
    """Everything that a catalog document says against a contact."""

    def __init__(self, catalog: Document) -> None:
        """Take a catalog document in its normal, written form."""
        self.catalog = catalog
        self.horizon = span_ms(catalog["horizon"])

    def judge(self, asked: Contact, zone: str, history: History, outranked_by: str | None) -> Decision:
        """Every rule that speaks against at the moment asked for, and until when; `zone` is the customer's."""
        start = asked.time
        voices = sorted(self.voices(asked, zone, history), key=lambda voice: PRECEDENCE.index(voice.reason))
        denials = tuple(
            Denial(
                voice.reason,
                voice.policy,
                voice.rule,
                first_silence([voice], start),
                voice.used(start) if voice.used else None,
                voice.limit,
            )
            for voice in voices
            if voice.speaks(start)
        )
        if outranked_by is not None:
            denials += (Denial("OUTRANKED", earliest=start, outranked_by=outranked_by),)
        if denials:
            return Decision("DENY", denials, first_silence(voices, start))
        return Decision("GRANT", contact=asked, remaining=self.remaining(voices, asked))

    def remaining(self, voices: list[Voice], asked: Contact) -> tuple[CapUsage, ...]:
        """What each frequency cap holds with this contact."""
        return tuple(
            CapUsage(voice.policy, voice.rule, voice.limit, voice.used(asked.time) + voice.weight)
            for voice in voices
            if voice.reason == "FREQUENCY_CAP" and voice.used and voice.limit is not None
        )

    def voices(self, asked: Contact, zone: str, history: History) -> Iterator[Voice]:
        """Everything that may speak against what is asked, in the order of the document."""
        campaign = self.catalog["campaigns"][asked.campaign]
        objections = [e.time for e in history.events if e.kind in SUPPRESSING and e.channel in (UNNAMED, asked.channel)]
        if asked.kind == "marketing":
            yield Voice("SUPPRESSED", lambda t: any(time <= t for time in objections))
        bounds = {key: day_start(day, self.catalog["zone"]) for key, day in campaign.get("active", {}).items()}
        begins, ends = bounds.get("from", 0), bounds.get("until", NEVER)
        yield Voice("CAMPAIGN_INACTIVE", lambda t: not begins <= t < ends, frozenset({begins}))
        eligible = asked.channel in campaign["channels"] and takes(campaign.get("eligible", {}), asked)
        yield Voice("NOT_ELIGIBLE", lambda _: not eligible)
        for policy in self.catalog["policies"]:
            if not takes(policy.get("applies_to", {}), asked):
                continue
            counts = policy.get("counts", policy.get("applies_to", {}))
            judged = Judged(
                policy["name"],
                asked,
                [contact for contact in history.contacts if takes(counts, contact)],
                history,
                zone,
            )
            for rule in policy["rules"]:
                if "respite" in rule:
                    yield self.respite(rule, judged)
                elif "back_off" in rule:
                    yield self.back_off(rule, judged)
                else:
                    yield self.frequency_cap(rule, judged)

    def zone_of(self, place: Place, judged: Judged) -> str:
        """The zone that a window or span names: the customer's, the brand's (the default) or a fixed one."""
        zone = place.get("zone", "brand") if isinstance(place, dict) else "brand"
        return str({"customer": judged.zone, "brand": self.catalog["zone"]}.get(zone, zone))

    def counted(self, contacts: list[Contact], moment: int) -> list[Contact]:
        """Those that stand at `moment` and are within the horizon."""
        return [contact for contact in standing(contacts, moment) if moment - self.horizon < contact.time]

    def leavings(self, contacts: list[Contact]) -> set[int]:
        """The instants at which contacts leave by themselves, whatever the rule."""
        return {moment for contact in contacts for moment in (contact.expire, contact.time + self.horizon)}

    def respite(self, rule: Document, judged: Judged) -> Voice:
        """Deny while `t < e + for`, e the latest event that the rule names."""
        body = rule["respite"]
        ends = {
            event.time: span_end(body["for"], event.time, self.zone_of(body["for"], judged))
            for event in judged.history.events
            if event.kind in body["after"] and event.value >= body.get("min_value", 0)
            if body.get("of") is None or event.offer_family == judged.asked.family
        }

        def speaks(t: int) -> bool:
            latest = max((time for time in ends if time <= t), default=None)
            return latest is not None and t < ends[latest]

        return Voice("RESPITE", speaks, frozenset(ends.values()), judged.policy, rule["name"])

    def back_off(self, rule: Document, judged: Judged) -> Voice:
        """Deny while too many contacts in a row stay unanswered, until the latest of them has had its rest.

        A rule with a rest of `never` remembers contacts beyond the horizon, so that never is never.
        """
        body, asked = rule["back_off"], judged.asked
        after, rests, of_any = body["after"], body["rests"], body["of"] == "any"
        same = {"any": None, "channel": asked.channel, "campaign": asked.campaign, "offer_family": asked.family}[
            body["of"]
        ]
        attribute = {"offer_family": "family"}.get(body["of"], body["of"])
        alike = [contact for contact in judged.contacts if of_any or getattr(contact, attribute) == same]
        events = [event for event in judged.history.events if event.kind in body.get("answers", ANSWERS)]
        answers = [event.time for event in events if of_any or getattr(event, body["of"]) == same]

        def unanswered(t: int) -> list[Contact]:
            answered = max((time for time in answers if time <= t), default=-NEVER)
            remembered = standing(alike, t) if "never" in rests else self.counted(alike, t)
            return [contact for contact in remembered if answered <= contact.time <= t]

        def rest_end(streak: int, contact: Contact) -> int:
            rest = rests[min(streak - after, len(rests) - 1)]
            return span_end(rest, contact.time, self.zone_of(rest, judged))

        def speaks(t: int) -> bool:
            streak = unanswered(t)
            return len(streak) >= after and t < rest_end(len(streak), max(streak, key=lambda contact: contact.time))

        rested = {rest_end(after + step, contact) for contact in alike for step in range(len(rests))}
        moments = rested | set(answers) | self.leavings(alike)
        return Voice(
            "BACK_OFF",
            speaks,
            frozenset(moments),
            judged.policy,
            rule["name"],
            lambda t: Decimal(len(unanswered(t))),
            Decimal(after),
        )

    def frequency_cap(self, rule: Document, judged: Judged) -> Voice:
        """Deny where one more contact would hold more than the measure in any window of its kind that holds `t`."""
        body, asked = rule["frequency_cap"], judged.asked
        measure = next(key for key in ("limit", "points", "cost") if key in body)
        limit = Decimal(str(body[measure]))
        reserve = body.get("reserve", {"min_priority": 0, "places": 0})
        if asked.priority < reserve["min_priority"]:
            limit = max(Decimal(0), limit - Decimal(str(reserve["places"])))
        mark = body.get("counted", "attempts")
        marked = [contact for contact in judged.contacts if mark == "attempts" or getattr(contact, mark)]

        def weight(contact: Contact) -> Decimal:
            return {"limit": Decimal(1), "points": contact.points, "cost": contact.cost}[measure]

        def used(t: int) -> Decimal:
            windows = self.windows(body["window"], judged, t, self.counted(marked, t))
            return max(sum((weight(contact) for contact in held), Decimal(0)) for held in windows)

        moments = self.leavings(marked) | {self.leaves_window(body["window"], judged, contact) for contact in marked}
        return Voice(
            "FREQUENCY_CAP",
            lambda t: used(t) + weight(asked) > limit,
            frozenset(moments),
            judged.policy,
            rule["name"],
            used,
            limit,
            weight(asked),
        )

    def windows(self, window: Document, judged: Judged, t: int, contacts: list[Contact]) -> list[list[Contact]]:
        """The contacts in each window of its kind that holds `t`, of those windows that could hold the most."""
        zone = self.zone_of(window, judged)
        if "calendar" in window:
            first, following = period_of(t, window, zone)
            return [[contact for contact in contacts if first <= contact.time < following]]
        if "rolling_days" in window:
            days, today = window["rolling_days"], local_date(t, zone)
            dates = [local_date(contact.time, zone) for contact in contacts]
            last_days = {today} | {day for day in dates if 0 < (day - today).days < days}
            return [
                [contact for contact, day in zip(contacts, dates, strict=True) if 0 <= (last - day).days < days]
                for last in last_days
            ]
        width = self.horizon if "lifetime" in window else span_ms(window["sliding"])
        ends = {t} | {contact.time for contact in contacts if t < contact.time < t + width}
        return [[contact for contact in contacts if end - width < contact.time <= end] for end in ends]

    def leaves_window(self, window: Document, judged: Judged, contact: Contact) -> int:
        """The instant from which a contact no longer counts in a window of its kind."""
        zone = self.zone_of(window, judged)
        if "calendar" in window:
            return period_of(contact.time, window, zone)[1]
        if "rolling_days" in window:
            return span_end({"days": window["rolling_days"]}, contact.time, zone)
        return contact.time + (self.horizon if "lifetime" in window else span_ms(window["sliding"]))
