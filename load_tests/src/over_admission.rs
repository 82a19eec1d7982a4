//! The generator's own count: contacts granted to each customer, held against the catalog's caps.
//!
//! What the server's clock said at a grant is known only to lie between sending and answer. A violation is counted where it
//! is certain: more contacts than the limit, not given back, whose times lie within one window wherever they lie between.

use std::{collections::HashMap, time::Duration};

use serde::Serialize;

use crate::{
    catalog::Cap,
    numbers::{count, ns},
};

/// Violations that are described; the others are counted.
const EXAMPLES: usize = 20;

/// A contact that a customer holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    way: usize,
    /// The earliest instant at which it can have taken its place, in nanoseconds from the start; earlier ones are negative.
    earliest_ns: i128,
    contact: u64,
}

/// One contact more than a cap allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OverAdmission {
    /// The cap, as `policy/rule`.
    pub cap: String,
    /// The customer.
    pub customer: String,
    /// What the cap allows.
    pub limit: u64,
    /// What was held with this grant.
    pub held: u64,
    /// The contact id of this grant.
    pub contact_id: String,
}

/// Contacts granted, by customer.
#[derive(Debug)]
pub struct Detector {
    caps: Vec<Cap>,
    longest_ns: i128,
    held: HashMap<u64, Vec<Held>>,
    violations: u64,
    examples: Vec<OverAdmission>,
}

impl Detector {
    /// Counts by these caps.
    pub fn new(caps: Vec<Cap>) -> Self {
        let longest = caps.iter().map(|cap| cap.window).max().unwrap_or(Duration::ZERO);
        Self {
            caps,
            longest_ns: i128::from(ns(longest)),
            held: HashMap::new(),
            violations: 0,
            examples: Vec::new(),
        }
    }

    /// How many grants went over a cap, and the first of them.
    pub fn found(&self) -> (u64, &[OverAdmission]) {
        (self.violations, &self.examples)
    }

    /// A contact that was recorded at a known time before the start.
    pub fn recorded(&mut self, customer: u64, way: usize, before_start: Duration) {
        let earliest_ns = -i128::from(ns(before_start));
        if -earliest_ns < self.longest_ns && self.caps.iter().any(|cap| cap.counts.get(way) == Some(&true)) {
            self.held.entry(customer).or_default().push(Held { way, earliest_ns, contact: 0 });
        }
    }

    /// A grant, sent and answered at these instants from the start.
    pub fn granted(&mut self, customer: u64, way: usize, sent_ns: i128, answered_ns: i128, contact_id: &str) {
        let held = self.held.entry(customer).or_default();
        held.retain(|each| each.earliest_ns + self.longest_ns > answered_ns);
        held.push(Held { way, earliest_ns: sent_ns, contact: hash(contact_id) });
        let mut is_over = false;
        for cap in self.caps.iter().filter(|cap| cap.judges.get(way) == Some(&true)) {
            let window = i128::from(ns(cap.window));
            let within = held.iter().filter(|each| {
                cap.counts.get(each.way) == Some(&true) && each.earliest_ns + window > answered_ns
            });
            let within = count(within.count());
            if within > cap.limit {
                is_over = true;
                if self.examples.len() < EXAMPLES {
                    self.examples.push(OverAdmission {
                        cap: cap.name.clone(),
                        customer: crate::questions::customer_name(customer),
                        limit: cap.limit,
                        held: within,
                        contact_id: contact_id.to_owned(),
                    });
                }
            }
        }
        self.violations += u64::from(is_over);
    }

    /// A release was sent: from here on the contact may be gone.
    pub fn releasing(&mut self, customer: u64, contact_id: &str) {
        let contact = hash(contact_id);
        if let Some(held) = self.held.get_mut(&customer) {
            held.retain(|each| each.contact != contact);
        }
    }
}

/// FNV-1a: names a contact among the few of one customer.
fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i128 = 1_000_000_000;

    fn detector(limit: u64, window_s: u64) -> Detector {
        Detector::new(vec![Cap {
            name: "pressure/cap".to_owned(),
            limit,
            window: Duration::from_secs(window_s),
            judges: vec![true, false],
            counts: vec![true, true],
        }])
    }

    #[test]
    fn a_grant_beyond_the_limit_is_found_and_named() {
        let mut detector = detector(2, 60);
        for (at, contact) in [(1, "a"), (2, "b"), (3, "c")] {
            assert_eq!(detector.found().0, 0);
            detector.granted(7, 0, at * SECOND, at * SECOND + 1, contact);
        }
        detector.granted(8, 0, SECOND, SECOND + 1, "d");
        let (violations, examples) = detector.found();
        assert_eq!(violations, 1);
        assert_eq!(
            (examples[0].customer.as_str(), examples[0].held, examples[0].limit),
            ("load-0000000007", 3, 2)
        );
    }

    #[test]
    fn what_was_given_back_or_left_the_window_does_not_count() {
        let mut detector = detector(1, 10);
        detector.granted(1, 0, 0, 1, "a");
        detector.releasing(1, "a");
        detector.granted(1, 0, SECOND, SECOND + 1, "b");
        detector.granted(1, 0, 11 * SECOND, 11 * SECOND + 1, "c");
        assert_eq!(detector.found().0, 0);
    }

    #[test]
    fn a_recorded_contact_counts_and_one_that_no_cap_judges_is_no_violation() {
        let mut detector = detector(1, 60);
        detector.recorded(1, 0, Duration::from_secs(30));
        detector.granted(1, 1, SECOND, SECOND + 1, "service");
        assert_eq!(detector.found().0, 0);
        detector.granted(1, 0, 2 * SECOND, 2 * SECOND + 1, "over");
        assert_eq!(detector.found().0, 1);
    }
}
