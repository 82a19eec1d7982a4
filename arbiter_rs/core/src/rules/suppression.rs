//! Suppression: who objected or complained gets no marketing, on the channel of that contact or on all.

use super::{Rule, View};
use crate::customer::Suppression;
use crate::decision::{Denial, Reason};
use crate::selector::Kind;
use crate::time::Timestamp;

/// Looks at the objections of the customer; judges marketing alone.
#[derive(Debug)]
pub struct Objection;

impl Objection {
    fn concerns(suppression: &Suppression, view: &View<'_>) -> bool {
        view.terms.kind == Kind::Marketing
            && suppression.member == view.whose.member
            && suppression.channel.is_none_or(|channel| channel == view.terms.channel)
    }
}

impl Rule for Objection {
    fn check(&self, view: &View<'_>, t: Timestamp) -> Option<Denial> {
        let holds = |suppression: &Suppression| Self::concerns(suppression, view) && suppression.since <= t;
        view.state.suppressions.iter().any(holds).then(|| Denial::plain(Reason::Suppressed))
    }

    /// An objection does not pass: once it holds, no time helps.
    fn next_change(&self, view: &View<'_>, t: Timestamp) -> Option<Timestamp> {
        view.state
            .suppressions
            .iter()
            .filter(|suppression| Self::concerns(suppression, view) && suppression.since > t)
            .map(|suppression| suppression.since)
            .min()
    }
}
