//! The binary form of a ledger: versioned, checked, about 25 bytes a lease.
//!
//! ```text
//! format (1 byte) · pools · { pool · settled · leases · { id (8 bytes) · replica (8 bytes) · amount · beat } } · CRC-32 (4 bytes, little endian)
//! ```
//! Numbers without a length are LEB128 varints, signed ones zigzag.

use std::collections::BTreeMap;

use super::{LEDGER_FORMAT, Lease, Ledger, LedgerError, MAX_LEASES, MAX_POOLS, PoolLedger};
use crate::customer::Pool;

impl Ledger {
    /// The bytes of the ledger.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![LEDGER_FORMAT];
        varint(&mut out, self.pools.len() as u64);
        for (pool, held) in &self.pools {
            varint(&mut out, u64::from(pool.0));
            signed(&mut out, held.settled);
            varint(&mut out, held.leases.len() as u64);
            for lease in &held.leases {
                out.extend_from_slice(&lease.id.to_le_bytes());
                out.extend_from_slice(&lease.replica.to_le_bytes());
                signed(&mut out, lease.amount);
                varint(&mut out, lease.beat);
            }
        }
        let check = crc32fast::hash(&out);
        out.extend_from_slice(&check.to_le_bytes());
        out
    }

    /// The ledger of some bytes; the empty ledger of none.
    ///
    /// # Errors
    /// [`LedgerError`] where they were not written by [`Ledger::encode`] of this build or an older one, or were damaged since.
    pub fn decode(bytes: &[u8]) -> Result<Self, LedgerError> {
        let Some((format, _)) = bytes.split_first() else { return Ok(Self::default()) };
        if *format > LEDGER_FORMAT {
            return Err(LedgerError::NewerFormat(*format));
        }
        if *format == 0 {
            return Err(LedgerError::Damaged("there is no format 0"));
        }
        let (body, check) = bytes.split_last_chunk::<4>().ok_or(LedgerError::Damaged("too short"))?;
        if crc32fast::hash(body) != u32::from_le_bytes(*check) {
            return Err(LedgerError::Damaged("its checksum differs"));
        }
        let mut input = Reader(body.get(1..).unwrap_or_default());
        let pools = input.pools()?;
        if input.0.is_empty() {
            Ok(Self { pools })
        } else {
            Err(LedgerError::Damaged("bytes follow its end"))
        }
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn signed(out: &mut Vec<u8>, value: i64) {
    varint(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], LedgerError> {
        let (chunk, rest) = self.0.split_first_chunk::<N>().ok_or(LedgerError::Damaged("too short"))?;
        self.0 = rest;
        Ok(*chunk)
    }

    fn varint(&mut self) -> Result<u64, LedgerError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.chunk::<1>()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(LedgerError::Damaged("a number is too long"))
    }

    fn signed(&mut self) -> Result<i64, LedgerError> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    fn length(&mut self, most: usize) -> Result<usize, LedgerError> {
        let length = usize::try_from(self.varint()?).ok().filter(|length| *length <= most);
        length.ok_or(LedgerError::Damaged("a list is too long"))
    }

    fn pools(&mut self) -> Result<BTreeMap<Pool, PoolLedger>, LedgerError> {
        let mut pools = BTreeMap::new();
        let mut leases_left = MAX_LEASES;
        for _ in 0..self.length(MAX_POOLS)? {
            let pool = u32::try_from(self.varint()?).map_err(|_| LedgerError::Damaged("no such pool"))?;
            let settled = self.signed()?;
            let length = self.length(leases_left)?;
            leases_left -= length;
            let leases = (0..length).map(|_| self.lease()).collect::<Result<_, _>>()?;
            pools.insert(Pool(pool), PoolLedger { settled, leases });
        }
        Ok(pools)
    }

    fn lease(&mut self) -> Result<Lease, LedgerError> {
        Ok(Lease {
            id: u64::from_le_bytes(self.chunk()?),
            replica: u64::from_le_bytes(self.chunk()?),
            amount: self.signed()?,
            beat: self.varint()?,
        })
    }
}
