//! The rules. Each is one file: what it looks at, when it speaks against, and when it may change its mind.

pub mod back_off;
pub mod capacity;
pub mod eligibility;
pub mod frequency_cap;
pub mod holdout;
pub mod outranking;
pub mod prerequisite;
pub mod respite;
pub mod suppression;

use std::sync::Arc;

use crate::arbitrate::Rank;
use crate::catalog::{Campaign, Snapshot};
use crate::compiled::AlikeIn;
use crate::customer::{Contact, CustomerState, Engagement, Whose};
use crate::decision::{ContactReference, Denial, MAX_REFERENCES, Reason};
use crate::ids::{SegmentId, TermsId};
use crate::register::Terms;
use crate::selector::{ContactFilter, Selector};
use crate::standings::Standings;
use crate::time::{Calendar, Timestamp};

/// All that a rule may look at: one customer, one candidate. The moment is given apart, since a rule is asked about several.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The catalog.
    pub snapshot: &'a Snapshot,
    /// The customer.
    pub state: &'a CustomerState,
    /// The candidate's campaign.
    pub campaign: &'a Campaign,
    /// What a grant would freeze.
    pub terms: &'a Terms,
    /// The integer of these terms; nothing where the campaign does not list the channel.
    pub terms_id: Option<TermsId>,
    /// The customer's given segments.
    pub segments: &'a [SegmentId],
    /// The customer's own calendar, where known.
    pub calendar: Option<&'a Calendar>,
    /// Contacts from this number on are not looked at: how things stood when a repeated request was first answered.
    pub before_sequence: u32,
    /// The customer's id.
    pub customer: &'a str,
    /// Whose contact it would be, where and about what.
    pub whose: Whose,
    /// When it is asked, where that is not the moment that a rule is asked about: for a contact planned ahead.
    pub asked: Option<Timestamp>,
    /// Where the candidate stands among claims.
    pub rank: Rank<'a>,
    /// What is known of capacities and budgets.
    pub standings: &'a Standings,
}

impl<'a> View<'a> {
    /// Contacts of the party that were there, with their terms, oldest first.
    pub fn contacts_of_party(&self) -> impl DoubleEndedIterator<Item = (&'a Contact, &'a Terms)> + use<'a> {
        self.with_terms(&self.state.contacts)
    }

    /// Those of them with `from <= time < until`.
    pub fn contacts_of_party_between(
        &self,
        from: Timestamp,
        until: Timestamp,
    ) -> impl DoubleEndedIterator<Item = (&'a Contact, &'a Terms)> + use<'a> {
        let contacts = &self.state.contacts;
        let first = contacts.partition_point(|contact| contact.time < from);
        let after = contacts.partition_point(|contact| contact.time < until);
        self.with_terms(contacts.get(first..after).unwrap_or_default())
    }

    fn with_terms(
        &self,
        contacts: &'a [Contact],
    ) -> impl DoubleEndedIterator<Item = (&'a Contact, &'a Terms)> + use<'a> {
        let (register, before) = (&self.snapshot.register, self.before_sequence);
        contacts
            .iter()
            .filter(move |contact| contact.sequence < before)
            .filter_map(|contact| register.terms(contact.terms).map(|terms| (contact, terms)))
    }

    /// Contacts of the customer that were there, with their terms, oldest first.
    pub fn contacts(&self) -> impl DoubleEndedIterator<Item = (&'a Contact, &'a Terms)> + use<'a> {
        let member = self.whose.member;
        self.contacts_of_party().filter(move |(contact, _)| contact.whose.member == member)
    }

    /// What came back from the customer, oldest first.
    pub fn engagements(&self) -> impl DoubleEndedIterator<Item = &'a Engagement> + use<'a> {
        let member = self.whose.member;
        self.state.engagements.iter().filter(move |engagement| engagement.member == member)
    }

    /// When a contact at `t` is asked for.
    #[must_use]
    pub fn asked_at(&self, t: Timestamp) -> Timestamp {
        self.asked.unwrap_or(t)
    }

    /// Whether an engagement has this in common with the candidate.
    #[must_use]
    pub fn is_alike(&self, of: AlikeIn, engagement: &Engagement) -> bool {
        let terms = engagement.terms.and_then(|id| self.snapshot.register.terms(id));
        match of {
            AlikeIn::OfferFamily => is_of_family(self, engagement),
            AlikeIn::Campaign => terms.is_some_and(|terms| terms.campaign == self.terms.campaign),
            AlikeIn::Channel => {
                engagement.channel.or_else(|| terms.map(|terms| terms.channel)) == Some(self.terms.channel)
            }
            AlikeIn::Any => true,
        }
    }

    /// Whether a filter means this contact.
    #[must_use]
    pub fn is_meant(&self, filter: &ContactFilter, contact: &Contact, terms: &Terms) -> bool {
        filter.takes(contact.terms.index(), terms, self.state.segments_of(contact))
    }
}

/// What every rule can be asked.
pub trait Rule {
    /// Speaks against a contact at `t`, with its figures, or says nothing. `earliest` and `rule` are filled in by the caller.
    fn check(&self, view: &View<'_>, t: Timestamp) -> Option<Denial>;

    /// Whether it speaks against a contact at `t`.
    fn is_against(&self, view: &View<'_>, t: Timestamp) -> bool {
        self.check(view, t).is_some()
    }

    /// The next instant after `t` at which its answer may differ, if nothing else happens; never later than that instant.
    fn next_change(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp>;

    /// Where it speaks against at `t`: an instant after `t` until which it goes on to, if nothing else happens; nothing where it does for ever.
    ///
    /// The next change of its mind, or a later instant where the rule knows one.
    fn speaks_until(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        self.next_change(view, t)
    }

    /// The first instant at or after `t` at which it is silent, if nothing else happens.
    fn silent_from(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        self.searched_silence(view, t)
    }

    /// [`Rule::silent_from`] by asking anew at each instant until which it goes on to speak.
    fn searched_silence(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        let mut moment = t;
        for _ in 0..MAX_CHANGES {
            if !self.is_against(view, moment) {
                return Some(moment);
            }
            moment = self.speaks_until(view, moment).filter(|until| *until > moment)?;
        }
        None
    }
}

/// How many times a rule may change its mind before the search for its silence is given up: more than any value can make it.
const MAX_CHANGES: usize = 32_768;

/// A rule of a contact policy.
#[derive(Debug)]
pub struct PolicyRule {
    /// The policy's name.
    pub policy: String,
    /// The rule's name.
    pub name: String,
    /// Its position among all rules of the document.
    pub order: usize,
    pub(crate) applies_to: Selector,
    /// Whether it depends on a derived segment which candidates it judges.
    pub(crate) is_derived: bool,
    /// What it does.
    pub kind: RuleKind,
    /// For a cap: the places that claims hold in it.
    pub outranking: Option<outranking::Outranking>,
}

/// The kinds of rules that a policy can hold: the one list to extend for another.
#[derive(Debug)]
pub enum RuleKind {
    /// At most so many in a window.
    FrequencyCap(Arc<frequency_cap::FrequencyCap>),
    /// Growing rest after silence.
    BackOff(back_off::BackOff),
    /// No contact after an event.
    Respite(respite::Respite),
    /// Only after a contact or an engagement.
    Prerequisite(prerequisite::Prerequisite),
    /// No contact with a share of the customers.
    Holdout(holdout::Holdout),
    /// At most so many in a window, over all customers.
    Capacity(capacity::Capacity),
}

impl PolicyRule {
    /// Whether it judges this candidate at `t`.
    #[must_use]
    pub fn judges(&self, view: &View<'_>, t: Timestamp) -> bool {
        if self.is_derived {
            view.takes_at(&self.applies_to, t)
        } else {
            self.applies_to.takes(view.terms, view.segments)
        }
    }

    /// Whether it judges this candidate at some moment: which derived segments the customer is in changes with time.
    #[must_use]
    pub fn may_judge_later(&self, view: &View<'_>) -> bool {
        self.is_derived || self.applies_to.takes(view.terms, view.segments)
    }

    /// Whether it could judge a candidate of these terms, in some segment.
    #[must_use]
    pub fn may_judge(&self, terms: &Terms) -> bool {
        self.applies_to.needs_segments() || self.applies_to.takes(terms, &[])
    }

    /// The cap, where it is one.
    #[must_use]
    pub fn cap(&self) -> Option<&Arc<frequency_cap::FrequencyCap>> {
        if let RuleKind::FrequencyCap(cap) = &self.kind { Some(cap) } else { None }
    }

    /// The back-off, where it is one.
    #[must_use]
    pub const fn back_off(&self) -> Option<&back_off::BackOff> {
        if let RuleKind::BackOff(back_off) = &self.kind { Some(back_off) } else { None }
    }

    /// The capacity or budget, where it is one.
    #[must_use]
    pub const fn capacity(&self) -> Option<&capacity::Capacity> {
        if let RuleKind::Capacity(capacity) = &self.kind { Some(capacity) } else { None }
    }

    /// The rule behind the kind.
    #[must_use]
    pub fn as_rule(&self) -> &dyn Rule {
        match &self.kind {
            RuleKind::FrequencyCap(rule) => &**rule,
            RuleKind::BackOff(rule) => rule,
            RuleKind::Respite(rule) => rule,
            RuleKind::Prerequisite(rule) => rule,
            RuleKind::Holdout(rule) => rule,
            RuleKind::Capacity(rule) => rule,
        }
    }

    /// The reason that it gives.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match &self.kind {
            RuleKind::FrequencyCap(_) => Reason::FrequencyCap,
            RuleKind::BackOff(_) => Reason::BackOff,
            RuleKind::Respite(_) => Reason::Respite,
            RuleKind::Prerequisite(_) => Reason::NotEligible,
            RuleKind::Holdout(_) => Reason::HeldOut,
            RuleKind::Capacity(rule) => rule.reason(),
        }
    }

    /// Its window or span, as the document writes it.
    #[must_use]
    pub fn window_text(&self) -> &str {
        match &self.kind {
            RuleKind::FrequencyCap(rule) => &rule.written.window_text,
            RuleKind::BackOff(rule) => &rule.written.rests_text,
            RuleKind::Respite(rule) => &rule.written.for_text,
            RuleKind::Prerequisite(rule) => &rule.within_text,
            RuleKind::Holdout(_) => "",
            RuleKind::Capacity(rule) => &rule.window_text,
        }
    }
}

/// Whether an engagement is of the candidate's offer family: the one that it names, else that of its contact or campaign. One of neither is of no family.
pub(crate) fn is_of_family(view: &View<'_>, engagement: &Engagement) -> bool {
    let terms = engagement.terms.and_then(|id| view.snapshot.register.terms(id));
    let family = engagement.offer_family.or_else(|| terms.and_then(|terms| terms.offer_family));
    family == view.terms.offer_family && (family.is_some() || terms.is_some())
}

/// The latest of these contacts, newest first.
pub(crate) fn references<'a>(
    contacts: impl DoubleEndedIterator<Item = &'a Contact>,
) -> Vec<ContactReference> {
    contacts
        .rev()
        .take(MAX_REFERENCES)
        .map(|contact| ContactReference {
            sequence: contact.sequence,
            time: contact.time,
            terms: contact.terms,
        })
        .collect()
}
