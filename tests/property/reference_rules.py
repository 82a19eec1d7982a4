"""The rules of the reference model, each asked naively at one instant: obviously correct rather than quick."""

from collections.abc import Callable, Iterator

from tests.property.reference_behaviour import back_off, holdout, prerequisite, respite
from tests.property.reference_capacity import capacity, capacity_of
from tests.property.reference_caps import frequency_cap
from tests.property.reference_case import Case, Finding, Question, Voice, first_silence, policies_of, takes
from tests.property.reference_claims import bounds_of
from tests.property.reference_segments import turning_points
from tests.property.reference_values import Decision, Denial, Payment

PRECEDENCE = (
    "SUPPRESSED",
    "CAMPAIGN_INACTIVE",
    "NOT_ELIGIBLE",
    "HELD_OUT",
    "RESPITE",
    "BACK_OFF",
    "FREQUENCY_CAP",
    "CAPACITY",
    "BUDGET",
    "OUTRANKED",
)
SUPPRESSING = ("complained", "opted_out")
UNNAMED = "?"
"""What an engagement has for family, campaign or channel that it does not say (`None`: a campaign without family)."""
RULES: dict[str, Callable[[Case], Voice]] = {
    "respite": respite,
    "back_off": back_off,
    "prerequisite": prerequisite,
    "holdout": holdout,
    "capacity": capacity,
    "budget": capacity,
}


def judge(question: Question, outranked_by: str | None) -> Decision:
    """Every rule that speaks against at the moment asked for, and until when."""
    now, start = question.asked.asked, question.asked.time
    choir = sorted(voices(question), key=lambda voice: PRECEDENCE.index(voice.reason))
    heard = [(voice, finding) for voice in choir if (finding := voice.finding(now, start)) is not None]
    denials = tuple(
        Denial(
            voice.reason,
            voice.policy,
            voice.rule,
            first_silence([voice], start),
            finding.used,
            finding.limit,
            finding.outranked_by,
            finding.contacts,
        )
        for voice, finding in heard
    )
    if outranked_by is not None:
        denials += (Denial("OUTRANKED", earliest=start, outranked_by=outranked_by),)
    if denials:
        return Decision("DENY", denials, first_silence(choir, start))
    caps = [voice for voice in choir if voice.usage and voice.applies(now, start)]
    return Decision(
        "GRANT",
        contact=question.asked,
        remaining=tuple(voice.usage(now, start) for voice in caps if voice.usage),
    )


def is_open(question: Question) -> bool:
    """Whether no rule speaks against at the moment asked for."""
    asked = question.asked
    return all(voice.finding(asked.asked, asked.time) is None for voice in voices(question))


def cases_of(question: Question) -> Iterator[Case]:
    """Every rule of every policy, in the order of the document."""
    for policy in policies_of(question.catalog):
        for rule in policy["rules"]:
            yield Case(question, policy, rule)


def voices(question: Question) -> Iterator[Voice]:
    """Everything that may speak against what is asked, in the order of the document."""
    catalog, asked = question.catalog, question.asked
    events = question.history.events
    objections = [e.time for e in events if e.kind in SUPPRESSING and e.channel in (UNNAMED, asked.channel)]
    if asked.kind == "marketing":
        yield Voice("SUPPRESSED", lambda _, t: found(any(time <= t for time in objections)))
    begins, ends = bounds_of(catalog, asked.campaign)
    yield Voice("CAMPAIGN_INACTIVE", lambda _, t: found(not begins <= t < ends), frozenset({begins}))
    campaign = catalog["campaigns"][asked.campaign]
    listed, eligible = asked.channel in campaign["channels"], campaign.get("eligible", {})
    yield Voice(
        "NOT_ELIGIBLE",
        lambda now, t: found(not (listed and takes(eligible, asked, question.segments_at(now, t)))),
        frozenset(turning_points(catalog, question.history)),
    )
    for case in cases_of(question):
        if "frequency_cap" in case.rule:
            yield from frequency_cap(case)
        else:
            yield next(rule(case) for name, rule in RULES.items() if name in case.rule)


def found(speaks: bool) -> Finding | None:  # noqa: FBT001 - the answer of a rule without figures
    """What a rule without figures says."""
    return Finding() if speaks else None


def payments(question: Question) -> Iterator[Payment]:
    """What a grant takes of every capacity and budget that judges it."""
    now, t = question.asked.asked, question.asked.time
    for case in cases_of(question):
        if ("capacity" in case.rule or "budget" in case.rule) and case.applies(now, t):
            payment = capacity_of(case).payment(now, t)
            if payment is not None:
                yield payment
