//! The store in the process: a sharded map that survives nothing, for tests, simulations and benches.

use std::{collections::VecDeque, hash::BuildHasher};

use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::Mutex;

use crate::{
    error::StoreError,
    keys::{BUCKETS, VERSION_BYTES, bucket_of},
    store::{Commit, LogRecord, Store, Versioned, check_catalog, check_commit, check_party},
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
}

#[derive(Debug, Default)]
struct Shard {
    parties: HashTable<Block>,
    log: VecDeque<(Box<str>, LogRecord)>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self {
            shards: (0..BUCKETS).map(|_| Mutex::default()).collect(),
            hasher: DefaultHashBuilder::default(),
            catalogs: Mutex::default(),
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
    ) -> Result<Commit, StoreError> {
        let version = check_commit(party, expected, value, log)?;
        let hash = self.hash(party.as_bytes());
        let mut guard = self.shard(party).lock();
        let shard = &mut *guard;
        match shard.parties.find_mut(hash, |block| block.party() == party.as_bytes()) {
            Some(block) if block.version() == expected => *block = Block::new(party, version, value),
            Some(block) => return Ok(Commit::Conflict(block.versioned())),
            None if expected == 0 => {
                let block = Block::new(party, version, value);
                shard.parties.insert_unique(hash, block, |block| self.hash(block.party()));
            }
            None => return Ok(Commit::Conflict(Versioned::default())),
        }
        for bytes in log {
            if shard.log.len() == LOG_RECORDS_IN_MEMORY {
                shard.log.pop_front();
            }
            shard.log.push_back((party.into(), LogRecord { version, bytes: bytes.clone() }));
        }
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

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }
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
            store.commit("p", version, b"v", &[version.to_string().into_bytes()]).await.unwrap();
        }
        let log = store.read_log("p", usize::MAX).await.unwrap();
        assert_eq!(log.len(), LOG_RECORDS_IN_MEMORY);
        assert_eq!(log.first().unwrap().version, 11);
        assert_eq!(log.last().unwrap().version, versions);
    }
}
