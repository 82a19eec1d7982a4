"""The scalars of the catalog document: names, references, amounts, spans, zones, dates, and what they refuse."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, NoReturn

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from repit_server.catalog import times

REFUSED: Final = "refused"
"""Error type of pydantic: what `refuse` made, with `problem` and `remedy` in its context."""
UNKNOWN_NAME: Final = "unknown_name"
"""Error type of pydantic: a name that is not in its section, with `section` and `name` in its context."""
NOT_SERVED: Final = "not_served"
"""Error type of pydantic: what the contract knows but the engine does not serve yet; the key is to blame."""

NAME_REMEDY: Final = "use 1 to 64 letters, digits, spaces and `- _ . + / : $ &`"
NAME_PATTERN: Final = r"^[A-Za-z0-9 \-_.+/:$&]{1,64}$"
SPAN_PATTERN: Final = r"^[0-9]{1,10}[smhd]$"
CURRENCY_PATTERN: Final = r"^[A-Z]{3}$"
BRAND_ZONES: Final = "time zones"
"""Stands for the section of an unknown IANA time zone."""
RULE_ZONES: Final = "time zones of rules"
"""Stands for the section of an unknown zone where `customer` and `brand` are zones too."""
ZONES_OF_RULES: Final = frozenset({"customer", "brand"})

MAX_AMOUNT: Final = 1_000_000_000
"""Largest cost, value or number of points."""
MAX_SALT: Final = 128
"""Most characters of a salt."""
MICRO: Final = 1_000_000
"""Amounts are counted in millionths."""

_NAME: Final = re.compile(NAME_PATTERN[1:-1])
_CURRENCY: Final = re.compile(CURRENCY_PATTERN[1:-1])
_SPAN_REMEDY: Final = "write a number and `s`, `m`, `h` or `d`, as in `7d`, from `1s` to `3653d`"


class Part(BaseModel):
    """A mapping of the document: it takes the keys that it states and no other."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the parts of a document are checked against: the names of each section, the horizon, the currency.

    A section that is absent from `names`, a horizon or a currency of None, is not checked against.
    """

    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    horizon_ms: int | None = None
    currency: str | None = None


def refuse(problem: str, remedy: str) -> NoReturn:
    """Say what is wrong with a value and what would be right, to pydantic."""
    raise PydanticCustomError(REFUSED, "{problem}", {"problem": problem, "remedy": remedy})


def refuse_unserved(what: str) -> NoReturn:
    """Refuse, to pydantic, what the contract knows and the engine does not serve yet."""
    raise PydanticCustomError(NOT_SERVED, "{what}", {"what": what})


def refuse_several(written: Any, keys: Sequence[str], what: str) -> Any:  # noqa: ANN401 - whatever stands in the document
    """Refuse, to pydantic, a mapping with several of `keys`."""
    if not isinstance(written, dict):
        return written
    found = [key for key in keys if key in written]
    listed = ", ".join(f"`{key}`" for key in keys)
    if len(found) > 1:
        both = " and ".join(f"`{key}`" for key in found)
        refuse(f"{what} has {both}", f"keep exactly one of {listed}")
    return written


def refuse_none(part: BaseModel, keys: Sequence[str], what: str, wanted: str = "exactly one") -> None:
    """Refuse, to pydantic, a part that has none of `keys`."""
    if all(getattr(part, key) is None for key in keys):
        listed = ", ".join(f"`{key}`" for key in keys)
        refuse(f"{what} has none of {listed}", f"write {wanted} of {listed}")


def _refuse_key(_value: object, info: ValidationInfo) -> None:
    refuse_unserved(f"`{info.field_name}` is not served yet")


def never_here(problem: str, remedy: str) -> BeforeValidator:
    """Refuse whatever stands at a key, in words that say more than that it is unknown."""

    def check(_value: object) -> None:
        refuse(problem, remedy)

    return BeforeValidator(check)


NotServed = Annotated[SkipJsonSchema[None], BeforeValidator(_refuse_key)]
"""A key of the contract that is refused with its place until the engine serves it."""


def millionths(amount: float) -> int:
    """Count an amount in millionths, exactly: amounts have at most six decimals."""
    return int(Decimal(repr(amount)) * MICRO)


def check_horizon(length_ms: int, info: ValidationInfo, what: str) -> None:
    """Refuse what is longer than contacts are remembered."""
    surroundings = info.context
    if not isinstance(surroundings, Surroundings) or surroundings.horizon_ms is None:
        return
    if length_ms > surroundings.horizon_ms:
        problem = f"{what} is longer than the horizon of {surroundings.horizon_ms / times.DAY_MS:g}d"
        refuse(problem, "shorten it, or lengthen `horizon`")


def _check_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        problem = (
            "the name is empty" if not name else "the name is longer than 64 characters or has others than allowed"
        )
        refuse(problem, NAME_REMEDY)
    return name


def _known_in(section: str) -> AfterValidator:
    def check(name: str, info: ValidationInfo) -> str:
        surroundings = info.context
        known = surroundings.names.get(section) if isinstance(surroundings, Surroundings) else None
        if known is not None and name not in known:
            raise PydanticCustomError(UNKNOWN_NAME, "{name}", {"section": section, "name": name})
        return name

    return AfterValidator(check)


def _check_amount(amount: float) -> float:
    if Decimal(repr(amount)) * MICRO % 1:
        refuse(f"`{amount}` has more than six decimals", "round it to six decimals")
    return amount


def _check_measure(amount: float) -> float:
    if amount == 0:
        remedy = "to allow nothing write `limit: 0`; otherwise an amount above 0"
        refuse("the amount of 0 is not written on purpose", remedy)
    return amount


def _check_budget(amount: float) -> float:
    if amount == 0:
        refuse("a budget of 0 is not written on purpose", "write an amount above 0, or leave `budget` out")
    return amount


def _check_currency(code: str) -> str:
    if _CURRENCY.fullmatch(code) is None:
        refuse(f"`{code[:64]}` is not a currency", "write its three capital letters, as in `EUR`")
    return code


def _check_same_currency(code: str, info: ValidationInfo) -> str:
    surroundings = info.context
    common = surroundings.currency if isinstance(surroundings, Surroundings) else None
    if common is not None and code != common:
        refuse(f"the budget is in `{code}` and the catalog in `{common}`", f"write the amount in `{common}`")
    return code


def _check_salt(salt: str) -> str:
    if not 1 <= len(salt) <= MAX_SALT:
        refuse("the salt is empty or too long", f"write 1 to {MAX_SALT} characters, as in `2026`, in quotes")
    return salt


def _check_share(share: float) -> float:
    if not 0 <= share <= 1:
        refuse(f"the share of `{share}` is not between 0 and 1", "write a part of 1, as in `0.6`")
    return _check_amount(share)


def _check_span(text: str) -> str:
    if times.span_ms(text) is None:
        refuse(f"`{text[:64]}` is not a span of one second to ten years", _SPAN_REMEDY)
    return text


def _check_span_in_horizon(text: str, info: ValidationInfo) -> str:
    check_horizon(times.span_ms(text) or 0, info, f"`{text}`")
    return text


def _check_rest(text: str, info: ValidationInfo) -> str:
    return text if text == "never" else _check_span_in_horizon(_check_span(text), info)


def _check_days(days: int, info: ValidationInfo) -> int:
    check_horizon(days * times.DAY_MS, info, f"{days} days")
    return days


def _check_zone(zone: str) -> str:
    if zone not in times.known_zones():
        raise PydanticCustomError(UNKNOWN_NAME, "{name}", {"section": BRAND_ZONES, "name": zone})
    return zone


def _check_rule_zone(zone: str) -> str:
    if zone not in ZONES_OF_RULES and zone not in times.known_zones():
        raise PydanticCustomError(UNKNOWN_NAME, "{name}", {"section": RULE_ZONES, "name": zone})
    return zone


def _read_date(written: object) -> object:
    day = times.date_of(written) if isinstance(written, str) else None
    if day is None or not times.FIRST_DATE <= day <= times.LAST_DATE:
        remedy = "write a day from 2000-01-01 to 2200-01-01, as in `2026-03-01`"
        refuse(f"`{str(written)[:64]}` is not a date", remedy)
    return day


def served_only(later: Mapping[str, str]) -> BeforeValidator:
    """Refuse values that the contract knows and the engine does not serve yet; `later` says what to write instead."""

    def check(written: object) -> object:
        if isinstance(written, str) and written in later:
            refuse(f"`{written}` is not served yet", later[written])
        return written

    return BeforeValidator(check)


Name = Annotated[str, AfterValidator(_check_name), WithJsonSchema({"type": "string", "pattern": NAME_PATTERN})]
ChannelName = Annotated[Name, _known_in("channels")]
SegmentName = Annotated[Name, _known_in("segments")]
FamilyName = Annotated[Name, _known_in("offer_families")]
UnitName = Annotated[Name, _known_in("business_units")]
CampaignName = Annotated[Name, _known_in("campaigns")]

Kind = Literal["marketing", "service", "transactional", "legal"]
EngagementKind = Literal[
    "delivered",
    "opened",
    "clicked",
    "answered",
    "converted",
    "purchased",
    "refused",
    "complained",
    "opted_out",
    "bounced",
]
Priority = Annotated[int, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
AtLeastOne = Annotated[int, Field(ge=1, le=1_000_000)]
Amount = Annotated[float, Field(ge=0, le=MAX_AMOUNT, allow_inf_nan=False), AfterValidator(_check_amount)]
"""Money or pressure points: 0 to 1,000,000,000 with at most six decimals."""
Measure = Annotated[Amount, AfterValidator(_check_measure)]
"""What a cap allows in points or money: above 0."""
BudgetAmount = Annotated[Amount, AfterValidator(_check_budget)]
"""What a campaign may spend: above 0."""
Share = Annotated[
    float,
    Field(allow_inf_nan=False),
    AfterValidator(_check_share),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1}),
]
"""A part of the whole: 0 to 1 with at most six decimals."""
Salt = Annotated[
    str, AfterValidator(_check_salt), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_SALT})
]
"""1 to 128 characters."""
Currency = Annotated[
    str,
    AfterValidator(_check_currency),
    WithJsonSchema({"type": "string", "pattern": CURRENCY_PATTERN, "examples": ["EUR"]}),
]
"""Three capital letters, `EUR`."""
BudgetCurrency = Annotated[Currency, AfterValidator(_check_same_currency)]
"""The catalog's currency."""

Span = Annotated[
    str, AfterValidator(_check_span), WithJsonSchema({"type": "string", "pattern": SPAN_PATTERN, "examples": ["7d"]})
]
"""`30s`, `15m`, `24h`, `7d`: one second to ten years."""
SpanInHorizon = Annotated[Span, AfterValidator(_check_span_in_horizon)]
"""A span that is no longer than contacts are remembered."""
Days = Annotated[int, Field(ge=1, le=times.LONGEST_SPAN_DAYS), AfterValidator(_check_days)]
"""Whole calendar days, no more than contacts are remembered."""
BrandZone = Annotated[str, AfterValidator(_check_zone), Field(examples=["Europe/Paris"])]
"""An IANA time zone."""
Zone = Annotated[str, AfterValidator(_check_rule_zone), Field(examples=["customer", "brand", "Europe/Paris"])]
"""`customer`, `brand` or an IANA time zone."""
Day = Annotated[date, BeforeValidator(_read_date)]
"""A calendar day, `2026-03-01`."""


class CalendarDays(Part):
    """Whole calendar days of a time zone: it ends at the start of the date so many days after."""

    days: Days = Field(description="How many calendar days.")
    zone: Zone = Field("brand", description="Whose calendar: `customer`, `brand` or an IANA time zone.")


def either(text: str, mapping: str, problem: str, remedy: str) -> Discriminator:
    """Tell two forms of one value apart by what is written: text (or a list) against a mapping."""

    def form(written: Any) -> str | None:  # noqa: ANN401 - whatever stands in the document
        if isinstance(written, dict | BaseModel):
            return mapping
        return text if isinstance(written, str | list) else None

    return Discriminator(
        form,
        custom_error_type=REFUSED,
        custom_error_message=problem,
        custom_error_context={"problem": problem, "remedy": remedy},
    )


FORMS: Final = frozenset({"~text", "~list", "~mapping"})
"""Steps that pydantic adds to the path of an error where a value has two forms; they are no keys of the document."""

Rest = Annotated[
    Annotated[
        str,
        AfterValidator(_check_rest),
        WithJsonSchema({"type": "string", "pattern": f"{SPAN_PATTERN[:-1]}$|^never$", "examples": ["30d", "never"]}),
        Tag("~text"),
    ]
    | Annotated[CalendarDays, Tag("~mapping")],
    either("~text", "~mapping", "this is not a span", "write `30d`, `{days: 30, zone: customer}` or `never`"),
]
"""How long a rest or a respite lasts: a span, calendar days, or `never` for one that does not end."""

SpanOrDays = Annotated[
    Annotated[SpanInHorizon, Tag("~text")] | Annotated[CalendarDays, Tag("~mapping")],
    either("~text", "~mapping", "this is not a span", "write `30d` or `{days: 30, zone: customer}`"),
]
"""How far back something is looked for: a span or calendar days."""
