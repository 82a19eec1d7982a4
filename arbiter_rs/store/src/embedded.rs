//! The store in a directory of this machine, on fjall: what was answered survives a kill of the process.
//!
//! A commit is one batch of fjall, which is in the journal, and the journal's buffer with the operating system, before
//! the commit is answered (fjall's `PersistMode::Buffer`). Power loss may take the last moments; `flush` asks for the disk.
//!
//! The calls of fjall block, for microseconds as a rule (a look-up and a batch of two cost about 10), so they run
//! on the caller's thread: handing each to a pool would cost more than the call. Under a long burst of writes fjall
//! holds writers back until its flushes catch up; that is the back-pressure of this store.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};
use parking_lot::Mutex;

use crate::{
    directory::{self, StoreDirectory},
    embedded_error::Failures,
    embedded_tally::{self, Counts, KeptCount},
    error::StoreError,
    keys::{BUCKETS, META_BUCKETS, META_FORMAT, STORE_FORMAT, bucket_of, embedded as keys},
    record,
    store::{
        Commit, LOG_RECORDS_PER_BUCKET, LogPage, LogRecord, Store, Versioned, check_catalog, check_commit,
        check_page, check_party, no_place,
    },
    tally::{self, Count, Counted, Tally, check_account, check_commit_account, check_field},
};

/// Memory for blocks read from the disk.
const CACHE_BYTES: u64 = 64 << 20;

/// Values, contact log and catalog in one directory, held by one process.
pub struct EmbeddedStore {
    // Fields are dropped in this order: the directory is let go of last.
    keyspaces: Keyspaces,
    database: Database,
    /// One stripe for each bucket. It is held around compare and set, so that a bucket's log is in the order of its commits.
    stripes: Vec<Mutex<LogTail>>,
    account_commits: Mutex<()>,
    catalog_commits: Mutex<()>,
    newest_catalog: AtomicU64,
    failures: Failures,
    directory: StoreDirectory,
}

struct Keyspaces {
    parties: Keyspace,
    log: Keyspace,
    counts: Counts,
    accounts: Keyspace,
    catalog: Keyspace,
    meta: Keyspace,
}

/// Where the log of a bucket ends: the sequence number of its next record.
#[derive(Debug, Default)]
struct LogTail {
    next: u64,
}

impl std::fmt::Debug for EmbeddedStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("EmbeddedStore").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl EmbeddedStore {
    /// Open the store in a directory, or make one there where the directory is new or empty.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, StoreError> {
        let directory = StoreDirectory::hold(directory.as_ref())?;
        let failures = Failures::new(directory.to_string());
        if !directory.has_data()? {
            directory.clear_unfinished()?;
            let (database, keyspaces) = open_engine(&directory.unfinished(), &failures)?;
            write_meta(&database, &keyspaces.meta, &failures)?;
            drop((keyspaces, database));
            directory.finish()?;
        }
        let (database, keyspaces) = open_engine(&directory.data(), &failures)?;
        let buckets = read_meta(&keyspaces.meta, &failures)?;
        let Keyspaces { counts, accounts, .. } = &keyspaces;
        embedded_tally::remove_over(&database, counts, accounts, embedded_tally::now_ms(), &failures)?;
        let stripes = (0..buckets)
            .map(|bucket| Ok(Mutex::new(LogTail::read(&keyspaces.log, bucket, &failures)?)))
            .collect::<Result<_, StoreError>>()?;
        let newest_catalog = match keyspaces.catalog.last_key_value() {
            Some(entry) => {
                record::number(&entry.key().map_err(|error| failures.of("catalog", error))?, "catalog")?
            }
            None => 0,
        };
        Ok(Self {
            keyspaces,
            database,
            stripes,
            account_commits: Mutex::default(),
            catalog_commits: Mutex::default(),
            newest_catalog: AtomicU64::new(newest_catalog),
            failures,
            directory,
        })
    }

    fn bucket(&self, party: &str) -> u16 {
        bucket_of(party, self.buckets())
    }

    /// A batch that is with the operating system when it is committed.
    fn batch(&self) -> OwnedWriteBatch {
        self.database.batch().durability(Some(PersistMode::Buffer))
    }

    fn account_value(&self, name: &str) -> Result<Versioned, StoreError> {
        let stored = self.keyspaces.accounts.get(keys::account(name));
        match stored.map_err(|error| self.failures.of(name, error))? {
            Some(stored) => embedded_tally::split_account(&stored, name),
            None => Ok(Versioned::default()),
        }
    }

    /// The counts of a bucket as the tallies leave them; None where one is fenced.
    fn count<'a>(&self, bucket: u16, tallies: &[Tally<'a>]) -> Result<Option<Vec<Counted<'a>>>, StoreError> {
        tally::count(tallies, |account, field| {
            let held = self.keyspaces.counts.get(account, bucket, field, &self.failures)?;
            Ok(held.map_or(Count::default(), |kept| kept.count))
        })
    }

    fn value(&self, party: &str) -> Result<Versioned, StoreError> {
        let stored = self.keyspaces.parties.get(keys::party(party));
        match stored.map_err(|error| self.failures.of(party, error))? {
            Some(stored) => record::split(&stored, party),
            None => Ok(Versioned::default()),
        }
    }

    fn catalog_at(&self, version: u64) -> Result<Option<Versioned>, StoreError> {
        let stored = self.keyspaces.catalog.get(keys::catalog(version));
        let stored = stored.map_err(|error| self.failures.of("catalog", error))?;
        Ok(stored.map(|bytes| Versioned { version, bytes: bytes.to_vec() }))
    }
}

impl Store for EmbeddedStore {
    async fn load(&self, party: &str) -> Result<Versioned, StoreError> {
        check_party(party)?;
        self.value(party)
    }

    async fn commit(
        &self,
        party: &str,
        expected: u64,
        value: &[u8],
        log: &[Vec<u8>],
        tallies: &[Tally<'_>],
    ) -> Result<Commit, StoreError> {
        let version = check_commit(party, expected, value, log, tallies)?;
        let bucket = self.bucket(party);
        // The stripe is held across no await: everything below is done when it returns.
        let Some(stripe) = self.stripes.get(usize::from(bucket)) else {
            return Err(StoreError::wrong(format!(
                "the store in `{}` has no bucket {bucket}",
                self.directory
            )));
        };
        let mut tail = stripe.lock();
        let current = self.value(party)?;
        if current.version != expected {
            return Ok(Commit::Conflict(current));
        }
        let Some(counts) = self.count(bucket, tallies)? else { return Ok(Commit::Fenced) };
        // INVARIANT: value, log records and counts are one batch, which the engine makes whole or not at all.
        let mut batch = self.batch();
        batch.insert(&self.keyspaces.parties, keys::party(party), record::join(version, value));
        self.keyspaces.counts.set_counted(&mut batch, bucket, &counts);
        let mut next = tail.next;
        for bytes in log {
            batch.insert(&self.keyspaces.log, keys::log(bucket, next), record::log(party, version, bytes));
            if let Some(oldest) = next.checked_sub(LOG_RECORDS_PER_BUCKET) {
                batch.remove(&self.keyspaces.log, keys::log(bucket, oldest));
            }
            next += 1;
        }
        // A batch that failed may still reach the disk when the process ends; it is never answered as done, and the
        // engine takes no further write.
        batch.commit().map_err(|error| self.failures.of(party, error))?;
        tail.next = next;
        Ok(Commit::Done)
    }

    async fn catalog(&self, version: u64) -> Result<Option<Versioned>, StoreError> {
        let newest = self.newest_catalog.load(Ordering::Acquire);
        match if version == 0 { newest } else { version } {
            0 => Ok(None),
            version => self.catalog_at(version),
        }
    }

    async fn catalog_version(&self) -> Result<u64, StoreError> {
        Ok(self.newest_catalog.load(Ordering::Acquire))
    }

    async fn commit_catalog(&self, expected: u64, bytes: &[u8]) -> Result<Commit, StoreError> {
        let version = check_catalog(expected, bytes)?;
        let _only_one = self.catalog_commits.lock();
        let newest = self.newest_catalog.load(Ordering::Acquire);
        if newest != expected {
            return Ok(Commit::Conflict(self.catalog_at(newest)?.unwrap_or_default()));
        }
        // Catalogs change seldom and everything hangs on them: on the disk before they are answered.
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        batch.insert(&self.keyspaces.catalog, keys::catalog(version), bytes);
        batch.commit().map_err(|error| self.failures.of("catalog", error))?;
        self.newest_catalog.store(version, Ordering::Release);
        Ok(Commit::Done)
    }

    async fn read_log(&self, party: &str, limit: usize) -> Result<Vec<LogRecord>, StoreError> {
        check_party(party)?;
        let mut records = Vec::new();
        for entry in self.keyspaces.log.prefix(self.bucket(party).to_be_bytes()).rev() {
            if records.len() >= limit {
                break;
            }
            let stored = entry.value().map_err(|error| self.failures.of("log", error))?;
            let (name, record) = record::split_log(&stored)?;
            if name == party.as_bytes() {
                records.push(record);
            }
        }
        records.reverse();
        Ok(records)
    }

    async fn read_log_page(&self, bucket: u16, after: &str, limit: usize) -> Result<LogPage, StoreError> {
        let limit = check_page(bucket, self.buckets(), limit)?;
        let first = match after {
            "" => 0,
            sequence => sequence.parse::<u64>().map_err(|_| no_place(after))?.saturating_add(1),
        };
        let mut page = LogPage { records: Vec::new(), next: after.to_owned() };
        let range = keys::log(bucket, first)..=keys::log(bucket, u64::MAX);
        for entry in self.keyspaces.log.range(range).take(limit) {
            let (key, stored) = entry.into_inner().map_err(|error| self.failures.of("log", error))?;
            let (party, record) = record::split_log(&stored)?;
            let party = record::party(party)?;
            page.next = sequence(&key)?.to_string();
            page.records.push((party, record));
        }
        Ok(page)
    }

    async fn account(&self, name: &str) -> Result<Versioned, StoreError> {
        check_account(name)?;
        self.account_value(name)
    }

    async fn commit_account(
        &self,
        name: &str,
        expected: u64,
        value: &[u8],
        keep_ms: i64,
    ) -> Result<Commit, StoreError> {
        let version = check_commit_account(name, expected, value, keep_ms)?;
        let _only_one = self.account_commits.lock();
        let current = self.account_value(name)?;
        if current.version != expected {
            return Ok(Commit::Conflict(current));
        }
        let mut batch = self.batch();
        let stored = embedded_tally::join_account(version, value, keep_ms);
        batch.insert(&self.keyspaces.accounts, keys::account(name), stored);
        batch.commit().map_err(|error| self.failures.of(name, error))?;
        Ok(Commit::Done)
    }

    async fn tally(&self, account: &str) -> Result<Vec<(String, i64)>, StoreError> {
        check_account(account)?;
        let mut sums = BTreeMap::<String, i64>::new();
        for (field, kept) in self.keyspaces.counts.of(account, &self.failures)? {
            let sum = sums.entry(field).or_default();
            *sum = sum.saturating_add(kept.count.sum);
        }
        Ok(sums.into_iter().collect())
    }

    async fn fence(&self, account: &str, field: &str) -> Result<i64, StoreError> {
        check_field(account, field)?;
        let counts = &self.keyspaces.counts;
        let keep_until = embedded_tally::longest(&counts.of(account, &self.failures)?);
        let mut sum: i64 = 0;
        for (bucket, stripe) in (0..).zip(&self.stripes) {
            let _tail = stripe.lock();
            let held = counts.get(account, bucket, field, &self.failures)?;
            let mut kept = held.unwrap_or(KeptCount { keep_until, ..KeptCount::default() });
            sum = sum.saturating_add(kept.count.sum);
            if !kept.count.is_fenced {
                kept.count.is_fenced = true;
                let mut batch = self.batch();
                counts.set(&mut batch, account, bucket, field, kept);
                batch.commit().map_err(|error| self.failures.of(account, error))?;
            }
        }
        Ok(sum)
    }

    async fn drop_field(&self, account: &str, field: &str) -> Result<(), StoreError> {
        check_field(account, field)?;
        let mut batch = self.batch();
        for bucket in 0..self.buckets() {
            batch.remove(&self.keyspaces.counts.0, keys::tally(account, bucket, field));
        }
        batch.commit().map_err(|error| self.failures.of(account, error))
    }

    fn buckets(&self) -> u16 {
        u16::try_from(self.stripes.len()).unwrap_or(u16::MAX)
    }

    fn is_shared(&self) -> bool {
        false
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // Nothing is left to write in this mode; the call tells whether the engine has stopped itself.
        self.database.persist(PersistMode::Buffer).map_err(|error| self.failures.of("journal", error))
    }

    async fn flush(&self) -> Result<(), StoreError> {
        self.database.persist(PersistMode::SyncAll).map_err(|error| self.failures.of("journal", error))
    }
}

impl LogTail {
    fn read(log: &Keyspace, bucket: u16, failures: &Failures) -> Result<Self, StoreError> {
        let Some(last) = log.prefix(bucket.to_be_bytes()).next_back() else {
            return Ok(Self::default());
        };
        let key = last.key().map_err(|error| failures.of("log", error))?;
        Ok(Self { next: sequence(&key)? + 1 })
    }
}

/// The sequence number in the key of a log record.
fn sequence(key: &[u8]) -> Result<u64, StoreError> {
    record::number(key.get(keys::BUCKET_BYTES..).unwrap_or_default(), "log")
}

fn open_engine(path: &Path, failures: &Failures) -> Result<(Database, Keyspaces), StoreError> {
    let open = || {
        let database = Database::builder(path).cache_size(CACHE_BYTES).open()?;
        let keyspace = |name| database.keyspace(name, KeyspaceCreateOptions::default);
        let keyspaces = Keyspaces {
            parties: keyspace(keys::PARTIES)?,
            log: keyspace(keys::LOG)?,
            counts: Counts(keyspace(keys::TALLIES)?),
            accounts: keyspace(keys::ACCOUNTS)?,
            catalog: keyspace(keys::CATALOG)?,
            meta: keyspace(keys::META)?,
        };
        Ok((database, keyspaces))
    };
    open().map_err(|error| failures.of(directory::DATA, error))
}

fn write_meta(database: &Database, meta: &Keyspace, failures: &Failures) -> Result<(), StoreError> {
    let mut batch = database.batch().durability(Some(PersistMode::SyncAll));
    batch.insert(meta, META_FORMAT, STORE_FORMAT.to_string());
    batch.insert(meta, META_BUCKETS, BUCKETS.to_string());
    batch.commit().map_err(|error| failures.of(keys::META, error))
}

fn read_meta(meta: &Keyspace, failures: &Failures) -> Result<u16, StoreError> {
    let field = |name: &str| {
        let stored = meta.get(name).map_err(|error| failures.of(keys::META, error))?;
        Ok(stored.and_then(|stored| String::from_utf8(stored.to_vec()).ok()))
    };
    record::check_meta(field(META_FORMAT)?.as_deref(), field(META_BUCKETS)?.as_deref(), failures.place())
}
