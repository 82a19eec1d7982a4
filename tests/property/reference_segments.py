"""Segments of the reference model that are derived from what the customer did, asked naively at one instant."""

from tests.property.reference_time import NEVER, span_ms
from tests.property.reference_values import Contact, Document, History

ANSWERS = ("clicked", "answered", "converted", "purchased")


def derived_names(catalog: Document) -> dict[str, Document]:
    """What each derived segment of the document asks for."""
    segments = catalog.get("segments", [])
    if not isinstance(segments, dict):
        return {}
    return {name: body["when"] for name, body in segments.items() if "when" in body}


def given_segments(catalog: Document, segments: frozenset[str]) -> frozenset[str]:
    """Those that a caller may give: one with the name of a derived segment is ignored."""
    return segments - derived_names(catalog).keys()


def remembered(catalog: Document, contacts: list[Contact], now: int, t: int) -> list[Contact]:
    """Contacts that hold their place at `now`, dated at most `t` and within the horizon of `t`."""
    horizon = span_ms(catalog["horizon"])
    return [contact for contact in contacts if contact.stands_at(now) and t - horizon < contact.time <= t]


def derived_segments(catalog: Document, history: History, now: int, t: int) -> frozenset[str]:
    """The derived segments that the customer is in at `t`, for a request asked at `now`."""
    contacts = remembered(catalog, history.contacts, now, t)
    answers = [event.time for event in history.events if event.kind in ANSWERS and event.time <= t]
    purchases = [event.time for event in history.events if event.kind == "purchased" and event.time <= t]
    latest_answer = max(answers, default=-NEVER)
    unanswered = [contact for contact in contacts if contact.time >= latest_answer]
    first_contact = min((contact.time for contact in contacts), default=-NEVER)

    def holds(key: str, asked: str | int) -> bool:
        match key:
            case "answered_within":
                return any(t - span_ms(str(asked)) < time for time in answers)
            case "purchased_within":
                return any(t - span_ms(str(asked)) < time for time in purchases)
            case "first_contact_within":
                return t - span_ms(str(asked)) < first_contact
            case _:
                return len(unanswered) >= int(asked)

    return frozenset(
        name for name, when in derived_names(catalog).items() if all(holds(key, asked) for key, asked in when.items())
    )


def turning_points(catalog: Document, history: History) -> set[int]:
    """The instants at which the customer may enter or leave a derived segment."""
    wanted = derived_names(catalog)
    if not wanted:
        return set()
    horizon = span_ms(catalog["horizon"])
    spans = {span_ms(span) for when in wanted.values() for span in when.values() if isinstance(span, str)}
    events = {event.time for event in history.events}
    contacts = {contact.time for contact in history.contacts}
    expiries = {contact.expire for contact in history.contacts}
    begun = {begin + span for begin in events | contacts for span in spans}
    return events | contacts | expiries | begun | {time + horizon for time in contacts}
