//! Tastes that fade: how much a customer likes an offer family, and how tired contacts have made it.

use crate::catalog::Snapshot;
use crate::customer::Engagement;
use crate::ids::FamilyId;
use crate::rules::View;
use crate::time::Timestamp;

/// What is left of 1 after `age_ms`, where half is left after `half_life_ms`: 2^(-age / half-life), the same on every machine.
///
/// ```
/// use arbiter_core::affinity::faded;
/// assert_eq!(faded(0, 1_000), 1.0);
/// assert_eq!(faded(2_000, 1_000), 0.25);
/// ```
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "spans are below 2^53 ms")]
pub fn faded(age_ms: i64, half_life_ms: i64) -> f64 {
    libm::exp2(-(age_ms as f64) / half_life_ms as f64)
}

/// The offer family whose affinity an engagement teaches, and its half-life in milliseconds.
#[must_use]
pub fn taught_by(snapshot: &Snapshot, engagement: &Engagement) -> Option<(FamilyId, i64)> {
    let terms = engagement.terms.and_then(|id| snapshot.register.terms(id));
    let id = engagement.offer_family.or_else(|| terms.and_then(|terms| terms.offer_family))?;
    let family = snapshot.family(id)?;
    let half_life_ms = family.half_life_ms?;
    family.learns_from.contains(&engagement.kind).then_some((id, half_life_ms))
}

/// What the customer's engagements with an offer family add up to at `t`, faded; nothing where the family has no half-life.
#[must_use]
pub fn strength(view: &View<'_>, family: FamilyId, t: Timestamp) -> Option<f64> {
    let half_life_ms = view.snapshot.family(family)?.half_life_ms?;
    let left = |time: Timestamp| faded(t.0.saturating_sub(time.0), half_life_ms);
    let lessons = view.engagements().filter(|engagement| {
        engagement.time <= t
            && taught_by(view.snapshot, engagement).is_some_and(|(taught, _)| taught == family)
    });
    let of_before = view
        .state
        .tastes
        .iter()
        .filter(|taste| taste.member == view.whose.member && taste.family == family && taste.time <= t)
        .map(|taste| taste.strength * left(taste.time));
    Some(of_before.chain(lessons.map(|engagement| left(engagement.time))).sum())
}

/// The factor of the score for what the customer likes: 1 + strength; 1 where nothing is known.
#[must_use]
pub fn affinity(view: &View<'_>, t: Timestamp) -> f64 {
    1.0 + view.terms.offer_family.and_then(|family| strength(view, family, t)).unwrap_or(0.0)
}

/// The factor of the score for what nobody answered: 1 / (1 + such contacts, faded); 1 where the catalog has no half-life for it.
#[must_use]
pub fn fatigue(view: &View<'_>, t: Timestamp) -> f64 {
    let Some(half_life_ms) = view.snapshot.fatigue_half_life_ms else { return 1.0 };
    let (oldest, asked) = (view.snapshot.horizon_at(t), view.asked_at(t));
    let tiring = view.contacts().filter(|(contact, terms)| {
        oldest < contact.time
            && contact.time <= t
            && !contact.is_answered
            && contact.holds_place(terms, asked)
    });
    let sum: f64 = tiring
        .map(|(contact, _)| {
            f64::from(contact.count) * faded(t.0.saturating_sub(contact.time.0), half_life_ms)
        })
        .sum();
    1.0 / (1.0 + sum)
}
