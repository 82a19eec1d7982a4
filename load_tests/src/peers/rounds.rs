//! Interleaved rounds: every contender has its turn in each, so that what else the machine does falls on all alike.

use std::time::Duration;

use serde::Serialize;

use crate::{
    desk::Book,
    drive::{self, Outcome, Plan, PlanPace},
    error::LoadError,
    figures::Percentiles,
    keys::Keys,
    numbers::{float, ratio},
    peers::contender::Contender,
};

/// Connections and calls in flight on each, at saturation.
const SATURATION: (usize, usize) = (8, 32);

/// One turn, or the medians of several.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Turn {
    /// Answers a second at 8 x 32.
    pub per_second: f64,
    /// Decisions a second, where a call holds several.
    pub decisions_per_second: f64,
    /// Microseconds of the server's processor time an answer.
    pub server_us: f64,
    /// Of its Redis.
    pub redis_us: f64,
    /// Of the generator.
    pub generator_us: f64,
    /// Latencies of one call at a time on one connection.
    pub p50_us: f64,
    /// 99 of 100.
    pub p99_us: f64,
    /// Calls that failed, of all.
    pub error_share: f64,
}

/// Saturation and one stream, one after the other.
pub fn turn(contender: &Contender, customers: u64, lasts: Duration, seed: u64) -> Result<Turn, LoadError> {
    let before = (contender.process().usage(), contender.redis().map(super::super::process::Process::usage));
    let full = ask(contender, &contender.book, SATURATION, customers, lasts, seed)?;
    let after = (contender.process().usage(), contender.redis().map(super::super::process::Process::usage));
    let alone = ask(contender, &contender.book, (1, 1), customers, lasts, seed.wrapping_add(1))?;
    let answered = float(full.figures.answered);
    let redis = after.1.zip(before.1).map_or(0.0, |(after, before)| after.cpu - before.cpu);
    let latency = Percentiles::of(&alone.figures.latency_of_all());
    Ok(Turn {
        per_second: full.answers_per_second(),
        decisions_per_second: 0.0,
        server_us: ratio((after.0.cpu - before.0.cpu) * 1e6, answered),
        redis_us: ratio(redis * 1e6, answered),
        generator_us: ratio(full.generator_cpu * 1e6, answered),
        p50_us: latency.p50_us,
        p99_us: latency.p99_us,
        error_share: ratio(float(full.figures.error_count()), answered),
    })
}

/// Decisions a second by batches, and the server's processor time for each.
pub fn batches(
    contender: &Contender,
    book: &Book,
    customers: u64,
    lasts: Duration,
    seed: u64,
) -> Result<(f64, f64), LoadError> {
    let before = contender.process().usage();
    let outcome = ask(contender, book, (8, 1), customers, lasts, seed)?;
    let decisions = float(outcome.figures.grants + outcome.figures.denials);
    let cpu = contender.process().usage().cpu - before.cpu;
    Ok((ratio(decisions, outcome.seconds_taken), ratio(cpu * 1e6, decisions)))
}

fn ask(
    contender: &Contender,
    book: &Book,
    (connections, in_flight): (usize, usize),
    customers: u64,
    lasts: Duration,
    seed: u64,
) -> Result<Outcome, LoadError> {
    let plan = Plan {
        target: contender.target(connections),
        book: book.clone(),
        keys: Keys::new(customers, crate::keys::Skew::Uniform),
        pace: PlanPace::Closed(in_flight, lasts),
        seed,
        workers: 1,
        detector: None,
    };
    let outcome = drive::run(&plan, &mut |_, _| ())?;
    match outcome.broken {
        Some(why) => Err(LoadError::Server(format!("{}: {why}", contender.name))),
        None => Ok(outcome),
    }
}

/// Of each figure the median.
pub fn medians(turns: &[Turn]) -> Turn {
    let of = |pick: fn(&Turn) -> f64| median(turns.iter().map(pick).collect());
    Turn {
        per_second: of(|turn| turn.per_second),
        decisions_per_second: of(|turn| turn.decisions_per_second),
        server_us: of(|turn| turn.server_us),
        redis_us: of(|turn| turn.redis_us),
        generator_us: of(|turn| turn.generator_us),
        p50_us: of(|turn| turn.p50_us),
        p99_us: of(|turn| turn.p99_us),
        error_share: of(|turn| turn.error_share),
    }
}

/// The middle one, or the mean of the two in the middle; 0 of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let at = |place: usize| values.get(place).copied().unwrap_or(0.0);
    if values.len() % 2 == 1 { at(middle) } else { (at(middle.saturating_sub(1)) + at(middle)) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(Vec::new()), 0.0);
    }
}
