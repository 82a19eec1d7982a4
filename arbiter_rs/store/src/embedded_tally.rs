//! The counts and the accounts of the embedded store, each with the instant until which it is kept.

use std::time::{SystemTime, UNIX_EPOCH};

use fjall::{Database, Keyspace, OwnedWriteBatch, PersistMode};

use crate::{
    embedded_error::Failures,
    error::StoreError,
    keys::embedded as keys,
    record,
    store::Versioned,
    tally::{Count, Counted},
};

/// The most records that one opening of the store removes: those that remain wait for the next.
const REMOVED_AT_OPEN: usize = 100_000;

/// Where the counts lie.
pub(crate) struct Counts(pub(crate) Keyspace);

/// A count, and until when it is kept at least (milliseconds since 1970; 0 for ever).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeptCount {
    pub(crate) count: Count,
    pub(crate) keep_until: i64,
}

impl Counts {
    /// One count; none where no commit has changed it and no fence stands.
    pub(crate) fn get(
        &self,
        account: &str,
        bucket: u16,
        field: &str,
        failures: &Failures,
    ) -> Result<Option<KeptCount>, StoreError> {
        let stored = self.0.get(keys::tally(account, bucket, field));
        let stored = stored.map_err(|error| failures.of(account, error))?;
        stored.map(|stored| read(&stored, account)).transpose()
    }

    /// All counts of an account: field and count, bucket by bucket.
    pub(crate) fn of(
        &self,
        account: &str,
        failures: &Failures,
    ) -> Result<Vec<(String, KeptCount)>, StoreError> {
        let entries = self.0.prefix(keys::tallies(account));
        let read_entry = |entry: fjall::Guard| {
            let (key, stored) = entry.into_inner().map_err(|error| failures.of(account, error))?;
            let field = keys::split_tally(&key).map(|(_, field)| field.to_vec()).unwrap_or_default();
            let field = String::from_utf8(field)
                .map_err(|_| StoreError::corrupt(account, "the name of a field is not text"))?;
            Ok((field, read(&stored, account)?))
        };
        entries.map(read_entry).collect()
    }

    /// Write a count.
    pub(crate) fn set(
        &self,
        batch: &mut OwnedWriteBatch,
        account: &str,
        bucket: u16,
        field: &str,
        kept: KeptCount,
    ) {
        let stored = record::keep(kept.keep_until, &record::count(kept.count));
        batch.insert(&self.0, keys::tally(account, bucket, field), stored);
    }

    /// Write what a commit has counted in a bucket.
    pub(crate) fn set_counted(&self, batch: &mut OwnedWriteBatch, bucket: u16, counts: &[Counted<'_>]) {
        for counted in counts {
            let keep_until = keep_until(counted.keep_ms, now_ms());
            let kept = KeptCount { count: counted.count, keep_until };
            self.set(batch, counted.account, bucket, counted.field, kept);
        }
    }

    /// What the keys begin with of the accounts none of whose counts is kept any more.
    fn over(&self, now: i64, failures: &Failures) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut accounts: Vec<(Vec<u8>, bool)> = Vec::new();
        for entry in self.0.iter() {
            let (key, stored) = entry.into_inner().map_err(|error| failures.of(keys::TALLIES, error))?;
            // What cannot be read is kept: whoever asks for it is told.
            let Some((account, _)) = keys::split_tally(&key) else { continue };
            let is_over = read(&stored, keys::TALLIES).is_ok_and(|kept| is_over(kept.keep_until, now));
            match accounts.last_mut() {
                Some((held, are_over)) if held == account => *are_over &= is_over,
                Some((_, true)) | None => accounts.push((account.to_vec(), is_over)),
                Some(live) => *live = (account.to_vec(), is_over),
            }
        }
        accounts.retain(|(_, are_over)| *are_over);
        Ok(accounts.into_iter().map(|(account, _)| account).collect())
    }
}

fn read(stored: &[u8], account: &str) -> Result<KeptCount, StoreError> {
    let (keep_until, bytes) = record::split_kept(stored, account)?;
    Ok(KeptCount { count: record::read_count(bytes, account)?, keep_until })
}

/// Until when a fence is kept in a bucket without a count: as long as the longest kept of the account's counts.
pub(crate) fn longest(counts: &[(String, KeptCount)]) -> i64 {
    let of_all = counts.iter().map(|(_, kept)| kept.keep_until);
    of_all.max_by_key(|keep_until| if *keep_until == 0 { i64::MAX } else { *keep_until }).unwrap_or_default()
}

/// A stored account.
pub(crate) fn join_account(version: u64, value: &[u8], keep_ms: i64) -> Vec<u8> {
    record::keep(keep_until(keep_ms, now_ms()), &record::join(version, value))
}

/// What a stored account says.
pub(crate) fn split_account(stored: &[u8], account: &str) -> Result<Versioned, StoreError> {
    record::split(record::split_kept(stored, account)?.1, account)
}

/// Remove accounts and counts that are kept no longer, at most [`REMOVED_AT_OPEN`] of them.
pub(crate) fn remove_over(
    database: &Database,
    counts: &Counts,
    accounts: &Keyspace,
    now: i64,
    failures: &Failures,
) -> Result<(), StoreError> {
    let mut batch = database.batch().durability(Some(PersistMode::Buffer));
    for account in counts.over(now, failures)? {
        for entry in counts.0.prefix(account) {
            batch.remove(&counts.0, entry.key().map_err(|error| failures.of(keys::TALLIES, error))?);
        }
        if batch.len() >= REMOVED_AT_OPEN {
            break;
        }
    }
    for entry in accounts.iter() {
        let (key, stored) = entry.into_inner().map_err(|error| failures.of(keys::ACCOUNTS, error))?;
        let kept = record::split_kept(&stored, keys::ACCOUNTS);
        if kept.is_ok_and(|(keep_until, _)| is_over(keep_until, now)) && batch.len() < REMOVED_AT_OPEN {
            batch.remove(accounts, key);
        }
    }
    if batch.is_empty() {
        return Ok(());
    }
    batch.commit().map_err(|error| failures.of(keys::TALLIES, error))
}

fn keep_until(keep_ms: i64, now: i64) -> i64 {
    if keep_ms == 0 { 0 } else { now.saturating_add(keep_ms) }
}

fn is_over(keep_until: i64, now: i64) -> bool {
    keep_until != 0 && keep_until < now
}

/// The machine's clock, in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
