//! Capacity and budget, shared by all replicas and never overshot: each replica takes places from blocks that it leases.
//!
//! What is stored, and why it cannot be overshot, stands with [`arbiter_core::ledger`]. What a replica does:
//!
//! - **takes** from its own block, without asking anybody; where the block has not enough left it extends it by a part of the rest, in
//!   one compare-and-set that gives the unusable remainder back. A replica has at most one open lease of a pool that it takes from;
//! - **tends** its blocks, about four times a second: it ends those that were idle for [`IDLE_MS`], and shows that it lives by a beat
//!   every [`BEAT_MS`] under those in use;
//! - **watches** the beats of other replicas, by the time that it saw pass itself: nobody trusts a clock of the wall. A lease whose beat
//!   it has seen unchanged for [`LEASE_MS`] is fenced in all buckets, which tells its final count, and ended. Its owner, should it still
//!   live, is told [`Commit::Fenced`](crate::Commit::Fenced) and decides anew. A watch begins when the lease is first seen: by the ticker,
//!   or by a request that finds no room. Where the store is not shared, leases of other replicas are dead at once.
//!
//! A commit whose outcome nobody knows leaves its block unsure: its places count as taken, the block is not extended any more, and when
//! it ends its count is fenced and summed.
//!
//! **Stranded** (free and out of reach of a request) is at most what each other replica has left in its one lease of the pool, at most
//! [`block`](arbiter_core::ledger::block) of what was left when it was leased (a 32nd, one contact at least), until that lease ends: for a
//! replica that lives [`IDLE_MS`] and two ticks after it last took, for one that died [`LEASE_MS`] and two ticks after it was first seen.
//! To the replica itself nothing is stranded but what is unsure: at most one block of the pool, until it runs out or is idle. While a
//! replica that lost the answer to the opening of a lease has not spoken about the account again, that lease counts as a second one.
//!
//! **Left behind** in the store, until the account's counts expire: the fence of each lease that was fenced, and the count of a lease whose replica
//! died after it ended the lease and before it dropped the count. For a lifetime that is for ever: its owner, stopped before it sent a
//! commit, may go on after any time, and only the fence tells that commit from one in time.
//!
//! Locks are held across no wait but one: an account's turn, a queue of the tasks of this replica that must speak with the store about it.

mod account;
mod held;
mod taken;
mod turn;

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arbiter_core::{customer::Pool, ids::stable_hash, ledger::lease_field};
use parking_lot::RwLock;

pub use self::taken::Taken;
use self::{
    account::{Account, Clock},
    held::{Replica, Wish},
    turn::{Drops, Turn},
};
use crate::{error::StoreError, store::Store};

/// A lease whose beat was seen unchanged for so long is another replica's no more.
pub const LEASE_MS: u64 = 5_000;
/// A lease in use shows so often that its replica lives; so often the leases of others are looked at.
pub const BEAT_MS: u64 = 1_500;
/// A block from which nothing was taken for so long is given back.
pub const IDLE_MS: u64 = 1_000;
/// What the store said longer ago is asked again before a request is denied by it.
pub const FRESH_MS: u64 = 100;
/// The beats of other replicas are watched while the account was asked for within so long.
pub const WATCH_MS: u64 = 60_000;
/// An account without blocks that was not asked for in so long is forgotten.
pub const FORGET_MS: u64 = 600_000;
/// How many accounts a replica knows at most; beyond, those that were not asked for longest are forgotten.
pub const MAX_ACCOUNTS: usize = 65_536;
/// How many accounts one tick speaks about at most, those first that it did not speak about for longest.
pub const MAX_TENDED: usize = 1_024;
/// How many fields wait to be dropped at most; those beyond are left to expire with their account.
pub const MAX_DROPS: usize = 4_096;

/// An account as the catalog has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSpec {
    /// Which capacity or budget, of what, from when.
    pub name: String,
    /// Its pools and how much of it each has. The sum is the account's limit.
    pub limits: Vec<(Pool, i64)>,
    /// How long what is stored of it is kept from this moment on, in milliseconds; 0 for ever.
    pub keep_ms: i64,
}

/// A block that this replica holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Of which account.
    pub account: String,
    /// Of which pool.
    pub pool: Pool,
    /// How much may be taken under the lease.
    pub amount: i64,
    /// How much was, what is in flight or unsure included.
    pub consumed: i64,
}

/// The blocks of one replica, and what it knows of the accounts.
#[derive(Debug)]
pub struct Leases {
    replica: u64,
    clock: Arc<Clock>,
    opened: AtomicU64,
    accounts: RwLock<HashMap<Arc<str>, Arc<Account>>>,
    drops: Drops,
}

impl Default for Leases {
    fn default() -> Self {
        // The keys of the standard library's hasher come from the operating system.
        Self::new(RandomState::new().hash_one("replica"))
    }
}

impl Leases {
    /// A replica without blocks. No two may ever have the same number, not even one after the other: where in doubt, `default()`.
    pub fn new(replica: u64) -> Self {
        Self {
            replica,
            clock: Arc::default(),
            opened: AtomicU64::default(),
            accounts: RwLock::default(),
            drops: Drops::default(),
        }
    }

    /// What is free of each pool of an account as this replica knows it, in the order of the limits: what may still be lent, and what
    /// this replica has left. Exact where it is the only one; the store is asked where nothing is known yet.
    ///
    /// # Errors
    /// What the store says.
    pub async fn standing<S: Store>(
        &self,
        store: &S,
        spec: &AccountSpec,
    ) -> Result<Vec<(Pool, i64)>, StoreError> {
        let account = self.account(&spec.name)?;
        if let Some(standing) = account.standing(spec) {
            return Ok(standing);
        }
        let mut turn = self.turn(store, &account).await;
        if !account.is_known() {
            turn.refresh().await?;
        }
        Ok(account.standing(spec).unwrap_or_default())
    }

    /// What is free of all pools of an account together, as this replica knew it when it was last asked for a standing. It is less than the
    /// sum of the pools where a catalog version divided the account anew.
    pub fn left(&self, spec: &AccountSpec) -> i64 {
        let known = self.accounts.read().get(spec.name.as_str()).cloned();
        known.map_or(0, |account| account.left(spec))
    }

    /// The same before a request is denied by it: the store is asked unless it was less than [`FRESH_MS`] ago by the last tick. So what
    /// another replica did is known here after that and a tick.
    ///
    /// # Errors
    /// What the store says.
    pub async fn fresh_standing<S: Store>(
        &self,
        store: &S,
        spec: &AccountSpec,
    ) -> Result<Vec<(Pool, i64)>, StoreError> {
        let account = self.account(&spec.name)?;
        if !account.is_fresh() {
            let mut turn = self.turn(store, &account).await;
            // Another request may have asked while this one waited for its turn.
            if !account.is_fresh() {
                turn.refresh().await?;
            }
        }
        Ok(account.standing(spec).unwrap_or_default())
    }

    /// Take places of each of these pools, of all or of none; None where one of them has no room any more, and then what is known is fresh.
    /// An amount that is not above 0 takes nothing.
    ///
    /// # Errors
    /// What the store says; then nothing is taken.
    pub async fn take<S: Store>(
        &self,
        store: &S,
        charges: &[(AccountSpec, Pool, i64)],
    ) -> Result<Option<Taken>, StoreError> {
        let mut taken = Taken::default();
        for (spec, pool, amount) in charges.iter().filter(|(_, _, amount)| *amount > 0) {
            let account = self.account(&spec.name)?;
            let wish = Wish { spec, pool: *pool, amount: *amount, lease: self.lease_id() };
            let charge = match account.reserve(&wish) {
                Some(charge) => Some(charge),
                None => self.turn(store, &account).await.take(&wish).await?,
            };
            // Dropping what was taken before gives it back: its tallies were not handed out.
            let Some(charge) = charge else { return Ok(None) };
            taken.push(charge);
        }
        Ok(Some(taken))
    }

    /// A release that was committed gave so much back to a pool: the commit named the account's
    /// [`returned_field`](arbiter_core::ledger::returned_field).
    pub fn returned(&self, account: &str, pool: Pool, amount: i64) {
        let known = self.accounts.read().get(account).cloned();
        if let Some(known) = known {
            known.returned(pool, amount);
        }
    }

    /// What is to be done several times a second, so many milliseconds after the last time: see the module.
    ///
    /// # Errors
    /// The first that the store said. What was not done is done by the next tick.
    pub async fn tend<S: Store>(&self, store: &S, elapsed_ms: u64) -> Result<(), StoreError> {
        self.clock.advance(elapsed_ms);
        let replica = self.replica(store);
        self.forget_idle();
        let accounts = self.all_accounts();
        let mut due: Vec<_> = accounts
            .iter()
            .filter_map(|account| account.due(replica).map(|since| (since, account)))
            .collect();
        due.sort_by_key(|(since, _)| *since);
        let mut outcome = self.drop_fields(store).await;
        for (_, account) in due.into_iter().take(MAX_TENDED) {
            let tended = self.tend_account(store, account).await;
            let is_over = tended.as_ref().is_err_and(is_of_store);
            outcome = outcome.and(tended);
            if is_over {
                break;
            }
        }
        outcome
    }

    async fn tend_account<S: Store>(&self, store: &S, account: &Arc<Account>) -> Result<(), StoreError> {
        let mut turn = self.turn(store, account).await;
        if account.is_watch_due(self.replica(store)) {
            turn.look().await?;
        }
        turn.settle().await
    }

    /// Give everything back: at the end of the process, when no request is under way. What cannot be given back is found by others.
    ///
    /// # Errors
    /// The first that the store said.
    pub async fn close<S: Store>(&self, store: &S) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        for account in self.all_accounts().iter().filter(|account| account.has_blocks()) {
            account.end_all();
            outcome = outcome.and(self.turn(store, account).await.settle().await);
        }
        outcome.and(self.drop_fields(store).await)
    }

    /// The blocks that this replica holds.
    pub fn holdings(&self) -> Vec<Holding> {
        self.all_accounts().iter().flat_map(|account| account.holdings()).collect()
    }

    async fn drop_fields<S: Store>(&self, store: &S) -> Result<(), StoreError> {
        loop {
            let Some((account, lease)) = self.drops.lock().pop() else { return Ok(()) };
            let dropped = store.drop_field(&account, &lease_field(lease)).await;
            if let Err(error) = dropped {
                self.drops.lock().push((account, lease));
                return Err(error);
            }
        }
    }

    async fn turn<'a, S: Store>(&'a self, store: &'a S, account: &'a Arc<Account>) -> Turn<'a, S> {
        Turn::of(store, self.replica(store), account, &self.drops).await
    }

    fn replica<S: Store>(&self, store: &S) -> Replica {
        Replica { id: self.replica, is_shared: store.is_shared() }
    }

    fn lease_id(&self) -> u64 {
        let opened = self.opened.fetch_add(1, Ordering::Relaxed);
        stable_hash([self.replica.to_le_bytes(), opened.to_le_bytes()].as_flattened())
    }

    fn all_accounts(&self) -> Vec<Arc<Account>> {
        self.accounts.read().values().cloned().collect()
    }

    fn account(&self, name: &str) -> Result<Arc<Account>, StoreError> {
        let known = self.accounts.read().get(name).cloned();
        if let Some(account) = known {
            return Ok(account);
        }
        let mut accounts = self.accounts.write();
        if accounts.len() >= MAX_ACCOUNTS {
            forget_oldest(&mut accounts);
        }
        if accounts.len() >= MAX_ACCOUNTS {
            let message = format!("more than {MAX_ACCOUNTS} capacities and budgets are in use: ask again");
            return Err(StoreError::Unavailable { message, retry_after_ms: IDLE_MS });
        }
        let fresh = || Arc::new(Account::new(name, Arc::clone(&self.clock)));
        Ok(Arc::clone(accounts.entry(name.into()).or_insert_with(fresh)))
    }

    fn forget_idle(&self) {
        let is_idle = |account: &Arc<Account>| Arc::strong_count(account) == 1 && account.is_idle();
        if self.accounts.read().values().any(is_idle) {
            self.accounts.write().retain(|_, account| !is_idle(account));
        }
    }
}

/// Whether there is no sense in asking the store about another account.
fn is_of_store(error: &StoreError) -> bool {
    match error {
        StoreError::Unavailable { .. }
        | StoreError::Full { .. }
        | StoreError::Stopped { .. }
        | StoreError::Held { .. }
        | StoreError::Wrong { .. } => true,
        StoreError::Corrupt { .. } | StoreError::TooLarge { .. } => false,
    }
}

/// Forget an eighth of the accounts: those without blocks that were not asked for longest. Nobody else may hold one that is forgotten,
/// or the replica would know the account twice.
fn forget_oldest(accounts: &mut HashMap<Arc<str>, Arc<Account>>) {
    let held = accounts.values().filter(|account| Arc::strong_count(account) == 1);
    let mut since: Vec<u64> = held.filter_map(|account| account.forgettable_since()).collect();
    let few = since.len().min(MAX_ACCOUNTS / 8);
    let Some(last) = few.checked_sub(1) else { return };
    let (_, newest, _) = since.select_nth_unstable(last);
    let newest = *newest;
    // Of those that were last asked for in the same instant as the newest to go, only as many as are still wanted.
    let mut left = few - since.iter().filter(|since| **since < newest).count();
    accounts.retain(|_, account| {
        let since = account.forgettable_since().filter(|_| Arc::strong_count(account) == 1);
        let is_last = left > 0 && since == Some(newest);
        left -= usize::from(is_last);
        !(is_last || since.is_some_and(|since| since < newest))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;

    fn spec(name: String) -> AccountSpec {
        AccountSpec { name, limits: vec![(Pool::COMMON, 10)], keep_ms: 0 }
    }

    #[tokio::test]
    async fn an_account_that_nobody_asks_for_is_forgotten_but_never_one_with_a_block() {
        let (store, leases) = (MemoryStore::new(), Leases::new(1));
        leases.standing(&store, &spec("asked".into())).await.unwrap();
        let charges = [(spec("held".into()), Pool::COMMON, 1)];
        leases.take(&store, &charges).await.unwrap().unwrap().done();
        leases.tend(&store, FORGET_MS - 1).await.unwrap();
        assert_eq!(leases.accounts.read().len(), 2);
        leases.tend(&store, 1).await.unwrap();
        assert_eq!(leases.accounts.read().keys().map(|name| &**name).collect::<Vec<_>>(), ["held"]);
    }

    #[test]
    fn of_too_many_accounts_the_oldest_are_forgotten() {
        let leases = Leases::new(1);
        let held = leases.account("held").unwrap();
        for number in 1..MAX_ACCOUNTS {
            if number == MAX_ACCOUNTS / 8 + 1 {
                leases.clock.advance(1);
            }
            leases.account(&number.to_string()).unwrap().standing(&spec(String::new()));
        }
        leases.account("one more").unwrap();
        let accounts = leases.accounts.read();
        assert_eq!(accounts.len(), MAX_ACCOUNTS - MAX_ACCOUNTS / 8 + 1);
        assert!(
            accounts.contains_key(&*held.name)
                && accounts.contains_key((MAX_ACCOUNTS - 1).to_string().as_str())
        );
        assert!((1..=MAX_ACCOUNTS / 8).all(|number| !accounts.contains_key(number.to_string().as_str())));
    }

    #[test]
    fn no_two_replicas_have_the_same_number_nor_two_leases() {
        assert_ne!(Leases::default().replica, Leases::default().replica);
        let leases = Leases::new(1);
        assert_ne!(leases.lease_id(), leases.lease_id());
        assert_ne!(leases.lease_id(), Leases::new(2).lease_id());
    }
}
