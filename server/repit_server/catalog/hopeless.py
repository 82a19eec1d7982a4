"""Finds campaigns that no customer can ever be contacted for, and rules that cannot hold together."""

from collections.abc import Iterable, Iterator, Mapping

from repit_server.catalog import places, times
from repit_server.catalog.capacity import Capacity, listed
from repit_server.catalog.document import Node, Path
from repit_server.catalog.findings import Finding
from repit_server.catalog.model import ApiCampaign, Document
from repit_server.catalog.reach import MAX_COMPARISONS, Judge, Subject, judges, subjects, takes
from repit_server.catalog.rules import MEASURES, FrequencyCap, Prerequisite, Respite
from repit_server.catalog.selector import Selector
from repit_server.catalog.values import CalendarDays


def advise_of_campaigns(document: Document, api_campaigns: Iterable[ApiCampaign], root: Node) -> Iterator[Finding]:
    """Find what no campaign gets past; says nothing where the catalog is too large to look."""
    candidates = subjects(document, api_campaigns)
    rules = list(judges(document))
    needs = [judge for judge in rules if judge.rule.prerequisite is not None]
    yield from _contradictions(needs, rules, candidates, root)
    heaviest = {measure: max((one.weight(measure) for one in candidates), default=0) for measure in MEASURES}
    strict = [judge for judge in rules if _may_refuse_for_ever(judge, heaviest)]
    if len(candidates) * (len(strict) + len(needs)) <= MAX_COMPARISONS:
        yield from _campaigns_without_hope(candidates, strict, needs, root)


def _campaigns_without_hope(
    candidates: list[Subject], strict: list[Judge], needs: list[Judge], root: Node
) -> Iterator[Finding]:
    reasons = {(subject.path, subject.channel_name): _reason(subject, strict) for subject in candidates}
    open_ones = [subject for subject in candidates if reasons[subject.path, subject.channel_name] is None]
    for subject, judge in _never_prepared(open_ones, needs):
        reasons[subject.path, subject.channel_name] = f"nothing that `{judge.name}` asks for can be granted before"
    by_campaign: dict[Path, list[str | None]] = {}
    for (path, _), reason in reasons.items():
        by_campaign.setdefault(path, []).append(reason)
    for path, given in by_campaign.items():
        said = list(dict.fromkeys(reason for reason in given if reason is not None))
        if None not in given:
            problem = f"this campaign can never contact anybody: {', '.join(said[:3])}"
            yield places.key_warning(root, path, problem, "loosen what stands against it, or remove the campaign")


def _reason(subject: Subject, strict: list[Judge]) -> str | None:
    """Say what keeps a campaign from ever being granted by a channel, whoever the customer is."""
    campaign = subject.campaign
    if takes(campaign.eligible, subject) is False:
        return "`eligible` takes nobody"
    if campaign.budget is not None and campaign.budget.amount < subject.channel.cost:
        return f"one contact by `{subject.channel_name}` costs more than its budget"
    judge = next((judge for judge in strict if takes(judge.applies_to, subject) and _refuses(judge, subject)), None)
    return None if judge is None else f"`{judge.name}` never grants it `{subject.channel_name}`"


def _may_refuse_for_ever(judge: Judge, heaviest: Mapping[str, float]) -> bool:
    """Tell whether it is worth asking the rule about each campaign."""
    rule = judge.rule
    if rule.frequency_cap is not None:
        measure, _ = rule.frequency_cap.measured()
        return rule.frequency_cap.allows(0) < heaviest[measure]
    if rule.holdout is not None:
        return rule.holdout.share == 1
    return any(_largest_pool(one, unit) < 1 for one in listed(rule.capacity) for unit in (None, *one.shares))


def _refuses(judge: Judge, subject: Subject) -> bool:
    """Tell whether a rule that judges the subject denies it whatever happens."""
    rule = judge.rule
    if rule.frequency_cap is not None:
        measure, _ = rule.frequency_cap.measured()
        return rule.frequency_cap.allows(subject.campaign.priority) < subject.weight(measure)
    if rule.holdout is not None:
        return rule.holdout.share == 1
    unit = subject.campaign.business_unit
    return any(_largest_pool(capacity, unit) < 1 for capacity in listed(rule.capacity))


def _largest_pool(capacity: Capacity, unit: str | None) -> int:
    """Give the contacts in the fullest pool that a unit may ever use."""
    usable = [
        limit
        for owner, limit in capacity.pools().items()
        if owner == unit or capacity.lend or owner in capacity.declared_unused
    ]
    return max([capacity.common(), *usable])


def _never_prepared(candidates: list[Subject], needs: list[Judge]) -> Iterator[tuple[Subject, Judge]]:
    """Find what waits for a contact that only comes after itself, or from nothing that is ever granted."""
    waiting = [
        (subject, [judge for judge in needs if _asks_for_contact(judge) and takes(judge.applies_to, subject)])
        for subject in candidates
    ]
    met: set[str] = set()
    while True:
        granted = [subject for subject, asked in waiting if all(judge.name in met for judge in asked)]
        prepared = {judge.name for judge in needs if _asks_for_contact(judge) and _takes_any(judge, granted)}
        if prepared <= met:
            break
        met |= prepared
    for subject, asked in waiting:
        unmet = next((judge for judge in asked if judge.name not in met), None)
        if unmet is not None:
            yield subject, unmet


def _asks_for_contact(judge: Judge) -> bool:
    return judge.rule.prerequisite is not None and judge.rule.prerequisite.contact is not None


def _takes_any(judge: Judge, granted: list[Subject]) -> bool:
    contact = judge.rule.prerequisite.contact if judge.rule.prerequisite is not None else None
    return any(takes(contact, subject) is not False for subject in granted)


def _contradictions(needs: list[Judge], rules: list[Judge], candidates: list[Subject], root: Node) -> Iterator[Finding]:
    pairs = len(needs) * len(rules)
    if pairs > MAX_COMPARISONS:
        return
    met = candidates if pairs * len(candidates) <= MAX_COMPARISONS else []
    for need in needs:
        asked = need.rule.prerequisite
        against = (rule for rule in rules if asked is not None and _forbids_what_is_asked(asked, rule))
        other = next((rule for rule in against if _meet(need, rule, met)), None)
        if other is not None:
            problem = f"this cannot hold together with `{other.name}`: what is asked for here is what forbids there"
            yield places.warning(root, (*need.path, "prerequisite"), problem, "give the two different scopes or spans")


def _meet(one: Judge, other: Judge, candidates: list[Subject]) -> bool:
    """Tell whether both surely judge some request."""
    if one.applies_to == other.applies_to or other.applies_to == Selector():
        return True
    return any(takes(one.applies_to, subject) and takes(other.applies_to, subject) for subject in candidates)


def _forbids_what_is_asked(asked: Prerequisite, other: Judge) -> bool:
    """Tell whether a rule denies wherever a prerequisite is met."""
    rule = other.rule
    if rule.respite is not None:
        return asked.engagement is not None and _rests_after_all(rule.respite, asked)
    if rule.frequency_cap is None or asked.contact is None:
        return False
    counts_all = other.counts in (Selector(), asked.contact)
    return counts_all and _is_full_with_one(rule.frequency_cap, asked)


def _rests_after_all(respite: Respite, asked: Prerequisite) -> bool:
    after_all = set(asked.engagement or ()) <= set(respite.after)
    every_event = not respite.min_value and respite.of is None
    return after_all and every_event and _covers(respite.for_, asked.within)


def _is_full_with_one(cap: FrequencyCap, asked: Prerequisite) -> bool:
    """Tell whether a contact that the prerequisite asks for fills the cap by itself, for as long as it is asked for."""
    of_customer = cap.per in {"customer", "party"} and cap.counted == "attempts"
    window = cap.window
    held = window.lifetime or (window.sliding is not None and _covers(window.sliding, asked.within))
    return of_customer and bool(held) and cap.limit == 1


def _covers(longer: str | CalendarDays, shorter: str | CalendarDays) -> bool:
    """Tell whether a span ends at the end of another from the same event on, or later."""
    if isinstance(longer, str) and isinstance(shorter, str):
        return longer == "never" or (times.span_ms(longer) or 0) >= (times.span_ms(shorter) or 0)
    if isinstance(longer, CalendarDays) and isinstance(shorter, CalendarDays):
        return longer.zone == shorter.zone and longer.days >= shorter.days
    return longer == "never"
