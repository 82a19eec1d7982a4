"""Capacity and budget of the reference model: exact counts over all customers, with shares and lending."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal

from tests.property.reference_case import Case, Finding, Voice
from tests.property.reference_time import NEVER, period_of
from tests.property.reference_values import Document, Payment

COMMON = ""
"""The pool of what no unit has a share in."""


@dataclass(frozen=True)
class Capacity:
    """A capacity or budget as it judges one candidate."""

    case: Case
    body: Document
    is_cost: bool

    @property
    def limit(self) -> Decimal:
        """Contacts or money in a period."""
        return Decimal(str(self.body["limit"]))

    @property
    def amount(self) -> Decimal:
        """What the contact asked for takes."""
        return self.case.question.asked.cost if self.is_cost else Decimal(1)

    @property
    def whose(self) -> str | None:
        """Whose account it is, where there is one for each channel, campaign or business unit."""
        asked = self.case.question.asked
        per = self.body.get("per")
        return {"channel": asked.channel, "campaign": asked.campaign, "business_unit": asked.unit}[per] if per else None

    def period(self, t: int) -> tuple[int, int]:
        """First instant of the period that holds `t`, and of the next."""
        window = self.body["window"]
        return (0, NEVER) if "lifetime" in window else period_of(t, window, self.case.zone_of(window))

    def pools(self) -> dict[str, Decimal]:
        """How much each pool holds when nothing is taken: every unit's share, then what is left in common."""
        step = Decimal("0.000001") if self.is_cost else Decimal(1)
        shares = {
            unit: (Decimal(str(share)) * self.limit).quantize(step, ROUND_FLOOR)
            for unit, share in self.body.get("shares", {}).items()
        }
        return {**shares, COMMON: self.limit - sum(shares.values(), Decimal(0))}

    def taken(self, start: int) -> dict[str, Decimal]:
        """What each pool gave in the period that begins at `start`, pools of earlier catalogs among them."""
        names = (self.case.policy["name"], self.case.rule["name"], self.whose, start)
        accounts = self.case.question.accounts.taken
        return {account[4]: amount for account, amount in accounts.items() if account[:4] == names}

    def free(self, start: int) -> dict[str, Decimal]:
        """What each pool has left in the period that begins at `start`: never more than all pools together have."""
        taken = self.taken(start)
        left = self.limit - sum(taken.values(), Decimal(0))
        return {pool: min(size - taken.get(pool, 0), left) for pool, size in self.pools().items()}

    def usable(self, now: int, t: int) -> Iterator[str]:
        """The pools that the candidate may use, in the order in which they are tried."""
        unit, shares = self.case.question.asked.unit, self.body.get("shares", {})
        if unit is not None and unit in shares:
            yield unit
        yield COMMON
        for owner in shares:
            if owner != unit and (self.lends(now, t) or owner in self.body.get("declared_unused", ())):
                yield owner

    def lends(self, now: int, t: int) -> bool:
        """Whether units may use what others leave: in the last tenth of the window."""
        return bool(self.body.get("lend")) and self.lending_from(t) <= now < self.period(t)[1]

    def lending_from(self, t: int) -> int:
        """When the last tenth of the window of `t` begins."""
        start, end = self.period(t)
        return NEVER if end == NEVER else end - (end - start) // 10

    def payment(self, now: int, t: int) -> Payment | None:
        """What a grant would take, from the first pool with room; None where there is none."""
        start, _ = self.period(t)
        free = self.free(start)
        pool = next((pool for pool in self.usable(now, t) if free[pool] >= self.amount), None)
        names = (self.case.policy["name"], self.case.rule["name"], self.whose, start)
        return None if pool is None else Payment(*names, pool, self.amount)

    def silent_from(self, moment: int) -> int | None:
        """First instant with room from `moment` on: beginnings and last tenths, up to a period that nobody touched."""
        names = (self.case.policy["name"], self.case.rule["name"], self.whose)
        touched = {account[3] for account in self.case.question.accounts.taken if account[:3] == names}
        while moment < NEVER:
            start, end = self.period(moment)
            tries = (time for time in (moment, self.lending_from(moment)) if moment <= time < end)
            found = next((time for time in tries if self.payment(time, time) is not None), None)
            if found is not None or (start not in touched and start == moment):
                return found
            moment = end
        return None


def capacity_of(case: Case) -> Capacity:
    """A rule `capacity`, or a campaign's budget: money for all its days."""
    if "budget" in case.rule:
        return Capacity(case, {"limit": case.rule["budget"]["amount"], "window": {"lifetime": True}}, is_cost=True)
    return Capacity(case, case.rule["capacity"], is_cost=False)


def capacity(case: Case) -> Voice:
    """Deny where no pool that the candidate may use has room for it."""
    account = capacity_of(case)

    def finds(now: int, t: int) -> Finding | None:
        if account.payment(now, t) is not None:
            return None
        used = sum(account.taken(account.period(t)[0]).values(), Decimal(0))
        return Finding(used, account.limit)

    voice = case.voice("BUDGET" if account.is_cost else "CAPACITY", finds)
    return replace(voice, silent_from=account.silent_from)
