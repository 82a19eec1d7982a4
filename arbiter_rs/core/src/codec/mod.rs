//! The binary form of a customer's value: versioned, checked, about eight bytes a contact.
//!
//! ```text
//! format (1 byte) · clock · next sequence · segment sets · contacts · engagements · suppressions
//! · sections (1 byte) · members? · claims? · tastes? · CRC-32 (4 bytes, little endian)
//! ```
//! Format 1 had no sections, one customer a value and no planned contacts; it is still read.
//! Numbers are LEB128 varints; times are differences from the entry before. A contact is: time difference (4-5 bytes), terms (1-2), flags (1),
//! and, where the flags say so, sequence, segment set, key (8 bytes) and count.
//!
//! Measured on settled contacts of one year under 300 terms: 17 bytes and 7 to 8 a contact (10 contacts 93 bytes, 100 contacts 775, 365 contacts
//! 2,421). More takes a contact whose request may still be repeated (8 bytes, for 24 hours), one made elsewhere (8, for its event id), one with
//! segments (1), one reported late (1-3), one planned ahead (5-6), one at an address or about a subject (9, both 17), one of a party's other
//! customers (2), one under a capacity (about 12, until it is settled). An engagement takes 17 to 20 bytes.
//!
//! Three claims of one customer take 39 bytes: 13 a claim. A score of at most 6 decimals adds 3 (48 bytes for three), any other 8 (63).

pub(crate) mod reader;
pub(crate) mod writer;

use std::fmt;

use self::reader::Reader;
use self::writer::Writer;
use crate::customer::CustomerState;
use crate::time::Timestamp;

/// The format that this build writes, and the newest that it reads.
pub const FORMAT: u8 = 2;
/// How many charges a contact has at most.
const MAX_CHARGES: usize = 1_024;
/// How many channels a claim names at most.
const MAX_CLAIM_CHANNELS: usize = 256;
/// The longest name of a customer, in bytes.
const MAX_MEMBER_BYTES: usize = 1_024;

pub(crate) const ANSWERED: u8 = 1 << 2;
pub(crate) const KEYED: u8 = 1 << 3;
pub(crate) const OUT_OF_SEQUENCE: u8 = 1 << 4;
pub(crate) const SEGMENTED: u8 = 1 << 5;
pub(crate) const FOLDED: u8 = 1 << 6;
pub(crate) const EXTENDED: u8 = 1 << 7;

// The second byte of flags of an extended contact.
pub(crate) const OF_MEMBER: u8 = 1;
pub(crate) const AT_POINT: u8 = 1 << 1;
pub(crate) const ABOUT_SUBJECT: u8 = 1 << 2;
pub(crate) const PLANNED: u8 = 1 << 3;
pub(crate) const CHARGED: u8 = 1 << 4;

/// Beside the kind of an engagement or suppression: the member follows.
const KIND_OF_MEMBER: u8 = 1 << 7;

// Flags of a claim.
const CLAIM_OF_MEMBER: u8 = 1;
const CLAIM_CHANNELS: u8 = 1 << 1;
const CLAIM_SCORE: u8 = 1 << 2;
const CLAIM_SCORE_MICROS: u8 = 1 << 3;

// Which sections follow the suppressions.
pub(crate) const MEMBERS: u8 = 1;
pub(crate) const CLAIMS: u8 = 1 << 1;
const TASTES: u8 = 1 << 2;

/// A value that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// Written by a newer build.
    NewerFormat(u8),
    /// Damaged: cut, lengthened or changed.
    Damaged(&'static str),
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewerFormat(format) => {
                write!(f, "value has format {format}, this server reads up to {FORMAT}: upgrade it")
            }
            Self::Damaged(what) => write!(f, "value is damaged ({what})"),
        }
    }
}

impl std::error::Error for CodecError {}

/// The bytes of a state.
#[must_use]
pub fn encode(state: &CustomerState) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(64 + state.contacts.len() * 16 + state.engagements.len() * 18));
    out.0.push(FORMAT);
    out.signed(state.clock.0);
    out.varint(u64::from(state.next_sequence));
    out.length(state.segment_sets.len());
    for set in &state.segment_sets {
        out.length(set.len());
        set.iter().for_each(|segment| out.varint(u64::from(segment.0)));
    }
    out.contacts(&state.contacts);
    out.engagements(&state.engagements);
    out.length(state.suppressions.len());
    for suppression in &state.suppressions {
        out.signed(suppression.since.0);
        out.kind(suppression.kind, suppression.member);
        out.varint(suppression.channel.map_or(0, |channel| u64::from(channel.0) + 1));
    }
    out.sections(state);
    let check = crc32fast::hash(&out.0);
    out.0.extend_from_slice(&check.to_le_bytes());
    out.0
}

/// The state of some bytes; the empty state of none.
///
/// # Errors
/// [`CodecError`] where they were not written by [`encode`] of this build or an older one, or were damaged since.
pub fn decode(bytes: &[u8]) -> Result<CustomerState, CodecError> {
    let Some((format, _)) = bytes.split_first() else { return Ok(CustomerState::default()) };
    if *format > FORMAT {
        return Err(CodecError::NewerFormat(*format));
    }
    if *format == 0 {
        return Err(CodecError::Damaged("there is no format 0"));
    }
    let (body, check) = bytes.split_last_chunk::<4>().ok_or(CodecError::Damaged("too short"))?;
    if crc32fast::hash(body) != u32::from_le_bytes(*check) {
        return Err(CodecError::Damaged("its checksum differs"));
    }
    let mut input = Reader(body);
    let _format = input.byte()?;
    let mut state = CustomerState {
        clock: Timestamp(input.signed()?),
        next_sequence: input.small()?,
        segment_sets: input.segment_sets()?,
        contacts: input.contacts()?,
        engagements: input.engagements()?,
        suppressions: input.suppressions()?,
        ..CustomerState::default()
    };
    if *format >= 2 {
        input.sections(&mut state)?;
    }
    if input.0.is_empty() { Ok(state) } else { Err(CodecError::Damaged("bytes follow its end")) }
}
