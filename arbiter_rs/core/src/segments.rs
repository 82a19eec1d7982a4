//! Derived segments: groups that a customer is in because of what it did.

use crate::compiled::{CompiledDerivedSegment, EngagementKind};
use crate::ids::SegmentId;
use crate::rules::View;
use crate::selector::Selector;
use crate::time::Timestamp;

/// A derived segment: everything that is written must hold.
#[derive(Clone, Debug)]
pub struct DerivedSegment {
    /// Its integer.
    pub id: SegmentId,
    /// The segment as compiled.
    pub written: CompiledDerivedSegment,
}

impl DerivedSegment {
    /// Whether the customer is in it at `t`.
    #[must_use]
    pub fn holds(&self, view: &View<'_>, t: Timestamp) -> bool {
        let written = &self.written;
        let is_recent = |within: Option<i64>, event: Option<Timestamp>| {
            within.is_none_or(|within_ms| event.is_some_and(|event| t.minus_ms(within_ms) < event))
        };
        is_recent(written.answered_within_ms, latest(view, t, EngagementKind::is_answer))
            && is_recent(
                written.purchased_within_ms,
                latest(view, t, |kind| kind == EngagementKind::Purchased),
            )
            && is_recent(written.first_contact_within_ms, first_contact(view, t))
            && written.unanswered_at_least.is_none_or(|least| unanswered(view, t) >= i64::from(least))
    }

    /// The next instant after `t` at which the customer may enter or leave it, if nothing else happens.
    fn next_change(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        let written = &self.written;
        let spans = [written.answered_within_ms, written.purchased_within_ms];
        let of_answers = view.engagements().flat_map(|engagement| {
            spans.into_iter().flatten().map(|span| engagement.time.plus_ms(span)).chain([engagement.time])
        });
        let horizon_ms = view.snapshot.horizon_ms;
        let of_contacts = view.contacts().flat_map(|(contact, terms)| {
            let leaves = written.first_contact_within_ms.map(|span| contact.time.plus_ms(span));
            let forgotten = Some(contact.time.plus_ms(horizon_ms));
            [Some(contact.time), contact.lapses(terms), leaves, forgotten].into_iter().flatten()
        });
        of_answers.chain(of_contacts).filter(|change| *change > t).min()
    }
}

fn latest(view: &View<'_>, t: Timestamp, is_meant: impl Fn(EngagementKind) -> bool) -> Option<Timestamp> {
    let mut engagements = view.engagements().rev();
    engagements.find(|engagement| engagement.time <= t && is_meant(engagement.kind)).map(|found| found.time)
}

fn first_contact(view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
    remembered(view, t).map(|(time, _)| time).next()
}

/// Contacts since the last answer.
fn unanswered(view: &View<'_>, t: Timestamp) -> i64 {
    let since = latest(view, t, EngagementKind::is_answer);
    remembered(view, t)
        .filter(|(time, _)| since.is_none_or(|since| *time >= since))
        .map(|(_, count)| i64::from(count))
        .sum()
}

/// Times and counts of the contacts at or before `t` that hold their places, oldest first.
fn remembered<'a>(view: &View<'a>, t: Timestamp) -> impl Iterator<Item = (Timestamp, u32)> + use<'a> {
    let (oldest, asked) = (view.snapshot.horizon_at(t), view.asked_at(t));
    view.contacts()
        .filter(move |(contact, terms)| {
            oldest < contact.time && contact.time <= t && contact.holds_place(terms, asked)
        })
        .map(|(contact, _)| (contact.time, contact.count))
}

impl View<'_> {
    /// Whether a selector takes this candidate at `t`, derived segments included.
    #[must_use]
    pub fn takes_at(&self, selector: &Selector, t: Timestamp) -> bool {
        if self.snapshot.derived.is_empty() || !selector.needs_segments() {
            return selector.takes(self.terms, self.segments);
        }
        let derived = self.snapshot.derived.iter();
        let held = derived.filter(|segment| selector.names_segment(segment.id) && segment.holds(self, t));
        let segments: Vec<SegmentId> =
            self.segments.iter().copied().chain(held.map(|segment| segment.id)).collect();
        selector.takes(self.terms, &segments)
    }

    /// The next instant after `t` at which [`View::takes_at`] may answer otherwise, if nothing else happens.
    #[must_use]
    pub fn next_segment_change(&self, selector: &Selector, t: Timestamp) -> Option<Timestamp> {
        let derived = self.snapshot.derived.iter().filter(|segment| selector.names_segment(segment.id));
        derived.filter_map(|segment| segment.next_change(self, t)).min()
    }

    /// The derived segments that the customer is in at `t`.
    pub fn derived_at(&self, t: Timestamp) -> impl Iterator<Item = SegmentId> {
        self.snapshot.derived.iter().filter(move |segment| segment.holds(self, t)).map(|segment| segment.id)
    }
}
