//! The counts and the accounts in Redis: a hash of counts in each bucket, a value for each account.

use std::{collections::BTreeMap, ops::Range};

use redis::Cmd;

use crate::{
    error::StoreError,
    keys::{COUNT_PREFIX, FENCE_PREFIX, RedisKeys, count_field, fence_field},
    record,
    redis::{Call, RedisStore, Reply, conflict},
    store::{Commit, Versioned},
    tally::{self, Tally, check_commit_account},
};

/// Buckets asked in one exchange.
const BUCKETS_AT_ONCE: u16 = 256;
/// What Redis says of the time to live of a key that is not there, and of one that is kept for ever.
const NOT_THERE: i64 = -2;
const FOR_EVER: i64 = -1;

/// The fields and values of a hash.
type Hash = Vec<(Vec<u8>, Vec<u8>)>;

/// The keys and the arguments that the tallies of a commit add to its script call.
pub(crate) struct TallyArguments {
    keys: Vec<String>,
    arguments: Vec<[String; 4]>,
}

impl TallyArguments {
    pub(crate) fn new(keys: &RedisKeys, party: &str, tallies: &[Tally<'_>]) -> Self {
        let key = |tally: &Tally<'_>| keys.tally_beside(party, tally.account);
        let arguments = |tally: &Tally<'_>| {
            let keep_ms = tally::keep_ms(tallies, tally.account);
            let Tally { field, delta, .. } = tally;
            [fence_field(field), count_field(field), delta.to_string(), keep_ms.to_string()]
        };
        Self { keys: tallies.iter().map(key).collect(), arguments: tallies.iter().map(arguments).collect() }
    }

    /// For each tally the hash of its account.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    /// For each tally what `commit.lua` asks for.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &[u8]> {
        self.arguments.iter().flatten().map(String::as_bytes)
    }
}

impl RedisStore {
    pub(crate) async fn read_account(&self, name: &str) -> Result<Versioned, StoreError> {
        let stored: Option<Vec<u8>> =
            self.query(Cmd::new().arg("GET").arg(self.keys.account(name)), name).await?;
        stored.map_or_else(|| Ok(Versioned::default()), |stored| record::split(&stored, name))
    }

    pub(crate) async fn write_account(
        &self,
        name: &str,
        expected: u64,
        value: &[u8],
        keep_ms: i64,
    ) -> Result<Commit, StoreError> {
        let version = check_commit_account(name, expected, value, keep_ms)?;
        let key = self.keys.account(name);
        let (expected, value, keep_ms) =
            (expected.to_be_bytes(), record::join(version, value), keep_ms.to_string());
        let call = Call {
            script: &self.commit_account,
            text: include_str!("account.lua"),
            keys: &[&key],
            arguments: vec![&expected, &value, keep_ms.as_bytes()],
            subject: name,
        };
        match self.run(&call).await? {
            Reply::Done => Ok(Commit::Done),
            Reply::Found(current) => conflict(&current, name),
            Reply::Fenced | Reply::Full | Reply::Nothing => Err(call.strange()),
        }
    }

    pub(crate) async fn sum_counts(&self, account: &str) -> Result<Vec<(String, i64)>, StoreError> {
        let mut sums = BTreeMap::<String, i64>::new();
        for buckets in self.some_buckets() {
            let mut exchange = redis::pipe();
            for bucket in buckets {
                exchange.cmd("HGETALL").arg(self.keys.tally(bucket, account));
            }
            let hashes: Vec<Hash> = self.link.ask_all(&exchange, account).await?;
            for (field, count) in hashes.into_iter().flatten() {
                let (field, count) = read_field(&field, &count, account)?;
                let sum = sums.entry(field).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        Ok(sums.into_iter().collect())
    }

    /// INVARIANT: in each bucket the fence is set before the count is read, so that nothing changes it any more.
    pub(crate) async fn set_fence(&self, account: &str, field: &str) -> Result<i64, StoreError> {
        let unkept = self.buckets_without(account).await?;
        let (fence, count) = (fence_field(field), count_field(field));
        let mut sum: i64 = 0;
        for buckets in self.some_buckets() {
            let mut exchange = redis::pipe();
            for bucket in buckets {
                let key = self.keys.tally(bucket, account);
                exchange.cmd("HSET").arg(&key).arg(&fence).arg(1).ignore();
                exchange.cmd("HGET").arg(&key).arg(&count);
            }
            let counts: Vec<Option<Vec<u8>>> = self.link.ask_all(&exchange, account).await?;
            for count in counts.into_iter().flatten() {
                sum = sum.saturating_add(read_count(&count, account)?);
            }
        }
        self.keep_fences(account, &unkept).await?;
        Ok(sum)
    }

    /// Keep the fences of buckets without a count as long as the account's counts elsewhere.
    async fn keep_fences(&self, account: &str, unkept: &Unkept) -> Result<(), StoreError> {
        let Some(keep_ms) = unkept.keep_ms else { return Ok(()) };
        for buckets in unkept.buckets.chunks(usize::from(BUCKETS_AT_ONCE)) {
            let mut exchange = redis::pipe();
            for bucket in buckets {
                // A commit that came in between has said how long.
                exchange
                    .cmd("PEXPIRE")
                    .arg(self.keys.tally(*bucket, account))
                    .arg(keep_ms)
                    .arg("NX")
                    .ignore();
            }
            self.link.ask_all::<()>(&exchange, account).await?;
        }
        Ok(())
    }

    pub(crate) async fn remove_field(&self, account: &str, field: &str) -> Result<(), StoreError> {
        for buckets in self.some_buckets() {
            let mut exchange = redis::pipe();
            for bucket in buckets {
                let key = self.keys.tally(bucket, account);
                exchange.cmd("HDEL").arg(key).arg(count_field(field)).arg(fence_field(field)).ignore();
            }
            self.link.ask_all::<()>(&exchange, account).await?;
        }
        Ok(())
    }

    /// The buckets without a count of the account, and how long its counts elsewhere are kept.
    async fn buckets_without(&self, account: &str) -> Result<Unkept, StoreError> {
        let mut unkept = Unkept { buckets: Vec::new(), keep_ms: None };
        let mut is_for_ever = false;
        for buckets in self.some_buckets() {
            let mut exchange = redis::pipe();
            for bucket in buckets.clone() {
                exchange.cmd("PTTL").arg(self.keys.tally(bucket, account));
            }
            let left: Vec<i64> = self.link.ask_all(&exchange, account).await?;
            for (bucket, left_ms) in buckets.zip(left) {
                match left_ms {
                    NOT_THERE => unkept.buckets.push(bucket),
                    FOR_EVER => is_for_ever = true,
                    left_ms => unkept.keep_ms = unkept.keep_ms.max(Some(left_ms)),
                }
            }
        }
        unkept.keep_ms = unkept.keep_ms.filter(|_| !is_for_ever);
        Ok(unkept)
    }

    /// All buckets, so many at once that an exchange stays small.
    fn some_buckets(&self) -> impl Iterator<Item = Range<u16>> + use<> {
        let buckets = self.keys.buckets();
        let firsts = (0..buckets).step_by(usize::from(BUCKETS_AT_ONCE));
        firsts.map(move |first| first..buckets.min(first + BUCKETS_AT_ONCE))
    }
}

/// The buckets in which a fence makes the hash.
struct Unkept {
    buckets: Vec<u16>,
    /// How long the fence is kept there; None for ever.
    keep_ms: Option<i64>,
}

/// A field of the hash of an account: a count, or a fence that counts nothing.
fn read_field(name: &[u8], value: &[u8], account: &str) -> Result<(String, i64), StoreError> {
    let name = std::str::from_utf8(name).unwrap_or_default();
    match (name.strip_prefix(COUNT_PREFIX), name.strip_prefix(FENCE_PREFIX)) {
        (Some(field), _) => Ok((field.to_owned(), read_count(value, account)?)),
        (None, Some(field)) => Ok((field.to_owned(), 0)),
        (None, None) => Err(StoreError::corrupt(account, "it has a field that is no count")),
    }
}

fn read_count(digits: &[u8], account: &str) -> Result<i64, StoreError> {
    let count = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    count.ok_or_else(|| StoreError::corrupt(account, "a count of it is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_a_count_or_a_fence() {
        assert_eq!(read_field(b"n:fence:f", b"-7", "a"), Ok(("fence:f".to_owned(), -7)));
        assert_eq!(read_field(b"fence:n:f", b"1", "a"), Ok(("n:f".to_owned(), 0)));
        for (name, value) in [(b"f".as_slice(), b"1".as_slice()), (b"n:f", b"one"), (b"\xff", b"1")] {
            assert!(
                matches!(read_field(name, value, "a"), Err(StoreError::Corrupt { key, .. }) if key == "a")
            );
        }
    }
}
