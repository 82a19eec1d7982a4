//! What is known of capacities and budgets when a request is decided: an argument, like the clock.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use crate::customer::{AccountKey, Charge, Pool};

/// What each part of an account still has, as this replica knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Free contacts or millionths of money, per pool; below 0 where a limit was lowered since.
    pub free: Vec<(Pool, i64)>,
    /// Free of all pools together: less than their sum where the account was divided anew while something of it was taken.
    pub left: i64,
}

impl Standing {
    /// An account whose pools have as much together as each has alone.
    #[must_use]
    pub fn of(free: Vec<(Pool, i64)>) -> Self {
        let left = free.iter().fold(0_i64, |sum, (_, free)| sum.saturating_add(*free));
        Self { free, left }
    }
}

/// The accounts that were looked up. One that a rule asks for and that is not among them is noted: the decision then does not stand,
/// and is made anew once it is known.
#[derive(Debug, Default)]
pub struct Standings {
    known: HashMap<AccountKey, Standing>,
    missing: RefCell<BTreeSet<AccountKey>>,
    spent: Vec<Charge>,
}

impl Standings {
    /// Make an account known, or known anew.
    pub fn learn(&mut self, account: AccountKey, standing: Standing) {
        self.known.insert(account, standing);
    }

    /// The accounts that were asked for and are not known; none is left noted.
    pub fn take_missing(&mut self) -> BTreeSet<AccountKey> {
        std::mem::take(&mut self.missing.borrow_mut())
    }

    /// Whether an account was asked for that is not known.
    pub(crate) fn is_something_missing(&self) -> bool {
        !self.missing.borrow().is_empty()
    }

    /// Begin a decision: nothing is spent by its winners yet.
    pub(crate) fn begin(&mut self) {
        self.spent.clear();
    }

    /// What a winner takes is not there for the next.
    pub(crate) fn spend(&mut self, charges: &[Charge]) {
        self.spent.extend_from_slice(charges);
    }

    /// What is free in a pool; nothing where the account is not known, which is noted.
    pub(crate) fn free(&self, account: AccountKey, pool: Pool) -> Option<i64> {
        let left = self.left(account)?;
        let standing = self.known.get(&account)?;
        let held = standing.free.iter().find(|(held, _)| *held == pool).map_or(0, |(_, free)| *free);
        let spent = self.spent.iter().filter(|charge| charge.account == account && charge.pool == pool);
        Some(spent.fold(held, |free, charge| free.saturating_sub(charge.amount)).min(left))
    }

    /// What is free of all pools together; nothing where the account is not known, which is noted.
    pub(crate) fn left(&self, account: AccountKey) -> Option<i64> {
        let Some(standing) = self.known.get(&account) else {
            self.missing.borrow_mut().insert(account);
            return None;
        };
        let spent = self.spent.iter().filter(|charge| charge.account == account);
        Some(spent.fold(standing.left, |left, charge| left.saturating_sub(charge.amount)))
    }
}
