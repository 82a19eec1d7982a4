//! A store whose answers are late, lost or wrong about what happened, and whose own books say what was really counted.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use arbiter_store::{Commit, LogPage, LogRecord, MemoryStore, Store, StoreError, Tally, Versioned};
use parking_lot::Mutex;

/// A generator of numbers that looks random and is the same for the same seed (splitmix64).
#[derive(Debug, Default)]
pub(super) struct Chance(AtomicU64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// A number below `end`.
    pub(super) fn below(&self, end: u64) -> u64 {
        let mut mixed = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// A commit that was sent, was answered by an error, and has not been made yet.
#[derive(Debug)]
enum Late {
    Party { party: String, expected: u64, tallies: Vec<(String, String, i64, i64)> },
    Account { name: String, expected: u64, value: Vec<u8>, keep_ms: i64 },
}

/// What the counts must be, by account and kind of field (`L` taken, `R0`, `R1`… returned).
type Books = BTreeMap<(String, String), i64>;

#[derive(Debug)]
pub(super) struct UnreliableStore {
    pub(super) inner: MemoryStore,
    is_shared: bool,
    pub(super) chance: Chance,
    /// Of a thousand commits, so many are answered by an error: a third each are made, not made, and made later.
    pub(super) faults: AtomicU32,
    parties: AtomicU64,
    late: Mutex<Vec<Late>>,
    books: Mutex<Books>,
    pub(super) account_commits: AtomicU64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    Lost,
    MadeUnanswered,
    MadeLater,
}

impl UnreliableStore {
    pub(super) fn new(is_shared: bool) -> Self {
        Self {
            inner: MemoryStore::new(),
            is_shared,
            chance: Chance::default(),
            faults: AtomicU32::default(),
            parties: AtomicU64::default(),
            late: Mutex::default(),
            books: Mutex::default(),
            account_commits: AtomicU64::default(),
        }
    }

    pub(super) fn random(is_shared: bool, seed: u64, faults: u32) -> Self {
        Self { chance: Chance::new(seed), faults: AtomicU32::new(faults), ..Self::new(is_shared) }
    }

    pub(super) fn fresh_party(&self) -> String {
        format!("party-{}", self.parties.fetch_add(1, Ordering::Relaxed))
    }

    /// What was taken in all (`L`), or returned to a pool (`R0`…), as the commits that were made say.
    pub(super) fn counted(&self, account: &str, kind: &str) -> i64 {
        self.books.lock().get(&(account.to_owned(), kind.to_owned())).copied().unwrap_or_default()
    }

    /// Make one of the commits that are late; false where there is none.
    pub(super) async fn land_one(&self) -> bool {
        let late = {
            let mut late = self.late.lock();
            let Some(last) = late.len().checked_sub(1) else { return false };
            late.swap_remove(usize::try_from(self.chance.below(last as u64 + 1)).unwrap())
        };
        match late {
            Late::Party { party, expected, tallies } => {
                let tallies: Vec<Tally<'_>> = tallies
                    .iter()
                    .map(|(account, field, delta, keep_ms)| Tally {
                        account,
                        field,
                        delta: *delta,
                        keep_ms: *keep_ms,
                    })
                    .collect();
                self.make(&party, expected, &tallies).await.unwrap();
            }
            Late::Account { name, expected, value, keep_ms } => {
                self.inner.commit_account(&name, expected, &value, keep_ms).await.unwrap();
            }
        }
        true
    }

    async fn make(&self, party: &str, expected: u64, tallies: &[Tally<'_>]) -> Result<Commit, StoreError> {
        let commit = self.inner.commit(party, expected, b"", &[], tallies).await?;
        if commit == Commit::Done {
            let mut books = self.books.lock();
            for tally in tallies {
                let kind = if tally.field.starts_with('L') { "L" } else { tally.field };
                *books.entry((tally.account.to_owned(), kind.to_owned())).or_default() += tally.delta;
            }
        }
        Ok(commit)
    }

    fn fate(&self) -> Fate {
        let faults = u64::from(self.faults.load(Ordering::Relaxed));
        if faults == 0 || self.chance.below(1_000) >= faults {
            return Fate::Answered;
        }
        match self.chance.below(3) {
            0 => Fate::Lost,
            1 => Fate::MadeUnanswered,
            _ => Fate::MadeLater,
        }
    }

    /// Let others run for a while.
    async fn travel(&self) {
        if self.faults.load(Ordering::Relaxed) > 0 {
            for _ in 0..self.chance.below(4) {
                tokio::task::yield_now().await;
            }
        }
    }

    fn away() -> StoreError {
        StoreError::Unavailable { message: "away".into(), retry_after_ms: 1 }
    }
}

impl Store for UnreliableStore {
    async fn load(&self, party: &str) -> Result<Versioned, StoreError> {
        self.inner.load(party).await
    }

    async fn commit(
        &self,
        party: &str,
        expected: u64,
        _value: &[u8],
        _log: &[Vec<u8>],
        tallies: &[Tally<'_>],
    ) -> Result<Commit, StoreError> {
        self.travel().await;
        let fate = self.fate();
        if fate == Fate::MadeLater {
            let owned = |tally: &Tally<'_>| {
                (tally.account.to_owned(), tally.field.to_owned(), tally.delta, tally.keep_ms)
            };
            let tallies = tallies.iter().map(owned).collect();
            self.late.lock().push(Late::Party { party: party.to_owned(), expected, tallies });
        }
        if matches!(fate, Fate::Lost | Fate::MadeLater) {
            return Err(Self::away());
        }
        let commit = self.make(party, expected, tallies).await?;
        self.travel().await;
        if fate == Fate::MadeUnanswered { Err(Self::away()) } else { Ok(commit) }
    }

    async fn catalog(&self, version: u64) -> Result<Option<Versioned>, StoreError> {
        self.inner.catalog(version).await
    }

    async fn catalog_version(&self) -> Result<u64, StoreError> {
        self.inner.catalog_version().await
    }

    async fn commit_catalog(&self, expected: u64, bytes: &[u8]) -> Result<Commit, StoreError> {
        self.inner.commit_catalog(expected, bytes).await
    }

    async fn read_log(&self, party: &str, limit: usize) -> Result<Vec<LogRecord>, StoreError> {
        self.inner.read_log(party, limit).await
    }

    async fn read_log_page(&self, bucket: u16, after: &str, limit: usize) -> Result<LogPage, StoreError> {
        self.inner.read_log_page(bucket, after, limit).await
    }

    async fn account(&self, name: &str) -> Result<Versioned, StoreError> {
        self.travel().await;
        let stored = self.inner.account(name).await;
        self.travel().await;
        if self.fate() == Fate::Answered { stored } else { Err(Self::away()) }
    }

    async fn commit_account(
        &self,
        name: &str,
        expected: u64,
        value: &[u8],
        keep_ms: i64,
    ) -> Result<Commit, StoreError> {
        self.travel().await;
        let fate = self.fate();
        if fate == Fate::MadeLater {
            let (name, value) = (name.to_owned(), value.to_vec());
            self.late.lock().push(Late::Account { name, expected, value, keep_ms });
        }
        if matches!(fate, Fate::Lost | Fate::MadeLater) {
            return Err(Self::away());
        }
        self.account_commits.fetch_add(1, Ordering::Relaxed);
        let commit = self.inner.commit_account(name, expected, value, keep_ms).await?;
        self.travel().await;
        if fate == Fate::MadeUnanswered { Err(Self::away()) } else { Ok(commit) }
    }

    async fn tally(&self, account: &str) -> Result<Vec<(String, i64)>, StoreError> {
        self.travel().await;
        let sums = self.inner.tally(account).await;
        self.travel().await;
        sums
    }

    async fn fence(&self, account: &str, field: &str) -> Result<i64, StoreError> {
        self.travel().await;
        let sum = self.inner.fence(account, field).await;
        self.travel().await;
        if self.fate() == Fate::Answered { sum } else { Err(Self::away()) }
    }

    async fn drop_field(&self, account: &str, field: &str) -> Result<(), StoreError> {
        self.travel().await;
        self.inner.drop_field(account, field).await
    }

    fn buckets(&self) -> u16 {
        self.inner.buckets()
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
