//! Ranking: who goes first when several campaigns want the same customer.

use std::cmp::Ordering;

use crate::catalog::Snapshot;
use crate::request::Candidate;

/// Positions of the candidates, the best ranked first: priority, score, earliest deadline, campaign id in byte order, position.
///
/// Total, and the same on every replica. A campaign that the catalog does not know has the lowest priority: it is denied whatever its rank.
#[must_use]
pub fn ranked(snapshot: &Snapshot, candidates: &[Candidate<'_>]) -> Vec<usize> {
    let mut order: Vec<(usize, u8, &Candidate<'_>)> = candidates
        .iter()
        .enumerate()
        .map(|(index, candidate)| (index, priority(snapshot, candidate), candidate))
        .collect();
    order.sort_by(|(left_index, left_priority, left), (right_index, right_priority, right)| {
        right_priority
            .cmp(left_priority)
            .then_with(|| by_score(left, right))
            .then_with(|| by_deadline(left, right))
            .then_with(|| left.campaign.as_bytes().cmp(right.campaign.as_bytes()))
            .then_with(|| left_index.cmp(right_index))
    });
    order.into_iter().map(|(index, _, _)| index).collect()
}

fn priority(snapshot: &Snapshot, candidate: &Candidate<'_>) -> u8 {
    snapshot.campaign(candidate.campaign).map_or(0, |campaign| campaign.common.priority)
}

/// The higher first. Adding zero makes -0 equal to 0; scores are finite.
fn by_score(left: &Candidate<'_>, right: &Candidate<'_>) -> Ordering {
    (right.score + 0.0).total_cmp(&(left.score + 0.0))
}

fn by_deadline(left: &Candidate<'_>, right: &Candidate<'_>) -> Ordering {
    match (left.deadline, right.deadline) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}
