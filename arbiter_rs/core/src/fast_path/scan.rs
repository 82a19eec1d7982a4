//! One pass over a value: what its contacts add up to, and what the next value forgets of them.

use super::Scratch;
use super::cursor::{Brief, Contacts, Cursor, Held};
use super::judge::Question;
use super::plan::Counting;
use super::sums::Sums;
use crate::codec::reader::Reader;
use crate::codec::{ANSWERED, KEYED, MEMBERS};
use crate::customer::{CLOCK_GRACE_MS, MAX_CONTACTS, MAX_SEGMENTS, REQUEST_ID_MS, ROUTINE_ENGAGEMENTS};
use crate::decide::ensure_known;
use crate::ids::SegmentId;
use crate::time::{DAY_MS, Timestamp};

/// The bytes behind the contacts of a customer of whom nothing else is known: no engagements, no suppressions, no sections.
const NOTHING_ELSE: [u8; 3] = [0; 3];
/// The bits of the flags that say where a contact stands.
const STATUS: u8 = 3;

/// A request key that the next value does not hold any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forgotten {
    pub(super) flags: u8,
    pub(super) flags_at: usize,
    pub(super) key_at: usize,
}

/// What a contact counts for, by what every contact says first.
struct Lens<'a> {
    question: &'a Question<'a>,
    terms: &'a [Counting],
    masks: &'a [u64],
    by_flags: [u64; 8],
    now: i64,
}

impl<'a> Lens<'a> {
    fn of(question: &'a Question<'a>) -> Self {
        let terms = question.snapshot.plans.contacts.as_slice();
        let plan = question.plan;
        Self { question, terms, masks: &plan.masks, by_flags: plan.by_flags, now: question.now.0 }
    }

    /// The sums that count a contact; nothing where the catalog does not know its terms.
    #[inline]
    fn bits(&self, Brief { time, terms, flags }: Brief) -> Option<u64> {
        let of_terms = self.terms.get(terms as usize)?;
        if flags & STATUS == 0 && self.now.wrapping_sub(time) >= of_terms.holds_ms {
            return Some(0);
        }
        let by_flags = self.by_flags.get(usize::from(flags & (STATUS | ANSWERED)))?;
        Some(self.masks.get(of_terms.class as usize)? & by_flags)
    }

    /// Count one contact.
    #[inline]
    fn add(&self, brief: Brief, count: u32, whose: u64, sums: &mut Sums) -> Option<()> {
        let bits = self.bits(brief)? & whose;
        let special = bits & self.question.plan.special;
        sums.add(bits & !special, brief.time, i64::from(count));
        if special != 0 {
            let terms = self.question.snapshot.register.terms.get(brief.terms as usize)?;
            sums.add_special(self.question.plan, special, (brief.time, count), (terms, self.question.terms));
        }
        Some(())
    }

    /// Count contacts that say no more than where they stand.
    #[inline(never)]
    fn run<'b>(&self, contacts: Contacts<'b>, oldest: i64, sums: &mut Sums) -> Option<Contacts<'b>> {
        let whose = self.question.unaddressed;
        let plan = self.question.plan;
        if plan.sums.len() != 1 || plan.special != 0 {
            return contacts.run(oldest, |brief| self.add(brief, 1, whose, sums));
        }
        // One sum of contacts, as most candidates have: it is kept at hand.
        let mut one = sums.take_one();
        let contacts = contacts.run(oldest, |brief| {
            if self.bits(brief)? & whose != 0 {
                one.add(brief.time)?;
            }
            Some(())
        });
        let so_far = one.so_far();
        sums.put_one(so_far);
        contacts
    }
}

/// Compaction numbers the sets of segments anew by their first contact: it must find them so.
struct SetNames {
    named: u32,
    is_renaming: bool,
}

impl SetNames {
    /// Whether a contact of this set leaves the numbers as they are.
    fn take(&mut self, set: u32) -> bool {
        if set <= self.named {
            return true;
        }
        self.named += 1;
        !self.is_renaming || set == self.named
    }
}

/// What a value says, and where.
#[derive(Debug)]
pub(super) struct Scanned {
    /// Of the value, and of the next one.
    pub(super) old_clock: Timestamp,
    pub(super) clock: Timestamp,
    pub(super) next_sequence: u32,
    /// How many sets of segments there are, and where they lie.
    pub(super) sets: usize,
    pub(super) sets_from: usize,
    pub(super) sets_to: usize,
    /// The number of the set that the new contact freezes; 0 for none. One more than there are where it is new.
    pub(super) set: u32,
    /// How many contacts the next value keeps, without the new one.
    pub(super) kept: usize,
    /// The first of them, where those before it are forgotten.
    pub(super) first: Option<Held>,
    /// Where the bytes of those that are kept begin (after `first`) and end.
    pub(super) contacts_from: usize,
    pub(super) contacts_to: usize,
    /// The time of the latest contact, and the number that would follow its own.
    pub(super) time: i64,
    pub(super) expected: u32,
    /// Where the sections begin.
    pub(super) sections_from: usize,
}

pub(super) fn scan(question: &Question<'_>, value: &[u8], scratch: &mut Scratch) -> Option<Scanned> {
    // The format and the check are read already.
    let mut cursor = Cursor::new(value, 1);
    let clock = Timestamp(cursor.signed()?);
    let next_sequence = cursor.small()?;
    let sets = cursor.length(MAX_CONTACTS)?;
    let sets_from = cursor.at;
    let set = find_set(&mut cursor, sets, &scratch.segments)?;
    let sets_to = cursor.at;
    let contacts = cursor.length(MAX_CONTACTS - 1)?;
    let mut scanned = Scanned {
        old_clock: clock,
        clock: clock.max(question.now),
        next_sequence,
        sets,
        sets_from,
        sets_to,
        set,
        kept: contacts,
        first: None,
        contacts_from: cursor.at,
        contacts_to: 0,
        time: 0,
        expected: 1,
        sections_from: 0,
    };
    scanned.contacts(question, cursor, contacts, scratch)?;
    scanned.rest(question, value, scratch)?;
    Some(scanned)
}

/// The number that the new contact's set of segments has in the value.
fn find_set(cursor: &mut Cursor<'_>, sets: usize, wanted: &[SegmentId]) -> Option<u32> {
    let mut found = None;
    for number in 1..=sets {
        let length = cursor.length(MAX_SEGMENTS)?;
        let mut is_it = length == wanted.len();
        for place in 0..length {
            let segment = cursor.small()?;
            is_it &= wanted.get(place).is_some_and(|wanted| wanted.0 == segment);
        }
        if is_it && found.is_none() {
            found = Some(number);
        }
    }
    if wanted.is_empty() {
        return Some(0);
    }
    u32::try_from(found.unwrap_or(sets + 1)).ok()
}

impl Scanned {
    fn contacts(
        &mut self,
        question: &Question<'_>,
        cursor: Cursor<'_>,
        length: usize,
        scratch: &mut Scratch,
    ) -> Option<()> {
        let Scratch { sums, forgotten, .. } = scratch;
        let oldest = question.snapshot.horizon_at(question.now).minus_ms(DAY_MS);
        let mut names = SetNames { named: 0, is_renaming: self.sets + usize::from(self.is_new_set()) > 1 };
        let mut dropped = 0;
        let lens = Lens::of(question);
        forgotten.clear();
        sums.begin(question.plan.sums.len(), length);
        let mut contacts = Contacts { cursor, time: 0, expected: 1, left: length };
        while contacts.left > 0 {
            let is_first = dropped > 0 && dropped == length - contacts.left;
            if !is_first {
                contacts = lens.run(contacts, oldest.0, sums)?;
                if contacts.left == 0 {
                    break;
                }
            }
            let brief = contacts.brief()?;
            let held = contacts.held(brief)?;
            if held.time <= oldest.0 {
                // What is older than the horizon counts nowhere, but the catalog has to know it.
                question.snapshot.plans.contacts.get(held.terms as usize)?;
                dropped += 1;
                continue;
            }
            if is_first {
                self.first = Some(held);
                self.contacts_from = contacts.cursor.at;
            }
            self.note(question, &held, &mut names, forgotten)?;
            lens.add(brief, held.count, question.whose(&held), sums)?;
        }
        self.kept = length - dropped;
        self.contacts_to = contacts.cursor.at;
        if self.kept == 0 {
            self.contacts_from = self.contacts_to;
        } else {
            (self.time, self.expected) = (contacts.time, contacts.expected);
        }
        let is_named = !names.is_renaming || self.names_all(names.named);
        let is_needed = dropped > 0 && question.snapshot.plans.is_endless;
        (contacts.time <= question.now.0 && is_named && !is_needed && !sums.is_beyond()).then_some(())
    }

    /// What a contact says beside where it stands; nothing where it makes the question one for the long way.
    fn note(
        &self,
        question: &Question<'_>,
        held: &Held,
        names: &mut SetNames,
        forgotten: &mut Vec<Forgotten>,
    ) -> Option<()> {
        if held.flags & KEYED != 0 && Some(held.key) == question.key {
            return None;
        }
        if held.is_settled(self.clock.minus_ms(REQUEST_ID_MS + CLOCK_GRACE_MS)) {
            let Held { flags, flags_at, key_at, .. } = *held;
            forgotten.push(Forgotten { flags, flags_at, key_at });
        }
        let is_plain = held.segment_set == 0 || question.plan.segmented == 0 && names.take(held.segment_set);
        is_plain.then_some(())
    }

    /// Whether the new contact's set is none that the value holds.
    pub(super) fn is_new_set(&self) -> bool {
        usize::try_from(self.set).is_ok_and(|set| set > self.sets)
    }

    /// Whether every set has a contact, the new one included.
    fn names_all(&self, named: u32) -> bool {
        let named = named + u32::from(self.set == named + 1);
        usize::try_from(named) == Ok(self.sets + usize::from(self.is_new_set()))
    }

    /// What follows the contacts.
    fn rest(&mut self, question: &Question<'_>, value: &[u8], scratch: &mut Scratch) -> Option<()> {
        let state = &mut scratch.state;
        state.engagements.clear();
        state.suppressions.clear();
        state.claims.clear();
        state.tastes.clear();
        let (body, _) = value.split_last_chunk::<4>()?;
        let rest = body.get(self.contacts_to..)?;
        self.sections_from = body.len().checked_sub(1)?;
        if rest == NOTHING_ELSE {
            return Some(());
        }
        let mut input = Reader(rest);
        input.engagements_into(&mut state.engagements).ok()?;
        state.suppressions = input.suppressions().ok()?;
        self.sections_from = body.len().checked_sub(input.0.len())?;
        if input.0.first()? & MEMBERS != 0 {
            return None;
        }
        // Claims are written against the clock that the value has.
        state.clock = self.old_clock;
        input.sections(state).ok()?;
        let is_sorted = state.engagements.is_sorted_by_key(|engagement| engagement.time);
        let is_routine = state.engagements.len() <= ROUTINE_ENGAGEMENTS;
        let is_known = ensure_known(question.snapshot, state).is_ok();
        (input.0.is_empty() && is_sorted && is_routine && is_known).then_some(())
    }
}
