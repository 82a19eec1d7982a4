//! Places that were taken for one commit, until it is said what became of the commit.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arbiter_core::customer::Pool;

use super::account::{Account, Outcome};
use crate::tally::Tally;

/// Places of one pool, taken under one lease.
#[derive(Debug)]
pub(super) struct Charge {
    pub(super) account: Arc<Account>,
    pub(super) pool: Pool,
    pub(super) lease: u64,
    pub(super) field: String,
    pub(super) amount: i64,
    pub(super) keep_ms: i64,
}

impl Charge {
    fn tally(&self) -> Tally<'_> {
        Tally { account: &self.account.name, field: &self.field, delta: self.amount, keep_ms: self.keep_ms }
    }
}

/// Places that are taken and not yet committed. Say exactly one of [`done`](Taken::done), [`give_back`](Taken::give_back),
/// [`unsure`](Taken::unsure) and [`fenced`](Taken::fenced).
///
/// One that is dropped (its request was cancelled) counts as unsure where its tallies were handed out, else as given back.
#[derive(Debug, Default)]
#[must_use = "say what became of the commit"]
pub struct Taken {
    charges: Vec<Charge>,
    is_handed_out: AtomicBool,
}

impl Taken {
    pub(super) fn push(&mut self, charge: Charge) {
        self.charges.push(charge);
    }

    /// What the commit must name, so that it counts in the same instant as the party's value.
    pub fn tallies(&self) -> Vec<Tally<'_>> {
        self.is_handed_out.store(true, Ordering::Relaxed);
        self.charges.iter().map(Charge::tally).collect()
    }

    /// What was taken: account, pool and amount.
    pub fn charges(&self) -> impl Iterator<Item = (&str, Pool, i64)> {
        self.charges.iter().map(|charge| (&*charge.account.name, charge.pool, charge.amount))
    }

    /// The commit was made.
    pub fn done(self) {
        self.say(Outcome::Done);
    }

    /// The commit was not made: another came first, or none was sent.
    pub fn give_back(self) {
        self.say(Outcome::NotMade);
    }

    /// Nobody knows whether the commit was made: its places count until a fence tells.
    pub fn unsure(self) {
        self.say(Outcome::Unsure);
    }

    /// The commit was not made, because a lease under which it took had been ended by another replica.
    pub fn fenced(self) {
        self.say(Outcome::Fenced);
    }

    fn say(mut self, outcome: Outcome) {
        for charge in mem::take(&mut self.charges) {
            charge.account.say(charge.lease, charge.amount, outcome);
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let is_handed_out = *self.is_handed_out.get_mut();
        let outcome = if is_handed_out { Outcome::Unsure } else { Outcome::NotMade };
        for charge in &self.charges {
            charge.account.say(charge.lease, charge.amount, outcome);
        }
    }
}
