//! Back-off: growing rests after contacts that nobody answered.

use super::{Rule, View, references};
use crate::compiled::{AlikeIn, CompiledBackOff};
use crate::customer::{Contact, Engagement};
use crate::decision::{Amount, Denial, Reason};
use crate::register::Terms;
use crate::selector::ContactFilter;
use crate::time::Timestamp;
use crate::windows::Span;

/// Looks at the streak: contacts alike since the customer's last answer to one alike.
#[derive(Clone, Debug)]
pub struct BackOff {
    pub(crate) rests: Vec<Span>,
    pub(crate) counts: ContactFilter,
    /// The rule as compiled.
    pub written: CompiledBackOff,
}

impl BackOff {
    /// Whether one of the rests never ends: then contacts are remembered beyond the horizon.
    #[must_use]
    pub fn is_endless(&self) -> bool {
        self.rests.iter().any(|rest| matches!(rest, Span::Never))
    }

    /// Whether this rule keeps a contact from being forgotten at the horizon.
    #[must_use]
    pub fn needs(&self, contact: &Contact, terms: &Terms, segments: &[crate::ids::SegmentId]) -> bool {
        self.is_endless() && self.counts.takes(contact.terms.index(), terms, segments)
    }

    fn is_alike(&self, view: &View<'_>, terms: &Terms) -> bool {
        match self.written.of {
            AlikeIn::OfferFamily => terms.offer_family == view.terms.offer_family,
            AlikeIn::Campaign => terms.campaign == view.terms.campaign,
            AlikeIn::Channel => terms.channel == view.terms.channel,
            AlikeIn::Any => true,
        }
    }

    fn answers(&self, view: &View<'_>, engagement: &Engagement) -> bool {
        self.written.answers.contains(&engagement.kind) && view.is_alike(self.written.of, engagement)
    }

    pub(crate) fn last_answer(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        view.engagements()
            .rev()
            .find(|engagement| engagement.time <= t && self.answers(view, engagement))
            .map(|engagement| engagement.time)
    }

    fn streak<'a>(&self, view: &View<'a>, t: Timestamp) -> impl DoubleEndedIterator<Item = &'a Contact> {
        let since = self.last_answer(view, t);
        let oldest = if self.is_endless() { Timestamp(i64::MIN) } else { view.snapshot.horizon_at(t) };
        let (view, asked) = (*view, view.asked_at(t));
        view.contacts()
            .filter(move |(contact, terms)| {
                contact.time <= t
                    && contact.time > oldest
                    && since.is_none_or(|since| contact.time >= since)
                    && contact.holds_place(terms, asked)
                    && self.is_alike(&view, terms)
                    && view.is_meant(&self.counts, contact, terms)
            })
            .map(|(contact, _)| contact)
    }

    /// How many contacts are in the streak at `t`.
    #[must_use]
    pub fn streak_length(&self, view: &View<'_>, t: Timestamp) -> i64 {
        self.rest(view, t).0
    }

    /// The rest that a streak of this length asks for.
    fn rest_after(&self, length: i64) -> Option<&Span> {
        let over = usize::try_from(length - i64::from(self.written.after)).ok()?;
        self.rests.get(over).or_else(|| self.rests.last())
    }

    /// Whether a contact, an answer or the lapse of a reservation lies after `t`.
    fn is_something_ahead(&self, view: &View<'_>, t: Timestamp) -> bool {
        view.state.contacts.last().is_some_and(|last| last.time > t)
            || view.state.engagements.last().is_some_and(|last| last.time > t)
            || view.contacts().any(|(contact, terms)| contact.lapses(terms).is_some_and(|lapse| lapse > t))
    }

    /// The length of the streak, and the end of the rest that it asks for (nothing: it asks for none; `Some(None)`: for ever).
    fn rest(&self, view: &View<'_>, t: Timestamp) -> (i64, Option<Option<Timestamp>>) {
        let (mut length, mut latest) = (0_i64, None);
        for contact in self.streak(view, t) {
            length = length.saturating_add(i64::from(contact.count));
            latest = Some(contact.time);
        }
        (length, latest.and_then(|latest| self.rest_of(view, length, latest)))
    }

    /// The end of the rest that a streak asks for, by its length and its latest contact.
    pub(crate) fn rest_of(
        &self,
        view: &View<'_>,
        length: i64,
        latest: Timestamp,
    ) -> Option<Option<Timestamp>> {
        let rest = self.rest_after(length)?;
        Some(rest.end(latest, view.calendar, &view.snapshot.calendar))
    }
}

impl Rule for BackOff {
    fn check(&self, view: &View<'_>, t: Timestamp) -> Option<Denial> {
        let (length, rest) = self.rest(view, t);
        rest?.is_none_or(|end| t < end).then(|| Denial {
            limit: Amount::Contacts(i64::from(self.written.after)),
            used: Amount::Contacts(length),
            contacts: references(self.streak(view, t)),
            ..Denial::plain(Reason::BackOff)
        })
    }

    fn is_against(&self, view: &View<'_>, t: Timestamp) -> bool {
        self.rest(view, t).1.is_some_and(|end| end.is_none_or(|end| t < end))
    }

    /// Where nothing lies ahead but the horizon, the streak is followed out of it in one pass: it gets shorter, and its rest with it.
    fn silent_from(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        if !self.is_against(view, t) {
            return Some(t);
        }
        if self.is_something_ahead(view, t) {
            return self.searched_silence(view, t);
        }
        let streak: Vec<(Timestamp, i64)> =
            self.streak(view, t).map(|contact| (contact.time, i64::from(contact.count))).collect();
        let (latest, mut length) = (streak.last()?.0, streak.iter().map(|(_, count)| *count).sum::<i64>());
        let mut since = t;
        for (time, count) in streak {
            let forgotten = (!self.is_endless()).then(|| time.plus_ms(view.snapshot.horizon_ms));
            let Some(rest) = self.rest_after(length) else { return Some(since) };
            let end = rest.end(latest, view.calendar, &view.snapshot.calendar).map(|end| end.max(since));
            if let Some(end) = end.filter(|end| forgotten.is_none_or(|forgotten| *end < forgotten)) {
                return Some(end);
            }
            since = forgotten?;
            length -= count;
        }
        Some(since)
    }

    fn next_change(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        let end = self.rest(view, t).1.flatten();
        let horizon_ms = view.snapshot.horizon_ms;
        let forgets = !self.is_endless();
        let of_contacts = view.contacts().flat_map(|(contact, terms)| {
            [Some(contact.time), contact.lapses(terms), forgets.then(|| contact.time.plus_ms(horizon_ms))]
        });
        let of_answers = view
            .engagements()
            .filter(|engagement| self.answers(view, engagement))
            .map(|engagement| Some(engagement.time));
        of_contacts.chain(of_answers).flatten().chain(end).filter(|change| *change > t).min()
    }
}
