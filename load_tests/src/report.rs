//! What a run gave, as `report.json` has it and `report.html` shows it; and what was to hold.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Serialize;

use crate::{
    catalog::Caps,
    drive::{Outcome, Second},
    error::{LoadError, file_error},
    figures::{Percentiles, distribution, reason_name, status_name},
    machine::Machine,
    numbers::{float, ratio},
    over_admission::OverAdmission,
    process::Usage,
    profile::{Profile, VERBS},
};

/// One thing that had to hold.
#[derive(Debug, Clone, Serialize)]
pub struct Objective {
    /// What is looked at, as the profile names it.
    pub name: String,
    /// What was wanted.
    pub wanted: f64,
    /// What was seen.
    pub seen: f64,
    /// Whether it held.
    pub is_held: bool,
}

/// Errors of one status.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorCount {
    /// Of gRPC.
    pub status: String,
    /// How many.
    pub count: u64,
    /// What the first said.
    pub first: String,
}

/// What the generator itself took.
#[derive(Debug, Clone, Serialize)]
pub struct GeneratorShare {
    /// Seconds of processor time.
    pub cpu_seconds: f64,
    /// Of one core, 1 is all of it.
    pub cpu_share: f64,
    /// Microseconds of processor time for each call.
    pub cpu_us_per_call: f64,
    /// How late calls went onto the wire.
    pub lateness: Percentiles,
}

/// The report of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The profile's name.
    pub profile: String,
    /// What it is like.
    pub about: String,
    /// How to do it again.
    pub command: String,
    /// When it was run.
    pub date: String,
    /// Where.
    pub machine: Machine,
    /// What was asked: an address, or the store of a server of its own.
    pub target: String,
    /// `open` or `closed`.
    pub loop_form: String,
    /// Seconds from the first instant to the last answer.
    pub seconds: f64,
    /// Calls sent.
    pub sent: u64,
    /// Calls answered.
    pub answered: u64,
    /// Answers a second.
    pub answers_per_second: f64,
    /// Decisions.
    pub grants: u64,
    /// Decisions.
    pub denials: u64,
    /// By first reason.
    pub denied_by_reason: BTreeMap<String, u64>,
    /// By status.
    pub errors: Vec<ErrorCount>,
    /// `confirm` and `release` for which no contact was there.
    pub substituted: u64,
    /// Grants beyond a cap.
    pub over_admitted: u64,
    /// The first of them.
    pub over_admissions: Vec<OverAdmission>,
    /// Caps that were counted.
    pub counted_caps: Vec<String>,
    /// Frequency caps that were not.
    pub uncounted_caps: Vec<String>,
    /// All verbs together.
    pub latency: Percentiles,
    /// By verb.
    pub latency_by_verb: BTreeMap<String, Percentiles>,
    /// Share of calls, and microseconds within which they were answered.
    pub distribution: Vec<(f64, f64)>,
    /// Second by second.
    pub timeline: Vec<Second>,
    /// Processor time of the server, microseconds a call; absent where it is not ours.
    pub server_cpu_us_per_call: Option<f64>,
    /// Of its Redis.
    pub redis_cpu_us_per_call: Option<f64>,
    /// The generator's own part.
    pub generator: GeneratorShare,
    /// What had to hold.
    pub objectives: Vec<Objective>,
    /// Why the run was broken off, where it was.
    pub broken: Option<String>,
}

/// What a report is made of beside the outcome.
#[derive(Debug)]
pub struct Setting<'a> {
    /// The profile's name.
    pub name: &'a str,
    /// The profile.
    pub profile: &'a Profile,
    /// How to do it again.
    pub command: String,
    /// An address, or the store of a server of its own.
    pub target: String,
    /// Whether calls in flight, not a curve, gave the pace.
    pub is_closed: bool,
    /// The catalog's caps.
    pub caps: &'a Caps,
    /// Violations.
    pub over: (u64, Vec<OverAdmission>),
    /// What server and Redis used during the run.
    pub used: (Option<Usage>, Option<Usage>),
}

impl Report {
    /// Of a run.
    pub fn of(setting: Setting<'_>, outcome: Outcome) -> Self {
        let Setting { name, profile, command, target, is_closed, caps, over, used } = setting;
        let figures = &outcome.figures;
        let all = figures.latency_of_all();
        let by_verb = VERBS.iter().zip(&figures.latency_ns).filter(|(_, histogram)| !histogram.is_empty());
        let by_verb =
            by_verb.map(|(verb, histogram)| ((*verb).to_owned(), Percentiles::of(histogram))).collect();
        let per_call =
            |usage: Option<Usage>| usage.map(|usage| ratio(usage.cpu * 1e6, float(figures.answered)));
        let errors = figures.errors.iter().map(|(status, (count, first))| ErrorCount {
            status: status_name(*status),
            count: *count,
            first: first.clone(),
        });
        let mut report = Self {
            profile: name.to_owned(),
            about: profile.about.clone(),
            command,
            date: jiff::Zoned::now()
                .with_time_zone(jiff::tz::TimeZone::UTC)
                .strftime("%Y-%m-%d %H:%M UTC")
                .to_string(),
            machine: Machine::this(),
            target,
            loop_form: if is_closed { "closed" } else { "open" }.to_owned(),
            seconds: outcome.seconds_taken,
            sent: figures.sent,
            answered: figures.answered,
            answers_per_second: outcome.answers_per_second(),
            grants: figures.grants,
            denials: figures.denials,
            denied_by_reason: figures
                .reasons
                .iter()
                .map(|(reason, count)| (reason_name(*reason), *count))
                .collect(),
            errors: errors.collect(),
            substituted: figures.substituted,
            over_admitted: over.0,
            over_admissions: over.1,
            counted_caps: caps.counted.iter().map(|cap| cap.name.clone()).collect(),
            uncounted_caps: caps.uncounted.clone(),
            latency: Percentiles::of(&all),
            latency_by_verb: by_verb,
            distribution: distribution(&all),
            timeline: outcome.seconds.clone(),
            server_cpu_us_per_call: per_call(used.0),
            redis_cpu_us_per_call: per_call(used.1),
            generator: GeneratorShare {
                cpu_seconds: outcome.generator_cpu,
                cpu_share: ratio(outcome.generator_cpu, outcome.seconds_taken),
                cpu_us_per_call: ratio(outcome.generator_cpu * 1e6, float(figures.sent)),
                lateness: Percentiles::of(&figures.lateness_ns),
            },
            objectives: Vec::new(),
            broken: outcome.broken.clone(),
        };
        report.objectives = objectives(profile, &report);
        report
    }

    /// What did not hold, each in a line; over-admission first.
    pub fn missed(&self) -> Vec<String> {
        let missed = self.objectives.iter().filter(|objective| !objective.is_held);
        missed
            .map(|objective| {
                format!(
                    "{}: {} wanted, {} seen",
                    objective.name,
                    figure(objective.wanted),
                    figure(objective.seen)
                )
            })
            .collect()
    }

    /// Write `report.json` and `report.html` into a directory, which is made.
    pub fn write(&self, directory: &Path) -> Result<(), LoadError> {
        fs::create_dir_all(directory).map_err(|error| file_error(directory, &error))?;
        let json = serde_json::to_string_pretty(self).map_err(|error| LoadError::Usage(error.to_string()))?;
        for (name, text) in [("report.json", json), ("report.html", crate::html::page(self))] {
            let path = directory.join(name);
            fs::write(&path, text).map_err(|error| file_error(&path, &error))?;
        }
        Ok(())
    }
}

fn objectives(profile: &Profile, report: &Report) -> Vec<Objective> {
    let wanted = &profile.objectives;
    let latency =
        wanted.verb.as_ref().map_or(Some(report.latency), |verb| report.latency_by_verb.get(verb).copied());
    // A verb that was never answered has no latency: the objective is missed.
    let latency = latency.filter(|latency| latency.count > 0);
    let at_most = |name: &str, wanted: Option<f64>, seen: f64| {
        wanted.map(|wanted| Objective { name: name.to_owned(), wanted, seen, is_held: seen <= wanted })
    };
    let slow = |pick: fn(&Percentiles) -> f64| latency.as_ref().map_or(f64::INFINITY, pick);
    let errors = report.errors.iter().map(|each| each.count).sum::<u64>();
    let all = (report.sent).max(report.grants + report.denials + errors).max(1);
    let over = Objective {
        name: "over-admission".to_owned(),
        wanted: 0.0,
        seen: float(report.over_admitted),
        is_held: report.over_admitted == 0,
    };
    let whole = Objective { name: "error_share".to_owned(), wanted: 0.0, seen: 1.0, is_held: false };
    [
        Some(over),
        at_most("p50_us", wanted.p50_us, slow(|latency| latency.p50_us)),
        at_most("p99_us", wanted.p99_us, slow(|latency| latency.p99_us)),
        at_most("p999_us", wanted.p999_us, slow(|latency| latency.p999_us)),
        at_most("error_share", wanted.error_share, ratio(float(errors), float(all))),
        wanted.answers_per_second.map(|wanted| {
            let seen = report.answers_per_second;
            Objective { name: "answers_per_second".to_owned(), wanted, seen, is_held: seen >= wanted }
        }),
        (report.answered == 0).then_some(whole),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A figure with the digits that it deserves, and a space at thousands.
pub fn figure(number: f64) -> String {
    if !number.is_finite() {
        return "none".to_owned();
    }
    let digits = if number.abs() >= 100.0 || number.fract() == 0.0 {
        0
    } else if number.abs() >= 1.0 {
        1
    } else {
        4
    };
    let text = format!("{number:.digits$}");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if rest.is_empty() { grouped } else { format!("{grouped}.{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_has_the_digits_it_deserves() {
        let shown: Vec<String> = [0.0, 1234567.8, 12.34, 0.01234, 999.5, f64::INFINITY].map(figure).to_vec();
        assert_eq!(shown, ["0", "1,234,568", "12.3", "0.0123", "1,000", "none"]);
    }
}
