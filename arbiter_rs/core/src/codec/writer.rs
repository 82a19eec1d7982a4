//! A state as bytes.

use super::{
    ABOUT_SUBJECT, ANSWERED, AT_POINT, CHARGED, CLAIM_CHANNELS, CLAIM_OF_MEMBER, CLAIM_SCORE,
    CLAIM_SCORE_MICROS, CLAIMS, EXTENDED, FOLDED, KEYED, KIND_OF_MEMBER, MEMBERS, OF_MEMBER, OUT_OF_SEQUENCE,
    PLANNED, SEGMENTED, TASTES,
};
use crate::compiled::EngagementKind;
use crate::customer::{Claim, Contact, CustomerState, Engagement, Member};
use crate::ids::ONE;
use crate::time::Timestamp;

pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn varint(&mut self, mut value: u64) {
        if value < 0x80 {
            self.0.push(value.to_le_bytes()[0]);
        } else if value < 1 << 56 {
            self.eight(value);
        } else {
            while value >= 0x80 {
                self.0.push(value.to_le_bytes()[0] | 0x80);
                value >>= 7;
            }
            self.0.push(value.to_le_bytes()[0]);
        }
    }

    /// A varint of at most eight bytes, written at once: seven bits a byte, drawn apart in three steps.
    fn eight(&mut self, value: u64) {
        const MORE: u64 = 0x8080_8080_8080_8080;
        let bits = (value & 0x0fff_ffff) | (value & 0x00ff_ffff_f000_0000) << 4;
        let bits = (bits & 0x0000_3fff_0000_3fff) | (bits & 0x0fff_c000_0fff_c000) << 2;
        let bits = (bits & 0x007f_007f_007f_007f) | (bits & 0x3f80_3f80_3f80_3f80) << 1;
        let unused = bits.leading_zeros() / 8;
        let before_last = u64::MAX.checked_shr(unused * 8 + 8).unwrap_or(0);
        self.0.extend_from_slice(&(bits | MORE & before_last).to_le_bytes());
        self.0.truncate(self.0.len() - unused as usize);
    }

    pub(crate) fn length(&mut self, length: usize) {
        self.varint(length as u64);
    }

    /// Zigzag: small magnitudes of either sign are short.
    pub(crate) fn signed(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    pub(crate) fn contacts(&mut self, contacts: &[Contact]) {
        self.length(contacts.len());
        let (mut time, mut expected) = (0_i64, 1_u32);
        for contact in contacts {
            self.contact(contact, time, expected);
            time = contact.time.0;
            expected = contact.sequence.wrapping_add(1);
        }
    }

    /// One contact, behind one at `time`, where the number `expected` would be the next.
    pub(crate) fn contact(&mut self, contact: &Contact, time: i64, expected: u32) {
        self.signed(contact.time.0.wrapping_sub(time));
        self.varint(u64::from(contact.terms.0));
        let more = extended_flags(contact);
        let flags = contact.status as u8
            | flag(ANSWERED, contact.is_answered)
            | flag(KEYED, contact.key.is_some())
            | flag(OUT_OF_SEQUENCE, contact.sequence != expected)
            | flag(SEGMENTED, contact.segment_set != 0)
            | flag(FOLDED, contact.count != 1)
            | flag(EXTENDED, more != 0);
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
        if more != 0 {
            self.0.push(more);
            self.extension(contact);
        }
    }

    pub(crate) fn engagements(&mut self, engagements: &[Engagement]) {
        self.length(engagements.len());
        let mut time = 0_i64;
        for engagement in engagements {
            self.signed(engagement.time.0.wrapping_sub(time));
            self.kind(engagement.kind, engagement.member);
            self.varint(engagement.terms.map_or(0, |terms| u64::from(terms.0) + 1));
            self.varint(engagement.offer_family.map_or(0, |family| u64::from(family.0) + 1));
            self.varint(engagement.channel.map_or(0, |channel| u64::from(channel.0) + 1));
            self.signed(engagement.value);
            self.0.extend_from_slice(&engagement.key.to_le_bytes());
            time = engagement.time.0;
        }
    }

    pub(crate) fn kind(&mut self, kind: EngagementKind, member: Member) {
        self.0.push(kind.number() | flag(KIND_OF_MEMBER, member != Member::OWN));
        self.unless_zero(u64::from(member.0));
    }

    /// A number that is only there where a flag says so.
    fn unless_zero(&mut self, number: u64) {
        if number != 0 {
            self.varint(number);
        }
    }

    fn key(&mut self, key: u64) {
        if key != 0 {
            self.0.extend_from_slice(&key.to_le_bytes());
        }
    }

    fn extension(&mut self, contact: &Contact) {
        self.unless_zero(u64::from(contact.whose.member.0));
        self.key(contact.whose.contact_point);
        self.key(contact.whose.subject);
        self.unless_zero(contact.lead_ms.unsigned_abs());
        if contact.charges.is_empty() {
            return;
        }
        self.length(contact.charges.len());
        for charge in &contact.charges {
            self.varint(u64::from(charge.account.capacity.0));
            self.varint(charge.account.per.map_or(0, |per| u64::from(per) + 1));
            self.signed(charge.account.start.0);
            self.varint(u64::from(charge.pool.0));
            self.signed(charge.amount);
        }
    }

    pub(crate) fn sections(&mut self, state: &CustomerState) {
        self.0.push(
            flag(MEMBERS, !state.members.is_empty())
                | flag(CLAIMS, !state.claims.is_empty())
                | flag(TASTES, !state.tastes.is_empty()),
        );
        if !state.members.is_empty() {
            self.length(state.members.len());
            for member in &state.members {
                self.length(member.len());
                self.0.extend_from_slice(member.as_bytes());
            }
        }
        if !state.claims.is_empty() {
            self.claims(&state.claims, state.clock);
        }
        if !state.tastes.is_empty() {
            self.length(state.tastes.len());
            for taste in &state.tastes {
                self.varint(u64::from(taste.member.0));
                self.varint(u64::from(taste.family.0));
                self.signed(taste.time.0);
                self.0.extend_from_slice(&taste.strength.to_le_bytes());
            }
        }
    }

    fn claims(&mut self, claims: &[Claim], clock: Timestamp) {
        self.length(claims.len());
        let mut from = clock.0;
        for claim in claims {
            let micros = claim.score.and_then(whole_micros);
            self.0.push(
                flag(CLAIM_OF_MEMBER, claim.member != Member::OWN)
                    | flag(CLAIM_CHANNELS, !claim.channels.is_empty())
                    | flag(CLAIM_SCORE, claim.score.is_some() && micros.is_none())
                    | flag(CLAIM_SCORE_MICROS, micros.is_some()),
            );
            self.unless_zero(u64::from(claim.member.0));
            self.varint(u64::from(claim.campaign.0));
            if !claim.channels.is_empty() {
                self.length(claim.channels.len());
                claim.channels.iter().for_each(|channel| self.varint(u64::from(channel.0)));
            }
            self.signed(claim.from.0.wrapping_sub(from));
            self.signed(claim.until.0.wrapping_sub(claim.from.0));
            match (micros, claim.score) {
                (Some(micros), _) => self.signed(micros),
                (None, Some(score)) => self.0.extend_from_slice(&score.to_le_bytes()),
                (None, None) => {}
            }
            self.varint(claim.version);
            from = claim.from.0;
        }
    }
}

const fn flag(bit: u8, is_set: bool) -> u8 {
    if is_set { bit } else { 0 }
}

const fn extended_flags(contact: &Contact) -> u8 {
    flag(OF_MEMBER, contact.whose.member.0 != 0)
        | flag(AT_POINT, contact.whose.contact_point != 0)
        | flag(ABOUT_SUBJECT, contact.whose.subject != 0)
        | flag(PLANNED, contact.lead_ms != 0)
        | flag(CHARGED, !contact.charges.is_empty())
}

/// A score as millionths, where that says all of it.
fn whole_micros(score: f64) -> Option<i64> {
    const MOST: f64 = 9.0e15;
    #[expect(clippy::cast_precision_loss, reason = "the division gives the score back or it is not taken")]
    #[expect(clippy::cast_possible_truncation, reason = "below 9e15 in magnitude, which an i64 holds")]
    let whole = |micros: f64| (micros as i64 as f64 / ONE as f64, micros as i64);
    let micros = (score * 1e6).round();
    let (back, whole) = if micros.abs() <= MOST { whole(micros) } else { return None };
    (back.to_bits() == score.to_bits()).then_some(whole)
}
