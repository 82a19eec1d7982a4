//! The score: the expected value of a contact, by which candidates of one priority are ranked.

use crate::affinity::{affinity, fatigue};
use crate::ids::ONE;
use crate::request::Candidate;
use crate::rules::View;
use crate::time::Timestamp;

/// A score and what it is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Score {
    /// The caller gave it.
    Given(f64),
    /// answer probability x value x affinity x fatigue - cost, rounded to 6 decimals.
    Expected {
        /// The result.
        score: f64,
        /// As given; 1 where absent.
        answer_probability: f64,
        /// The candidate's, else the campaign's, else 1.
        value: f64,
        /// [`affinity`].
        affinity: f64,
        /// [`fatigue`].
        fatigue: f64,
        /// Of the channel, in units of money.
        cost: f64,
    },
}

impl Score {
    /// What ranks.
    #[must_use]
    pub const fn figure(&self) -> f64 {
        match self {
            Self::Given(score) | Self::Expected { score, .. } => *score,
        }
    }

    /// The score of a candidate; nothing where neither a score nor a probability nor a value is known: then priority alone ranks.
    #[must_use]
    pub fn of(view: &View<'_>, candidate: &Candidate<'_>, t: Timestamp) -> Option<Self> {
        Self::tired(view, candidate, t, || fatigue(view, t))
    }

    /// [`Score::of`] where the factor for what nobody answered is worked out elsewhere.
    pub(crate) fn tired(
        view: &View<'_>,
        candidate: &Candidate<'_>,
        t: Timestamp,
        fatigue: impl FnOnce() -> f64,
    ) -> Option<Self> {
        if let Some(score) = candidate.score {
            return Some(Self::Given(score));
        }
        let value = candidate.value.or(view.campaign.value);
        if value.is_none() && candidate.answer_probability.is_none() {
            return None;
        }
        let (answer_probability, value) = (candidate.answer_probability.unwrap_or(1.0), value.unwrap_or(1.0));
        let (affinity, fatigue) = (affinity(view, t), fatigue());
        #[expect(clippy::cast_precision_loss, reason = "a cost has at most 12 digits before its 6 decimals")]
        let cost = view.terms.cost as f64 / ONE as f64;
        let score = rounded(answer_probability * value * affinity * fatigue - cost);
        Some(Self::Expected { score, answer_probability, value, affinity, fatigue, cost })
    }
}

/// To 6 decimals, so that the last bits of a product do not rank.
fn rounded(score: f64) -> f64 {
    (score * 1e6).round() / 1e6
}
