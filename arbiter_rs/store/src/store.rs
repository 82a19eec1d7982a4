//! What every store does: load a party's value, and compare and set it together with its log records.

use std::future::Future;

use crate::{
    embedded::EmbeddedStore,
    error::StoreError,
    memory::MemoryStore,
    redis::RedisStore,
    tally::{Tally, check_tallies},
};

/// The longest name of a party, in bytes.
pub const MAX_PARTY_BYTES: usize = 1_024;
/// The largest value of a party, in bytes.
pub const MAX_VALUE_BYTES: usize = 4 << 20;
/// The largest stored catalog version, in bytes.
pub const MAX_CATALOG_BYTES: usize = 16 << 20;
/// The most log records of one commit.
pub const MAX_LOG_RECORDS: usize = 16_384;
/// The largest log record, in bytes.
pub const MAX_LOG_RECORD_BYTES: usize = 64 << 10;
/// The contact log keeps at least this many of the newest records in each bucket (embedded, Redis).
pub const LOG_RECORDS_PER_BUCKET: u64 = 100_000;
/// The most records of one page of the contact log; a call that asks for more gets so many.
pub const MAX_LOG_PAGE: usize = 1_000;

/// A stored value. `version` grows by one with each commit, from 1; 0 means that there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versioned {
    /// How many commits made it.
    pub version: u64,
    /// The value; empty where the version is 0.
    pub bytes: Vec<u8>,
}

/// What became of a compare-and-set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    /// It was made; the version is the expected one plus 1.
    Done,
    /// Another commit came first and nothing was changed. This is the current value.
    Conflict(Versioned),
    /// A tally names a field that is fenced and nothing was changed.
    Fenced,
}

/// One record of the contact log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// The version of the party's value that was committed together with this record.
    pub version: u64,
    /// The record as it was handed to `commit`.
    pub bytes: Vec<u8>,
}

/// Log records of all parties of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPage {
    /// The party of each record and the record, oldest first.
    pub records: Vec<(String, LogRecord)>,
    /// Where the next page begins: hand it to `read_log_page` as it is.
    pub next: String,
}

/// A place where state lives. It compares and sets; what the bytes mean is the caller's affair.
///
/// A call holds no lock while it waits for the network. Dropping a store lets go of it, files and connections included.
pub trait Store: Send + Sync {
    /// The value of a party; version 0 where it has none yet.
    fn load(&self, party: &str) -> impl Future<Output = Result<Versioned, StoreError>> + Send;

    /// The value that this process last knew of a party, without asking anybody; None where it knows none. Another process
    /// may have changed it meanwhile: what is decided on it is true once a commit that expects its version is done, or once
    /// [`load`](Store::load) has found the same.
    fn recall(&self, _party: &str) -> Option<Versioned> {
        None
    }

    /// Whether a call may wait for others, so that decisions on one party better wait for each other than be made anew.
    fn waits(&self) -> bool {
        false
    }

    /// Set a party's value where its version is the expected one, append the log records and change the tallies in the
    /// same instant.
    ///
    /// Where another commit came first, that is said and not that a field is fenced.
    ///
    /// INVARIANT: the log records and the tallies are there exactly when the value is, and of several commits that
    /// expect the same version at most one is made.
    fn commit(
        &self,
        party: &str,
        expected: u64,
        value: &[u8],
        log: &[Vec<u8>],
        tallies: &[Tally<'_>],
    ) -> impl Future<Output = Result<Commit, StoreError>> + Send;

    /// One catalog version, the newest where 0 is asked. None where there is no such version.
    fn catalog(&self, version: u64) -> impl Future<Output = Result<Option<Versioned>, StoreError>> + Send;

    /// The newest catalog version, 0 for none. Cheap enough to be asked several times a second.
    fn catalog_version(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Store the catalog version `expected + 1` where `expected` is the newest.
    fn commit_catalog(
        &self,
        expected: u64,
        bytes: &[u8],
    ) -> impl Future<Output = Result<Commit, StoreError>> + Send;

    /// The newest log records of a party, at most `limit`, oldest first. It reads through the bucket of the party:
    /// for explanations, tools and tests, not for decisions.
    fn read_log(
        &self,
        party: &str,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<LogRecord>, StoreError>> + Send;

    /// The log records of all parties of a bucket, oldest first, at most `limit` (and [`MAX_LOG_PAGE`]), that come
    /// after where another page ended: `""` for the oldest that are kept. A page with fewer records than `limit` is the last
    /// one for the time being; the same place may be asked for again later.
    fn read_log_page(
        &self,
        bucket: u16,
        after: &str,
        limit: usize,
    ) -> impl Future<Output = Result<LogPage, StoreError>> + Send;

    /// The value of an account, which no party's name reaches; version 0 where it has none yet or no longer.
    fn account(&self, name: &str) -> impl Future<Output = Result<Versioned, StoreError>> + Send;

    /// Set an account's value where its version is the expected one, and keep it for `keep_ms` at least (0 for ever).
    fn commit_account(
        &self,
        name: &str,
        expected: u64,
        value: &[u8],
        keep_ms: i64,
    ) -> impl Future<Output = Result<Commit, StoreError>> + Send;

    /// The counts of an account by field, in the order of the fields' names, each summed over all buckets: those that a
    /// commit changed and those that are fenced. While commits go on, the buckets are read one after the other.
    fn tally(&self, account: &str) -> impl Future<Output = Result<Vec<(String, i64)>, StoreError>> + Send;

    /// Let no further commit change a count, in any bucket; returns its final sum, every time that it is called.
    ///
    /// A fence stands until its field is dropped, or until the account's counts are no longer kept; a fence in a bucket that has
    /// no count of the account is kept as long as the longest kept of its counts elsewhere, for ever where there is none.
    ///
    /// INVARIANT: the sum is that of the commits that are answered [`Commit::Done`] before and after this.
    fn fence(&self, account: &str, field: &str) -> impl Future<Output = Result<i64, StoreError>> + Send;

    /// Remove a count and its fence. The caller knows that no commit in flight names the field.
    fn drop_field(&self, account: &str, field: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// How many buckets the store was made with: see [`bucket_of`](crate::keys::bucket_of).
    fn buckets(&self) -> u16;

    /// Whether other processes may have the store open too.
    fn is_shared(&self) -> bool;

    /// Whether the store would take a commit just now.
    fn ping(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Bring to the disk what this process holds (embedded); nothing to do elsewhere.
    fn flush(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Whichever store the user named.
#[derive(Debug)]
pub enum AnyStore {
    /// In the process; survives nothing.
    Memory(MemoryStore),
    /// In a directory of this machine.
    Embedded(EmbeddedStore),
    /// In a Redis, shared by several servers.
    Redis(RedisStore),
}

impl AnyStore {
    /// Open what the user named: `memory`, `embedded:DIR`, or `redis://[USER:PASSWORD@]HOST[:PORT][/DB][?tenant=NAME]`.
    pub async fn open(name: &str) -> Result<Self, StoreError> {
        if name == "memory" {
            return Ok(Self::Memory(MemoryStore::new()));
        }
        if let Some(directory) = name.strip_prefix("embedded:") {
            return EmbeddedStore::open(directory).map(Self::Embedded);
        }
        if RedisStore::is_address(name) {
            return RedisStore::open(name).await.map(Self::Redis);
        }
        // The name may hold a password, so only its scheme is repeated.
        let scheme = name.split([':', '@']).next().unwrap_or_default();
        Err(StoreError::wrong(format!(
            "unknown store `{scheme}`: name `memory`, `embedded:DIR` or `redis://HOST:PORT`"
        )))
    }
}

macro_rules! each_store {
    ($self:ident, $store:ident => $call:expr) => {
        match $self {
            AnyStore::Memory($store) => $call.await,
            AnyStore::Embedded($store) => $call.await,
            AnyStore::Redis($store) => $call.await,
        }
    };
}

impl Store for AnyStore {
    async fn load(&self, party: &str) -> Result<Versioned, StoreError> {
        each_store!(self, store => store.load(party))
    }

    fn recall(&self, party: &str) -> Option<Versioned> {
        match self {
            Self::Memory(store) => store.recall(party),
            Self::Embedded(store) => store.recall(party),
            Self::Redis(store) => store.recall(party),
        }
    }

    fn waits(&self) -> bool {
        match self {
            Self::Memory(store) => store.waits(),
            Self::Embedded(store) => store.waits(),
            Self::Redis(store) => store.waits(),
        }
    }

    async fn commit(
        &self,
        party: &str,
        expected: u64,
        value: &[u8],
        log: &[Vec<u8>],
        tallies: &[Tally<'_>],
    ) -> Result<Commit, StoreError> {
        each_store!(self, store => store.commit(party, expected, value, log, tallies))
    }

    async fn catalog(&self, version: u64) -> Result<Option<Versioned>, StoreError> {
        each_store!(self, store => store.catalog(version))
    }

    async fn catalog_version(&self) -> Result<u64, StoreError> {
        each_store!(self, store => store.catalog_version())
    }

    async fn commit_catalog(&self, expected: u64, bytes: &[u8]) -> Result<Commit, StoreError> {
        each_store!(self, store => store.commit_catalog(expected, bytes))
    }

    async fn read_log(&self, party: &str, limit: usize) -> Result<Vec<LogRecord>, StoreError> {
        each_store!(self, store => store.read_log(party, limit))
    }

    async fn read_log_page(&self, bucket: u16, after: &str, limit: usize) -> Result<LogPage, StoreError> {
        each_store!(self, store => store.read_log_page(bucket, after, limit))
    }

    async fn account(&self, name: &str) -> Result<Versioned, StoreError> {
        each_store!(self, store => store.account(name))
    }

    async fn commit_account(
        &self,
        name: &str,
        expected: u64,
        value: &[u8],
        keep_ms: i64,
    ) -> Result<Commit, StoreError> {
        each_store!(self, store => store.commit_account(name, expected, value, keep_ms))
    }

    async fn tally(&self, account: &str) -> Result<Vec<(String, i64)>, StoreError> {
        each_store!(self, store => store.tally(account))
    }

    async fn fence(&self, account: &str, field: &str) -> Result<i64, StoreError> {
        each_store!(self, store => store.fence(account, field))
    }

    async fn drop_field(&self, account: &str, field: &str) -> Result<(), StoreError> {
        each_store!(self, store => store.drop_field(account, field))
    }

    fn buckets(&self) -> u16 {
        match self {
            Self::Memory(store) => store.buckets(),
            Self::Embedded(store) => store.buckets(),
            Self::Redis(store) => store.buckets(),
        }
    }

    fn is_shared(&self) -> bool {
        match self {
            Self::Memory(store) => store.is_shared(),
            Self::Embedded(store) => store.is_shared(),
            Self::Redis(store) => store.is_shared(),
        }
    }

    async fn ping(&self) -> Result<(), StoreError> {
        each_store!(self, store => store.ping())
    }

    async fn flush(&self) -> Result<(), StoreError> {
        each_store!(self, store => store.flush())
    }
}

/// Hold a commit to the stated maxima; returns the version that it makes.
pub(crate) fn check_commit(
    party: &str,
    expected: u64,
    value: &[u8],
    log: &[Vec<u8>],
    tallies: &[Tally<'_>],
) -> Result<u64, StoreError> {
    check_party(party)?;
    check_size("a commit", log.len(), MAX_LOG_RECORDS, "log records")?;
    let largest = log.iter().map(Vec::len).max().unwrap_or_default();
    check_size("a log record", largest, MAX_LOG_RECORD_BYTES, "bytes")?;
    check_tallies(tallies)?;
    check_value(expected, value)
}

/// Hold a value to the stated maximum; returns the version that it makes.
pub(crate) fn check_value(expected: u64, value: &[u8]) -> Result<u64, StoreError> {
    check_size("a value", value.len(), MAX_VALUE_BYTES, "bytes")?;
    next_version(expected)
}

/// Hold a catalog to the stated maximum; returns the version that it makes.
pub(crate) fn check_catalog(expected: u64, bytes: &[u8]) -> Result<u64, StoreError> {
    check_size("a catalog", bytes.len(), MAX_CATALOG_BYTES, "bytes")?;
    next_version(expected)
}

/// Hold the name of a party to the stated maximum.
pub(crate) fn check_party(party: &str) -> Result<(), StoreError> {
    check_size("the name of a party", party.len(), MAX_PARTY_BYTES, "bytes")
}

/// Where in the log of a bucket a page begins, and how many records it may have.
pub(crate) fn check_page(bucket: u16, buckets: u16, limit: usize) -> Result<usize, StoreError> {
    if bucket < buckets {
        return Ok(limit.min(MAX_LOG_PAGE));
    }
    Err(StoreError::wrong(format!("the store has {buckets} buckets and no bucket {bucket}")))
}

/// The error for a place in the log that no page has named.
pub(crate) fn no_place(after: &str) -> StoreError {
    StoreError::wrong(format!(
        "`{after}` is no place in the log: hand over what the page before says, or nothing"
    ))
}

pub(crate) fn check_size(what: &str, size: usize, maximum: usize, unit: &str) -> Result<(), StoreError> {
    if size <= maximum {
        return Ok(());
    }
    Err(StoreError::TooLarge {
        message: format!("{what} of {size} {unit} is beyond the maximum of {maximum}"),
    })
}

fn next_version(expected: u64) -> Result<u64, StoreError> {
    expected
        .checked_add(1)
        .ok_or_else(|| StoreError::TooLarge { message: format!("no version comes after {expected}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_store_that_does_not_exist_is_refused_with_the_ones_that_do() {
        let error = AnyStore::open("postgres://user:secret@host").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown store `postgres`: name `memory`, `embedded:DIR` or `redis://HOST:PORT`"
        );
    }

    #[test]
    fn every_size_has_a_maximum() {
        let too_large = |result: Result<u64, StoreError>| matches!(result, Err(StoreError::TooLarge { .. }));
        assert!(too_large(check_commit(&"p".repeat(MAX_PARTY_BYTES + 1), 0, b"", &[], &[])));
        assert!(too_large(check_commit("p", 0, &vec![0; MAX_VALUE_BYTES + 1], &[], &[])));
        assert!(too_large(check_commit("p", 0, b"", &vec![Vec::new(); MAX_LOG_RECORDS + 1], &[])));
        assert!(too_large(check_commit("p", 0, b"", &[vec![0; MAX_LOG_RECORD_BYTES + 1]], &[])));
        assert!(too_large(check_commit("p", u64::MAX, b"", &[], &[])));
        assert!(too_large(check_catalog(0, &vec![0; MAX_CATALOG_BYTES + 1])));
        assert_eq!(check_commit("p", 4, b"v", &[b"r".to_vec()], &[]), Ok(5));
    }
}
