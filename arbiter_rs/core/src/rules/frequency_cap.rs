//! Frequency cap: at most so many contacts, points or money in a window.

use super::{Rule, View, references};
use crate::compiled::{CapPer, CompiledCap, Counted, Measure};
use crate::customer::{Contact, Whose};
use crate::decision::{Amount, Denial, Reason};
use crate::ids::ONE;
use crate::register::Terms;
use crate::selector::ContactFilter;
use crate::time::Timestamp;
use crate::weights::{RunningSums, clamped};
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

    /// The priority below which places are kept from a candidate, and what it is allowed there.
    pub(crate) fn below(&self) -> (u8, i64) {
        self.written.reserve.map_or((0, self.written.limit), |reserve| {
            (reserve.min_priority, self.written.limit.saturating_sub(reserve.places).max(0))
        })
    }

    /// A figure in the unit of the measure.
    #[must_use]
    pub const fn amount(&self, figure: i64) -> Amount {
        self.written.measure.amount(figure)
    }

    /// What one contact of these terms weighs.
    #[must_use]
    pub const fn weight(&self, terms: &Terms) -> i64 {
        self.written.measure.weight(terms)
    }

    fn is_counted(&self, contact: &Contact) -> bool {
        match self.written.counted {
            Counted::Attempts => true,
            Counted::Confirmed => contact.is_confirmed(),
            Counted::Answered => contact.is_answered,
        }
    }

    fn counted<'a>(
        &self,
        view: &View<'a>,
        contacts: impl DoubleEndedIterator<Item = (&'a Contact, &'a Terms)>,
    ) -> impl DoubleEndedIterator<Item = (&'a Contact, &'a Terms)> {
        let view = *view;
        contacts.filter(move |(contact, terms)| {
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
        let contacts = view.contacts_of_party_between(from, until);
        self.counted(view, contacts).filter(move |(contact, terms)| contact.holds_place(terms, asked))
    }

    /// What contacts weigh, with their times.
    pub(crate) fn weighed<'a>(
        &'a self,
        contacts: impl Iterator<Item = (&'a Contact, &'a Terms)>,
    ) -> impl Iterator<Item = (Timestamp, i64)> {
        contacts.map(|(contact, terms)| {
            (contact.time, self.weight(terms).saturating_mul(i64::from(contact.count)))
        })
    }

    /// What is used in the fullest window that holds `t`, and the instant that it ends with.
    fn fullest(&self, view: &View<'_>, t: Timestamp) -> (i64, Timestamp) {
        let weights = self.weighed(self.in_reach(view, t));
        if is_last(view, t) {
            return (weights.fold(0, |sum, (_, weight)| sum.saturating_add(weight)), t);
        }
        self.frame(view).heaviest(t, &weights.collect::<Vec<_>>())
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
        self.counted(view, view.contacts_of_party()).flat_map(move |(contact, terms)| {
            [Some(self.leaves(view, contact)), contact.lapses(terms)].into_iter().flatten()
        })
    }

    /// When contacts of a window will not be in it nor in any after it any more, with what they weigh.
    pub(crate) fn leaving<'a>(
        &'a self,
        view: &'a View<'a>,
        contacts: impl Iterator<Item = (&'a Contact, &'a Terms)>,
    ) -> impl Iterator<Item = (Timestamp, i64)> {
        contacts.map(move |(contact, terms)| {
            let left = self.leaves(view, contact);
            let at = contact.lapses(terms).map_or(left, |lapse| lapse.min(left));
            (at, self.weight(terms).saturating_mul(i64::from(contact.count)))
        })
    }

    /// The instant at which so many of those that leave, at these instants and with these weights, are gone that there is room for the
    /// candidate; nothing where there is none without them.
    pub(crate) fn emptied(
        &self,
        view: &View<'_>,
        leaving: impl Iterator<Item = (Timestamp, i64)>,
    ) -> Option<Timestamp> {
        let mut leaving: Vec<(Timestamp, i64)> = leaving.collect();
        leaving.sort_unstable_by_key(|(at, _)| *at);
        let mut used = leaving.iter().fold(0_i128, |sum, (_, weight)| sum + i128::from(*weight));
        let mut leaving = leaving.into_iter();
        leaving.find_map(|(at, weight)| {
            used -= i128::from(weight);
            (!self.is_over(view, clamped(used))).then_some(at)
        })
    }

    /// The instant that the latest of the windows that hold `t` and are too full ends with.
    fn latest_full(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        let frame = self.frame(view);
        let weights: Vec<(Timestamp, i64)> = self.weighed(self.in_reach(view, t)).collect();
        let ends = frame.windows_with(t, weights.iter().map(|(time, _)| *time));
        let sums = RunningSums::of(weights.into_iter());
        ends.into_iter().rev().find(|end| self.is_over(view, sums.within(frame.window_ending(*end))))
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

    /// What fills the latest of the windows that are too full is followed out in one pass. Until it has made room, that window holds the
    /// moment; after its end the one that ends with the moment holds what is left of it.
    fn speaks_until(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        let frame = self.frame(view);
        let (first, last) = frame.window_ending(self.latest_full(view, t)?);
        let full =
            self.in_reach(view, t).filter(|(contact, _)| first <= contact.time && contact.time <= last);
        self.emptied(view, self.leaving(view, full))
    }

    /// Where nothing lies after `t` there is no other window to ask about.
    fn silent_from(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        if !is_last(view, t) {
            return self.searched_silence(view, t);
        }
        if !self.is_against(view, t) {
            return Some(t);
        }
        self.emptied(view, self.leaving(view, self.in_reach(view, t)))
    }

    /// A cap falls silent when a contact leaves its window or a reservation lapses, and at no other instant.
    fn next_change(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        self.changes(view).filter(|change| *change > t).min()
    }
}

/// Whether nothing of the party lies after `t`.
fn is_last(view: &View<'_>, t: Timestamp) -> bool {
    view.state.contacts.last().is_none_or(|last| last.time <= t)
}

impl Measure {
    /// A figure in its unit.
    pub(crate) const fn amount(self, figure: i64) -> Amount {
        match self {
            Self::Contacts => Amount::Contacts(figure),
            Self::Points | Self::Cost => Amount::Micros(figure),
        }
    }

    /// What one contact of these terms weighs.
    pub(crate) const fn weight(self, terms: &Terms) -> i64 {
        match self {
            Self::Contacts => 1,
            Self::Points => terms.pressure,
            Self::Cost => terms.cost,
        }
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
