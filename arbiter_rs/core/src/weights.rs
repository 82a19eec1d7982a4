//! Weights along the line of time, added up once, so that a window is weighed by looking at its two ends.

use crate::time::Timestamp;

/// Running sums of weights by time. They are wider than a weight: no number of them saturates a difference.
#[derive(Clone, Debug)]
pub(crate) struct RunningSums(Vec<(Timestamp, i128)>);

impl RunningSums {
    /// Add up `(time, weight)`, in any order.
    pub(crate) fn of(weights: impl Iterator<Item = (Timestamp, i64)>) -> Self {
        let mut sums: Vec<(Timestamp, i128)> =
            weights.map(|(time, weight)| (time, i128::from(weight))).collect();
        sums.sort_by_key(|(time, _)| *time);
        let mut sum = 0_i128;
        for (_, weight) in &mut sums {
            sum += *weight;
            *weight = sum;
        }
        Self(sums)
    }

    /// What lies at or before `last`.
    pub(crate) fn until(&self, last: Timestamp) -> i128 {
        self.first(self.0.partition_point(|(time, _)| *time <= last))
    }

    /// What lies before `first`.
    pub(crate) fn before(&self, first: Timestamp) -> i128 {
        self.first(self.0.partition_point(|(time, _)| *time < first))
    }

    /// What lies between two instants, both included.
    pub(crate) fn within(&self, (first, last): (Timestamp, Timestamp)) -> i64 {
        clamped(self.until(last) - self.before(first))
    }

    fn first(&self, count: usize) -> i128 {
        count.checked_sub(1).and_then(|last| self.0.get(last)).map_or(0, |(_, sum)| *sum)
    }
}

/// A sum as a weight: the greatest that can be said where it is greater.
pub(crate) fn clamped(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::RunningSums;
    use crate::time::Timestamp;

    #[test]
    fn both_ends_of_a_window_are_in_it() {
        let sums =
            RunningSums::of([(3, 4), (1, 1), (2, 2)].map(|(time, it)| (Timestamp(time), it)).into_iter());
        assert_eq!(sums.within((Timestamp(2), Timestamp(3))), 6);
        assert_eq!(sums.within((Timestamp(4), Timestamp(9))), 0);
    }

    #[test]
    fn what_is_heavier_than_can_be_said_takes_nothing_from_a_window_behind_it() {
        let sums = RunningSums::of((0..4).map(|time| (Timestamp(time), i64::MAX)));
        assert_eq!(sums.within((Timestamp(3), Timestamp(3))), i64::MAX);
        assert_eq!(sums.within((Timestamp(0), Timestamp(3))), i64::MAX);
    }
}
