//! Which requests a rule judges and which contacts it counts.

use serde::{Deserialize, Serialize};

use crate::ids::{CampaignId, ChannelId, FamilyId, SegmentId, UnitId};
use crate::register::Terms;

/// What the law and the contact policy treat apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Advertising.
    Marketing,
    /// About a service in use.
    Service,
    /// Part of a transaction.
    Transactional,
    /// Demanded by law.
    Legal,
}

/// A compiled selector: each list means any of them, all given lists must hold, `not` must not.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    pub(crate) kinds: Option<Vec<Kind>>,
    pub(crate) channels: Option<Vec<ChannelId>>,
    pub(crate) campaigns: Option<Vec<CampaignId>>,
    pub(crate) offer_families: Option<Vec<FamilyId>>,
    pub(crate) business_units: Option<Vec<UnitId>>,
    pub(crate) segments: Option<Vec<SegmentId>>,
    pub(crate) min_priority: Option<u8>,
    pub(crate) max_priority: Option<u8>,
    pub(crate) not: Option<Box<Self>>,
}

fn is_among<T: PartialEq>(list: Option<&Vec<T>>, value: Option<&T>) -> bool {
    list.is_none_or(|list| value.is_some_and(|value| list.contains(value)))
}

impl Selector {
    /// Whether a contact under these terms, of a customer in these segments, is meant.
    #[must_use]
    pub fn takes(&self, terms: &Terms, segments: &[SegmentId]) -> bool {
        is_among(self.kinds.as_ref(), Some(&terms.kind))
            && is_among(self.channels.as_ref(), Some(&terms.channel))
            && is_among(self.campaigns.as_ref(), Some(&terms.campaign))
            && is_among(self.offer_families.as_ref(), terms.offer_family.as_ref())
            && is_among(self.business_units.as_ref(), terms.business_unit.as_ref())
            && self.segments.as_ref().is_none_or(|list| list.iter().any(|segment| segments.contains(segment)))
            && self.min_priority.is_none_or(|least| terms.priority >= least)
            && self.max_priority.is_none_or(|most| terms.priority <= most)
            && !self.not.as_ref().is_some_and(|not| not.takes(terms, segments))
    }

    /// Whether it asks for this segment, in `not` included.
    #[must_use]
    pub fn names_segment(&self, segment: SegmentId) -> bool {
        self.segments.as_ref().is_some_and(|list| list.contains(&segment))
            || self.not.as_ref().is_some_and(|not| not.names_segment(segment))
    }

    /// Whether the answer depends on the customer's segments, and not on the terms alone.
    #[must_use]
    pub fn needs_segments(&self) -> bool {
        self.segments.is_some() || self.not.as_ref().is_some_and(|not| not.needs_segments())
    }
}

/// A selector with its answer for each known terms worked out beforehand.
#[derive(Clone, Debug)]
pub struct ContactFilter {
    selector: Selector,
    by_terms: Option<Vec<bool>>,
}

impl ContactFilter {
    pub(crate) fn new(selector: Selector, terms: &[Terms]) -> Self {
        let by_terms = (!selector.needs_segments())
            .then(|| terms.iter().map(|terms| selector.takes(terms, &[])).collect());
        Self { selector, by_terms }
    }

    /// Whether the answer depends on the segments that a contact froze.
    pub(crate) const fn needs_segments(&self) -> bool {
        self.by_terms.is_none()
    }

    /// Whether a contact of the `index`th terms, of a customer in these segments at its grant, is meant.
    #[must_use]
    pub fn takes(&self, index: usize, terms: &Terms, segments: &[SegmentId]) -> bool {
        match &self.by_terms {
            Some(answers) => answers.get(index).copied().unwrap_or(false),
            None => self.selector.takes(terms, segments),
        }
    }
}
