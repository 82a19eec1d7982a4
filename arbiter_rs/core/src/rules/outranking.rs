//! Outranking: a better-ranked campaign has claimed the place that a cap still has.

use std::sync::Arc;

use super::frequency_cap::FrequencyCap;
use super::{Rule, View, references};
use crate::arbitrate::Rank;
use crate::claims::{LiveClaim, live};
use crate::customer::{Contact, Whose};
use crate::decision::{Denial, Reason};
use crate::selector::Selector;
use crate::time::Timestamp;

/// Looks at the live claims of better-ranked campaigns that may fall into a window with the moment, beside the contacts that are there.
#[derive(Clone, Debug)]
pub struct Outranking {
    pub(crate) cap: Arc<FrequencyCap>,
    pub(crate) applies_to: Selector,
}

/// A place in the cap that a claim holds, anywhere between two instants.
#[derive(Clone, Copy, Debug)]
struct HeldPlace<'a> {
    first: Timestamp,
    last: Timestamp,
    weight: i64,
    rank: Rank<'a>,
}

impl HeldPlace<'_> {
    fn is_in(&self, (from, to): (Timestamp, Timestamp)) -> bool {
        self.first <= to && from <= self.last
    }
}

/// The fullest window that claims make too full.
struct FullWindow<'a> {
    used: i64,
    bounds: (Timestamp, Timestamp),
    best: Rank<'a>,
}

impl Outranking {
    /// Places in this cap held against the candidate for whoever asks then.
    fn held<'a>(&'a self, view: &View<'a>, t: Timestamp) -> Vec<HeldPlace<'a>> {
        let view = *view;
        let claims = live(view.snapshot, view.state, view.asked_at(t));
        claims
            .filter(|live| {
                live.claim.campaign != view.terms.campaign && live.rank().is_better_than(&view.rank)
            })
            .filter(|live| {
                self.cap.is_added_up(Whose { member: live.claim.member, ..Whose::default() }, &view)
            })
            .filter_map(|live| {
                let weight = self.weight(&view, &live, t)?;
                Some(HeldPlace { first: live.first, last: live.end.minus_ms(1), weight, rank: live.rank() })
            })
            .collect()
    }

    /// What the claim's contact would weigh at most; nothing where the cap would neither judge nor count it.
    fn weight(&self, view: &View<'_>, live: &LiveClaim<'_>, t: Timestamp) -> Option<i64> {
        let is_own = live.claim.member == view.whose.member;
        let weight_by = |id: crate::ids::TermsId| {
            let terms = view.snapshot.register.terms(id)?;
            let given = if is_own { view.segments } else { &[] };
            let is_judged = if is_own {
                View { terms, ..*view }.takes_at(&self.applies_to, t)
            } else {
                self.applies_to.takes(terms, given)
            };
            (is_judged && self.cap.counts.takes(id.index(), terms, given)).then(|| self.cap.weight(terms))
        };
        live.channels().filter_map(|(_, id)| weight_by(id)).max().filter(|weight| *weight > 0)
    }

    /// The fullest of the windows that hold `t` and that claims make too full, the earliest of several.
    fn fullest<'a>(&'a self, view: &View<'a>, t: Timestamp) -> Option<FullWindow<'a>> {
        let held = self.held(view, t);
        if held.is_empty() {
            return None;
        }
        let frame = self.cap.frame(view);
        let contacts: Vec<(Timestamp, i64)> = self
            .cap
            .in_reach(view, t)
            .map(|(contact, terms)| {
                (contact.time, self.cap.weight(terms).saturating_mul(i64::from(contact.count)))
            })
            .collect();
        let mut ends = vec![t];
        if !frame.turns() {
            let until = frame.reach(t).1;
            let starts = contacts.iter().map(|(time, _)| *time).chain(held.iter().map(|place| place.first));
            ends.extend(starts.filter(|start| *start > t && *start < until));
            ends.sort_unstable();
        }
        let weights = Weights::of(contacts, &held);
        let mut fullest: Option<(i64, (Timestamp, Timestamp))> = None;
        for end in ends {
            let bounds = frame.window_ending(end);
            let (of_contacts, of_claims) = weights.within(bounds);
            let used = of_contacts.saturating_add(of_claims);
            let is_fuller = fullest.is_none_or(|(most, _)| most < used);
            if of_claims > 0 && is_fuller && self.cap.is_over(view, used) {
                fullest = Some((used, bounds));
            }
        }
        let (used, bounds) = fullest?;
        let best =
            held.iter().filter(|place| place.is_in(bounds)).map(|place| place.rank).reduce(Rank::better)?;
        Some(FullWindow { used, bounds, best })
    }
}

/// Running sums, so that a window is weighed by looking at its ends: of contacts by time, of claims by their first and by their last instants.
struct Weights([Vec<(Timestamp, i64)>; 3]);

impl Weights {
    fn of(contacts: Vec<(Timestamp, i64)>, held: &[HeldPlace<'_>]) -> Self {
        let firsts = held.iter().map(|place| (place.first, place.weight)).collect();
        let lasts = held.iter().map(|place| (place.last, place.weight)).collect();
        Self([contacts, firsts, lasts].map(|mut weights: Vec<(Timestamp, i64)>| {
            weights.sort_unstable_by_key(|(time, _)| *time);
            let mut sum = 0_i64;
            for (_, weight) in &mut weights {
                sum = sum.saturating_add(*weight);
                *weight = sum;
            }
            weights
        }))
    }

    /// What contacts, and what claims weigh in a window.
    fn within(&self, (from, to): (Timestamp, Timestamp)) -> (i64, i64) {
        let up_to = |sums: &[(Timestamp, i64)], is_in: &dyn Fn(Timestamp) -> bool| {
            let count = sums.partition_point(|(time, _)| is_in(*time));
            count.checked_sub(1).and_then(|last| sums.get(last)).map_or(0, |(_, sum)| *sum)
        };
        let [contacts, firsts, lasts] = &self.0;
        let of_contacts = up_to(contacts, &|time| time <= to) - up_to(contacts, &|time| time < from);
        // A claim is in the window unless it begins after it or ends before it.
        let of_claims = up_to(firsts, &|time| time <= to) - up_to(lasts, &|time| time < from);
        (of_contacts, of_claims)
    }
}

impl Rule for Outranking {
    fn check(&self, view: &View<'_>, t: Timestamp) -> Option<Denial> {
        let FullWindow { used, bounds, best } = self.fullest(view, t)?;
        let is_in = |contact: &&Contact| bounds.0 <= contact.time && contact.time <= bounds.1;
        Some(Denial {
            limit: self.cap.amount(self.cap.limit(view.terms)),
            used: self.cap.amount(used),
            contacts: references(self.cap.in_reach(view, t).map(|(contact, _)| contact).filter(is_in)),
            outranked_by: Some(best.campaign.to_owned()),
            ..Denial::plain(Reason::Outranked)
        })
    }

    fn is_against(&self, view: &View<'_>, t: Timestamp) -> bool {
        self.fullest(view, t).is_some()
    }

    /// A claim is gone at its end; before that, room is made as in the cap, or where the period turns. A window that is too full stays so
    /// until one of these: contacts and claims ahead only come nearer.
    fn next_change(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        let frame = self.cap.frame(view);
        let of_claims = live(view.snapshot, view.state, t).map(|live| live.end);
        let turn = frame.turns().then(|| frame.leaves(t));
        self.cap.changes(view).chain(of_claims).chain(turn).filter(|change| *change > t).min()
    }
}
