//! The goals that one run beside the peers can measure, each a ratio, with what it must be and what is aimed at.

use serde::Serialize;

use crate::{numbers::ratio, peers::rounds::Turn};

/// One line of the goals table.
#[derive(Debug, Clone, Serialize)]
pub struct Goal {
    /// What is compared.
    pub name: String,
    /// What was seen; absent where it cannot be measured here.
    pub seen: Option<f64>,
    /// At least, or at most for an overshoot.
    pub must: f64,
    /// Aimed at.
    pub aim: f64,
    /// Whether the must holds; absent where nothing was seen.
    pub is_held: Option<bool>,
    /// Why it was not measured, or what it was measured on.
    pub note: String,
}

/// What was measured, by contender.
#[derive(Debug)]
pub struct Measured<'a> {
    /// Medians by name.
    pub turns: &'a [(String, Turn)],
    /// Decisions a second by batches of 1,000 in memory.
    pub batch_memory: f64,
    /// Grants beyond the limit by two servers on one Redis.
    pub overshoot: Option<u64>,
    /// Customers that the stores held.
    pub customers: u64,
    /// Cores that server and generator shared.
    pub cores: usize,
}

impl Measured<'_> {
    fn per_second(&self, name: &str) -> Option<f64> {
        self.turns.iter().find(|(each, _)| each == name).map(|(_, turn)| turn.per_second)
    }

    fn over(&self, name: &str, above: &str, below: &str, must: f64, aim: f64) -> Goal {
        let seen =
            self.per_second(above).zip(self.per_second(below)).map(|(above, below)| ratio(above, below));
        let note = if seen.is_some() {
            format!("{} customers held", crate::report::figure(crate::numbers::float(self.customers)))
        } else {
            format!("`{below}` did not take part")
        };
        Goal { name: name.to_owned(), seen, must, aim, is_held: seen.map(|seen| seen >= must), note }
    }

    /// The table.
    pub fn goals(&self) -> Vec<Goal> {
        let cores = crate::numbers::float(crate::numbers::count(self.cores));
        let a_core = self.batch_memory / cores;
        let overshoot = self.overshoot.map(crate::numbers::float);
        let unmeasured = |name: &str, must: f64, aim: f64, note: &str| Goal {
            name: name.to_owned(),
            seen: None,
            must,
            aim,
            is_held: None,
            note: note.to_owned(),
        };
        vec![
            self.over(
                "unary, memory / empty tonic, per core",
                "Répit, memory",
                "empty tonic, per core",
                0.65,
                0.85,
            ),
            self.over(
                "unary, memory / empty tonic, multi-thread, system allocator",
                "Répit, memory",
                "empty tonic, multi-thread",
                1.5,
                2.2,
            ),
            self.over("unary, embedded / unary, memory", "Répit, embedded", "Répit, memory", 0.5, 0.7),
            Goal {
                name: "batch of 1,000, memory, decisions/s a core".to_owned(),
                seen: Some(a_core),
                must: 400_000.0,
                aim: 1_000_000.0,
                is_held: Some(a_core >= 400_000.0),
                note: format!("over {cores} cores, the generator's included"),
            },
            self.over("against throttlecrab, memory", "Répit, memory", "throttlecrab", 1.8, 2.5),
            self.over("against envoy's ratelimit, Redis", "Répit, Redis", "envoy ratelimit", 2.5, 5.0),
            Goal {
                name: "overshoot of two servers on one Redis".to_owned(),
                seen: overshoot,
                must: 0.0,
                aim: 0.0,
                is_held: overshoot.map(|seen| seen == 0.0),
                note: "grants beyond the limit, over 50 keys".to_owned(),
            },
            unmeasured("telemetry on / off", 0.97, 0.97, "the server has no such setting"),
            unmeasured(
                "store calls, decide alone, Redis against raw compare-and-set",
                0.0,
                0.0,
                "`make bench`",
            ),
        ]
    }
}
