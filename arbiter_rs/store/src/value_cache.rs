//! Values of parties as this process last knew them: bounded, and never more than a guess that the store must confirm.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::Mutex;

use crate::{keys::VERSION_BYTES, record, store::Versioned};

/// Parts with a lock of their own.
const SHARDS: usize = 256;
/// What an entry takes beyond its own bytes: its place in the table at half load, and what the allocator rounds up.
const ENTRY_BYTES: usize = 64;
/// An entry that takes more than this share of its part is not kept: it would drive out too many others.
const LARGEST_SHARE: usize = 8;

/// A cache of stored values by party.
///
/// Each part has two generations. What is put or found goes to the young one; when that has half of the part's bytes
/// it becomes the old one, and the old one is forgotten as a whole. So the cache is between half and wholly full of what
/// was asked for last, at one look-up and no list to keep.
#[derive(Debug)]
pub(crate) struct ValueCache {
    shards: Box<[Mutex<Shard>]>,
    hasher: DefaultHashBuilder,
    /// Bytes of the young generation of a part.
    maximum: usize,
}

#[derive(Debug, Default)]
struct Shard {
    young: HashTable<Entry>,
    old: HashTable<Entry>,
    young_bytes: usize,
}

/// The party's name and the stored value (version, then bytes) in one block.
#[derive(Debug)]
struct Entry {
    block: Box<[u8]>,
    party_bytes: usize,
}

impl Entry {
    fn new(party: &str, version: u64, value: &[u8]) -> Self {
        let block = [party.as_bytes(), &version.to_be_bytes(), value].concat().into_boxed_slice();
        Self { block, party_bytes: party.len() }
    }

    fn party(&self) -> &[u8] {
        self.block.get(..self.party_bytes).unwrap_or_default()
    }

    fn stored(&self) -> &[u8] {
        self.block.get(self.party_bytes..).unwrap_or_default()
    }

    fn bytes(&self) -> usize {
        self.block.len() + ENTRY_BYTES
    }
}

impl ValueCache {
    /// A cache of at most so many bytes; 0 keeps nothing.
    pub(crate) fn new(maximum_bytes: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, hasher: DefaultHashBuilder::default(), maximum: maximum_bytes / SHARDS / 2 }
    }

    /// The value that this process last knew.
    pub(crate) fn recall(&self, party: &str) -> Option<Versioned> {
        self.look(party, |stored| record::split(stored, party).ok()).flatten()
    }

    /// The stored value of a party, version first, where it is of this version.
    pub(crate) fn stored(&self, party: &str, version: u64) -> Option<Vec<u8>> {
        let of_version = |stored: &[u8]| stored.starts_with(&version.to_be_bytes()).then(|| stored.to_vec());
        self.look(party, of_version).flatten()
    }

    /// Remember a value; version 0 says that there is none.
    pub(crate) fn put(&self, party: &str, version: u64, value: &[u8]) {
        if self.maximum == 0 {
            return;
        }
        let is_kept = version > 0
            && (party.len() + VERSION_BYTES + value.len() + ENTRY_BYTES) <= self.maximum / LARGEST_SHARE;
        let entry = is_kept.then(|| Entry::new(party, version, value));
        let hash = self.hasher.hash_one(party.as_bytes());
        let Some(mut shard) = self.shard(hash) else { return };
        shard.take(hash, party);
        if let Some(entry) = entry {
            let forgotten = shard.insert(hash, entry, &self.hasher, self.maximum);
            drop(shard);
            // Many entries: others need not wait for them to be freed.
            drop(forgotten);
        }
    }

    fn look<T>(&self, party: &str, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
        if self.maximum == 0 {
            return None;
        }
        let hash = self.hasher.hash_one(party.as_bytes());
        let mut shard = self.shard(hash)?;
        let is_party = |entry: &Entry| entry.party() == party.as_bytes();
        if let Some(entry) = shard.young.find(hash, is_party) {
            return Some(read(entry.stored()));
        }
        let (entry, _) = shard.old.find_entry(hash, is_party).ok()?.remove();
        let answer = read(entry.stored());
        let forgotten = shard.insert(hash, entry, &self.hasher, self.maximum);
        drop(shard);
        drop(forgotten);
        Some(answer)
    }

    fn shard(&self, hash: u64) -> Option<parking_lot::MutexGuard<'_, Shard>> {
        // The table goes by the lowest and the highest bits.
        let index = usize::try_from(hash >> 32).unwrap_or_default() % SHARDS;
        self.shards.get(index).map(Mutex::lock)
    }
}

impl Shard {
    fn take(&mut self, hash: u64, party: &str) {
        let is_party = |entry: &Entry| entry.party() == party.as_bytes();
        if let Ok(found) = self.young.find_entry(hash, is_party) {
            let (entry, _) = found.remove();
            self.young_bytes = self.young_bytes.saturating_sub(entry.bytes());
        } else if let Ok(found) = self.old.find_entry(hash, is_party) {
            found.remove();
        }
    }

    /// Put an entry that is not there yet; returns the generation that is forgotten for it.
    fn insert(
        &mut self,
        hash: u64,
        entry: Entry,
        hasher: &DefaultHashBuilder,
        maximum: usize,
    ) -> HashTable<Entry> {
        let mut forgotten = HashTable::new();
        if self.young_bytes + entry.bytes() > maximum {
            self.young_bytes = 0;
            forgotten = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
        }
        self.young_bytes += entry.bytes();
        self.young.insert_unique(hash, entry, |entry| hasher.hash_one(entry.party()));
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versioned(version: u64, bytes: &[u8]) -> Versioned {
        Versioned { version, bytes: bytes.to_vec() }
    }

    #[test]
    fn what_was_put_last_is_recalled() {
        let cache = ValueCache::new(1 << 20);
        assert_eq!(cache.recall("p"), None);
        cache.put("p", 1, b"one");
        cache.put("p", 7, b"two");
        cache.put("q", 1, b"");
        assert_eq!(cache.recall("p"), Some(versioned(7, b"two")));
        assert_eq!(cache.recall("q"), Some(versioned(1, b"")));
        assert_eq!(cache.stored("p", 7), Some(b"\0\0\0\0\0\0\0\x07two".to_vec()));
        assert_eq!(cache.stored("p", 1), None, "of another version");
        cache.put("p", 0, b"");
        assert_eq!(cache.recall("p"), None, "there is none any more");
    }

    #[test]
    fn it_stays_within_its_maximum_and_keeps_what_is_asked_for() {
        let maximum = 1 << 20;
        let cache = ValueCache::new(maximum);
        let value = [7; 100];
        cache.put("asked for", 1, &value);
        for number in 0..100_000_u32 {
            cache.put(&number.to_string(), 1, &value);
            assert!(cache.recall("asked for").is_some(), "{number}");
        }
        let held = |shard: &Mutex<Shard>| {
            let shard = shard.lock();
            assert!(shard.young_bytes <= maximum / SHARDS / 2);
            shard.young.iter().chain(&shard.old).map(Entry::bytes).sum::<usize>()
        };
        let bytes: usize = cache.shards.iter().map(held).sum();
        assert!((maximum / 4..=maximum).contains(&bytes), "{bytes}");
        assert!(cache.recall("99999").is_some());
        assert!(cache.recall("0").is_none());
    }

    #[test]
    fn what_is_too_large_is_not_kept_nor_what_it_replaced() {
        let cache = ValueCache::new(1 << 20);
        cache.put("p", 1, b"small");
        cache.put("p", 2, &[7; 10_000]);
        assert_eq!(cache.recall("p"), None);
        let none = ValueCache::new(0);
        none.put("p", 1, b"v");
        assert_eq!(none.recall("p"), None);
    }
}
