"""Scenarios as they are written: tests/scenarios/*.toml, read strictly, their moments resolved to instants."""

import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from repit import DenialReason, EngagementKind, Verdict

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "scenarios"
COMPILED = FOLDER / "compiled"

UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}
SHIFT = re.compile(r"([+-])(\d+)(ms|[dhms])")
ACTIONS = ("apply", "ask", "check", "confirm", "release", "engage", "claim", "withdraw", "claims")
"""What a step can be."""
ScoreFactor = Literal["score", "answer_probability", "value", "affinity", "fatigue", "cost"]
NEVER = "never"
"""What an expectation says where no time helps."""

OF_A_POLICY = {
    DenialReason.HELD_OUT,
    DenialReason.RESPITE,
    DenialReason.BACK_OFF,
    DenialReason.FREQUENCY_CAP,
    DenialReason.CAPACITY,
    DenialReason.BUDGET,
}
MAY_BE_OF_A_POLICY = {DenialReason.NOT_ELIGIBLE, DenialReason.OUTRANKED}
"""Reasons that a prerequisite or a full cap gives, but not only they."""
WITH_FIGURES = {DenialReason.FREQUENCY_CAP, DenialReason.CAPACITY, DenialReason.BUDGET}


def as_list(written: Any) -> Any:
    """One table where a list of tables may stand."""
    return [written] if isinstance(written, dict) else written


class Written(BaseModel):
    """A table of a scenario: a key that is not listed is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Candidate(Written):
    """One way to contact the customer."""

    campaign: str
    channel: str
    score: float | None = None
    answer_probability: float | None = None
    value: float | None = None
    deadline: str | None = None


class Ask(Written):
    """May I contact this customer? `campaign` and `channel`, or `candidates`.

    With `customers` it is asked for each of so many, and the same must come of each: `customer 1`, `customer 2`, …
    """

    customer: str = "customer"
    customers: int | None = None
    party: str = ""
    contact_point: str = ""
    subject: str = ""
    planned: str | None = None
    campaign: str = ""
    channel: str = ""
    candidates: list[Candidate] = Field(default_factory=list)
    segments: list[str] = Field(default_factory=list)
    time_zone: str = ""
    request_id: str = ""
    max_grants: int = 1

    def all_customers(self) -> list[str]:
        """Whom it is asked for."""
        if self.customers is None:
            return [self.customer]
        return [f"{self.customer} {number}" for number in range(1, self.customers + 1)]

    def all_candidates(self) -> list[Candidate]:
        """The candidates, whichever way they are written."""
        return self.candidates or [Candidate(campaign=self.campaign, channel=self.channel)]


class Engage(Written):
    """What came back, or a contact made elsewhere."""

    kind: EngagementKind
    customer: str = "customer"
    party: str = ""
    contact: str = ""
    campaign: str = ""
    channel: str = ""
    offer_family: str = ""
    value: float = 0.0
    time: str | None = None
    event_id: str = ""
    segments: list[str] = Field(default_factory=list)


class Claim(Written):
    """Places asked for in advance: the same span, channels and score for each of the customers."""

    campaign: str
    customers: list[str] = Field(default_factory=lambda: ["customer"])
    party: str = ""
    channels: list[str] = Field(default_factory=list)
    since: str | None = Field(default=None, alias="from")
    until: str | None = None
    score: float | None = None


class Withdraw(Written):
    """Claims given back: of some customers, or all that the campaign ever registered."""

    campaign: str
    customers: list[str] = Field(default_factory=list)
    party: str = ""


class Claims(Written):
    """Which claims of a customer are live?"""

    customer: str = "customer"
    party: str = ""


class LiveClaim(Written):
    """A claim that must be listed; `channels` and `score` where they are looked at."""

    campaign: str
    since: str = Field(alias="from")
    until: str
    channels: list[str] | None = None
    score: float | None = None


class ExpectedAlternative(Written):
    """Another way that must be named."""

    kind: Literal["CHANNEL", "FALLBACK", "TIME"]
    campaign: str
    channel: str
    time: str | None = None


class ExpectedDenial(Written):
    """One rule that spoke against; what is not written is not looked at, `earliest` excepted."""

    reason: DenialReason
    rule: str = ""
    limit: float | None = None
    used: float | None = None
    window: str | None = None
    contacts: list[str] | None = None
    outranked_by: str = ""
    earliest: str


class Expected(Written):
    """What must come of a step.

    Of a question: the verdict, and with DENY either one denial, written flat, or all of them in `denials`; with the
    first candidate the alternatives of the answer. Of a confirmation or release: `state`. Of an engagement: `contact`,
    where it must belong to one, or `duplicate`. Of claims: `registered` and `known`, `withdrawn`, `live`. Of any:
    `error`.
    """

    name: str = ""
    verdict: Verdict | None = None
    reason: DenialReason | None = None
    rule: str = ""
    limit: float | None = None
    used: float | None = None
    window: str | None = None
    contacts: list[str] | None = None
    outranked_by: str = ""
    denials: list[ExpectedDenial] = Field(default_factory=list)
    earliest: str | None = None
    left: dict[str, float] | None = None
    score: dict[ScoreFactor, float] | None = None
    alternatives: list[ExpectedAlternative] | None = None
    expires: str | None = None
    same_contact: str = ""
    state: str = ""
    contact: str = ""
    duplicate: bool = False
    registered: int | None = None
    known: int | None = None
    withdrawn: int | None = None
    live: list[LiveClaim] | None = None
    error: str = ""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        is_denial = self.verdict is Verdict.DENY
        if is_denial != (self.reason is not None or bool(self.denials)) or is_denial != (self.earliest is not None):
            raise ValueError("a DENY, and nothing else, has `reason` or `denials`, and `earliest`")
        for denial in self.all_denials():
            if denial.reason not in MAY_BE_OF_A_POLICY and (denial.reason in OF_A_POLICY) != bool(denial.rule):
                raise ValueError(f"{denial.reason}: `rule` names the rule of a policy, where one spoke")
            if denial.reason in WITH_FIGURES and (denial.limit is None or denial.used is None):
                raise ValueError("a cap, capacity or budget that speaks has `limit` and `used`")
            if (denial.reason is DenialReason.OUTRANKED) != bool(denial.outranked_by):
                raise ValueError("OUTRANKED, and nothing else, has `outranked_by`")
        return self

    def all_denials(self) -> list[ExpectedDenial]:
        """The denials, whichever way they are written."""
        if self.reason is None or self.earliest is None:
            return self.denials
        alone = self.model_dump(include={"rule", "limit", "used", "window", "contacts", "outranked_by", "earliest"})
        return [ExpectedDenial(reason=self.reason, **alone)]


class Step(Written):
    """One thing that happens, and what must come of it. `name` names its moment, and the contact that it makes."""

    name: str = ""
    note: str = ""
    at: str = ""
    apply: str = ""
    ask: Ask | None = None
    check: Ask | None = None
    confirm: str = ""
    release: str = ""
    engage: Engage | None = None
    claim: Claim | None = None
    withdraw: Withdraw | None = None
    claims: Claims | None = None
    then: Annotated[list[Expected], BeforeValidator(as_list)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        if sum(bool(getattr(self, name)) for name in ACTIONS) != 1:
            raise ValueError(f"a step is one of {', '.join(ACTIONS)}")
        if self.question is not None:
            self._expects_decisions(self.question)
        elif len(self.then) > 1 or (self.then and self.then[0].verdict):
            raise ValueError("only a question has verdicts")
        return self

    def _expects_decisions(self, question: Ask) -> None:
        if [then.error for then in self.then if then.error and then.verdict is None] and len(self.then) == 1:
            return
        verdicts = [then.verdict for then in self.then]
        if None in verdicts or len(verdicts) != len(question.all_candidates()):
            raise ValueError("a question has one verdict for each candidate, in `then`, or an `error`")
        if any(then.alternatives is not None for then in self.then[1:]):
            raise ValueError("the alternatives of an answer stand with its first candidate")

    @property
    def takes_place(self) -> str | None:
        """When what it is about takes place, where that is not the moment of the step itself."""
        if self.engage is not None:
            return self.engage.time
        return self.question.planned if self.question is not None else None

    @property
    def question(self) -> Ask | None:
        """What is asked, by either verb."""
        return self.ask or self.check


class Given(Written):
    """The catalog that holds at the beginning: its text, or a file of the project; and those that are applied later."""

    catalog: str = ""
    catalog_file: str = ""
    later: dict[str, str] = Field(default_factory=dict)


class ScenarioFile(Written):
    """A file of tests/scenarios."""

    scenario: str
    policy_of: str = ""
    given: Given
    step: list[Step]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario with its catalogs read; `catalogs["catalog"]` is the one that holds at the beginning."""

    name: str
    written: ScenarioFile
    catalogs: dict[str, str]
    moments: tuple[datetime, ...]
    names: dict[str, datetime]

    def moment(self, text: str, previous: datetime) -> datetime:
        """The instant that an expression means: `2026-03-29T00:00:00+01:00`, `+7d -1ms`, `first +7d`."""
        return moment(text, previous, self.names)


def moment(text: str, previous: datetime, names: dict[str, datetime]) -> datetime:
    """The instant that an expression means; ValueError where it means none."""
    anchor, *shifts = text.split()
    if SHIFT.fullmatch(anchor):
        anchor, shifts = "", [anchor, *shifts]
    if not anchor:
        start = previous
    elif anchor in names:
        start = names[anchor]
    else:
        start = datetime.fromisoformat(anchor)
        if start.tzinfo is None:
            raise ValueError(f"`{anchor}` says no offset")
    for shift in shifts:
        found = SHIFT.fullmatch(shift)
        if found is None:
            raise ValueError(f"`{text}` is not a moment; such are `+7d -1ms`, `first +7d`, `2026-03-29T00:00:00+01:00`")
        sign, figure, unit = found.groups()
        start += timedelta(**{UNITS[unit]: int(sign + figure)})
    return start.astimezone(UTC)


def read(path: Path) -> Scenario:
    """Read one file; ValueError where it does not say what a scenario must."""
    written = ScenarioFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    given = written.given
    if bool(given.catalog) == bool(given.catalog_file):
        raise ValueError(f"{path.name}: [given] has `catalog` or `catalog_file`")
    catalog = given.catalog or (ROOT / given.catalog_file).read_text(encoding="utf-8")
    names: dict[str, datetime] = {}
    moments: list[datetime] = []
    at = datetime.min.replace(tzinfo=UTC)
    for step in written.step:
        at = moment(step.at, at, names) if step.at else at
        moments.append(at)
        takes = moment(step.takes_place, at, names) if step.takes_place else at
        for name in filter(None, [step.name, *(then.name for then in step.then)]):
            if names.setdefault(name, takes) != takes:
                raise ValueError(f"{path.name}: `{name}` names two moments")
    return Scenario(path.stem, written, {"catalog": catalog, **given.later}, tuple(moments), names)


def paths() -> list[Path]:
    """All files, by name."""
    return sorted(FOLDER.glob("*.toml"))
