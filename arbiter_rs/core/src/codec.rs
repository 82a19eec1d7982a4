//! The binary form of a customer's value: versioned, checked, about eight bytes a contact.
//!
//! ```text
//! format (1 byte) · clock · next sequence · segment sets · contacts · engagements · suppressions · CRC-32 (4 bytes, little endian)
//! ```
//! Numbers are LEB128 varints; times are differences from the entry before. A contact is: time difference (4-5 bytes), terms (1-2), flags (1),
//! and, where the flags say so, sequence, segment set, key (8 bytes) and count.
//!
//! Measured on settled contacts of one year under 300 terms: 16 bytes and 7 to 8 a contact (10 contacts 92 bytes, 100 contacts 774, 365 contacts 2,420).
//! More takes a contact whose request may still be repeated (8 bytes, for 24 hours), one made elsewhere (8, for its event id), one with segments (1),
//! one reported late (1-3). An engagement takes 17 to 20 bytes.

use std::fmt;

use crate::compiled::EngagementKind;
use crate::customer::{
    Contact, CustomerState, Engagement, MAX_CONTACTS, MAX_ENGAGEMENTS, MAX_SEGMENTS, Status, Suppression,
};
use crate::ids::{ChannelId, FamilyId, SegmentId, TermsId};
use crate::time::Timestamp;

/// The format that this build writes, and the newest that it reads.
pub const FORMAT: u8 = 1;

const ANSWERED: u8 = 1 << 2;
const KEYED: u8 = 1 << 3;
const OUT_OF_SEQUENCE: u8 = 1 << 4;
const SEGMENTED: u8 = 1 << 5;
const FOLDED: u8 = 1 << 6;

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
        out.0.push(suppression.kind.number());
        out.varint(suppression.channel.map_or(0, |channel| u64::from(channel.0) + 1));
    }
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
    let state = CustomerState {
        clock: Timestamp(input.signed()?),
        next_sequence: input.small()?,
        segment_sets: input.segment_sets()?,
        contacts: input.contacts()?,
        engagements: input.engagements()?,
        suppressions: input.suppressions()?,
    };
    if input.0.is_empty() { Ok(state) } else { Err(CodecError::Damaged("bytes follow its end")) }
}

struct Writer(Vec<u8>);

impl Writer {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }

    fn length(&mut self, length: usize) {
        self.varint(length as u64);
    }

    /// Zigzag: small magnitudes of either sign are short.
    fn signed(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    fn contacts(&mut self, contacts: &[Contact]) {
        self.length(contacts.len());
        let (mut time, mut expected) = (0_i64, 1_u32);
        for contact in contacts {
            self.signed(contact.time.0.wrapping_sub(time));
            self.varint(u64::from(contact.terms.0));
            let flag = |bit: u8, is_set: bool| if is_set { bit } else { 0 };
            let flags = contact.status as u8
                | flag(ANSWERED, contact.is_answered)
                | flag(KEYED, contact.key.is_some())
                | flag(OUT_OF_SEQUENCE, contact.sequence != expected)
                | flag(SEGMENTED, contact.segment_set != 0)
                | flag(FOLDED, contact.count != 1);
            self.0.push(flags);
            if contact.sequence != expected {
                self.varint(u64::from(contact.sequence));
            }
            if contact.segment_set != 0 {
                self.varint(u64::from(contact.segment_set));
            }
            if let Some(key) = contact.key {
                self.0.extend_from_slice(&key.to_le_bytes());
            }
            if contact.count != 1 {
                self.varint(u64::from(contact.count));
            }
            time = contact.time.0;
            expected = contact.sequence.wrapping_add(1);
        }
    }

    fn engagements(&mut self, engagements: &[Engagement]) {
        self.length(engagements.len());
        let mut time = 0_i64;
        for engagement in engagements {
            self.signed(engagement.time.0.wrapping_sub(time));
            self.0.push(engagement.kind.number());
            self.varint(engagement.terms.map_or(0, |terms| u64::from(terms.0) + 1));
            self.varint(engagement.offer_family.map_or(0, |family| u64::from(family.0) + 1));
            self.varint(engagement.channel.map_or(0, |channel| u64::from(channel.0) + 1));
            self.signed(engagement.value);
            self.0.extend_from_slice(&engagement.key.to_le_bytes());
            time = engagement.time.0;
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, CodecError> {
        let (first, rest) = self.0.split_first().ok_or(CodecError::Damaged("too short"))?;
        self.0 = rest;
        Ok(*first)
    }

    fn varint(&mut self) -> Result<u64, CodecError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(CodecError::Damaged("a number is too long"))
    }

    fn signed(&mut self) -> Result<i64, CodecError> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    fn small(&mut self) -> Result<u32, CodecError> {
        u32::try_from(self.varint()?).map_err(|_| CodecError::Damaged("a number is too large"))
    }

    fn optional(&mut self) -> Result<Option<u32>, CodecError> {
        Ok(self.small()?.checked_sub(1))
    }

    fn length(&mut self, most: usize) -> Result<usize, CodecError> {
        let length =
            usize::try_from(self.varint()?).map_err(|_| CodecError::Damaged("a list is too long"))?;
        if length > most { Err(CodecError::Damaged("a list is too long")) } else { Ok(length) }
    }

    fn key(&mut self) -> Result<u64, CodecError> {
        let (key, rest) = self.0.split_first_chunk::<8>().ok_or(CodecError::Damaged("too short"))?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*key))
    }

    fn segment_sets(&mut self) -> Result<Vec<Vec<SegmentId>>, CodecError> {
        let sets = self.length(MAX_CONTACTS)?;
        (0..sets)
            .map(|_| (0..self.length(MAX_SEGMENTS)?).map(|_| self.small().map(SegmentId)).collect())
            .collect()
    }

    fn contacts(&mut self) -> Result<Vec<Contact>, CodecError> {
        let length = self.length(MAX_CONTACTS)?;
        let mut contacts = Vec::with_capacity(length + 1);
        let (mut time, mut expected) = (0_i64, 1_u32);
        for _ in 0..length {
            time = time.wrapping_add(self.signed()?);
            let terms = TermsId(self.small()?);
            let flags = self.byte()?;
            let sequence = if flags & OUT_OF_SEQUENCE == 0 { expected } else { self.small()? };
            let segment_set = if flags & SEGMENTED == 0 { 0 } else { self.small()? };
            let key = if flags & KEYED == 0 { None } else { Some(self.key()?) };
            let count = if flags & FOLDED == 0 { 1 } else { self.small()? };
            let status = Status::of(flags & 3).ok_or(CodecError::Damaged("no such status"))?;
            contacts.push(Contact {
                time: Timestamp(time),
                sequence,
                terms,
                status,
                is_answered: flags & ANSWERED != 0,
                segment_set,
                key,
                count,
            });
            expected = sequence.wrapping_add(1);
        }
        Ok(contacts)
    }

    fn engagement_kind(&mut self) -> Result<EngagementKind, CodecError> {
        EngagementKind::of(u64::from(self.byte()?)).ok_or(CodecError::Damaged("no such engagement"))
    }

    fn engagements(&mut self) -> Result<Vec<Engagement>, CodecError> {
        let length = self.length(MAX_ENGAGEMENTS)?;
        let mut engagements = Vec::with_capacity(length + 1);
        let mut time = 0_i64;
        for _ in 0..length {
            time = time.wrapping_add(self.signed()?);
            engagements.push(Engagement {
                time: Timestamp(time),
                kind: self.engagement_kind()?,
                terms: self.optional()?.map(TermsId),
                offer_family: self.optional()?.map(FamilyId),
                channel: self.optional()?.map(ChannelId),
                value: self.signed()?,
                key: self.key()?,
            });
        }
        Ok(engagements)
    }

    fn suppressions(&mut self) -> Result<Vec<Suppression>, CodecError> {
        let length = self.length(MAX_ENGAGEMENTS)?;
        (0..length)
            .map(|_| {
                Ok(Suppression {
                    since: Timestamp(self.signed()?),
                    kind: self.engagement_kind()?,
                    channel: self.optional()?.map(ChannelId),
                })
            })
            .collect()
    }
}
