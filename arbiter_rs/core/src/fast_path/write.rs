//! The bytes of the next value: what is kept is copied as it lies, the new contact comes behind it.

use super::Scratch;
use super::judge::Question;
use super::scan::Scanned;
use crate::codec::writer::Writer;
use crate::codec::{CLAIMS, FORMAT, KEYED};
use crate::customer::{CLOCK_GRACE_MS, Contact, Member, Whose};

/// The value of a customer of whom nothing is known: clock 1970, next number 1, and a check that nobody asks for.
const EMPTY: [u8; 12] = [FORMAT, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// The bytes of a value, unless they are damaged or of another format.
pub(super) fn checked(value: &[u8]) -> Option<&[u8]> {
    if value.is_empty() {
        return Some(&EMPTY);
    }
    let (body, check) = value.split_last_chunk::<4>()?;
    let is_sound = body.first() == Some(&FORMAT) && crc32fast::hash(body) == u32::from_le_bytes(*check);
    is_sound.then_some(value)
}

/// Write the next value.
pub(super) fn write(
    question: &Question<'_>,
    value: &[u8],
    scanned: &Scanned,
    scratch: &mut Scratch,
    next: &mut Vec<u8>,
) -> Option<()> {
    let mut bytes = std::mem::take(next);
    bytes.clear();
    bytes.reserve(value.len() + 64);
    let mut out = Writer(bytes);
    out.0.push(FORMAT);
    out.signed(scanned.clock.0);
    out.varint(u64::from(scanned.next_sequence.saturating_add(1)));
    let is_new_set = scanned.is_new_set();
    out.length(scanned.sets + usize::from(is_new_set));
    out.0.extend_from_slice(value.get(scanned.sets_from..scanned.sets_to)?);
    if is_new_set {
        out.length(scratch.segments.len());
        scratch.segments.iter().for_each(|segment| out.varint(u64::from(segment.0)));
    }
    out.length(scanned.kept + 1);
    contacts(&mut out, value, scanned, scratch)?;
    out.contact(&granted(question, scanned), scanned.time, scanned.expected);
    out.0.extend_from_slice(value.get(scanned.contacts_to..scanned.sections_from)?);
    let end = value.len().checked_sub(4)?;
    let sections = value.get(scanned.sections_from..end)?;
    if sections.first()? & CLAIMS == 0 {
        out.0.extend_from_slice(sections);
    } else {
        let over = scanned.clock.minus_ms(CLOCK_GRACE_MS);
        let state = &mut scratch.state;
        state.claims.retain(|claim| over < claim.until);
        state.clock = scanned.clock;
        out.sections(state);
    }
    let check = crc32fast::hash(&out.0);
    out.0.extend_from_slice(&check.to_le_bytes());
    *next = out.0;
    Some(())
}

/// The contacts that are kept, without the request keys that are forgotten.
fn contacts(out: &mut Writer, value: &[u8], scanned: &Scanned, scratch: &Scratch) -> Option<()> {
    let mut from = scanned.contacts_from;
    let mut forgotten = scratch.forgotten.iter();
    if let Some(held) = &scanned.first {
        // It comes first now: its time is from the beginning, and its number is said.
        let mut first = held.contact()?;
        if scratch.forgotten.first().is_some_and(|first| first.flags_at == held.flags_at) {
            first.key = None;
            forgotten.next();
        }
        out.contact(&first, 0, 1);
    }
    for key in forgotten {
        out.0.extend_from_slice(value.get(from..key.flags_at)?);
        out.0.push(key.flags & !KEYED);
        out.0.extend_from_slice(value.get(key.flags_at + 1..key.key_at)?);
        from = key.key_at + 8;
    }
    out.0.extend_from_slice(value.get(from..scanned.contacts_to)?);
    Some(())
}

/// The new contact.
fn granted(question: &Question<'_>, scanned: &Scanned) -> Contact {
    Contact {
        time: question.now,
        sequence: scanned.next_sequence,
        terms: question.terms_id,
        segment_set: scanned.set,
        key: question.key,
        whose: Whose {
            member: Member::OWN,
            contact_point: question.request.contact_point,
            subject: question.request.subject,
        },
        ..Contact::default()
    }
}
