//! When requests are sent: instants fixed beforehand by the curve and the seed, whatever the answers do.

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use crate::numbers::float;

/// One piece of the arrival curve; pieces follow one another.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(tag = "shape", rename_all = "lowercase", deny_unknown_fields)]
pub enum Piece {
    /// So many calls a second throughout.
    Constant {
        /// How long.
        #[serde(rename = "for")]
        lasts: String,
        /// Calls a second.
        rate: f64,
    },
    /// From one rate to another, evenly.
    Ramp {
        /// How long.
        #[serde(rename = "for")]
        lasts: String,
        /// Calls a second at its start.
        from: f64,
        /// Calls a second at its end.
        to: f64,
    },
    /// A number of calls as one front: the rate falls evenly from its height to nothing.
    Burst {
        /// How long.
        #[serde(rename = "for")]
        lasts: String,
        /// Calls in it.
        calls: f64,
    },
}

/// How the instants lie around the curve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Spacing {
    /// As independent callers: a Poisson process.
    #[default]
    Poisson,
    /// As a metronome.
    Even,
}

/// A span of the curve along which the rate changes evenly, in seconds and calls a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// How long, in seconds.
    pub seconds: f64,
    /// Calls a second at its start.
    pub from: f64,
    /// Calls a second at its end.
    pub to: f64,
}

impl Slope {
    /// Calls in it.
    pub fn calls(&self) -> f64 {
        (self.from + self.to) / 2.0 * self.seconds
    }

    /// The instant, in seconds from its start, by which `calls` of its calls are sent.
    fn instant(&self, calls: f64) -> f64 {
        let growth = (self.to - self.from) / self.seconds;
        // The positive root of growth/2 x² + from x - calls, written so that a growth of 0 is no exception.
        let root = (self.from * self.from + 2.0 * growth * calls).max(0.0).sqrt();
        if self.from + root <= 0.0 { 0.0 } else { (2.0 * calls / (self.from + root)).min(self.seconds) }
    }

    /// Calls that are sent in its first seconds.
    fn calls_until(&self, seconds: f64) -> f64 {
        let growth = (self.to - self.from) / self.seconds;
        self.from * seconds + growth / 2.0 * seconds * seconds
    }
}

/// The whole curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    slopes: Vec<Slope>,
}

impl Curve {
    /// A curve of these slopes, each of more than no length.
    pub fn of(slopes: Vec<Slope>) -> Self {
        Self { slopes }
    }

    /// How long it is, in seconds.
    pub fn seconds(&self) -> f64 {
        self.slopes.iter().map(|slope| slope.seconds).sum()
    }

    /// Calls in it.
    pub fn calls(&self) -> f64 {
        self.slopes.iter().map(Slope::calls).sum()
    }

    /// The highest rate.
    pub fn peak(&self) -> f64 {
        self.slopes.iter().map(|slope| slope.from.max(slope.to)).fold(0.0, f64::max)
    }

    /// Calls that are to be sent in its first seconds.
    pub fn calls_until(&self, seconds: f64) -> f64 {
        let mut start = 0.0;
        let mut calls = 0.0;
        for slope in &self.slopes {
            calls += slope.calls_until((seconds - start).clamp(0.0, slope.seconds));
            start += slope.seconds;
        }
        calls
    }

    /// As long as this, and as high: each where given.
    pub fn scaled(mut self, seconds: Option<f64>, peak: Option<f64>) -> Self {
        let stretch = seconds.map_or(1.0, |seconds| seconds / self.seconds());
        let lift = peak.map_or(1.0, |peak| peak / self.peak());
        for slope in &mut self.slopes {
            slope.seconds *= stretch;
            slope.from *= lift;
            slope.to *= lift;
        }
        self
    }
}

/// The instants of one worker of several, in nanoseconds from the start, ascending.
#[derive(Debug, Clone)]
pub struct Instants {
    curve: Curve,
    spacing: Spacing,
    random: Rng,
    /// Position on the curve in calls, and the part of the calls that is this worker's.
    position: f64,
    step: f64,
}

impl Instants {
    /// Of worker `worker` of `workers`: together they are the curve, apart they need not know of one another.
    pub fn new(curve: Curve, spacing: Spacing, seed: u64, worker: u64, workers: u64) -> Self {
        let random = Rng::with_seed(seed ^ worker.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let step = float(workers);
        let position = match spacing {
            Spacing::Even => float(worker) - step + 0.5,
            Spacing::Poisson => 0.0,
        };
        Self { curve, spacing, random, position, step }
    }
}

impl Iterator for Instants {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.position += match self.spacing {
            Spacing::Even => self.step,
            Spacing::Poisson => -(1.0 - self.random.f64()).ln() * self.step,
        };
        let mut start = 0.0;
        let mut before = 0.0;
        for slope in &self.curve.slopes {
            let calls = slope.calls();
            if self.position < before + calls {
                return Some(crate::numbers::whole((start + slope.instant(self.position - before)) * 1e9));
            }
            before += calls;
            start += slope.seconds;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slope() -> impl Strategy<Value = Slope> {
        (0.01..5.0, 0.0..400.0, 0.0..400.0).prop_map(|(seconds, from, to)| Slope { seconds, from, to })
    }

    proptest! {
        #[test]
        fn an_even_schedule_has_the_calls_of_its_curve_in_order_and_in_time(
            slopes in prop::collection::vec(slope(), 1..4), workers in 1_u64..4,
        ) {
            let curve = Curve::of(slopes);
            let mut all: Vec<u64> = Vec::new();
            for worker in 0..workers {
                let own: Vec<u64> = Instants::new(curve.clone(), Spacing::Even, 1, worker, workers).collect();
                prop_assert!(own.is_sorted());
                all.extend(own);
            }
            prop_assert!((float(crate::numbers::count(all.len())) - curve.calls()).abs() <= 1.0);
            prop_assert!(all.iter().all(|&at| float(at) <= curve.seconds() * 1e9 + 1.0));
            // At every instant as many are sent as the curve says, give or take the one that is due.
            all.sort_unstable();
            for (sent, &at) in all.iter().enumerate().step_by(97) {
                let due = curve.calls_until(float(at) / 1e9);
                prop_assert!((float(crate::numbers::count(sent)) - due).abs() <= 1.5, "{sent} sent, {due} due");
            }
        }

        #[test]
        fn a_schedule_is_the_same_for_the_same_seed(seed in any::<u64>(), slopes in prop::collection::vec(slope(), 1..3)) {
            let instants = |seed| Instants::new(Curve::of(slopes.clone()), Spacing::Poisson, seed, 0, 1).take(200);
            prop_assert_eq!(instants(seed).collect::<Vec<_>>(), instants(seed).collect::<Vec<_>>());
        }
    }

    #[test]
    fn independent_callers_come_as_often_as_the_curve_says() {
        let curve = Curve::of(vec![Slope { seconds: 10.0, from: 10_000.0, to: 10_000.0 }]);
        let calls = Instants::new(curve, Spacing::Poisson, 7, 0, 1).count();
        // Five standard deviations of a Poisson count of 100,000.
        assert!((98_400..=101_600).contains(&calls), "{calls}");
    }

    #[test]
    fn a_curve_is_stretched_and_lifted_as_a_whole() {
        let slope = |from, to| Slope { seconds: 5.0, from, to };
        let curve = Curve::of(vec![slope(0.0, 100.0), slope(100.0, 50.0)]).scaled(Some(20.0), Some(1_000.0));
        assert_eq!((curve.seconds(), curve.peak()), (20.0, 1_000.0));
    }
}
