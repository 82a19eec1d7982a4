//! The customer's state: all that a decision needs to know, as one value.

use std::collections::{HashMap, HashSet};

use crate::compiled::EngagementKind;
use crate::ids::{ChannelId, FamilyId, Micros, SegmentId, TermsId};
use crate::register::{Terms, Unconfirmed};
use crate::time::{DAY_MS, Timestamp};

/// How many contacts a value holds at most; beyond it the oldest are folded together.
pub const MAX_CONTACTS: usize = 4_096;
/// How many engagements a value holds at most; beyond it the oldest are dropped.
pub const MAX_ENGAGEMENTS: usize = 1_024;
/// From how many objections on a further one is read as one to all channels.
pub const MAX_SUPPRESSIONS: usize = 1_000;
/// From how many engagements on those that no rule can tell apart from a later one are dropped.
pub const ROUTINE_ENGAGEMENTS: usize = 64;
/// How many segments a contact freezes at most.
pub const MAX_SEGMENTS: usize = 64;
/// For how long a request id is remembered after its grant.
pub const REQUEST_ID_MS: i64 = 24 * 3_600_000;

/// For how much longer it is kept, so that a replica whose clock is behind still finds it.
pub const CLOCK_GRACE_MS: i64 = 3_600_000;

/// Where a contact stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Granted, neither confirmed nor released.
    Pending = 0,
    /// Sent.
    Confirmed = 1,
    /// Given back.
    Released = 2,
    /// Made elsewhere and reported: sent, and never asked for here.
    Elsewhere = 3,
}

impl Status {
    /// Whether the contact is known to have been made.
    #[must_use]
    pub const fn is_made(self) -> bool {
        matches!(self, Self::Confirmed | Self::Elsewhere)
    }

    /// The status with this number.
    #[must_use]
    pub const fn of(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Pending),
            1 => Some(Self::Confirmed),
            2 => Some(Self::Released),
            3 => Some(Self::Elsewhere),
            _ => None,
        }
    }
}

/// One contact, or several old ones folded into one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// When it takes its place.
    pub time: Timestamp,
    /// Its number within the customer's value.
    pub sequence: u32,
    /// What was frozen when it was granted.
    pub terms: TermsId,
    /// Where it stands.
    pub status: Status,
    /// Whether an answer was attributed to it.
    pub is_answered: bool,
    /// Position of its segments in [`CustomerState::segment_sets`], plus one; 0 for none.
    pub segment_set: u32,
    /// Hash of the request id (while a request may be repeated) or of the event id (always, where made elsewhere).
    pub key: Option<u64>,
    /// How many contacts it stands for.
    pub count: u32,
}

impl Contact {
    /// When the reservation expires unless confirmed.
    #[must_use]
    pub fn expires(&self, terms: &Terms) -> Timestamp {
        self.time.plus_ms(terms.expires_after_ms)
    }

    /// The instant from which it holds no place any more though nothing happened to it.
    #[must_use]
    pub fn lapses(&self, terms: &Terms) -> Option<Timestamp> {
        (self.status == Status::Pending && terms.unconfirmed == Unconfirmed::Released)
            .then(|| self.expires(terms))
    }

    /// Whether it holds its place at `t`, as far as release and expiry go.
    #[must_use]
    pub fn holds_place(&self, terms: &Terms, t: Timestamp) -> bool {
        self.status != Status::Released && self.lapses(terms).is_none_or(|lapse| t < lapse)
    }

    /// Whether it is known to have been made.
    #[must_use]
    pub const fn is_confirmed(&self) -> bool {
        self.status.is_made()
    }

    /// Whether it answers to this request key at `t`.
    #[must_use]
    pub fn is_of_request(&self, key: u64, t: Timestamp) -> bool {
        self.key == Some(key) && self.status != Status::Elsewhere && t < self.time.plus_ms(REQUEST_ID_MS)
    }
}

/// Something that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engagement {
    /// When it happened.
    pub time: Timestamp,
    /// What.
    pub kind: EngagementKind,
    /// Terms of the contact or campaign that it belongs to.
    pub terms: Option<TermsId>,
    /// The offer family that it names, over that of its terms.
    pub offer_family: Option<FamilyId>,
    /// The channel that it names, over that of its terms.
    pub channel: Option<ChannelId>,
    /// What it was worth, millionths.
    pub value: Micros,
    /// Hash of the event id.
    pub key: u64,
}

/// What the rules tell engagements apart by, beside time and value.
type EngagementKey = (EngagementKind, Option<TermsId>, Option<FamilyId>, Option<ChannelId>);

impl Engagement {
    const fn alike(&self) -> EngagementKey {
        (self.kind, self.terms, self.offer_family, self.channel)
    }
}

/// Marketing is suppressed from `since` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// From when on.
    pub since: Timestamp,
    /// By an opt-out or a complaint.
    pub kind: EngagementKind,
    /// On this channel; on all where absent.
    pub channel: Option<ChannelId>,
}

/// All that a decision needs to know of one customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerState {
    /// The latest instant at which it was changed.
    pub clock: Timestamp,
    /// The number of the next contact.
    pub next_sequence: u32,
    /// Ascending by (time, sequence).
    pub contacts: Vec<Contact>,
    /// Ascending by time.
    pub engagements: Vec<Engagement>,
    /// One per channel and kind, the earliest.
    pub suppressions: Vec<Suppression>,
    /// The distinct sets of segments that contacts froze.
    pub segment_sets: Vec<Vec<SegmentId>>,
}

impl Default for CustomerState {
    fn default() -> Self {
        Self {
            clock: Timestamp(0),
            next_sequence: 1,
            contacts: Vec::new(),
            engagements: Vec::new(),
            suppressions: Vec::new(),
            segment_sets: Vec::new(),
        }
    }
}

impl CustomerState {
    /// The segments that a contact froze.
    #[must_use]
    pub fn segments_of(&self, contact: &Contact) -> &[SegmentId] {
        let index = contact.segment_set.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.segment_sets.get(index)).map_or(&[], Vec::as_slice)
    }

    /// The position, plus one, of a set of segments; 0 for the empty set.
    pub fn admit_segments(&mut self, segments: &[SegmentId]) -> u32 {
        if segments.is_empty() {
            return 0;
        }
        let mut set = segments.to_vec();
        set.sort_unstable();
        set.dedup();
        let index = self.segment_sets.iter().position(|known| *known == set).unwrap_or_else(|| {
            self.segment_sets.push(set);
            self.segment_sets.len() - 1
        });
        u32::try_from(index + 1).unwrap_or(0)
    }

    /// Put a contact in its place in time; returns its number.
    pub fn admit_contact(&mut self, mut contact: Contact) -> u32 {
        let sequence = self.next_sequence;
        contact.sequence = sequence;
        self.next_sequence = sequence.saturating_add(1);
        let place = self.contacts.partition_point(|held| held.time <= contact.time);
        self.contacts.insert(place, contact);
        sequence
    }

    /// The contact with this number and time.
    #[must_use]
    pub fn contact(&self, sequence: u32, time: Timestamp) -> Option<&Contact> {
        self.contacts.iter().find(|contact| contact.sequence == sequence && contact.time == time)
    }

    /// Put an engagement in its place in time.
    pub fn admit_engagement(&mut self, engagement: Engagement) {
        let place = self.engagements.partition_point(|held| held.time <= engagement.time);
        self.engagements.insert(place, engagement);
    }

    /// Suppress marketing from `since` on, or earlier where it already was.
    pub fn suppress(&mut self, suppression: Suppression) {
        let is_same =
            |held: &Suppression| held.channel == suppression.channel && held.kind == suppression.kind;
        if let Some(held) = self.suppressions.iter_mut().find(|held| is_same(held)) {
            held.since = held.since.min(suppression.since);
        } else if suppression.channel.is_some() && self.suppressions.len() >= MAX_SUPPRESSIONS {
            // Nobody objects channel by channel so often without meaning all of them.
            self.suppress(Suppression { channel: None, ..suppression });
        } else {
            self.suppressions.push(suppression);
        }
    }

    /// Forget what no rule can need any more at `now` and keep the value within its stated maxima.
    ///
    /// Contacts older than `oldest` go unless `is_needed`; a request id goes a day after its grant; an engagement goes where a later one says all that it says.
    pub fn compact(
        &mut self,
        now: Timestamp,
        oldest: Timestamp,
        is_needed: impl Fn(&Self, &Contact) -> bool,
    ) {
        self.clock = self.clock.max(now);
        let settled = self.clock.minus_ms(REQUEST_ID_MS + CLOCK_GRACE_MS);
        if self.contacts.first().is_some_and(|first| first.time <= oldest) {
            let kept = self
                .contacts
                .iter()
                .filter(|contact| contact.time > oldest || is_needed(self, contact))
                .cloned()
                .collect();
            self.contacts = kept;
        }
        for contact in &mut self.contacts {
            if contact.time <= settled && contact.status != Status::Elsewhere {
                contact.key = None;
            }
        }
        self.fold_contacts();
        self.drop_covered_engagements(settled);
        if self.segment_sets.len() > 1 {
            self.drop_unused_segment_sets();
        }
    }

    /// Drop what a later engagement, alike and worth at least as much, says as well; beyond the stated maximum also what only
    /// values or clocks tell apart, the oldest first, but never the latest of its like before all others are gone.
    fn drop_covered_engagements(&mut self, settled: Timestamp) {
        if self.engagements.len() <= ROUTINE_ENGAGEMENTS {
            return;
        }
        drop_covered(&mut self.engagements, settled);
        if self.engagements.len() > MAX_ENGAGEMENTS {
            drop_covered(&mut self.engagements, Timestamp(i64::MAX));
        }
        let surplus = self.engagements.len().saturating_sub(MAX_ENGAGEMENTS);
        if surplus > 0 {
            drop_oldest(&mut self.engagements, surplus);
        }
    }

    /// Beyond the stated maximum, fold what every rule treats alike into one entry at the latest one's time, so that no cap gets looser:
    /// contacts made on one day, then pending ones too, then whatever the day.
    fn fold_contacts(&mut self) {
        if self.contacts.len() <= MAX_CONTACTS {
            return;
        }
        self.contacts.retain(|contact| contact.status != Status::Released);
        let older = self.contacts.len().saturating_sub(MAX_CONTACTS / 2);
        for (reach, folds_pending, span_ms) in
            [(older, false, DAY_MS), (usize::MAX, true, DAY_MS), (usize::MAX, true, i64::MAX)]
        {
            if self.contacts.len() > MAX_CONTACTS {
                let newer = self.contacts.split_off(reach.min(self.contacts.len()));
                self.contacts = fold_alike(std::mem::take(&mut self.contacts), folds_pending, span_ms);
                self.contacts.extend(newer);
            }
        }
        // More than the maximum of different terms, segments and fates: only then is the oldest forgotten.
        let surplus = self.contacts.len().saturating_sub(MAX_CONTACTS);
        self.contacts.drain(..surplus);
    }

    fn drop_unused_segment_sets(&mut self) {
        let sets = std::mem::take(&mut self.segment_sets);
        let mut renamed: Vec<Option<u32>> = vec![None; sets.len()];
        for contact in &mut self.contacts {
            let Some(index) =
                contact.segment_set.checked_sub(1).and_then(|index| usize::try_from(index).ok())
            else {
                continue;
            };
            let (Some(set), Some(name)) = (sets.get(index), renamed.get_mut(index)) else { continue };
            if name.is_none() {
                self.segment_sets.push(set.clone());
                *name = u32::try_from(self.segment_sets.len()).ok();
            }
            contact.segment_set = name.unwrap_or(0);
        }
    }
}

fn drop_covered(engagements: &mut Vec<Engagement>, settled: Timestamp) {
    let mut best: HashMap<EngagementKey, Micros> = HashMap::new();
    let mut kept: Vec<Engagement> = Vec::with_capacity(engagements.len());
    for engagement in engagements.drain(..).rev() {
        let covering = best.get(&engagement.alike()).copied();
        if covering.is_some_and(|value| engagement.value <= value) {
            continue;
        }
        if engagement.time <= settled {
            best.insert(engagement.alike(), engagement.value);
        }
        kept.push(engagement);
    }
    kept.reverse();
    *engagements = kept;
}

fn drop_oldest(engagements: &mut Vec<Engagement>, surplus: usize) {
    let mut seen = HashSet::new();
    let mut is_latest: Vec<bool> =
        engagements.iter().rev().map(|engagement| seen.insert(engagement.alike())).collect();
    is_latest.reverse();
    let mut left = surplus.min(is_latest.iter().filter(|latest| !**latest).count());
    let mut rest = surplus - left;
    let mut latest = is_latest.into_iter();
    engagements.retain(|_| {
        let counter = if latest.next().unwrap_or(true) { &mut rest } else { &mut left };
        let is_dropped = *counter > 0;
        *counter = counter.saturating_sub(1);
        !is_dropped
    });
}

fn fold_alike(contacts: Vec<Contact>, folds_pending: bool, span_ms: i64) -> Vec<Contact> {
    let mut folded: Vec<Contact> = Vec::with_capacity(contacts.len());
    let mut places = HashMap::new();
    for contact in contacts {
        let is_pending = contact.status == Status::Pending;
        let alike = (
            contact.time.0.div_euclid(span_ms),
            contact.terms,
            contact.status.is_made(),
            contact.is_answered,
            contact.segment_set,
        );
        let place = places.get(&alike).copied().filter(|_| folds_pending || !is_pending);
        match place.and_then(|place: usize| folded.get_mut(place)) {
            Some(held) => *held = Contact { count: held.count.saturating_add(contact.count), ..contact },
            None => {
                places.insert(alike, folded.len());
                folded.push(contact);
            }
        }
    }
    folded.sort_by_key(|contact| (contact.time, contact.sequence));
    folded
}

#[cfg(test)]
mod tests {
    use super::{
        Contact, CustomerState, Engagement, MAX_CONTACTS, MAX_ENGAGEMENTS, MAX_SUPPRESSIONS,
        ROUTINE_ENGAGEMENTS, Status, Suppression,
    };
    use crate::codec;
    use crate::compiled::EngagementKind;
    use crate::ids::{ChannelId, TermsId};
    use crate::time::{DAY_MS, Timestamp};

    fn contact(time: i64) -> Contact {
        Contact {
            time: Timestamp(time),
            sequence: 0,
            terms: TermsId(0),
            status: Status::Confirmed,
            is_answered: false,
            segment_set: 0,
            key: None,
            count: 1,
        }
    }

    fn purchase(time: i64, value: i64) -> Engagement {
        Engagement {
            time: Timestamp(time),
            kind: EngagementKind::Purchased,
            terms: None,
            offer_family: None,
            channel: None,
            value,
            key: u64::try_from(time).unwrap(),
        }
    }

    #[test]
    fn beyond_the_maximum_old_contacts_are_folded_and_none_is_lost() {
        let mut state = CustomerState::default();
        for n in 0..=i64::try_from(MAX_CONTACTS).unwrap() {
            state.admit_contact(contact(1_000_000_000_000 + n * 60_000));
        }
        state.compact(Timestamp(1_000_000_000_000 + 10 * DAY_MS), Timestamp(0), |_, _| false);
        assert!(state.contacts.len() <= MAX_CONTACTS);
        let total: u32 = state.contacts.iter().map(|contact| contact.count).sum();
        assert_eq!(usize::try_from(total).unwrap(), MAX_CONTACTS + 1);
        assert!(state.contacts.is_sorted_by_key(|contact| contact.time));
    }

    #[test]
    fn a_purchase_is_forgotten_only_behind_a_later_one_of_at_least_its_value() {
        let mut state = CustomerState::default();
        state.admit_engagement(purchase(1, 500));
        for n in 2..=i64::try_from(ROUTINE_ENGAGEMENTS).unwrap() + 2 {
            state.admit_engagement(purchase(n, 100));
        }
        state.compact(Timestamp(10 * DAY_MS), Timestamp(0), |_, _| false);
        let values: Vec<i64> = state.engagements.iter().map(|engagement| engagement.value).collect();
        assert_eq!(values, [500, 100]);
    }

    #[test]
    fn beyond_the_maximum_an_objection_is_to_all_channels() {
        let mut state = CustomerState::default();
        let objection =
            |channel| Suppression { since: Timestamp(5), kind: EngagementKind::OptedOut, channel };
        for channel in 0..=u32::try_from(MAX_SUPPRESSIONS).unwrap() {
            state.suppress(objection(Some(ChannelId(channel))));
        }
        assert_eq!(state.suppressions.len(), MAX_SUPPRESSIONS + 1);
        assert_eq!(state.suppressions.last(), Some(&objection(None)));
        assert_eq!(codec::decode(&codec::encode(&state)), Ok(state));
    }

    #[test]
    fn reservations_that_nobody_confirms_are_folded_too_and_none_is_lost() {
        let mut state = CustomerState::default();
        for n in 0..=i64::try_from(MAX_CONTACTS).unwrap() {
            state.admit_contact(Contact { status: Status::Pending, ..contact(1_000_000_000_000 + n) });
        }
        state.compact(Timestamp(1_000_000_010_000), Timestamp(0), |_, _| false);
        let total: u32 = state.contacts.iter().map(|contact| contact.count).sum();
        assert_eq!(usize::try_from(total).unwrap(), MAX_CONTACTS + 1);
    }

    #[test]
    fn a_flood_of_one_kind_of_engagement_leaves_the_latest_of_the_others() {
        let mut state = CustomerState::default();
        state.admit_engagement(Engagement { kind: EngagementKind::Refused, ..purchase(1, 0) });
        for n in 0..1_100 {
            state.admit_engagement(Engagement { kind: EngagementKind::Opened, ..purchase(2 + n, 2_000 - n) });
        }
        state.compact(Timestamp(5_000), Timestamp(0), |_, _| false);
        assert_eq!(state.engagements.len(), MAX_ENGAGEMENTS);
        assert_eq!(state.engagements.first().map(|first| first.kind), Some(EngagementKind::Refused));
    }

    #[test]
    fn a_contact_past_the_horizon_is_forgotten_unless_a_rule_needs_it() {
        let mut state = CustomerState::default();
        state.admit_contact(contact(10));
        state.admit_contact(contact(20));
        state.compact(Timestamp(100), Timestamp(20), |_, contact| contact.time == Timestamp(10));
        let times: Vec<i64> = state.contacts.iter().map(|contact| contact.time.0).collect();
        assert_eq!(times, [10]);
    }
}
