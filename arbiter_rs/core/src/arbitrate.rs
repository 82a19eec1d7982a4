//! Ranking: who goes first when several campaigns want the same customer.

use std::cmp::Ordering;

use crate::time::Timestamp;

/// Where a candidate or a claim stands: priority, score, earliest deadline, campaign id in byte order.
///
/// Total, and the same on every replica. A campaign that the catalog does not know has the lowest priority: it is denied whatever its rank.
#[derive(Clone, Copy, Debug)]
pub struct Rank<'a> {
    /// 0-100, the higher first.
    pub priority: u8,
    /// The higher first; finite.
    pub score: f64,
    /// The earlier first, none last.
    pub deadline: Option<Timestamp>,
    /// In byte order.
    pub campaign: &'a str,
}

impl Rank<'_> {
    /// The better rank is the lesser one.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        // Adding zero makes -0 equal to 0.
        let by_score = (other.score + 0.0).total_cmp(&(self.score + 0.0));
        other
            .priority
            .cmp(&self.priority)
            .then(by_score)
            .then_with(|| by_deadline(self.deadline, other.deadline))
            .then_with(|| self.campaign.as_bytes().cmp(other.campaign.as_bytes()))
    }

    /// Whether it goes before the other.
    #[must_use]
    pub fn is_better_than(&self, other: &Self) -> bool {
        self.order(other) == Ordering::Less
    }

    /// The better of two.
    #[must_use]
    pub fn better(self, other: Self) -> Self {
        if other.is_better_than(&self) { other } else { self }
    }
}

fn by_deadline(left: Option<Timestamp>, right: Option<Timestamp>) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// Positions in their rank, the best first; alike in everything: in the order asked.
#[must_use]
pub fn ranked(ranks: &[Rank<'_>]) -> Vec<usize> {
    let mut order: Vec<(usize, &Rank<'_>)> = ranks.iter().enumerate().collect();
    order.sort_by(|(_, left), (_, right)| left.order(right));
    order.into_iter().map(|(index, _)| index).collect()
}
