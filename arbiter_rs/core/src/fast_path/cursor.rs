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
        self.skip((stops.trailing_zeros() / 8).wrapping_add(1));
        Some(first_of(word, stops))
    }

    #[inline]
    pub(super) fn signed(&mut self) -> Option<i64> {
        Some(unfolded(self.varint()?))
    }

    #[inline]
    fn skip(&mut self, bytes: u32) {
        self.at = self.at.wrapping_add(bytes as usize);
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

/// The varint that a word begins with, where its first stop ends it.
#[inline]
const fn first_of(word: u64, stops: u64) -> u64 {
    let bits = word & (stops ^ stops.wrapping_sub(1)) & !STOPS;
    // Seven bits of each byte, pushed together in three steps: two bytes, then four, then eight.
    let bits = (bits & 0x007f_007f_007f_007f) | (bits & 0x7f00_7f00_7f00_7f00) >> 1;
    let bits = (bits & 0x0000_3fff_0000_3fff) | (bits & 0x3fff_0000_3fff_0000) >> 2;
    (bits & 0x0000_0000_0fff_ffff) | (bits & 0x0fff_ffff_0000_0000) >> 4
}

/// A number of either sign.
#[inline]
const fn unfolded(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ (value & 1).cast_signed().wrapping_neg()
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

    fn extend(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let more = cursor.byte()?;
        if more & (OF_MEMBER | CHARGED) != 0 {
            return None;
        }
        if more & AT_POINT != 0 {
            self.contact_point = cursor.key()?;
        }
        if more & ABOUT_SUBJECT != 0 {
            self.subject = cursor.key()?;
        }
        if more & PLANNED != 0 {
            self.lead_ms = i64::try_from(cursor.varint()?).ok()?;
        }
        Some(())
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
            whose: Whose { member: Member::OWN, contact_point: self.contact_point, subject: self.subject },
            lead_ms: self.lead_ms,
            charges: Vec::new(),
        })
    }
}

/// What every contact says first. One that only says where it stands, in flags below [`KEYED`], says no more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Brief {
    pub(super) time: i64,
    pub(super) terms: u32,
    pub(super) flags: u8,
}

/// Where one stands among the contacts of a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contacts<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) time: i64,
    /// The number that the next contact has unless it says otherwise.
    pub(super) expected: u32,
    /// How many are to come.
    pub(super) left: usize,
}

impl Contacts<'_> {
    /// What the next contact says first; nothing where it is not in its place in time.
    pub(super) fn brief(&mut self) -> Option<Brief> {
        let passed = self.cursor.signed()?;
        self.time = self.time.checked_add(passed).filter(|_| passed >= 0)?;
        self.left = self.left.checked_sub(1)?;
        Some(Brief { time: self.time, terms: self.cursor.small()?, flags: self.cursor.byte()? })
    }

    /// Go on over contacts later than `oldest` that say no more than where they stand, and in few bytes; the first that is another stays
    /// where it is.
    #[inline]
    pub(super) fn run(mut self, oldest: i64, mut each: impl FnMut(Brief) -> Option<()>) -> Option<Self> {
        const TWO_BYTES_LEFT: u32 = 6 * 8;
        const THREE_BYTES_LEFT: u32 = 5 * 8;
        let Cursor { bytes, mut at } = self.cursor;
        let (mut time, mut left) = (self.time, self.left);
        while left > 0 {
            let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) else { break };
            let word = u64::from_le_bytes(*chunk);
            let stops = !word & STOPS;
            let bits = stops.trailing_zeros().wrapping_add(1);
            if bits > TWO_BYTES_LEFT {
                break;
            }
            let [low, high, last, ..] = (word >> bits).to_le_bytes();
            let (terms, flags, length) = if low < 0x80 {
                (u32::from(low), high, 2)
            } else if high < 0x80 && bits <= THREE_BYTES_LEFT {
                (u32::from(low & 0x7f) | u32::from(high) << 7, last, 3)
            } else {
                break;
            };
            let passed = unfolded(first_of(word, stops));
            let then = time.wrapping_add(passed);
            if flags >= KEYED || passed < 0 || then <= oldest {
                break;
            }
            time = then;
            at = at.wrapping_add((bits / 8).wrapping_add(length) as usize);
            left = left.wrapping_sub(1);
            each(Brief { time, terms, flags })?;
        }
        let passed = u32::try_from(self.left.wrapping_sub(left)).unwrap_or(0);
        self.expected = self.expected.wrapping_add(passed);
        (self.cursor.at, self.time, self.left) = (at, time, left);
        Some(self)
    }

    /// The rest of a contact; nothing where it is not a plain one: of another member of the party, or under a capacity.
    pub(super) fn held(&mut self, Brief { time, terms, flags }: Brief) -> Option<Held> {
        let mut held = Held {
            time,
            terms,
            flags,
            sequence: self.expected,
            segment_set: 0,
            key: 0,
            count: 1,
            contact_point: 0,
            subject: 0,
            lead_ms: 0,
            flags_at: self.cursor.at.wrapping_sub(1),
            key_at: 0,
        };
        let cursor = &mut self.cursor;
        if flags & OUT_OF_SEQUENCE != 0 {
            held.sequence = cursor.small()?;
        }
        if flags & SEGMENTED != 0 {
            held.segment_set = cursor.small()?;
        }
        if flags & KEYED != 0 {
            held.key_at = cursor.at;
            held.key = cursor.key()?;
        }
        if flags & FOLDED != 0 {
            held.count = cursor.small()?;
        }
        if flags & EXTENDED != 0 {
            held.extend(cursor)?;
        }
        self.expected = held.sequence.wrapping_add(1);
        Some(held)
    }
}
