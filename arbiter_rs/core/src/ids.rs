//! The small integers that stand for names inside a customer's value: given once by the catalog, never reused.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// Position in the register's table.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(
    /// A campaign.
    CampaignId
);
id!(
    /// A channel.
    ChannelId
);
id!(
    /// An offer family.
    FamilyId
);
id!(
    /// A business unit.
    UnitId
);
id!(
    /// A segment.
    SegmentId
);
id!(
    /// A capacity or budget: a policy's name, a rule's, and whether it counts money.
    CapacityId
);
id!(
    /// The terms of a contact: everything about its campaign and channel that was frozen when it was granted.
    TermsId
);

impl ChannelId {
    /// A channel that the catalog does not name, or none although a campaign is named: matches nothing.
    pub const UNNAMED: Self = Self(u32::MAX - 1);
}

impl FamilyId {
    /// An offer family that the catalog does not name: matches nothing.
    pub const UNNAMED: Self = Self(u32::MAX - 1);
}

/// Pressure points or money, in millionths.
pub type Micros = i64;

/// One pressure point, one unit of money.
pub const ONE: Micros = 1_000_000;

/// A stable 64-bit hash of an opaque id (FNV-1a with the `murmur3` finalizer), the same on every replica and for ever.
///
/// Source: Fowler, Noll, Vo, <http://www.isthe.com/chongo/tech/comp/fnv/>; Appleby, `MurmurHash3` `fmix64`.
#[must_use]
pub fn stable_hash(bytes: &[u8]) -> u64 {
    stable_hash_of([bytes])
}

/// [`stable_hash`] of several parts, one after the other.
#[must_use]
pub fn stable_hash_of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in parts.into_iter().flatten() {
        hash ^= u64::from(*byte);
        hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::stable_hash;

    #[test]
    fn the_hash_of_an_id_never_changes() {
        assert_eq!(stable_hash(b""), 0xefd0_1f60_ba99_2926);
        assert_ne!(stable_hash(b"request-1"), stable_hash(b"request-2"));
    }
}
