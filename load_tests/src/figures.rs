//! What is counted while questions are asked: latencies in HDR histograms, verdicts, first reasons, errors.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::numbers::count;

/// Significant digits of every latency.
const DIGITS: u8 = 3;

/// Counts of one slice of time, or of a whole run.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Calls that were sent, by verb of `VERBS`, and of canned ones after them.
    pub latency_ns: [Histogram<u64>; 8],
    /// How late a call went onto the wire after its instant: the generator's own part.
    pub lateness_ns: Histogram<u64>,
    /// Calls sent.
    pub sent: u64,
    /// Calls answered, errors included.
    pub answered: u64,
    /// Decisions that granted.
    pub grants: u64,
    /// Decisions that denied.
    pub denials: u64,
    /// Denials by the number of their first reason.
    pub reasons: BTreeMap<i32, u64>,
    /// Errors by gRPC status, each with the first message.
    pub errors: BTreeMap<u32, (u64, String)>,
    /// Calls of `confirm` and `release` for which no contact was there: a request was sent instead.
    pub substituted: u64,
    /// Grants over a cap.
    pub over_admitted: u64,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            latency_ns: std::array::from_fn(|_| histogram()),
            lateness_ns: histogram(),
            sent: 0,
            answered: 0,
            grants: 0,
            denials: 0,
            reasons: BTreeMap::new(),
            errors: BTreeMap::new(),
            substituted: 0,
            over_admitted: 0,
        }
    }
}

/// An empty histogram of nanoseconds that grows with what comes.
#[expect(clippy::expect_used, reason = "three digits are always taken")]
pub fn histogram() -> Histogram<u64> {
    Histogram::new(DIGITS).expect("three digits are a size")
}

impl Figures {
    /// One more error.
    pub fn error(&mut self, status: u32, message: &str) {
        let entry = self.errors.entry(status).or_insert_with(|| (0, message.to_owned()));
        entry.0 += 1;
    }

    /// Errors of all kinds.
    pub fn error_count(&self) -> u64 {
        self.errors.values().map(|(number, _)| number).sum()
    }

    /// All verbs together.
    pub fn latency_of_all(&self) -> Histogram<u64> {
        let mut all = histogram();
        for each in &self.latency_ns {
            // A histogram that grows takes every value.
            let _ = all.add(each);
        }
        all
    }

    /// Add what another worker or slice counted.
    pub fn add(&mut self, other: &Self) {
        for (own, more) in self.latency_ns.iter_mut().zip(&other.latency_ns) {
            let _ = own.add(more);
        }
        let _ = self.lateness_ns.add(&other.lateness_ns);
        self.sent += other.sent;
        self.answered += other.answered;
        self.grants += other.grants;
        self.denials += other.denials;
        self.substituted += other.substituted;
        self.over_admitted += other.over_admitted;
        for (reason, number) in &other.reasons {
            *self.reasons.entry(*reason).or_default() += number;
        }
        for (status, (number, message)) in &other.errors {
            self.errors.entry(*status).or_insert_with(|| (0, message.clone())).0 += number;
        }
    }
}

/// Every status of gRPC by name; its number for one that is none.
pub fn status_name(status: u32) -> String {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    NAMES
        .get(crate::numbers::place(u64::from(status)))
        .map_or_else(|| status.to_string(), |name| (*name).to_owned())
}

/// The name of a first reason, without its prefix.
pub fn reason_name(reason: i32) -> String {
    crate::messages::repit::v1::DenialReason::try_from(reason).map_or_else(
        |_| reason.to_string(),
        |known| known.as_str_name().trim_start_matches("DENIAL_REASON_").to_owned(),
    )
}

/// Percentiles of a histogram, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Percentiles {
    /// Values in it.
    pub count: u64,
    /// The half.
    pub p50_us: f64,
    /// 9 of 10.
    pub p90_us: f64,
    /// 99 of 100.
    pub p99_us: f64,
    /// 999 of 1,000.
    pub p999_us: f64,
    /// The largest.
    pub max_us: f64,
}

impl Percentiles {
    /// Of a histogram of nanoseconds.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let us = |ns: u64| crate::numbers::float(ns) / 1_000.0;
        let at = |quantile| us(histogram.value_at_quantile(quantile));
        Self {
            count: histogram.len(),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: us(histogram.max()),
        }
    }
}

/// Up to so many points of the distribution: share of calls, and the latency within which they were answered.
pub fn distribution(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    let shares = (0..=60).map(|step| 1.0 - 10_f64.powf(-f64::from(step) / 12.0));
    let enough = crate::numbers::float(count(1).max(histogram.len()));
    shares
        .filter(|share| (1.0 - share) * enough >= 1.0)
        .map(|share| (share, crate::numbers::float(histogram.value_at_quantile(share)) / 1_000.0))
        .collect()
}
