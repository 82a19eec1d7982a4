//! A turn: one replica speaks with the store about one account, one thing after the other.

use std::{collections::HashMap, sync::Arc};

use arbiter_core::ledger::{Counts, Ledger, LedgerError, lease_field};
use parking_lot::Mutex;
use tokio::sync::MutexGuard;

use super::{
    MAX_DROPS,
    account::Account,
    held::{Plan, Replica, Wish},
    taken::Charge,
};
use crate::{
    error::StoreError,
    store::{Commit, Store, Versioned},
};

/// How often a ledger is written anew because another replica came first. Each such commit is somebody's lease.
const MAX_ATTEMPTS: usize = 256;

/// Fields of leases that ended, with their accounts: to be dropped by the ticker.
pub(super) type Drops = Mutex<Vec<(Arc<str>, u64)>>;

/// What a replica says and hears in one go. While it lasts, no other task of the replica speaks about the account.
pub(super) struct Turn<'a, S> {
    store: &'a S,
    replica: Replica,
    account: &'a Arc<Account>,
    drops: &'a Drops,
    /// What was taken under fenced leases: it changes no more.
    sums: HashMap<u64, i64>,
    is_read: bool,
    _alone: MutexGuard<'a, ()>,
}

impl<'a, S: Store> Turn<'a, S> {
    pub(super) async fn of(
        store: &'a S,
        replica: Replica,
        account: &'a Arc<Account>,
        drops: &'a Drops,
    ) -> Self {
        let alone = account.turn.lock().await;
        Self { store, replica, account, drops, sums: HashMap::new(), is_read: false, _alone: alone }
    }

    /// Take places, from a block that is opened or extended where there is room. None where there is none.
    pub(super) async fn take(&mut self, wish: &Wish<'_>) -> Result<Option<Charge>, StoreError> {
        if !self.account.is_known() {
            self.read().await?;
        }
        for _ in 0..MAX_ATTEMPTS {
            if let Some(charge) = self.account.reserve(wish) {
                return Ok(Some(charge));
            }
            self.account.end_unsure(wish.pool);
            self.fence().await?;
            match self.plan(Some(wish))? {
                Some(plan) if plan.has_room || (self.is_read && plan.is_change) => {
                    if let Some(charge) = self.commit(plan, Some(wish)).await? {
                        return Ok(Some(charge));
                    }
                }
                Some(_) if self.is_read => return Ok(None),
                Some(_) | None => self.read().await?,
            }
        }
        Err(self.contended())
    }

    /// Read what the store holds, and end what is to end: own blocks and the leases of dead replicas.
    pub(super) async fn refresh(&mut self) -> Result<(), StoreError> {
        self.read().await?;
        self.settle().await?;
        // Another replica's commit came between: its ledger is newer than the counts that were read.
        if self.is_read { Ok(()) } else { self.read().await }
    }

    /// Look only whether other replicas live.
    pub(super) async fn look(&mut self) -> Result<(), StoreError> {
        let stored = self.store.account(&self.account.name).await?;
        self.overtaken(&stored)
    }

    /// End what is to end, and beat where a beat is due.
    pub(super) async fn settle(&mut self) -> Result<(), StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            self.fence().await?;
            match self.plan(None)? {
                Some(plan) if plan.is_change => self.commit(plan, None).await?,
                Some(_) | None => return Ok(()),
            };
        }
        Err(self.contended())
    }

    async fn read(&mut self) -> Result<(), StoreError> {
        let name = &self.account.name;
        let releases = self.account.releases();
        let stored = self.store.account(name).await?;
        let ledger = self.decode(&stored)?;
        // Read after the ledger, so that what it has settled and was given back is in both.
        let fields = self.store.tally(name).await?;
        let counts = Counts::of(fields.iter().map(|(field, sum)| (field.as_str(), *sum)));
        self.account.read(self.replica, stored.version, ledger, counts, releases);
        self.is_read = true;
        Ok(())
    }

    /// Fence every lease whose final count only the store can tell.
    async fn fence(&mut self) -> Result<(), StoreError> {
        for id in self.account.to_fence() {
            if !self.sums.contains_key(&id) {
                let sum = self.store.fence(&self.account.name, &lease_field(id)).await?;
                self.sums.insert(id, sum);
            }
        }
        Ok(())
    }

    fn plan(&self, wish: Option<&Wish<'_>>) -> Result<Option<Plan>, StoreError> {
        let plan = self.account.plan(self.replica, wish, &self.sums);
        plan.map_err(|error| self.unusable(&error))
    }

    async fn commit(&mut self, plan: Plan, wish: Option<&Wish<'_>>) -> Result<Option<Charge>, StoreError> {
        let (account, bytes) = (self.account, plan.next.encode());
        match self.store.commit_account(&account.name, plan.version, &bytes, plan.keep_ms).await {
            Ok(Commit::Done) => {
                self.drop_later(&plan.settled);
                Ok(account.made(self.replica, plan, wish))
            }
            Ok(Commit::Conflict(current)) => {
                self.overtaken(&current)?;
                Ok(None)
            }
            Ok(Commit::Fenced) => Err(StoreError::corrupt(&*account.name, "an account names no field")),
            Err(error) => {
                account.doubt();
                Err(error)
            }
        }
    }

    fn overtaken(&mut self, current: &Versioned) -> Result<(), StoreError> {
        self.is_read = false;
        self.account.overtaken(self.replica, current.version, self.decode(current)?);
        Ok(())
    }

    fn decode(&self, stored: &Versioned) -> Result<Ledger, StoreError> {
        Ledger::decode(&stored.bytes).map_err(|error| self.unusable(&error))
    }

    fn unusable(&self, error: &LedgerError) -> StoreError {
        match error {
            LedgerError::Full(_) => {
                StoreError::TooLarge { message: format!("`{}`: {error}", self.account.name) }
            }
            LedgerError::NewerFormat(_) | LedgerError::Damaged(_) => {
                StoreError::corrupt(&*self.account.name, error.to_string())
            }
        }
    }

    fn drop_later(&self, leases: &[u64]) {
        let mut drops = self.drops.lock();
        let room = MAX_DROPS.saturating_sub(drops.len());
        drops.extend(leases.iter().take(room).map(|id| (Arc::clone(&self.account.name), *id)));
    }

    fn contended(&self) -> StoreError {
        StoreError::Unavailable {
            message: format!("`{}` is leased by too many at once: ask again", self.account.name),
            retry_after_ms: 100,
        }
    }
}
