//! Frequency cap: at most so many contacts, points or money in a window.

use super::{Rule, View, references};
use crate::compiled::{CapPer, CompiledCap, Counted, Measure};
use crate::customer::{Contact, Whose};
use crate::decision::{Amount, Denial, Reason};
use crate::ids::ONE;
use crate::register::Terms;
use crate::selector::ContactFilter;
use crate::time::Timestamp;
use crate::windows::{Frame, Window};

/// Looks at every contact that shares a window with the moment, those before it and those after it.
#[derive(Clone, Debug)]
pub struct FrequencyCap {
    pub(crate) window: Window,
    pub(crate) counts: ContactFilter,
    /// The rule as compiled.
    pub written: CompiledCap,
}

impl FrequencyCap {
    /// What it allows the candidate: less where places are kept for better campaigns.
    #[must_use]
    pub fn limit(&self, terms: &Terms) -> i64 {
        let kept = self
            .written
            .reserve
            .filter(|reserve| terms.priority < reserve.min_priority)
            .map_or(0, |reserve| reserve.places);
        self.written.limit.saturating_sub(kept).max(0)
    }

    /// A figure in the unit of the measure.
    #[must_use]
    pub const fn amount(&self, figure: i64) -> Amount {
        match self.written.measure {
            Measure::Contacts => Amount::Contacts(figure),
            Measure::Points | Measure::Cost => Amount::Micros(figure),
        }
    }

    /// What one contact of these terms weighs.
    #[must_use]
    pub const fn weight(&self, terms: &Terms) -> i64 {
        match self.written.measure {
            Measure::Contacts => 1,
            Measure::Points => terms.pressure,
            Measure::Cost => terms.cost,
        }
    }

    fn is_counted(&self, contact: &Contact) -> bool {
        match self.written.counted {
            Counted::Attempts => true,
            Counted::Confirmed => contact.is_confirmed(),
            Counted::Answered => contact.is_answered,
        }
    }

    fn counted<'a>(&self, view: &View<'a>) -> impl DoubleEndedIterator<Item = (&'a Contact, &'a Terms)> {
        let view = *view;
        view.contacts_of_party().filter(move |(contact, terms)| {
            self.is_added_up(contact.whose, &view)
                && self.is_counted(contact)
                && view.is_meant(&self.counts, contact, terms)
        })
    }

    /// Whether a contact or claim of these belongs to what the candidate is counted with.
    pub(crate) fn is_added_up(&self, whose: Whose, view: &View<'_>) -> bool {
        match self.written.per {
            CapPer::Customer => whose.member == view.whose.member,
            CapPer::Party => true,
            CapPer::ContactPoint => whose.contact_point == view.whose.contact_point,
            CapPer::Subject => whose.subject == view.whose.subject,
        }
    }

    pub(crate) fn frame<'a>(&'a self, view: &View<'a>) -> Frame<'a> {
        Frame::new(&self.window, view.snapshot.horizon_ms, view.calendar, &view.snapshot.calendar)
    }

    /// Contacts in reach of `t` that hold a place then.
    pub(crate) fn in_reach<'a>(
        &'a self,
        view: &View<'a>,
        t: Timestamp,
    ) -> impl DoubleEndedIterator<Item = (&'a Contact, &'a Terms)> {
        let (from, until) = self.frame(view).reach(t);
        // Contacts as old as the horizon are forgotten, also where a window of whole days is a little longer.
        let from = from.max(view.snapshot.horizon_at(t).plus_ms(1));
        let asked = view.asked_at(t);
        self.counted(view).filter(move |(contact, terms)| {
            from <= contact.time && contact.time < until && contact.holds_place(terms, asked)
        })
    }

    /// What is used in the fullest window that holds `t`, and the instant that it ends with.
    fn fullest(&self, view: &View<'_>, t: Timestamp) -> (i64, Timestamp) {
        let weigh = |(contact, terms): (&Contact, &Terms)| {
            (contact.time, self.weight(terms).saturating_mul(i64::from(contact.count)))
        };
        let is_last = view.state.contacts.last().is_none_or(|last| last.time <= t);
        if is_last {
            return (
                self.in_reach(view, t).map(weigh).fold(0, |sum, (_, weight)| sum.saturating_add(weight)),
                t,
            );
        }
        let weights: Vec<(Timestamp, i64)> = self.in_reach(view, t).map(weigh).collect();
        self.frame(view).heaviest(t, &weights)
    }

    /// What is used at `t`, the candidate not included.
    #[must_use]
    pub fn used(&self, view: &View<'_>, t: Timestamp) -> i64 {
        self.fullest(view, t).0
    }

    /// The first instant at which a contact shares no window any more, or is forgotten.
    fn leaves(&self, view: &View<'_>, contact: &Contact) -> Timestamp {
        self.frame(view).leaves(contact.time).min(contact.time.plus_ms(view.snapshot.horizon_ms))
    }

    /// The instants at which a contact leaves its window or a reservation lapses.
    pub(crate) fn changes<'a>(&'a self, view: &'a View<'a>) -> impl Iterator<Item = Timestamp> + 'a {
        self.counted(view).flat_map(move |(contact, terms)| {
            [Some(self.leaves(view, contact)), contact.lapses(terms)].into_iter().flatten()
        })
    }

    /// The first instant from `t` on at which contacts at or before `t` leave room for the candidate.
    fn emptied(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        let room = self.limit(view.terms).saturating_sub(self.weight(view.terms));
        let leaving = |(contact, terms): (&Contact, &Terms)| {
            let left = self.leaves(view, contact);
            let at = contact.lapses(terms).map_or(left, |lapse| lapse.min(left));
            (at, self.weight(terms).saturating_mul(i64::from(contact.count)))
        };
        let earlier = self.in_reach(view, t).filter(|(contact, _)| contact.time <= t);
        let mut holding: Vec<(Timestamp, i64)> = earlier.map(leaving).collect();
        holding.sort_unstable_by_key(|(at, _)| *at);
        let mut used = holding.iter().fold(0_i64, |sum, (_, weight)| sum.saturating_add(*weight));
        let mut moment = t;
        for (at, weight) in holding {
            if used <= room {
                break;
            }
            used = used.saturating_sub(weight);
            moment = at;
        }
        (used <= room).then_some(moment)
    }

    /// Whether a contact more would be too much.
    pub(crate) fn is_over(&self, view: &View<'_>, used: i64) -> bool {
        used.saturating_add(self.weight(view.terms)) > self.limit(view.terms)
    }
}

impl Rule for FrequencyCap {
    fn check(&self, view: &View<'_>, t: Timestamp) -> Option<Denial> {
        let (used, end) = self.fullest(view, t);
        if !self.is_over(view, used) {
            return None;
        }
        let frame = self.frame(view);
        Some(Denial {
            limit: self.amount(self.limit(view.terms)),
            used: self.amount(used),
            contacts: references(
                self.in_reach(view, t)
                    .map(|(contact, _)| contact)
                    .filter(|contact| frame.holds(end, contact.time)),
            ),
            ..Denial::plain(Reason::FrequencyCap)
        })
    }

    fn is_against(&self, view: &View<'_>, t: Timestamp) -> bool {
        self.is_over(view, self.used(view, t))
    }

    /// The contacts that hold the window that ends with `t` are followed out in one pass; until they have made room no window has.
    fn silent_from(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        if !self.is_against(view, t) {
            return Some(t);
        }
        let moment = self.emptied(view, t)?;
        let is_last = view.state.contacts.last().is_none_or(|last| last.time <= t);
        if is_last { Some(moment) } else { self.searched_silence(view, moment) }
    }

    /// A cap falls silent when a contact leaves its window or a reservation lapses, and at no other instant.
    fn next_change(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        self.changes(view).filter(|change| *change > t).min()
    }
}

/// A figure in whole units: contacts, points or money.
#[must_use]
pub fn in_units(amount: Amount) -> f64 {
    match amount {
        Amount::None => 0.0,
        #[expect(clippy::cast_precision_loss, reason = "a count of contacts is far below 2^53")]
        Amount::Contacts(figure) => figure as f64,
        #[expect(
            clippy::cast_precision_loss,
            reason = "a sum of money or points is shown, not computed with"
        )]
        Amount::Micros(figure) => figure as f64 / ONE as f64,
    }
}
