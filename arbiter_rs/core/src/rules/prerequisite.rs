//! Prerequisite: only within a span after a contact or an engagement.

use super::{Rule, View};
use crate::compiled::{AlikeIn, EngagementKind};
use crate::decision::{Denial, Reason};
use crate::selector::ContactFilter;
use crate::time::Timestamp;
use crate::windows::Span;

/// Looks for one contact or engagement that is not after the moment and not too long before it.
#[derive(Clone, Debug)]
pub struct Prerequisite {
    pub(crate) wanted: Wanted,
    pub(crate) within: Span,
    pub(crate) within_text: String,
}

/// What must have been.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// A contact of these terms and segments.
    Contact(ContactFilter),
    /// An engagement of one of these kinds, alike in this.
    Engagement(Vec<EngagementKind>, AlikeIn),
}

impl Prerequisite {
    /// Spans in which it is met for whoever asks at `asked`: the first instant of each, and the first after it where it ends.
    fn spans<'a>(
        &'a self,
        view: &View<'a>,
        asked: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, Option<Timestamp>)> {
        let view = *view;
        let end = move |start| self.within.end(start, view.calendar, &view.snapshot.calendar);
        let contacts = view.contacts().filter(move |(contact, terms)| {
            matches!(&self.wanted, Wanted::Contact(filter) if view.is_meant(filter, contact, terms))
                && contact.holds_place(terms, asked)
        });
        let contacts = contacts.map(move |(contact, _)| {
            let forgotten = contact.time.plus_ms(view.snapshot.horizon_ms);
            (contact.time, Some(end(contact.time).map_or(forgotten, |end| end.min(forgotten))))
        });
        let engagements = view.engagements().filter(move |engagement| {
            matches!(&self.wanted, Wanted::Engagement(kinds, of)
                if kinds.contains(&engagement.kind) && view.is_alike(*of, engagement))
        });
        contacts.chain(engagements.map(move |engagement| (engagement.time, end(engagement.time))))
    }
}

impl Rule for Prerequisite {
    fn check(&self, view: &View<'_>, t: Timestamp) -> Option<Denial> {
        let mut spans = self.spans(view, view.asked_at(t));
        let is_met = spans.any(|(start, end)| start <= t && end.is_none_or(|end| t < end));
        (!is_met).then(|| Denial::plain(Reason::NotEligible))
    }

    fn next_change(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        let bounds = self.spans(view, t).flat_map(|(start, end)| [Some(start), end]);
        let lapses = view.contacts().map(|(contact, terms)| contact.lapses(terms));
        bounds.chain(lapses).flatten().filter(|change| *change > t).min()
    }
}
