//! Sums: what contacts add up to over time. Rules that count the same contacts share one, whatever their windows.

use super::plan::Plan;
use crate::compiled::{CapPer, Counted};
use crate::ids::Micros;
use crate::register::Terms;

/// How many contacts are few.
const FEW: usize = 16;

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
    so_far: Vec<SoFar>,
}

/// The rows of a sum, and what they come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SoFar {
    from: usize,
    to: usize,
    total: i64,
}

/// One sum at hand.
pub(super) struct One<'a> {
    rows: &'a mut [(i64, i64)],
    so_far: SoFar,
}

impl One<'_> {
    #[inline]
    pub(super) fn add(&mut self, time: i64) -> Option<()> {
        let row = self.rows.get_mut(self.so_far.to)?;
        self.so_far.total = self.so_far.total.saturating_add(1);
        self.so_far.to = self.so_far.to.wrapping_add(1);
        *row = (time, self.so_far.total);
        Some(())
    }

    pub(super) const fn so_far(&self) -> SoFar {
        self.so_far
    }
}

impl Sums {
    /// Begin anew, for so many contacts.
    pub(super) fn begin(&mut self, sums: usize, contacts: usize) {
        if self.rows.len() < sums * contacts {
            self.rows.resize(sums * contacts, (0, 0));
        }
        self.so_far.clear();
        let begin = |sum| SoFar { from: sum * contacts, to: sum * contacts, total: 0 };
        self.so_far.extend((0..sums).map(begin));
    }

    /// Add so many contacts to each of these sums.
    #[inline]
    pub(super) fn add(&mut self, mut bits: u64, time: i64, count: i64) {
        while bits != 0 {
            self.add_one(bits.trailing_zeros() as usize, time, count);
            bits &= bits.wrapping_sub(1);
        }
    }

    #[inline]
    fn add_one(&mut self, place: usize, time: i64, weight: i64) {
        if let Some(so_far) = self.so_far.get_mut(place)
            && let Some(row) = self.rows.get_mut(so_far.to)
        {
            so_far.total = so_far.total.saturating_add(weight);
            so_far.to = so_far.to.wrapping_add(1);
            *row = (time, so_far.total);
        }
    }

    /// The first sum, to add one contact after the other.
    #[inline]
    pub(super) fn take_one(&mut self) -> One<'_> {
        let so_far = self.so_far.first().copied().unwrap_or_default();
        One { rows: &mut self.rows, so_far }
    }

    #[inline]
    pub(super) fn put_one(&mut self, so_far: SoFar) {
        if let Some(first) = self.so_far.first_mut() {
            *first = so_far;
        }
    }

    /// Add so many contacts of these terms, beside a candidate of those, to each of these sums of something else than contacts.
    #[inline(never)]
    pub(super) fn add_special(
        &mut self,
        plan: &Plan,
        mut bits: u64,
        (time, count): (i64, u32),
        (terms, candidate): (&Terms, &Terms),
    ) {
        while bits != 0 {
            let place = bits.trailing_zeros() as usize;
            bits &= bits.wrapping_sub(1);
            if let Some(weight) = plan.sums.get(place).and_then(|sum| sum.weigh(terms, candidate)) {
                self.add_one(place, time, weight.saturating_mul(i64::from(count)));
            }
        }
    }

    /// Whether a sum is beyond what can be added up: then its parts are not to be had by subtraction.
    pub(super) fn is_beyond(&self) -> bool {
        self.so_far.iter().any(|so_far| so_far.total == i64::MAX)
    }

    /// The contacts of a sum, with what it comes to at each.
    pub(super) fn rows(&self, place: usize) -> &[(i64, i64)] {
        let rows = self.so_far.get(place).and_then(|so_far| self.rows.get(so_far.from..so_far.to));
        rows.unwrap_or(&[])
    }

    /// What the contacts of a sum from `first` on come to.
    pub(super) fn since(&self, place: usize, first: i64) -> i64 {
        self.tail(place).since(first)
    }

    /// A sum, to be asked about several windows.
    #[inline]
    pub(super) fn tail(&self, place: usize) -> Tail<'_> {
        let rows = self.rows(place);
        let oldest = rows.first().map_or(i64::MAX, |(time, _)| *time);
        Tail { rows, oldest, total: rows.last().map_or(0, |(_, total)| *total) }
    }
}

/// One sum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail<'a> {
    rows: &'a [(i64, i64)],
    oldest: i64,
    total: i64,
}

impl Tail<'_> {
    /// What its contacts from `first` on come to.
    #[inline]
    pub(super) fn since(&self, first: i64) -> i64 {
        let Self { rows, oldest, total } = *self;
        if first <= oldest {
            return total;
        }
        let is_before = |(time, _): &(i64, i64)| *time < first;
        // Of few, looking at all is faster than halving.
        let before = if rows.len() <= FEW {
            rows.iter().map(|row| usize::from(is_before(row))).fold(0, usize::wrapping_add)
        } else {
            rows.partition_point(is_before)
        };
        rows.get(before.wrapping_sub(1)).map_or(0, |(_, gone)| total.wrapping_sub(*gone))
    }
}
