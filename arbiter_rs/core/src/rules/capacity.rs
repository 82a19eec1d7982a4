//! Capacity and budget: at most so many contacts, or so much money, in a window, over all customers and replicas.

use super::{Rule, View};
use crate::compiled::CapacityPer;
use crate::customer::{AccountKey, Charge, Pool};
use crate::decision::{Amount, Denial, Reason};
use crate::ids::{CapacityId, UnitId};
use crate::register::Terms;
use crate::time::{Timestamp, Unit, WeekStart};
use crate::windows::{Frame, Zone};

/// A unit's share is lent in this last part of the window, while lending holds.
const LENT_PART: i64 = 10;

/// Looks at what is free of an account, as the decision is told; a business unit has its share for sure.
#[derive(Clone, Debug)]
pub struct Capacity {
    /// Its integer.
    pub id: CapacityId,
    /// Whether it counts money, not contacts.
    pub is_money: bool,
    /// Contacts or millionths of money in one window.
    pub limit: i64,
    pub(crate) period: Period,
    pub(crate) per: Option<CapacityPer>,
    pub(crate) shares: Vec<(UnitId, i64)>,
    pub(crate) common: i64,
    pub(crate) lends: bool,
    pub(crate) declared_unused: Vec<UnitId>,
    /// The window as the document writes it.
    pub window_text: String,
}

/// The windows of a capacity.
#[derive(Clone, Debug)]
pub(crate) enum Period {
    /// One calendar period after the other.
    Calendar(Unit, WeekStart, Zone),
    /// One, for ever.
    Lifetime,
}

impl Capacity {
    /// The reason that it gives.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        if self.is_money { Reason::Budget } else { Reason::Capacity }
    }

    /// A figure in its unit.
    #[must_use]
    pub const fn amount(&self, figure: i64) -> Amount {
        if self.is_money { Amount::Micros(figure) } else { Amount::Contacts(figure) }
    }

    /// What each has a capacity of its own; nothing where all share one.
    #[must_use]
    pub const fn per(&self) -> Option<CapacityPer> {
        self.per
    }

    /// What a contact of these terms takes.
    #[must_use]
    pub const fn weight(&self, terms: &Terms) -> i64 {
        if self.is_money { terms.cost } else { 1 }
    }

    /// What each pool has when nothing is taken: what all share, then the units' shares.
    #[must_use]
    pub fn limits(&self) -> Vec<(Pool, i64)> {
        let shares = self.shares.iter().map(|(unit, limit)| (Pool::of(*unit), *limit));
        std::iter::once((Pool::COMMON, self.common)).chain(shares).collect()
    }

    /// First instant of the window that holds `t`, and the first after it; nothing where it is for ever.
    #[must_use]
    pub fn window(
        &self,
        snapshot: &crate::catalog::Snapshot,
        t: Timestamp,
    ) -> Option<(Timestamp, Timestamp)> {
        match &self.period {
            Period::Calendar(unit, week_start, zone) => {
                let calendar = zone.calendar(None, &snapshot.calendar);
                Some(Frame::Calendar(*unit, *week_start, calendar).reach(t))
            }
            Period::Lifetime => None,
        }
    }

    /// The account of a contact of the candidate at `t`.
    #[must_use]
    pub fn account(&self, view: &View<'_>, t: Timestamp) -> AccountKey {
        let per = match self.per {
            None => None,
            Some(CapacityPer::Channel) => Some(view.terms.channel.0),
            Some(CapacityPer::Campaign) => Some(view.terms.campaign.0),
            Some(CapacityPer::BusinessUnit) => view.terms.business_unit.map(|unit| unit.0),
        };
        let start = self.window(view.snapshot, t).map_or(Timestamp(0), |(start, _)| start);
        AccountKey { capacity: self.id, per, start }
    }

    /// The first instant of the last tenth of a window.
    const fn lends_from((start, end): (Timestamp, Timestamp)) -> Timestamp {
        end.minus_ms((end.0 - start.0) / LENT_PART)
    }

    /// The pools that the candidate may use at `t`, in the order in which they pay: its unit's, what all share, what others lend.
    fn pools(&self, view: &View<'_>, t: Timestamp) -> Vec<Pool> {
        let asked = view.asked_at(t);
        let is_lending = self.lends
            && self
                .window(view.snapshot, t)
                .is_some_and(|window| Self::lends_from(window) <= asked && asked < window.1);
        let own = view.terms.business_unit.filter(|unit| self.shares.iter().any(|(held, _)| held == unit));
        let lent = self
            .shares
            .iter()
            .map(|(unit, _)| *unit)
            .filter(|unit| Some(*unit) != own && (is_lending || self.declared_unused.contains(unit)));
        own.map(Pool::of).into_iter().chain([Pool::COMMON]).chain(lent.map(Pool::of)).collect()
    }

    /// What the candidate takes at `t`, and from where: `Err` where nothing is free, `Ok(None)` where it takes nothing.
    ///
    /// An account that is not known is noted as missing and taken to have room.
    pub(crate) fn charge(&self, view: &View<'_>, t: Timestamp) -> Result<Option<Charge>, AccountKey> {
        let amount = self.weight(view.terms);
        if amount == 0 {
            return Ok(None);
        }
        let account = self.account(view, t);
        for pool in self.pools(view, t) {
            let Some(free) = view.standings.free(account, pool) else { return Ok(None) };
            if free >= amount {
                return Ok(Some(Charge { account, pool, amount }));
            }
        }
        Err(account)
    }

    /// Whether nothing is taken of an account: what denies a candidate then denies it in every window.
    fn is_untouched(&self, view: &View<'_>, account: AccountKey) -> bool {
        let is_full =
            |(pool, limit): (Pool, i64)| view.standings.free(account, pool).is_some_and(|free| free >= limit);
        self.limits().into_iter().all(is_full)
    }

    /// Have the account of the candidate at `t` noted where it is not known.
    pub(crate) fn note(&self, view: &View<'_>, t: Timestamp) {
        let _known = view.standings.left(self.account(view, t));
    }

    /// What is used of the account of the candidate at `t`.
    #[must_use]
    pub fn used(&self, view: &View<'_>, t: Timestamp) -> i64 {
        let account = self.account(view, t);
        self.limit.saturating_sub(view.standings.left(account).unwrap_or(self.limit))
    }
}

impl Rule for Capacity {
    fn check(&self, view: &View<'_>, t: Timestamp) -> Option<Denial> {
        let account = self.charge(view, t).err()?;
        Some(Denial {
            limit: self.amount(self.limit),
            used: self.amount(self.limit.saturating_sub(view.standings.left(account).unwrap_or(self.limit))),
            ..Denial::plain(self.reason())
        })
    }

    fn is_against(&self, view: &View<'_>, t: Timestamp) -> bool {
        self.charge(view, t).is_err()
    }

    /// Lending begins, or the window turns; no time helps where nothing is taken and there is no room all the same.
    fn next_change(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        let (start, end) = self.window(view.snapshot, t)?;
        let lends_from = Self::lends_from((start, end));
        if self.lends && lends_from > t {
            return Some(lends_from);
        }
        let account = AccountKey { start, ..self.account(view, t) };
        (!self.is_untouched(view, account)).then_some(end)
    }
}
