//! The store in the process: a sharded map that survives nothing, for tests, simulations and benches.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    hash::BuildHasher,
};

use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::Mutex;

use crate::{
    error::StoreError,
    keys::{BUCKETS, bucket_of},
    slab::{Handle, Slab},
    store::{
        Commit, LogPage, LogRecord, Store, Versioned, check_catalog, check_commit, check_page, check_party,
        no_place,
    },
    tally::{self, Count, Counted, Tally, check_account, check_commit_account, check_field},
};

/// The contact log in memory keeps this many of the newest records in each of the 64 buckets.
pub const LOG_RECORDS_IN_MEMORY: usize = 1_024;

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
    parties: HashTable<Handle>,
    blocks: Slab,
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
    fn find(&self, hash: u64, party: &str) -> Option<Handle> {
        self.parties.find(hash, |handle| self.block(*handle).party == party.as_bytes()).copied()
    }

    fn block(&self, handle: Handle) -> Block<'_> {
        Block::read(self.blocks.get(handle))
    }

    /// Write a block over the one that is held, or beside those that are.
    fn put(
        &mut self,
        held: Option<Handle>,
        block: Block<'_>,
        hash: impl Fn(&[u8]) -> u64,
    ) -> Result<(), StoreError> {
        let length = block.length();
        if let Some(handle) = held.filter(|handle| Slab::fits(*handle, length)) {
            block.write(self.blocks.get_mut(handle));
            return Ok(());
        }
        let taken = self.blocks.take(length);
        let handle = taken.ok_or_else(|| StoreError::wrong("the memory store is full".to_owned()))?;
        block.write(self.blocks.get_mut(handle));
        let (parties, blocks) = (&mut self.parties, &mut self.blocks);
        let of_block = |handle: &Handle| hash(Block::read(blocks.get(*handle)).party);
        let Some(old) = held else {
            parties.insert_unique(hash(block.party), handle, of_block);
            return Ok(());
        };
        if let Some(place) = parties.find_mut(hash(block.party), |place| *place == old) {
            *place = handle;
        }
        blocks.free(old);
        Ok(())
    }

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
        Ok(shard.find(hash, party).map(|handle| shard.block(handle).versioned()).unwrap_or_default())
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
        let held = shard.find(hash, party);
        let current = held.map(|handle| shard.block(handle));
        if current.as_ref().map_or(0, |block| block.version) != expected {
            return Ok(Commit::Conflict(current.map(|block| block.versioned()).unwrap_or_default()));
        }
        let Some(counts) = count(&shard.tallies, tallies)? else { return Ok(Commit::Fenced) };
        shard.put(held, Block { party: party.as_bytes(), version, value }, |party| self.hash(party))?;
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

/// A party and its value in one block: version, length of the party, length of the value, each a varint; party, value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Block<'a> {
    version: u64,
    party: &'a [u8],
    value: &'a [u8],
}

impl<'a> Block<'a> {
    fn length(&self) -> usize {
        let lengths = [self.version, self.party.len() as u64, self.value.len() as u64];
        lengths.into_iter().map(varint_bytes).sum::<usize>() + self.party.len() + self.value.len()
    }

    fn write(&self, slot: &mut [u8]) {
        let mut rest = slot;
        for number in [self.version, self.party.len() as u64, self.value.len() as u64] {
            rest = write_varint(rest, number);
        }
        for bytes in [self.party, self.value] {
            let Some((place, after)) = rest.split_at_mut_checked(bytes.len()) else { return };
            place.copy_from_slice(bytes);
            rest = after;
        }
    }

    /// The block of a slot. A slot is written by `write` alone, so it holds one.
    fn read(slot: &'a [u8]) -> Self {
        let mut rest = slot;
        let [version, party, value] = [(); 3].map(|()| read_varint(&mut rest));
        let mut part = |length: u64| {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let (part, after) = rest.split_at_checked(length).unwrap_or_default();
            rest = after;
            part
        };
        Self { version, party: part(party), value: part(value) }
    }

    fn versioned(&self) -> Versioned {
        Versioned { version: self.version, bytes: self.value.to_vec() }
    }
}

fn varint_bytes(number: u64) -> usize {
    // 7 bits a byte, one byte for 0.
    (64 - (number | 1).leading_zeros() as usize).div_ceil(7)
}

/// Write a varint; gives the rest of the slot.
fn write_varint(slot: &mut [u8], number: u64) -> &mut [u8] {
    let Some((first, rest)) = slot.split_first_mut() else { return &mut [] };
    let low = u8::try_from(number & 0x7f).unwrap_or_default();
    if number < 0x80 {
        *first = low;
        return rest;
    }
    *first = low | 0x80;
    write_varint(rest, number >> 7)
}

fn read_varint(slot: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let Some((first, rest)) = slot.split_first() else { break };
        *slot = rest;
        number |= u64::from(first & 0x7f) << shift;
        if *first < 0x80 {
            break;
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_gives_back_what_it_was_made_of() {
        for version in [0, 127, 128, u64::MAX] {
            let block = Block { party: "née".as_bytes(), version, value: &[7; 300] };
            let mut slot = vec![9; block.length() + 5];
            block.write(&mut slot);
            assert_eq!(Block::read(&slot), block);
        }
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
