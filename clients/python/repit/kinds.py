"""The closed sets of the contract as Python enumerations, spelt as in the catalog document and the logs."""

from enum import StrEnum
from functools import cache
from typing import Self, TypeVar


class Word(StrEnum):
    """A word of a closed set.

    Its place is its number in the messages; the first one stands for numbers that this client does not know.
    """

    @classmethod
    def of_number(cls, number: int) -> Self:
        """The word of a number in the messages; the first one for a number of a newer server."""
        words: tuple[Self, ...] = _words_of(cls)
        return words[number] if 0 <= number < len(words) else words[0]


AnyWord = TypeVar("AnyWord", bound=Word)


@cache
def _words_of(words: type[AnyWord]) -> tuple[AnyWord, ...]:
    return tuple(words)


class Verdict(Word):
    """The answer for one candidate."""

    UNSPECIFIED = "UNSPECIFIED"
    GRANT = "GRANT"
    DENY = "DENY"


class AlternativeKind(Word):
    """In which way an alternative differs from what was asked for: another channel, offer family or time."""

    UNSPECIFIED = "unspecified"
    CHANNEL = "channel"
    FALLBACK = "fallback"
    TIME = "time"


class DenialReason(Word):
    """Why a rule spoke against, in order of precedence."""

    UNSPECIFIED = "UNSPECIFIED"
    SUPPRESSED = "SUPPRESSED"
    NO_CONSENT = "NO_CONSENT"
    CHANNEL_CLOSED = "CHANNEL_CLOSED"
    CAMPAIGN_UNKNOWN = "CAMPAIGN_UNKNOWN"
    CAMPAIGN_INACTIVE = "CAMPAIGN_INACTIVE"
    NOT_ELIGIBLE = "NOT_ELIGIBLE"
    HELD_OUT = "HELD_OUT"
    RESPITE = "RESPITE"
    BACK_OFF = "BACK_OFF"
    FREQUENCY_CAP = "FREQUENCY_CAP"
    CAPACITY = "CAPACITY"
    BUDGET = "BUDGET"
    OUTRANKED = "OUTRANKED"


class Kind(Word):
    """What the law and the contact policy treat apart; not specified is read as marketing."""

    UNSPECIFIED = "unspecified"
    MARKETING = "marketing"
    SERVICE = "service"
    TRANSACTIONAL = "transactional"
    LEGAL = "legal"


class EngagementKind(Word):
    """What came back from a customer."""

    UNSPECIFIED = "unspecified"
    SENT = "sent"
    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    ANSWERED = "answered"
    CONVERTED = "converted"
    PURCHASED = "purchased"
    REFUSED = "refused"
    COMPLAINED = "complained"
    OPTED_OUT = "opted_out"
    BOUNCED = "bounced"


class ContactState(Word):
    """Where a contact stands."""

    UNSPECIFIED = "unspecified"
    PENDING = "pending"
    CONFIRMED = "confirmed"
    RELEASED = "released"
    EXPIRED = "expired"


class CampaignOrigin(Word):
    """Where a campaign is written: in the catalog document, or registered over the API."""

    UNSPECIFIED = "unspecified"
    DOCUMENT = "document"
    API = "api"


class DifferenceKind(Word):
    """What became of something between two catalogs."""

    UNSPECIFIED = "unspecified"
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class DifferenceEffect(Word):
    """Whether customers can be contacted more or less; other is neither, both, or not to be said."""

    UNSPECIFIED = "unspecified"
    LOOSER = "looser"
    TIGHTER = "tighter"
    OTHER = "other"


class Severity(Word):
    """How bad a finding is: an error keeps a catalog from being applied, a warning does not."""

    UNSPECIFIED = "unspecified"
    ERROR = "error"
    WARNING = "warning"
