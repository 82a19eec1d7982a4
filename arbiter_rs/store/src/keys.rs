//! Every key of every store, spelt here alone and pinned by tests.
//!
//! A party (a customer, until parties are shared) lies in the bucket `fnv1a64(party) mod buckets`. The value of a party
//! and the contact log of its bucket change together, so in Redis both carry the hash tag `{tenant:bucket}`.

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
        PartyKeys {
            value: format!("repit:{{{tenant}:{bucket}}}:c:{party}"),
            log: format!("repit:{{{tenant}:{bucket}}}:log"),
        }
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

/// The two keys of a party in Redis, of one hash slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyKeys {
    /// A string: the version and the value.
    pub value: String,
    /// A stream: the contact log of the party's bucket.
    pub log: String,
}

/// The keys of the embedded store, whose four keyspaces are named as below.
pub mod embedded {
    use super::VERSION_BYTES;

    /// Values of parties.
    pub const PARTIES: &str = "parties";
    /// Records of the contact log.
    pub const LOG: &str = "log";
    /// Catalog versions.
    pub const CATALOG: &str = "catalog";
    /// The store's own record.
    pub const META: &str = "meta";

    /// Bytes of the bucket in front of a log key, big-endian.
    pub const BUCKET_BYTES: usize = 2;

    /// The value of a party. The prefix keeps the key from being empty, which the engine does not take.
    pub fn party(party: &str) -> Vec<u8> {
        [b"c:", party.as_bytes()].concat()
    }

    /// One log record: bucket, then sequence number, so that a bucket is read in the order of its commits.
    pub fn log(bucket: u16, sequence: u64) -> Vec<u8> {
        [bucket.to_be_bytes().as_slice(), &sequence.to_be_bytes()].concat()
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
        assert_eq!(RedisKeys::meta(&Tenant::default()), "repit:{default:meta}");
        assert_eq!(keys.newest_catalog(), "repit:{default:catalog}:newest");
        assert_eq!(keys.catalog(7), "repit:{default:catalog}:v:7");
    }

    #[test]
    fn the_keys_of_the_embedded_store_are_these() {
        assert_eq!(embedded::party("foobar"), b"c:foobar");
        assert_eq!(embedded::log(0x0102, 3), [1, 2, 0, 0, 0, 0, 0, 0, 0, 3]);
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
