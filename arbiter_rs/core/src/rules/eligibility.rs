//! Whether the campaign runs, uses the channel and is meant for the customer.

use super::{Rule, View};
use crate::decision::{Denial, Reason};
use crate::time::Timestamp;

/// The campaign runs from its first day until the midnight of its last.
#[derive(Debug)]
pub struct Activity;

impl Rule for Activity {
    fn check(&self, view: &View<'_>, t: Timestamp) -> Option<Denial> {
        let has_begun = view.campaign.active_from.is_none_or(|from| from <= t);
        let is_over = view.campaign.active_until.is_some_and(|until| until <= t);
        (!has_begun || is_over).then(|| Denial::plain(Reason::CampaignInactive))
    }

    fn next_change(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        [view.campaign.active_from, view.campaign.active_until]
            .into_iter()
            .flatten()
            .filter(|bound| *bound > t)
            .min()
    }
}

/// The campaign uses the channel, and the customer is in its audience.
#[derive(Debug)]
pub struct Audience;

impl Rule for Audience {
    fn check(&self, view: &View<'_>, t: Timestamp) -> Option<Denial> {
        let is_eligible = view.terms_id.is_some() && view.takes_at(&view.campaign.eligible, t);
        (!is_eligible).then(|| Denial::plain(Reason::NotEligible))
    }

    /// Given segments stay as they are; derived ones come and go.
    fn next_change(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        view.next_segment_change(&view.campaign.eligible, t)
    }
}
