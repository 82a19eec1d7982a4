//! The ledger of an account: what a capacity or a budget has given away over all customers and replicas, and to whom it is lent. Pure.
//!
//! An account (400 visits in this week, the budget of a campaign) has pools: the common one, and the share of each business unit.
//! A replica takes places from a *lease* that it has of a pool, so that a grant asks nobody else. Three things are stored:
//!
//! - the ledger, compared and set as a whole: of each pool what was `settled` under leases that ended, and the leases that are open;
//! - a count `L<lease>` for each open lease: what was taken under it, changed in the same instant as the customer's value;
//! - a count `R<pool>` for each pool: what releases gave back, changed in the same instant as the customer's value. It only grows.
//!
//! What is used of a pool is `settled + taken under open leases - returned`: [`Ledger::used`]. What may still be lent is
//! `limit - settled - amounts of open leases + returned`: [`Ledger::room`].
//!
//! INVARIANT: a lease is opened or extended only where there is room for it, by compare-and-set; nobody takes more under a lease than
//! its amount; `R` only grows. So `used` never exceeds the limit, however old the reading of `R` was.
//!
//! ```
//! use arbiter_core::customer::Pool;
//! use arbiter_core::ledger::{Counts, Lease, Ledger, block, lease_field, returned_field};
//!
//! let limits = [(Pool::COMMON, 400)];
//! let (mut ledger, nothing) = (Ledger::default(), Counts::default());
//! assert_eq!(block(1, ledger.room(&limits, &nothing, Pool::COMMON)), Some(12));
//! ledger.open(Pool::COMMON, Lease { id: 7, replica: 1, amount: 12, beat: 0 })?;
//! assert_eq!(ledger.room(&limits, &nothing, Pool::COMMON), 388);
//!
//! // Five were taken under it and two of them given back when it ends.
//! let counts = Counts::of([(lease_field(7).as_str(), 5), (returned_field(Pool::COMMON).as_str(), 2)]);
//! assert_eq!(ledger.used(&counts, Pool::COMMON), 3);
//! ledger.end(7, 5);
//! assert_eq!(ledger.room(&limits, &counts, Pool::COMMON), 397);
//! assert_eq!(Ledger::decode(&ledger.encode())?, ledger);
//! # Ok::<(), arbiter_core::ledger::LedgerError>(())
//! ```

mod codec;

use std::collections::BTreeMap;
use std::fmt;

use crate::customer::Pool;

/// The format that this build writes, and the newest that it reads.
pub const LEDGER_FORMAT: u8 = 1;
/// How many pools an account has at most.
pub const MAX_POOLS: usize = 1_024;
/// How many leases of an account are open at most, over all pools and replicas.
pub const MAX_LEASES: usize = 4_096;
/// A block is at most this part of what is left: blocks shrink as the rest shrinks, so little is out when it matters.
pub const BLOCK_PART: i64 = 32;
/// A block serves at most this many contacts.
pub const MAX_BLOCK_CONTACTS: i64 = 65_536;

/// A ledger that cannot be read, or that holds all it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerError {
    /// Written by a newer build.
    NewerFormat(u8),
    /// Damaged: cut, lengthened or changed.
    Damaged(&'static str),
    /// More pools or open leases than an account has.
    Full(&'static str),
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewerFormat(format) => {
                write!(f, "ledger has format {format}, this server reads up to {LEDGER_FORMAT}: upgrade it")
            }
            Self::Damaged(what) => write!(f, "ledger is damaged ({what})"),
            Self::Full(what) => write!(f, "account has the most {what} that a ledger holds"),
        }
    }
}

impl std::error::Error for LedgerError {}

/// A block of a pool that one replica may take from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Never used twice within an account.
    pub id: u64,
    /// Whose it is.
    pub replica: u64,
    /// How much may be taken under it, from its opening on.
    pub amount: i64,
    /// Changes while the replica lives and uses it.
    pub beat: u64,
}

/// What the ledger says of one pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct PoolLedger {
    /// Taken under leases that ended.
    settled: i64,
    leases: Vec<Lease>,
}

impl PoolLedger {
    /// What nobody else may be lent: settled, or lent already.
    fn committed(&self) -> i64 {
        self.leases.iter().fold(self.settled, |sum, lease| sum.saturating_add(lease.amount))
    }
}

/// The stored value of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    pools: BTreeMap<Pool, PoolLedger>,
}

/// The counts of an account, read from its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    taken: BTreeMap<u64, i64>,
    returned: BTreeMap<Pool, i64>,
}

/// The field that counts what is taken under a lease.
#[must_use]
pub fn lease_field(id: u64) -> String {
    format!("L{id:016x}")
}

/// The field that counts what releases gave back to a pool.
#[must_use]
pub fn returned_field(pool: Pool) -> String {
    format!("R{}", pool.0)
}

impl Counts {
    /// Read the fields of an account; those of another form are not its own.
    pub fn of<'a>(fields: impl IntoIterator<Item = (&'a str, i64)>) -> Self {
        let mut counts = Self::default();
        for (field, sum) in fields {
            if let Some(id) = field.strip_prefix('L').and_then(|id| u64::from_str_radix(id, 16).ok()) {
                counts.taken.insert(id, sum);
            } else if let Some(pool) = field.strip_prefix('R').and_then(|pool| pool.parse().ok()) {
                counts.returned.insert(Pool(pool), sum);
            }
        }
        counts
    }

    /// What releases gave back to a pool.
    #[must_use]
    pub fn returned(&self, pool: Pool) -> i64 {
        self.returned.get(&pool).copied().unwrap_or_default()
    }

    /// A release gave so much back to a pool.
    pub fn give_back(&mut self, pool: Pool, amount: i64) {
        let returned = self.returned.entry(pool).or_default();
        *returned = returned.saturating_add(amount);
    }

    /// What was taken under a lease.
    #[must_use]
    pub fn taken(&self, lease: u64) -> i64 {
        self.taken.get(&lease).copied().unwrap_or_default()
    }
}

impl Ledger {
    /// What may still be lent of a pool; below 0 where a later catalog version lowered its limit.
    ///
    /// INVARIANT: never more than what is left of all pools together, so that a version that divides an account anew lends nothing twice.
    #[must_use]
    pub fn room(&self, limits: &[(Pool, i64)], counts: &Counts, pool: Pool) -> i64 {
        let Some((_, limit)) = limits.iter().find(|(of, _)| *of == pool) else { return 0 };
        let committed = self.pools.get(&pool).map_or(0, PoolLedger::committed);
        let of_pool = limit.saturating_sub(committed).saturating_add(counts.returned(pool));
        of_pool.min(self.room_of_all(limits, counts))
    }

    /// What may still be lent of all pools together; below 0 where a later catalog version lowered the limit.
    #[must_use]
    pub fn room_of_all(&self, limits: &[(Pool, i64)], counts: &Counts) -> i64 {
        let limit = limits.iter().fold(0_i64, |sum, (_, limit)| sum.saturating_add(*limit));
        let committed = self.pools.iter().fold(0_i64, |sum, (pool, held)| {
            sum.saturating_add(held.committed().saturating_sub(counts.returned(*pool)))
        });
        limit.saturating_sub(committed)
    }

    /// What is used of a pool: taken and not given back. `counts` must have been read at one moment with the ledger.
    #[must_use]
    pub fn used(&self, counts: &Counts, pool: Pool) -> i64 {
        let Some(held) = self.pools.get(&pool) else { return 0 };
        let taken =
            held.leases.iter().fold(held.settled, |sum, lease| sum.saturating_add(counts.taken(lease.id)));
        taken.saturating_sub(counts.returned(pool))
    }

    /// Taken under leases of a pool that ended, given back or not.
    #[must_use]
    pub fn settled(&self, pool: Pool) -> i64 {
        self.pools.get(&pool).map_or(0, |held| held.settled)
    }

    /// All open leases with their pools.
    pub fn leases(&self) -> impl Iterator<Item = (Pool, &Lease)> {
        self.pools.iter().flat_map(|(pool, held)| held.leases.iter().map(|lease| (*pool, lease)))
    }

    /// Open a lease. The caller knows that there is room.
    ///
    /// # Errors
    /// [`LedgerError::Full`] where the account has too many pools or open leases.
    pub fn open(&mut self, pool: Pool, lease: Lease) -> Result<(), LedgerError> {
        if self.leases().count() >= MAX_LEASES {
            return Err(LedgerError::Full("leases"));
        }
        if !self.pools.contains_key(&pool) && self.pools.len() >= MAX_POOLS {
            return Err(LedgerError::Full("pools"));
        }
        self.pools.entry(pool).or_default().leases.push(lease);
        Ok(())
    }

    /// Let more be taken under an open lease. The caller knows that there is room.
    pub fn extend(&mut self, id: u64, amount: i64) {
        for lease in self.leases_mut().filter(|lease| lease.id == id) {
            lease.amount = lease.amount.max(amount);
        }
    }

    /// End a lease under which so much was taken; one that has ended stays as it is.
    pub fn end(&mut self, id: u64, taken: i64) {
        for held in self.pools.values_mut() {
            let open = held.leases.len();
            held.leases.retain(|lease| lease.id != id);
            if held.leases.len() < open {
                held.settled = held.settled.saturating_add(taken);
            }
        }
    }

    /// Say that a replica lives: the beat of all its leases changes.
    pub fn beat(&mut self, replica: u64) {
        for lease in self.leases_mut().filter(|lease| lease.replica == replica) {
            lease.beat = lease.beat.wrapping_add(1);
        }
    }

    fn leases_mut(&mut self) -> impl Iterator<Item = &mut Lease> {
        self.pools.values_mut().flat_map(|held| held.leases.iter_mut())
    }
}

/// How large a lease a contact of this need should have where so much is left: a part of the rest that serves whole contacts,
/// one at least; nothing where there is no room for one.
#[must_use]
pub fn block(need: i64, rest: i64) -> Option<i64> {
    if need < 1 || rest < need {
        return None;
    }
    let part = rest / BLOCK_PART;
    let contacts = (part / need).clamp(1, MAX_BLOCK_CONTACTS);
    Some(need.saturating_mul(contacts))
}
