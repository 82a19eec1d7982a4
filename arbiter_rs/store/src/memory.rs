//! The store in the process: a sharded map that survives nothing, for tests, simulations and benches.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    hash::BuildHasher,
};

use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::Mutex;

use crate::{
    error::StoreError,
    keys::{BUCKETS, VERSION_BYTES, bucket_of},
    store::{
        Commit, LogPage, LogRecord, Store, Versioned, check_catalog, check_commit, check_page, check_party,
        no_place,
    },
    tally::{self, Count, Counted, Tally, check_account, check_commit_account, check_field},
};

/// The contact log in memory keeps this many of the newest records in each of the 64 buckets.
pub const LOG_RECORDS_IN_MEMORY: usize = 1_024;

/// Bytes of the party's length in front of a block.
const LENGTH_BYTES: usize = 2;

/// Values in maps of this process, one for each bucket, each behind a lock of its own.
#[derive(Debug)]
pub struct MemoryStore {
    shards: Box<[Mutex<Shard>]>,
    hasher: DefaultHashBuilder,
    /// Version n is at index n - 1.
    catalogs: Mutex<Vec<Vec<u8>>>,
    accounts: Mutex<HashMap<String, Versioned>>,
}

#[derive(Debug, Default)]
struct Shard {
    parties: HashTable<Block>,
    log: VecDeque<(Box<str>, LogRecord)>,
    /// How many log records were there before the oldest that is kept.
    log_forgotten: u64,
    tallies: HashMap<String, Counts>,
}

/// The counts of an account in one bucket, by field.
type Counts = BTreeMap<String, Count>;

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self {
            shards: (0..BUCKETS).map(|_| Mutex::default()).collect(),
            hasher: DefaultHashBuilder::default(),
            catalogs: Mutex::default(),
            accounts: Mutex::default(),
        }
    }

    #[expect(clippy::indexing_slicing, reason = "the bucket is below BUCKETS, the number of shards")]
    fn shard(&self, party: &str) -> &Mutex<Shard> {
        &self.shards[usize::from(bucket_of(party, BUCKETS))]
    }

    fn hash(&self, party: &[u8]) -> u64 {
        self.hasher.hash_one(party)
    }
}

impl Shard {
    fn set_counts(&mut self, counts: Vec<Counted<'_>>) {
        for Counted { account, field, count, .. } in counts {
            self.tallies.entry(account.to_owned()).or_default().insert(field.to_owned(), count);
        }
    }

    fn append(&mut self, party: &str, version: u64, log: &[Vec<u8>]) {
        for bytes in log {
            if self.log.len() == LOG_RECORDS_IN_MEMORY {
                self.log.pop_front();
                self.log_forgotten += 1;
            }
            self.log.push_back((party.into(), LogRecord { version, bytes: bytes.clone() }));
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

// No lock below is held across an await: the futures are ready at once.
impl Store for MemoryStore {
    async fn load(&self, party: &str) -> Result<Versioned, StoreError> {
        check_party(party)?;
        let hash = self.hash(party.as_bytes());
        let shard = self.shard(party).lock();
        let block = shard.parties.find(hash, |block| block.party() == party.as_bytes());
        Ok(block.map(Block::versioned).unwrap_or_default())
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
        let hash = self.hash(party.as_bytes());
        let mut guard = self.shard(party).lock();
        let shard = &mut *guard;
        let held = shard.parties.find_mut(hash, |block| block.party() == party.as_bytes());
        if held.as_ref().map_or(0, |block| block.version()) != expected {
            return Ok(Commit::Conflict(held.map(|block| block.versioned()).unwrap_or_default()));
        }
        let Some(counts) = count(&shard.tallies, tallies)? else { return Ok(Commit::Fenced) };
        let block = Block::new(party, version, value);
        match held {
            Some(held) => *held = block,
            None => {
                shard.parties.insert_unique(hash, block, |block| self.hash(block.party()));
            }
        }
        shard.set_counts(counts);
        shard.append(party, version, log);
        Ok(Commit::Done)
    }

    async fn catalog(&self, version: u64) -> Result<Option<Versioned>, StoreError> {
        let catalogs = self.catalogs.lock();
        let newest = newest_of(&catalogs);
        let version = if version == 0 { newest.version } else { version };
        let index = version.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        Ok(index
            .and_then(|index| catalogs.get(index))
            .map(|bytes| Versioned { version, bytes: bytes.clone() }))
    }

    async fn catalog_version(&self) -> Result<u64, StoreError> {
        Ok(self.catalogs.lock().len() as u64)
    }

    async fn commit_catalog(&self, expected: u64, bytes: &[u8]) -> Result<Commit, StoreError> {
        check_catalog(expected, bytes)?;
        let mut catalogs = self.catalogs.lock();
        if catalogs.len() as u64 != expected {
            return Ok(Commit::Conflict(newest_of(&catalogs)));
        }
        catalogs.push(bytes.to_vec());
        Ok(Commit::Done)
    }

    async fn read_log(&self, party: &str, limit: usize) -> Result<Vec<LogRecord>, StoreError> {
        check_party(party)?;
        let shard = self.shard(party).lock();
        let of_party = shard.log.iter().rev().filter(|(name, _)| &**name == party);
        let mut records: Vec<_> = of_party.take(limit).map(|(_, record)| record.clone()).collect();
        records.reverse();
        Ok(records)
    }

    async fn read_log_page(&self, bucket: u16, after: &str, limit: usize) -> Result<LogPage, StoreError> {
        let limit = check_page(bucket, BUCKETS, limit)?;
        let after_number = match after {
            "" => 0,
            number => number.parse::<u64>().map_err(|_| no_place(after))?,
        };
        let Some(shard) = self.shards.get(usize::from(bucket)) else { return Ok(LogPage::default()) };
        let shard = shard.lock();
        let skipped = usize::try_from(after_number.saturating_sub(shard.log_forgotten)).unwrap_or(usize::MAX);
        let page = shard.log.iter().skip(skipped).take(limit);
        let records: Vec<_> = page.map(|(party, record)| (party.to_string(), record.clone())).collect();
        let next = if records.is_empty() {
            after.to_owned()
        } else {
            (after_number.max(shard.log_forgotten) + records.len() as u64).to_string()
        };
        Ok(LogPage { records, next })
    }

    async fn account(&self, name: &str) -> Result<Versioned, StoreError> {
        check_account(name)?;
        Ok(self.accounts.lock().get(name).cloned().unwrap_or_default())
    }

    async fn commit_account(
        &self,
        name: &str,
        expected: u64,
        value: &[u8],
        keep_ms: i64,
    ) -> Result<Commit, StoreError> {
        let version = check_commit_account(name, expected, value, keep_ms)?;
        let mut accounts = self.accounts.lock();
        let current = accounts.get(name).cloned().unwrap_or_default();
        if current.version != expected {
            return Ok(Commit::Conflict(current));
        }
        accounts.insert(name.to_owned(), Versioned { version, bytes: value.to_vec() });
        Ok(Commit::Done)
    }

    async fn tally(&self, account: &str) -> Result<Vec<(String, i64)>, StoreError> {
        check_account(account)?;
        let mut sums = BTreeMap::<String, i64>::new();
        for shard in &self.shards {
            for (field, count) in shard.lock().tallies.get(account).into_iter().flatten() {
                *sums.entry(field.clone()).or_default() += count.sum;
            }
        }
        Ok(sums.into_iter().collect())
    }

    async fn fence(&self, account: &str, field: &str) -> Result<i64, StoreError> {
        check_field(account, field)?;
        let mut sum = 0;
        for shard in &self.shards {
            let mut shard = shard.lock();
            let counts = shard.tallies.entry(account.to_owned()).or_default();
            let count = counts.entry(field.to_owned()).or_default();
            count.is_fenced = true;
            sum += count.sum;
        }
        Ok(sum)
    }

    async fn drop_field(&self, account: &str, field: &str) -> Result<(), StoreError> {
        check_field(account, field)?;
        for shard in &self.shards {
            let mut shard = shard.lock();
            let Some(counts) = shard.tallies.get_mut(account) else { continue };
            counts.remove(field);
            if counts.is_empty() {
                shard.tallies.remove(account);
            }
        }
        Ok(())
    }

    fn buckets(&self) -> u16 {
        BUCKETS
    }

    fn is_shared(&self) -> bool {
        false
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The counts as the tallies leave them; None where one is fenced.
fn count<'a>(
    held: &HashMap<String, Counts>,
    tallies: &[Tally<'a>],
) -> Result<Option<Vec<Counted<'a>>>, StoreError> {
    tally::count(tallies, |account, field| {
        let counts = held.get(account);
        Ok(counts.and_then(|counts| counts.get(field)).copied().unwrap_or_default())
    })
}

fn newest_of(catalogs: &[Vec<u8>]) -> Versioned {
    let bytes = catalogs.last().cloned().unwrap_or_default();
    Versioned { version: catalogs.len() as u64, bytes }
}

/// A party and its value in one allocation, which saves a third of the memory of a map of vectors:
/// length of the party, version, party, value.
#[derive(Debug)]
struct Block(Box<[u8]>);

impl Block {
    fn new(party: &str, version: u64, value: &[u8]) -> Self {
        // A party is at most MAX_PARTY_BYTES long.
        let length = u16::try_from(party.len()).unwrap_or(u16::MAX);
        let mut bytes = Vec::with_capacity(LENGTH_BYTES + VERSION_BYTES + party.len() + value.len());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&version.to_le_bytes());
        bytes.extend_from_slice(party.as_bytes());
        bytes.extend_from_slice(value);
        Self(bytes.into_boxed_slice())
    }

    /// Version, party and value.
    fn parts(&self) -> (u64, &[u8], &[u8]) {
        let parts = || {
            let (length, rest) = self.0.split_first_chunk::<LENGTH_BYTES>()?;
            let (version, rest) = rest.split_first_chunk::<VERSION_BYTES>()?;
            let (party, value) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
            Some((u64::from_le_bytes(*version), party, value))
        };
        // A block is made by `new` alone, so it has its parts.
        parts().unwrap_or_default()
    }

    fn party(&self) -> &[u8] {
        self.parts().1
    }

    fn version(&self) -> u64 {
        self.parts().0
    }

    fn versioned(&self) -> Versioned {
        let (version, _, value) = self.parts();
        Versioned { version, bytes: value.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_gives_back_what_it_was_made_of() {
        let block = Block::new("née", 7, b"\0value");
        assert_eq!(block.parts(), (7, "née".as_bytes(), b"\0value".as_slice()));
    }

    #[tokio::test]
    async fn the_log_in_memory_keeps_the_newest_records() {
        let store = MemoryStore::new();
        let versions = LOG_RECORDS_IN_MEMORY as u64 + 10;
        for version in 0..versions {
            store.commit("p", version, b"v", &[version.to_string().into_bytes()], &[]).await.unwrap();
        }
        let log = store.read_log("p", usize::MAX).await.unwrap();
        assert_eq!(log.len(), LOG_RECORDS_IN_MEMORY);
        assert_eq!(log.first().unwrap().version, 11);
        assert_eq!(log.last().unwrap().version, versions);
    }
}
