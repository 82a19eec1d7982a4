"""Remembers, per customer and campaign, which sends were granted, and so which answers still happen."""

from dataclasses import dataclass, field

from repit_server.history.event import Event


@dataclass(frozen=True, slots=True)
class AnswerTotals:
    """Sends that were answered, and what the answers were worth: of the file, and of what was granted."""

    answered: int
    """Sends with at least one `converted` of the same customer and campaign in the file."""
    kept: int
    """Those of them that were granted."""
    value_total: float
    """Worth of those answers."""
    value_kept: float
    """Worth of the answers to granted sends."""


@dataclass(slots=True)
class _CampaignAtCustomer:
    granted: int = 0
    denied: int = 0
    contact_id: str = ""
    was_granted_last: bool = False
    is_answered: bool = False
    early_value: float = 0.0
    value_granted: float = 0.0
    value_denied: float = 0.0


@dataclass(slots=True)
class AnswerLedger:
    """The sends and conversions of one run, in the order of each customer's lines.

    A conversion's worth goes to the latest send of its customer and campaign before it; where there is none yet,
    to the first one after it.
    """

    _entries: dict[tuple[str, str], _CampaignAtCustomer] = field(default_factory=dict)

    def take_send(self, event: Event, *, contact_id: str) -> None:
        """Note what became of a send; `contact_id` is empty where it was denied."""
        entry = self._entry(event)
        entry.was_granted_last = bool(contact_id)
        if contact_id:
            entry.granted += 1
            entry.contact_id = contact_id
        else:
            entry.denied += 1
        self._add_value(entry, entry.early_value)
        entry.early_value = 0.0

    def take_conversion(self, event: Event) -> None:
        """Note that the file holds an answer, whether or not it still happens."""
        entry = self._entry(event)
        entry.is_answered = True
        if entry.granted or entry.denied:
            self._add_value(entry, event.value or 0.0)
        else:
            entry.early_value += event.value or 0.0

    def contact_id(self, event: Event) -> str:
        """Give the customer's latest granted contact of the event's campaign; empty where there is none."""
        entry = self._entries.get((event.customer_id, event.campaign_id))
        return entry.contact_id if entry else ""

    def was_spared(self, event: Event) -> bool:
        """Whether the event's campaign asked for this customer and was never granted: then nobody could answer."""
        entry = self._entries.get((event.customer_id, event.campaign_id))
        return entry is not None and entry.denied > 0 and not entry.granted

    def totals(self) -> AnswerTotals:
        """Add up all customers and campaigns."""
        answered = [entry for entry in self._entries.values() if entry.is_answered]
        value_kept = sum(entry.value_granted for entry in answered)
        return AnswerTotals(
            answered=sum(entry.granted + entry.denied for entry in answered),
            kept=sum(entry.granted for entry in answered),
            value_total=value_kept + sum(entry.value_denied for entry in answered),
            value_kept=value_kept,
        )

    def _entry(self, event: Event) -> _CampaignAtCustomer:
        return self._entries.setdefault((event.customer_id, event.campaign_id), _CampaignAtCustomer())

    @staticmethod
    def _add_value(entry: _CampaignAtCustomer, value: float) -> None:
        if entry.was_granted_last:
            entry.value_granted += value
        else:
            entry.value_denied += value
