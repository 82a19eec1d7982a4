//! Reading the contacts of a value where they lie: nothing is copied out but what is looked at.

use crate::codec::{
    ABOUT_SUBJECT, AT_POINT, CHARGED, EXTENDED, FOLDED, KEYED, OF_MEMBER, OUT_OF_SEQUENCE, PLANNED, SEGMENTED,
};
use crate::customer::{Contact, Member, Status, Whose};
use crate::ids::TermsId;
use crate::time::Timestamp;

/// The bits of a word that end a varint.
const STOPS: u64 = 0x8080_8080_8080_8080;

/// A place in the bytes of a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The next eight bytes, the first the lowest; zeros behind the end.
    #[inline]
    fn word(&self) -> u64 {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        rest.first_chunk::<8>().map_or_else(|| short_word(rest), |chunk| u64::from_le_bytes(*chunk))
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// A varint of at most eight bytes: longer ones are for the long way.
    #[inline]
    pub(super) fn varint(&mut self) -> Option<u64> {
        let word = self.word();
        let stops = !word & STOPS;
        if stops == 0 {
            return None;
        }
        self.at += (stops.trailing_zeros() / 8) as usize + 1;
        let bits = word & (stops ^ (stops - 1)) & !STOPS;
        // Seven bits of each byte, pushed together in three steps: two bytes, then four, then eight.
        let bits = (bits & 0x007f_007f_007f_007f) | (bits & 0x7f00_7f00_7f00_7f00) >> 1;
        let bits = (bits & 0x0000_3fff_0000_3fff) | (bits & 0x3fff_0000_3fff_0000) >> 2;
        Some((bits & 0x0000_0000_0fff_ffff) | (bits & 0x0fff_ffff_0000_0000) >> 4)
    }

    #[inline]
    pub(super) fn signed(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    #[inline]
    pub(super) fn small(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    pub(super) fn length(&mut self, most: usize) -> Option<usize> {
        usize::try_from(self.varint()?).ok().filter(|length| *length <= most)
    }

    fn key(&mut self) -> Option<u64> {
        let key = self.bytes.get(self.at..)?.first_chunk::<8>()?;
        self.at += 8;
        Some(u64::from_le_bytes(*key))
    }
}

#[cold]
fn short_word(rest: &[u8]) -> u64 {
    rest.iter().take(8).rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// A contact as it lies in the bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) time: i64,
    pub(super) terms: u32,
    pub(super) flags: u8,
    pub(super) sequence: u32,
    pub(super) segment_set: u32,
    pub(super) key: u64,
    pub(super) count: u32,
    pub(super) contact_point: u64,
    pub(super) subject: u64,
    pub(super) lead_ms: i64,
    /// Where its flags lie.
    pub(super) flags_at: usize,
    /// Where its key lies, where it has one.
    pub(super) key_at: usize,
}

impl Held {
    /// Whether the request key is forgotten by a value that has been changed last at `settled` plus the grace.
    pub(super) fn is_settled(&self, settled: Timestamp) -> bool {
        self.flags & KEYED != 0
            && self.time.saturating_sub(self.lead_ms) <= settled.0
            && self.flags & 3 != Status::Elsewhere as u8
    }

    /// The contact by itself.
    pub(super) fn contact(&self) -> Option<Contact> {
        Some(Contact {
            time: Timestamp(self.time),
            sequence: self.sequence,
            terms: TermsId(self.terms),
            status: Status::of(self.flags & 3)?,
            is_answered: self.flags & crate::codec::ANSWERED != 0,
            segment_set: self.segment_set,
            key: (self.flags & KEYED != 0).then_some(self.key),
            count: self.count,
            whose: Whose {
                member: Member::OWN,
                contact_point: self.contact_point,
                subject: self.subject,
            },
            lead_ms: self.lead_ms,
            charges: Vec::new(),
        })
    }
}

/// The contacts of a value, one after the other.
#[derive(Debug)]
pub(super) struct Contacts<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) time: i64,
    /// The number that the next contact has unless it says otherwise.
    pub(super) expected: u32,
}

impl Contacts<'_> {
    /// The next contact; nothing where it is not a plain one: of another member of the party, under a capacity, or not in its place in time.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Held> {
        let passed = self.cursor.signed()?;
        if passed < 0 {
            return None;
        }
        self.time = self.time.checked_add(passed)?;
        let terms = self.cursor.small()?;
        let flags_at = self.cursor.at;
        let flags = self.cursor.byte()?;
        let mut held = Held {
            time: self.time,
            terms,
            flags,
            sequence: self.expected,
            segment_set: 0,
            key: 0,
            count: 1,
            contact_point: 0,
            subject: 0,
            lead_ms: 0,
            flags_at,
            key_at: 0,
        };
        if flags & (OUT_OF_SEQUENCE | SEGMENTED | KEYED | FOLDED | EXTENDED) != 0 {
            self.flagged(&mut held)?;
        }
        self.expected = held.sequence.wrapping_add(1);
        Some(held)
    }

    fn flagged(&mut self, held: &mut Held) -> Option<()> {
        let cursor = &mut self.cursor;
        if held.flags & OUT_OF_SEQUENCE != 0 {
            held.sequence = cursor.small()?;
        }
        if held.flags & SEGMENTED != 0 {
            held.segment_set = cursor.small()?;
        }
        if held.flags & KEYED != 0 {
            held.key_at = cursor.at;
            held.key = cursor.key()?;
        }
        if held.flags & FOLDED != 0 {
            held.count = cursor.small()?;
        }
        if held.flags & EXTENDED != 0 {
            let more = cursor.byte()?;
            if more & (OF_MEMBER | CHARGED) != 0 {
                return None;
            }
            if more & AT_POINT != 0 {
                held.contact_point = cursor.key()?;
            }
            if more & ABOUT_SUBJECT != 0 {
                held.subject = cursor.key()?;
            }
            if more & PLANNED != 0 {
                held.lead_ms = i64::try_from(cursor.varint()?).ok()?;
            }
        }
        Some(())
    }
}
