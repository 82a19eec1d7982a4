//! Which customer is asked about: uniform, by Zipf's law, or a hot set.

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use crate::numbers::{float, whole};

/// How often each customer is asked about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, Serialize)]
#[serde(tag = "skew", rename_all = "lowercase", deny_unknown_fields)]
pub enum Skew {
    /// All alike.
    #[default]
    Uniform,
    /// The k-th as often as 1/k^exponent.
    Zipf {
        /// Above 0; 1 is the law of words.
        exponent: f64,
    },
    /// A few customers get a share of all calls, the others the rest.
    Hot {
        /// How many are hot.
        customers: u64,
        /// Share of the calls that they get, 0 to 1.
        share: f64,
    },
}

/// Draws customers, numbered from 0.
#[derive(Debug, Clone)]
pub struct Keys {
    customers: u64,
    skew: Skew,
    zipf: Zipf,
}

impl Keys {
    /// Of so many customers, at least one.
    pub fn new(customers: u64, skew: Skew) -> Self {
        let exponent = if let Skew::Zipf { exponent } = skew { exponent } else { 1.0 };
        Self { customers, skew, zipf: Zipf::new(float(customers), exponent) }
    }

    /// The next customer.
    pub fn draw(&self, random: &mut Rng) -> u64 {
        match self.skew {
            Skew::Uniform => random.u64(..self.customers),
            Skew::Zipf { .. } => whole(self.zipf.rank(random)).saturating_sub(1).min(self.customers - 1),
            Skew::Hot { customers, share } => {
                let hot = customers.min(self.customers);
                let is_hot = random.f64() < share || hot == self.customers;
                if is_hot { random.u64(..hot) } else { random.u64(hot..self.customers) }
            }
        }
    }
}

/// Rejection-inversion (Hörmann and Derflinger 1996): exact for any number of ranks, without a table.
#[derive(Debug, Clone)]
struct Zipf {
    exponent: f64,
    low: f64,
    high: f64,
    accept: f64,
}

impl Zipf {
    fn new(ranks: f64, exponent: f64) -> Self {
        let mut zipf = Self { exponent, low: 0.0, high: 0.0, accept: 0.0 };
        zipf.low = zipf.integral(1.5) - 1.0;
        zipf.high = zipf.integral(ranks + 0.5);
        zipf.accept = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.density(2.0));
        zipf
    }

    fn rank(&self, random: &mut Rng) -> f64 {
        loop {
            let u = self.high + random.f64() * (self.low - self.high);
            let x = self.inverse(u);
            let rank = (x + 0.5).floor().max(1.0);
            if rank - x <= self.accept || u >= self.integral(rank + 0.5) - self.density(rank) {
                return rank;
            }
        }
    }

    fn density(&self, x: f64) -> f64 {
        (-self.exponent * x.ln()).exp()
    }

    /// The integral of the density, for an exponent of 1 too.
    fn integral(&self, x: f64) -> f64 {
        let log = x.ln();
        expm1_over((1.0 - self.exponent) * log) * log
    }

    fn inverse(&self, u: f64) -> f64 {
        let scaled = (u * (1.0 - self.exponent)).max(-1.0);
        (ln1p_over(scaled) * u).exp()
    }
}

fn expm1_over(x: f64) -> f64 {
    if x.abs() > 1e-8 { x.exp_m1() / x } else { 1.0 + x / 2.0 }
}

fn ln1p_over(x: f64) -> f64 {
    if x.abs() > 1e-8 { x.ln_1p() / x } else { 1.0 - x / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(skew: Skew, customers: u64, draws: usize) -> Vec<f64> {
        let keys = Keys::new(customers, skew);
        let mut random = Rng::with_seed(11);
        let mut often = vec![0.0; crate::numbers::place(customers)];
        for _ in 0..draws {
            often[crate::numbers::place(keys.draw(&mut random))] += 1.0 / float(crate::numbers::count(draws));
        }
        often
    }

    #[test]
    fn a_rank_of_zipf_comes_as_often_as_the_law_says() {
        for exponent in [0.5, 1.0, 1.3] {
            let often = drawn(Skew::Zipf { exponent }, 50, 200_000);
            let total: f64 = (1..=50).map(|k| float(k).powf(-exponent)).sum();
            for (k, share) in (1..=50).zip(often) {
                let law = float(k).powf(-exponent) / total;
                assert!((share - law).abs() < 0.1 * law + 0.001, "rank {k} of {exponent}: {share} for {law}");
            }
        }
    }

    #[test]
    fn the_hot_ones_get_their_share() {
        let often = drawn(Skew::Hot { customers: 2, share: 0.8 }, 100, 50_000);
        let hot: f64 = often[..2].iter().sum();
        assert!((hot - 0.8).abs() < 0.01, "{hot}");
        assert!(often[2..].iter().all(|&share| share > 0.0));
    }

    #[test]
    fn every_skew_draws_the_one_customer_there_is() {
        for skew in [Skew::Uniform, Skew::Zipf { exponent: 1.1 }, Skew::Hot { customers: 5, share: 0.5 }] {
            assert_eq!(drawn(skew, 1, 8), [1.0]);
        }
    }
}
