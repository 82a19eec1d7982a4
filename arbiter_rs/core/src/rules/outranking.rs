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
use crate::weights::{RunningSums, clamped};
use crate::windows::Frame;

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

/// A window that claims make too full.
#[derive(Clone, Copy, Debug)]
struct FullWindow {
    used: i64,
    bounds: (Timestamp, Timestamp),
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

    /// The windows that hold `t` and that these claims make too full, the earliest first.
    fn full(&self, view: &View<'_>, t: Timestamp, held: &[HeldPlace<'_>]) -> Vec<FullWindow> {
        if held.is_empty() {
            return Vec::new();
        }
        let frame = self.cap.frame(view);
        let contacts: Vec<(Timestamp, i64)> = self.cap.weighed(self.cap.in_reach(view, t)).collect();
        let ends = ends(&frame, t, &contacts, held);
        let weights = Weights::of(contacts, held);
        let weighed = ends.into_iter().map(|end| {
            let bounds = frame.window_ending(end);
            (weights.within(bounds), bounds)
        });
        weighed
            .filter(|((used, of_claims), _)| *of_claims > 0 && self.cap.is_over(view, *used))
            .map(|((used, _), bounds)| FullWindow { used, bounds })
            .collect()
    }
}

/// What the windows that hold `t` end with, where a window may be fuller than the one before it: with `t`, a contact or the start of a claim.
fn ends(
    frame: &Frame<'_>,
    t: Timestamp,
    contacts: &[(Timestamp, i64)],
    held: &[HeldPlace<'_>],
) -> Vec<Timestamp> {
    let firsts = held.iter().map(|place| place.first);
    let mut starts: Vec<Timestamp> =
        contacts.iter().map(|(time, _)| *time).chain(firsts).filter(|start| *start > t).collect();
    starts.sort_unstable();
    frame.windows_with(t, starts.into_iter())
}

/// What contacts weigh by their times, and claims by their first and by their last instants.
struct Weights {
    contacts: RunningSums,
    firsts: RunningSums,
    lasts: RunningSums,
}

impl Weights {
    fn of(contacts: Vec<(Timestamp, i64)>, held: &[HeldPlace<'_>]) -> Self {
        Self {
            contacts: RunningSums::of(contacts.into_iter()),
            firsts: RunningSums::of(held.iter().map(|place| (place.first, place.weight))),
            lasts: RunningSums::of(held.iter().map(|place| (place.last, place.weight))),
        }
    }

    /// What contacts and claims weigh in a window together, and what claims do.
    fn within(&self, (first, last): (Timestamp, Timestamp)) -> (i64, i64) {
        // A claim is in the window unless it begins after it or ends before it.
        let of_claims = clamped(self.firsts.until(last) - self.lasts.before(first));
        (self.contacts.within((first, last)).saturating_add(of_claims), of_claims)
    }
}

impl Rule for Outranking {
    fn check(&self, view: &View<'_>, t: Timestamp) -> Option<Denial> {
        let held = self.held(view, t);
        let fuller = |best: FullWindow, other: FullWindow| if other.used > best.used { other } else { best };
        let FullWindow { used, bounds } = self.full(view, t, &held).into_iter().reduce(fuller)?;
        let inside = held.iter().filter(|place| place.is_in(bounds));
        let best = inside.map(|place| place.rank).reduce(Rank::better)?;
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
        !self.full(view, t, &self.held(view, t)).is_empty()
    }

    /// As in the cap, with the claims in that window: they hold their places until their ends, and it is theirs to be too full no longer than
    /// one of them is there.
    fn speaks_until(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        let held = self.held(view, t);
        let bounds = self.full(view, t, &held).last()?.bounds;
        let inside = held.iter().filter(|place| place.is_in(bounds));
        let ending = inside.map(|place| (place.last.plus_ms(1), place.weight));
        let over = ending.clone().map(|(end, _)| end).max()?;
        let contacts = self
            .cap
            .in_reach(view, t)
            .filter(|(contact, _)| bounds.0 <= contact.time && contact.time <= bounds.1);
        let emptied = self.cap.emptied(view, self.cap.leaving(view, contacts).chain(ending));
        Some(emptied.map_or(over, |emptied| emptied.min(over)))
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
