//! Sums: what contacts add up to over time. Rules that count the same contacts share one, whatever their windows.

use super::plan::Plan;
use crate::compiled::{CapPer, Counted};
use crate::ids::Micros;
use crate::register::Terms;

/// Which contacts are added up, and what of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sum {
    /// Which of the catalog's filters; nothing for all contacts.
    pub(super) filter: Option<usize>,
    pub(super) weight: Weight,
    /// Nothing for those that nobody answered.
    pub(super) counted: Option<Counted>,
    pub(super) per: CapPer,
    pub(super) alike: Alike,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            filter: None,
            weight: Weight::One,
            counted: Some(Counted::Attempts),
            per: CapPer::Customer,
            alike: Alike::Any,
        }
    }
}

/// What a contact adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    One,
    Pressure,
    Cost,
}

/// What a contact must have in common with the candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alike {
    Any,
    Family,
    Campaign,
    Channel,
}

impl Sum {
    /// What one contact of these terms adds beside a candidate of those; nothing where it is not like it.
    fn weigh(&self, terms: &Terms, candidate: &Terms) -> Option<Micros> {
        let is_alike = match self.alike {
            Alike::Any => true,
            Alike::Family => terms.offer_family == candidate.offer_family,
            Alike::Campaign => terms.campaign == candidate.campaign,
            Alike::Channel => terms.channel == candidate.channel,
        };
        is_alike.then_some(match self.weight {
            Weight::One => 1,
            Weight::Pressure => terms.pressure,
            Weight::Cost => terms.cost,
        })
    }
}

/// For each sum of a plan the contacts that it counts, oldest first: when, and what it comes to with it.
#[derive(Debug, Default)]
pub(super) struct Sums {
    rows: Vec<(i64, i64)>,
    stride: usize,
    ends: Vec<SoFar>,
}

#[derive(Clone, Copy, Debug, Default)]
struct SoFar {
    length: usize,
    total: i64,
}

impl Sums {
    /// Begin anew, for so many contacts.
    pub(super) fn begin(&mut self, sums: usize, contacts: usize) {
        self.stride = contacts;
        if self.rows.len() < sums * contacts {
            self.rows.resize(sums * contacts, (0, 0));
        }
        self.ends.clear();
        self.ends.resize(sums, SoFar::default());
    }

    /// Add so many contacts of these terms to each of these sums.
    pub(super) fn add(
        &mut self,
        plan: &Plan,
        mut bits: u64,
        (time, count): (i64, u32),
        terms: &Terms,
        candidate: &Terms,
    ) {
        while bits != 0 {
            let place = bits.trailing_zeros() as usize;
            let is_special = plan.special & bits & bits.wrapping_neg() != 0;
            bits &= bits - 1;
            let weight = if is_special {
                let weight = plan.sums.get(place).and_then(|sum| sum.weigh(terms, candidate));
                let Some(weight) = weight else { continue };
                weight.saturating_mul(i64::from(count))
            } else {
                i64::from(count)
            };
            let Some(so_far) = self.ends.get_mut(place) else { continue };
            so_far.total = so_far.total.saturating_add(weight);
            if let Some(row) = self.rows.get_mut(place * self.stride + so_far.length) {
                *row = (time, so_far.total);
            }
            so_far.length += 1;
        }
    }

    /// Whether a sum is beyond what can be added up: then its parts are not to be had by subtraction.
    pub(super) fn is_beyond(&self) -> bool {
        self.ends.iter().any(|so_far| so_far.total == i64::MAX)
    }

    /// The contacts of a sum, with what it comes to at each.
    pub(super) fn rows(&self, place: usize) -> &[(i64, i64)] {
        let length = self.ends.get(place).map_or(0, |so_far| so_far.length);
        let start = place * self.stride;
        self.rows.get(start..start + length).unwrap_or(&[])
    }

    /// What the contacts of a sum from `first` on come to.
    pub(super) fn since(&self, place: usize, first: i64) -> i64 {
        let Some(so_far) = self.ends.get(place) else { return 0 };
        let rows = self.rows(place);
        let before = rows.partition_point(|(time, _)| *time < first);
        let gone = before.checked_sub(1).and_then(|last| rows.get(last)).map_or(0, |(_, sum)| *sum);
        so_far.total - gone
    }
}
