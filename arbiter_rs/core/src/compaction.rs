//! Compaction: what a value forgets so that it stays within its stated maxima.

use std::collections::{HashMap, HashSet};

use crate::affinity::faded;
use crate::compiled::EngagementKind;
use crate::customer::{
    CHARGES_MS, CLOCK_GRACE_MS, Contact, CustomerState, Engagement, MAX_CONTACTS, MAX_ENGAGEMENTS, Member,
    REQUEST_ID_MS, ROUTINE_ENGAGEMENTS, Status, Taste,
};
use crate::ids::{ChannelId, FamilyId, Micros, TermsId};
use crate::register::Register;
use crate::time::{DAY_MS, Timestamp};

/// What the catalog still wants to know.
pub trait Keeping {
    /// Whether a contact beyond the horizon is kept.
    fn needs(&self, state: &CustomerState, contact: &Contact) -> bool;

    /// The offer family whose affinity an engagement teaches, and its half-life in milliseconds.
    fn taught_by(&self, engagement: &Engagement) -> Option<(FamilyId, i64)>;
}

/// What the rules tell engagements apart by, beside time and value.
type EngagementKey = (Member, EngagementKind, Option<TermsId>, Option<FamilyId>, Option<ChannelId>);

const fn alike(engagement: &Engagement) -> EngagementKey {
    (engagement.member, engagement.kind, engagement.terms, engagement.offer_family, engagement.channel)
}

impl CustomerState {
    /// Forget what no rule can need any more at `now` and keep the value within its stated maxima.
    ///
    /// Contacts older than `oldest` go unless they are needed; a request id goes a day after its grant; an engagement goes where a later one
    /// says all that it says, and what it taught stays; a claim goes when it is over; in a full party a customer whom nothing names.
    pub fn compact(&mut self, now: Timestamp, oldest: Timestamp, keeping: &impl Keeping) {
        self.clock = self.clock.max(now);
        let settled = self.clock.minus_ms(REQUEST_ID_MS + CLOCK_GRACE_MS);
        if self.contacts.first().is_some_and(|first| first.time <= oldest) {
            let kept = self
                .contacts
                .iter()
                .filter(|contact| contact.time > oldest || keeping.needs(self, contact))
                .cloned()
                .collect();
            self.contacts = kept;
        }
        for contact in &mut self.contacts {
            if contact.granted() <= settled && contact.status != Status::Elsewhere {
                contact.key = None;
            }
        }
        let over = self.clock.minus_ms(CLOCK_GRACE_MS);
        self.claims.retain(|claim| over < claim.until);
        self.fold_contacts();
        self.drop_covered_engagements(settled, keeping);
        if self.segment_sets.len() > 1 {
            self.drop_unused_segment_sets();
        }
        if self.is_full() {
            self.drop_unnamed_members();
        }
    }

    /// Forget what was taken of capacities and budgets under reservations that expired [`CHARGES_MS`] ago, so that the contacts may be
    /// folded: for a value beyond its maximum, since no release gives it back any more.
    pub fn forget_charges(&mut self, register: &Register, now: Timestamp) {
        let over = self.clock.max(now).minus_ms(CHARGES_MS);
        let is_over = |contact: &Contact| {
            register.terms(contact.terms).is_some_and(|terms| contact.expires(terms) <= over)
        };
        for contact in self.contacts.iter_mut().take_while(|contact| contact.time <= over) {
            if !contact.charges.is_empty() && is_over(contact) {
                contact.charges = Vec::new();
            }
        }
    }

    /// Drop what a later engagement, alike and worth at least as much, says as well; beyond the stated maximum also what only
    /// values or clocks tell apart, the oldest first, but never the latest of its like before all others are gone.
    fn drop_covered_engagements(&mut self, settled: Timestamp, keeping: &impl Keeping) {
        if self.engagements.len() <= ROUTINE_ENGAGEMENTS {
            return;
        }
        let mut dropped = drop_covered(&mut self.engagements, settled);
        if self.engagements.len() > MAX_ENGAGEMENTS {
            dropped.extend(drop_covered(&mut self.engagements, Timestamp(i64::MAX)));
        }
        let surplus = self.engagements.len().saturating_sub(MAX_ENGAGEMENTS);
        if surplus > 0 {
            dropped.extend(drop_oldest(&mut self.engagements, surplus));
        }
        for engagement in &dropped {
            if let Some((family, half_life_ms)) = keeping.taught_by(engagement) {
                self.remember_taste(engagement, family, half_life_ms);
            }
        }
    }

    /// Add what an engagement taught to what is left of those before it.
    fn remember_taste(&mut self, engagement: &Engagement, family: FamilyId, half_life_ms: i64) {
        let lesson = Taste { member: engagement.member, family, time: engagement.time, strength: 1.0 };
        let is_same = |taste: &&mut Taste| taste.member == lesson.member && taste.family == lesson.family;
        if let Some(taste) = self.tastes.iter_mut().find(is_same) {
            let time = taste.time.max(lesson.time);
            let at =
                |taste: &Taste| taste.strength * faded(time.0.saturating_sub(taste.time.0), half_life_ms);
            *taste = Taste { time, strength: at(taste) + at(&lesson), ..lesson };
        } else if self.tastes.len() < MAX_ENGAGEMENTS {
            self.tastes.push(lesson);
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
                // Never across this moment: folded into one that is planned, a contact would leave the windows of today.
                let past = self.contacts.partition_point(|contact| contact.time <= self.clock);
                let newer = self.contacts.split_off(reach.min(past));
                self.contacts = fold_alike(std::mem::take(&mut self.contacts), folds_pending, span_ms);
                self.contacts.extend(newer);
            }
        }
        if self.contacts.len() > MAX_CONTACTS {
            let past = self.contacts.partition_point(|contact| contact.time <= self.clock);
            let planned = self.contacts.split_off(past);
            self.contacts.extend(fold_alike(planned, true, i64::MAX));
        }
        // More than the maximum of different terms, segments and fates: only then is the oldest forgotten.
        let surplus = self.contacts.len().saturating_sub(MAX_CONTACTS);
        self.contacts.drain(..surplus);
    }

    /// Give back the numbers of customers whom nothing names any more; the others move up.
    fn drop_unnamed_members(&mut self) {
        let named: HashSet<Member> = self.members_named().map(|member| *member).collect();
        let mut renamed = vec![Member::OWN];
        let mut number = 0;
        for place in 1..=self.members.len() {
            let is_named = u32::try_from(place).is_ok_and(|place| named.contains(&Member(place)));
            number += u32::from(is_named);
            renamed.push(Member(number));
        }
        for member in self.members_named() {
            if let Some(number) = renamed.get(member.0 as usize) {
                *member = *number;
            }
        }
        let mut place = 0;
        self.members.retain(|_| {
            place += 1;
            named.contains(&Member(place))
        });
    }

    /// Every place that names a customer of the party.
    fn members_named(&mut self) -> impl Iterator<Item = &mut Member> {
        let of_contacts = self.contacts.iter_mut().map(|contact| &mut contact.whose.member);
        let of_engagements = self.engagements.iter_mut().map(|engagement| &mut engagement.member);
        let of_suppressions = self.suppressions.iter_mut().map(|suppression| &mut suppression.member);
        let of_claims = self.claims.iter_mut().map(|claim| &mut claim.member);
        let of_tastes = self.tastes.iter_mut().map(|taste| &mut taste.member);
        of_contacts.chain(of_engagements).chain(of_suppressions).chain(of_claims).chain(of_tastes)
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

/// Returns what was dropped, the latest first.
fn drop_covered(engagements: &mut Vec<Engagement>, settled: Timestamp) -> Vec<Engagement> {
    let mut best: HashMap<EngagementKey, Micros> = HashMap::new();
    let mut kept: Vec<Engagement> = Vec::with_capacity(engagements.len());
    let mut dropped = Vec::new();
    for engagement in engagements.drain(..).rev() {
        let covering = best.get(&alike(&engagement)).copied();
        if covering.is_some_and(|value| engagement.value <= value) {
            dropped.push(engagement);
            continue;
        }
        if engagement.time <= settled {
            best.insert(alike(&engagement), engagement.value);
        }
        kept.push(engagement);
    }
    kept.reverse();
    *engagements = kept;
    dropped
}

fn drop_oldest(engagements: &mut Vec<Engagement>, surplus: usize) -> Vec<Engagement> {
    let mut seen = HashSet::new();
    let mut is_latest: Vec<bool> =
        engagements.iter().rev().map(|engagement| seen.insert(alike(engagement))).collect();
    is_latest.reverse();
    let mut left = surplus.min(is_latest.iter().filter(|latest| !**latest).count());
    let mut rest = surplus - left;
    let mut latest = is_latest.into_iter();
    let mut dropped = Vec::new();
    engagements.retain(|engagement| {
        let counter = if latest.next().unwrap_or(true) { &mut rest } else { &mut left };
        let is_dropped = *counter > 0;
        *counter = counter.saturating_sub(1);
        if is_dropped {
            dropped.push(engagement.clone());
        }
        !is_dropped
    });
    dropped
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
            contact.whose,
            // What a release would give back to a capacity is not added up.
            contact.charges.first().map(|_| contact.sequence),
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
    use super::Keeping;
    use crate::codec;
    use crate::compiled::EngagementKind;
    use crate::customer::{
        AccountKey, CHARGES_MS, Charge, Contact, CustomerState, Engagement, MAX_CONTACTS, MAX_ENGAGEMENTS,
        MAX_SUPPRESSIONS, Member, Pool, ROUTINE_ENGAGEMENTS, Status, Suppression,
    };
    use crate::ids::{CampaignId, CapacityId, ChannelId, FamilyId};
    use crate::register::{Register, Terms, Unconfirmed};
    use crate::selector::Kind;
    use crate::time::{DAY_MS, Timestamp};

    /// Needs the contact at 10 alone, and learns from every click.
    struct Ten;

    impl Keeping for Ten {
        fn needs(&self, _state: &CustomerState, contact: &Contact) -> bool {
            contact.time == Timestamp(10)
        }

        fn taught_by(&self, engagement: &Engagement) -> Option<(FamilyId, i64)> {
            (engagement.kind == EngagementKind::Clicked).then_some((FamilyId(0), DAY_MS))
        }
    }

    fn terms() -> Terms {
        Terms {
            campaign: CampaignId(0),
            channel: ChannelId(0),
            kind: Kind::Marketing,
            priority: 40,
            offer_family: None,
            business_unit: None,
            cost: 0,
            pressure: 0,
            expires_after_ms: 0,
            unconfirmed: Unconfirmed::Counts,
        }
    }

    fn contact(time: i64) -> Contact {
        Contact { time: Timestamp(time), status: Status::Confirmed, ..Contact::default() }
    }

    fn purchase(time: i64, value: i64) -> Engagement {
        Engagement {
            member: Member::OWN,
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
        state.compact(Timestamp(1_000_000_000_000 + 10 * DAY_MS), Timestamp(0), &Ten);
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
        state.compact(Timestamp(10 * DAY_MS), Timestamp(0), &Ten);
        let values: Vec<i64> = state.engagements.iter().map(|engagement| engagement.value).collect();
        assert_eq!(values, [500, 100]);
    }

    #[test]
    fn beyond_the_maximum_an_objection_is_to_all_channels() {
        let mut state = CustomerState::default();
        let objection = |channel| Suppression {
            member: Member::OWN,
            since: Timestamp(5),
            kind: EngagementKind::OptedOut,
            channel,
        };
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
        state.compact(Timestamp(1_000_000_010_000), Timestamp(0), &Ten);
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
        state.compact(Timestamp(5_000), Timestamp(0), &Ten);
        assert_eq!(state.engagements.len(), MAX_ENGAGEMENTS);
        assert_eq!(state.engagements.first().map(|first| first.kind), Some(EngagementKind::Refused));
    }

    #[test]
    fn what_was_taken_under_a_reservation_that_expired_40_days_ago_is_forgotten_and_it_is_folded() {
        let charge = Charge {
            account: AccountKey { capacity: CapacityId(0), per: None, start: Timestamp(0) },
            pool: Pool::COMMON,
            amount: 1,
        };
        let mut register = Register::default();
        register.terms.push(Terms { expires_after_ms: DAY_MS, ..terms() });
        let mut state = CustomerState::default();
        for n in 0..=i64::try_from(MAX_CONTACTS).unwrap() {
            let charges = vec![charge];
            state.admit_contact(Contact {
                status: Status::Pending,
                charges,
                ..contact(1_000_000_000_000 + n)
            });
        }
        let over = Timestamp(1_000_000_000_000 + DAY_MS + CHARGES_MS);
        state.forget_charges(&register, over.minus_ms(1));
        assert!(state.contacts.iter().all(|contact| contact.charges == [charge]));
        state.forget_charges(&register, over);
        assert_eq!(state.contacts.iter().filter(|contact| contact.charges.is_empty()).count(), 1);
        let later = over.plus_ms(DAY_MS);
        state.forget_charges(&register, later);
        state.compact(later, Timestamp(0), &Ten);
        let total: u32 = state.contacts.iter().map(|contact| contact.count).sum();
        assert_eq!(usize::try_from(total).unwrap(), MAX_CONTACTS + 1);
        assert!(state.contacts.len() < 10);
    }

    #[test]
    fn a_contact_past_the_horizon_is_forgotten_unless_a_rule_needs_it() {
        let mut state = CustomerState::default();
        state.admit_contact(contact(10));
        state.admit_contact(contact(20));
        state.compact(Timestamp(100), Timestamp(20), &Ten);
        let times: Vec<i64> = state.contacts.iter().map(|contact| contact.time.0).collect();
        assert_eq!(times, [10]);
    }
}
