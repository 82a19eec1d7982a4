//! Every key of every store, spelt here alone and pinned by tests.
//!
//! A party (a customer, until parties are shared) lies in the bucket `fnv1a64(party) mod buckets`. The value of a party,
//! the contact log of its bucket and the counts there change together, so in Redis all carry the hash tag
//! `{tenant:bucket}`. An account lies in the bucket of its name, and has counts in every bucket.

use std::fmt;

use crate::error::StoreError;

/// Buckets of a store that is made anew; a store keeps the number that it was made with.
pub const BUCKETS: u16 = 64;
/// The most buckets that a store can be made with.
pub const MAX_BUCKETS: u16 = 16_384;
/// The format of the keys and of the records around the values. A store of another format is refused.
pub const STORE_FORMAT: u32 = 1;

/// Bytes of the version in front of a stored value, big-endian.
pub const VERSION_BYTES: usize = 8;

/// Field of the store's own record: the format that it was made with.
pub const META_FORMAT: &str = "format";
/// Field of the store's own record: the number of buckets that it was made with.
pub const META_BUCKETS: &str = "buckets";

/// What the field of a count begins with, in the hash of an account in Redis.
pub const COUNT_PREFIX: &str = "n:";
/// What the field of a fence begins with.
pub const FENCE_PREFIX: &str = "fence:";

/// The bucket of a party: 64-bit FNV-1a of its UTF-8 bytes, modulo the number of buckets.
///
/// Written out rather than taken from the standard library, because a stored key must mean the same in every release.
pub fn bucket_of(party: &str, buckets: u16) -> u16 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let hash = party.bytes().fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    u16::try_from(hash % u64::from(buckets.max(1))).unwrap_or_default()
}

/// The name under which several users share one Redis: 1 to 63 of `a-z`, `0-9`, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant(String);

impl Tenant {
    /// Read a tenant's name. The characters are few because the name stands inside a hash tag.
    pub fn parse(name: &str) -> Result<Self, StoreError> {
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if (1..=63).contains(&name.len()) && name.bytes().all(is_plain) {
            return Ok(Self(name.to_owned()));
        }
        Err(StoreError::wrong(format!("the tenant `{name}` is not 1 to 63 of `a-z`, `0-9`, `-` and `_`")))
    }
}

impl Default for Tenant {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The keys of one tenant in Redis.
#[derive(Clone, Debug)]
pub struct RedisKeys {
    tenant: Tenant,
    buckets: u16,
}

impl RedisKeys {
    /// The keys of a tenant whose store was made with so many buckets.
    pub fn new(tenant: Tenant, buckets: u16) -> Self {
        Self { tenant, buckets }
    }

    /// The value of a party, and the log stream of its bucket.
    pub fn party(&self, party: &str) -> PartyKeys {
        let (tenant, bucket) = (&self.tenant, bucket_of(party, self.buckets));
        PartyKeys { value: format!("repit:{{{tenant}:{bucket}}}:c:{party}"), log: self.log(bucket) }
    }

    /// The counts of an account in a party's bucket.
    pub fn tally_beside(&self, party: &str, account: &str) -> String {
        self.tally(bucket_of(party, self.buckets), account)
    }

    /// The counts of an account in a bucket: a hash with the fields of [`count_field`] and [`fence_field`].
    pub fn tally(&self, bucket: u16, account: &str) -> String {
        format!("repit:{{{}:{bucket}}}:t:{account}", self.tenant)
    }

    /// The value of an account: a string, its version and its value.
    pub fn account(&self, account: &str) -> String {
        format!("repit:{{{}:{}}}:a:{account}", self.tenant, bucket_of(account, self.buckets))
    }

    /// The contact log of a bucket.
    pub fn log(&self, bucket: u16) -> String {
        format!("repit:{{{}:{bucket}}}:log", self.tenant)
    }

    /// How many buckets the store was made with.
    pub const fn buckets(&self) -> u16 {
        self.buckets
    }

    /// The store's own record: a hash with its format and its number of buckets.
    pub fn meta(tenant: &Tenant) -> String {
        format!("repit:{{{tenant}:meta}}")
    }

    /// The number of the newest catalog version.
    pub fn newest_catalog(&self) -> String {
        format!("repit:{{{}:catalog}}:newest", self.tenant)
    }

    /// One catalog version.
    pub fn catalog(&self, version: u64) -> String {
        format!("repit:{{{}:catalog}}:v:{version}", self.tenant)
    }
}

/// The field of a count in the hash of its account.
pub fn count_field(field: &str) -> String {
    format!("{COUNT_PREFIX}{field}")
}

/// The field that is there where a count is fenced.
pub fn fence_field(field: &str) -> String {
    format!("{FENCE_PREFIX}{field}")
}

/// The two keys of a party in Redis, of one hash slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyKeys {
    /// A string: the version and the value.
    pub value: String,
    /// A stream: the contact log of the party's bucket.
    pub log: String,
}

/// The keys of the embedded store, whose keyspaces are named as below.
pub mod embedded {
    use super::VERSION_BYTES;

    /// Values of parties.
    pub const PARTIES: &str = "parties";
    /// Records of the contact log.
    pub const LOG: &str = "log";
    /// Counts of accounts.
    pub const TALLIES: &str = "tallies";
    /// Values of accounts.
    pub const ACCOUNTS: &str = "accounts";
    /// Catalog versions.
    pub const CATALOG: &str = "catalog";
    /// The store's own record.
    pub const META: &str = "meta";

    /// Bytes of a bucket in a key, big-endian.
    pub const BUCKET_BYTES: usize = 2;
    /// Bytes of the length in front of an account's name, big-endian.
    pub const LENGTH_BYTES: usize = 2;

    /// The value of a party. The prefix keeps the key from being empty, which the engine does not take.
    pub fn party(party: &str) -> Vec<u8> {
        [b"c:", party.as_bytes()].concat()
    }

    /// One log record: bucket, then sequence number, so that a bucket is read in the order of its commits.
    pub fn log(bucket: u16, sequence: u64) -> Vec<u8> {
        [bucket.to_be_bytes().as_slice(), &sequence.to_be_bytes()].concat()
    }

    /// What the keys of an account's counts begin with, so that they lie together: the length of its name and its name.
    pub fn tallies(account: &str) -> Vec<u8> {
        // An account's name is at most MAX_ACCOUNT_BYTES long.
        let length = u16::try_from(account.len()).unwrap_or(u16::MAX);
        [length.to_be_bytes().as_slice(), account.as_bytes()].concat()
    }

    /// The count of a field in a bucket.
    pub fn tally(account: &str, bucket: u16, field: &str) -> Vec<u8> {
        [tallies(account).as_slice(), &bucket.to_be_bytes(), field.as_bytes()].concat()
    }

    /// What the keys of the same account's counts begin with, and the field of this one.
    pub fn split_tally(key: &[u8]) -> Option<(&[u8], &[u8])> {
        let (length, _) = key.split_first_chunk::<LENGTH_BYTES>()?;
        let (account, rest) =
            key.split_at_checked(LENGTH_BYTES + usize::from(u16::from_be_bytes(*length)))?;
        Some((account, rest.get(BUCKET_BYTES..)?))
    }

    /// The value of an account. The prefix keeps the key from being empty, which the engine does not take.
    pub fn account(account: &str) -> Vec<u8> {
        [b"a:", account.as_bytes()].concat()
    }

    /// One catalog version, in numeric order.
    pub fn catalog(version: u64) -> [u8; VERSION_BYTES] {
        version.to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_of_a_party_never_changes() {
        // Published test vectors of 64-bit FNV-1a: "" cbf29ce484222325, "a" af63dc4c8601ec8c, "foobar" 85944171f73967e8.
        assert_eq!(bucket_of("", 64), 0x25);
        assert_eq!(bucket_of("a", 64), 0x0c);
        assert_eq!(bucket_of("foobar", 64), 0x28);
        assert_eq!(bucket_of("foobar", 16_384), 0x27e8);
        assert_eq!(bucket_of("anything", 1), 0);
    }

    #[test]
    fn the_keys_in_redis_are_these() {
        let keys = RedisKeys::new(Tenant::default(), 64);
        let party = keys.party("foobar");
        assert_eq!(party.value, "repit:{default:40}:c:foobar");
        assert_eq!(party.log, "repit:{default:40}:log");
        assert_eq!(keys.log(40), party.log);
        assert_eq!(keys.tally(40, "a:b}c"), "repit:{default:40}:t:a:b}c");
        assert_eq!(keys.tally_beside("foobar", "a"), "repit:{default:40}:t:a");
        assert_eq!(keys.account("foobar"), "repit:{default:40}:a:foobar");
        assert_eq!((count_field("f"), fence_field("f")), ("n:f".to_owned(), "fence:f".to_owned()));
        assert_eq!(RedisKeys::meta(&Tenant::default()), "repit:{default:meta}");
        assert_eq!(keys.newest_catalog(), "repit:{default:catalog}:newest");
        assert_eq!(keys.catalog(7), "repit:{default:catalog}:v:7");
    }

    #[test]
    fn the_keys_of_the_embedded_store_are_these() {
        assert_eq!(embedded::party("foobar"), b"c:foobar");
        assert_eq!(embedded::log(0x0102, 3), [1, 2, 0, 0, 0, 0, 0, 0, 0, 3]);
        assert_eq!(embedded::account("foobar"), b"a:foobar");
        assert_eq!(embedded::tallies("ab"), b"\0\x02ab");
        assert_eq!(embedded::tally("ab", 0x0102, "f"), b"\0\x02ab\x01\x02f");
        assert_eq!(
            embedded::split_tally(b"\0\x02ab\x01\x02f"),
            Some((b"\0\x02ab".as_slice(), b"f".as_slice()))
        );
        for short in [b"".as_slice(), b"\0", b"\0\x02a", b"\0\x02ab\x01"] {
            assert_eq!(embedded::split_tally(short), None);
        }
        assert_eq!(embedded::catalog(258), [0, 0, 0, 0, 0, 0, 1, 2]);
    }

    #[test]
    fn braces_in_a_party_do_not_move_it_to_another_slot() {
        let keys = RedisKeys::new(Tenant::default(), 64).party("}{x}");
        assert!(keys.value.starts_with("repit:{default:"));
        let tag = |key: &str| key.split_once('}').map(|(tag, _)| tag.to_owned());
        assert_eq!(tag(&keys.value), tag(&keys.log));
    }

    #[test]
    fn a_tenant_that_would_break_a_key_is_refused() {
        for name in ["", "a}", "a:b", "Ä", "a b", &"x".repeat(64)] {
            assert!(matches!(Tenant::parse(name), Err(StoreError::Wrong { .. })), "{name}");
        }
        assert_eq!(Tenant::parse("brand_2-fr").unwrap().to_string(), "brand_2-fr");
    }
}
