//! Hold-out: a share of the customers is left alone, so that the effect of contact can be measured.

use super::{Rule, View};
use crate::compiled::CompiledHoldout;
use crate::decision::{Denial, Reason};
use crate::ids::stable_hash_of;
use crate::time::Timestamp;

/// Looks at nothing but the customer's id: the same customers are held out on every replica and for ever.
#[derive(Clone, Debug)]
pub struct Holdout {
    /// The rule as compiled.
    pub written: CompiledHoldout,
}

impl Holdout {
    fn holds(&self, customer: &str) -> bool {
        let salted: [&[u8]; 3] = [self.written.salt.as_bytes(), &[0], customer.as_bytes()];
        stable_hash_of(salted) % 1_000_000 < u64::from(self.written.share_micros)
    }
}

impl Rule for Holdout {
    fn check(&self, view: &View<'_>, _t: Timestamp) -> Option<Denial> {
        self.holds(view.customer).then(|| Denial::plain(Reason::HeldOut))
    }

    fn is_against(&self, view: &View<'_>, _t: Timestamp) -> bool {
        self.holds(view.customer)
    }

    /// No time helps.
    fn next_change(&self, _view: &View<'_>, _t: Timestamp) -> Option<Timestamp> {
        None
    }
}
