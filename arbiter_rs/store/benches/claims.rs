//! What claims cost at size: to load an audience with three for each customer, to hold them, to decide beside them, and to decide with a shadow.
//!
//! `CLAIMS_CUSTOMERS` says how many customers hold claims: 100,000 where it is not set. All is measured in one process on the memory store,
//! one call at a time on one thread, 25 calls a turn. Decisions are asked for in rounds in which every question has its turn. Figures are
//! medians of the turns: they hold on a machine with other work, whose waits lengthen a few turns much and most not at all.
//! What has a bound stands beside it, and the run fails where one is exceeded.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench may stop at the first thing that is not as it should be"
)]
#![expect(clippy::print_stdout, reason = "the figures are what a bench is for")]

use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs};

use arbiter_core::decide::Outcome;
use arbiter_core::decision::Reason;
use arbiter_core::request::{Candidate, Request};
use arbiter_core::time::{DAY_MS, Timestamp};
use arbiter_store::arbiter::ClaimToRegister;
use arbiter_store::{Arbiter, MemoryStore, Store};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// 2026-03-02T08:00:00Z.
const T: Timestamp = Timestamp(1_772_438_400_000);
const HOUR_MS: i64 = 3_600_000;
/// How many customers may hold claims: fewer fill too little memory for its figures, more have too long names.
const CUSTOMERS: std::ops::RangeInclusive<usize> = 30_000..=9_000_000;
const CLAIMS: usize = 3;
/// Calls of one turn: about a millisecond, so that most turns run to their end undisturbed.
const TURN: usize = 25;
/// A round asks every question once without and once with a shadow.
const MAX_ROUNDS: usize = 1_000;
/// Contacts that the 7 days, 30 days and month before a contact of `news` may hold.
const LIMIT: usize = 4;

/// Memory that a claim takes, its third of the customer included.
const MAX_RESIDENT_BYTES: f64 = 64.0;
const MAX_VALUE_BYTES: f64 = 24.0;
/// How much longer the third claim of a customer may take to register than the first.
const MAX_THIRD_CLAIM: f64 = 2.0;
/// Time of a decision with a shadow over that without one.
const MAX_SHADOW: f64 = 3.0;

/// Customers of one kind, and what they are asked.
struct Crowd {
    name: &'static str,
    question: &'static str,
    campaign: &'static str,
    denied: Option<Reason>,
    contacts: usize,
    /// Campaign, first day and last of each claim.
    claims: &'static [(&'static str, i64, i64)],
    /// Time of a decision over that of the first crowd.
    max_ratio: f64,
}

const BETTER: &[(&str, i64, i64)] = &[("gala", 0, 20), ("sale", 0, 20), ("basket", 0, 20)];
const CROWDS: [Crowd; 5] = [
    Crowd {
        name: "free",
        question: "no claims, granted",
        campaign: "news",
        denied: None,
        contacts: 1,
        claims: &[],
        max_ratio: 1.0,
    },
    Crowd {
        name: "else",
        question: "3 claims that do not concern it, granted",
        campaign: "news",
        denied: None,
        contacts: 1,
        claims: &[("survey", 0, 20), ("summer", 60, 90), ("tips", 0, 20)],
        max_ratio: 2.0,
    },
    Crowd {
        name: "room",
        question: "3 better-ranked claims, and room beside them, granted",
        campaign: "letter",
        denied: None,
        contacts: 1,
        claims: BETTER,
        max_ratio: 3.0,
    },
    Crowd {
        name: "rank",
        question: "3 better-ranked claims, denied by 3 rules",
        campaign: "news",
        denied: Some(Reason::Outranked),
        contacts: 1,
        claims: BETTER,
        max_ratio: 6.0,
    },
    Crowd {
        name: "full",
        question: "no claims, denied by the same rules, full",
        campaign: "news",
        denied: Some(Reason::FrequencyCap),
        contacts: LIMIT,
        claims: &[],
        max_ratio: 4.0,
    },
];

fn catalog() -> Vec<u8> {
    let cap = |name: &str, limit: usize, window: Value| {
        json!({"name": name, "frequency_cap": {"measure": "contacts", "limit": limit,
            "window": window, "counted": "attempts", "window_text": "w"}})
    };
    let policy = |campaign: &str, limit: usize| {
        let rules = [
            cap("week", limit, json!({"sliding_ms": 7 * DAY_MS})),
            cap("days", limit, json!({"sliding_ms": 30 * DAY_MS})),
            cap("month", limit, json!({"calendar": "month", "zone": "Europe/Paris"})),
        ];
        json!({"name": campaign, "applies_to": {"campaigns": [campaign, "gala", "sale", "basket", "summer"]}, "rules": rules})
    };
    let campaign = |(name, priority): (&str, u8)| json!({"name": name, "priority": priority, "kind": "marketing", "channels": ["email"]});
    let better = ["gala", "sale", "basket", "summer"].map(|name| (name, 80));
    let others = [("news", 50), ("letter", 50), ("survey", 10), ("tips", 10), ("receipt", 90)];
    let catalog = json!({
        "format": 1, "zone": "Europe/Paris", "horizon_ms": 400 * DAY_MS,
        "policies": [policy("news", LIMIT), policy("letter", 100)],
        "campaigns": better.into_iter().chain(others).map(campaign).collect::<Vec<_>>(),
        "channels": [{"name": "email", "cost": 2_000, "pressure": 1_000_000, "expires_after_ms": DAY_MS, "unconfirmed": "counts"}],
    });
    serde_json::to_vec(&catalog).unwrap()
}

/// What this process holds in memory; nothing where the system does not tell.
fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? * 1024.0)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// The engine, and how many customers each crowd has.
struct Engine {
    runtime: Runtime,
    arbiter: Arbiter<MemoryStore>,
    size: usize,
}

/// What the audience took to load and takes to hold.
struct Load {
    took: Duration,
    /// Seconds that the first, second and third claim of a customer takes.
    each: [f64; CLAIMS],
    /// Before, and after each of them.
    resident: [Option<f64>; CLAIMS + 1],
    /// The bytes of a customer's value after each of them.
    value: [usize; CLAIMS],
}

impl Engine {
    fn open(customers: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let arbiter = runtime.block_on(Arbiter::open(MemoryStore::new())).unwrap();
        runtime.block_on(arbiter.apply_catalog(&catalog(), b"", None, &[])).unwrap();
        let claiming = CROWDS.iter().filter(|crowd| !crowd.claims.is_empty()).count();
        Self { runtime, arbiter, size: customers / claiming }
    }

    fn claiming(&self) -> usize {
        CROWDS.iter().filter(|crowd| !crowd.claims.is_empty()).count() * self.size
    }

    fn request(&self, customer: &str, id: &str, campaign: &str, now: Timestamp) -> Outcome {
        let request = Request {
            id,
            customer,
            party: customer,
            candidates: vec![Candidate { campaign, channel: "email", ..Candidate::default() }],
            ..Request::default()
        };
        self.runtime.block_on(self.arbiter.request(&request, now)).unwrap().0
    }

    /// Give every customer of these crowds its contacts of the last hours, by a campaign that no rule judges.
    fn seed(&self, is_meant: impl Fn(&Crowd) -> bool) {
        for crowd in CROWDS.iter().filter(|crowd| is_meant(crowd)) {
            for index in 0..self.size {
                let name = name(crowd, index);
                for hours in (1..=i64::try_from(crowd.contacts).unwrap()).rev() {
                    let outcome = self.request(&name, "", "receipt", T.minus_ms(hours * HOUR_MS));
                    assert!(outcome.is_changed, "{name}");
                }
            }
        }
    }

    /// Register one claim of every customer that has any, campaign after campaign, as audiences come; seconds that each takes.
    fn register(&self, claim: usize) -> f64 {
        let mut turns = Vec::new();
        for crowd in &CROWDS {
            let Some(claim) = crowd.claims.get(claim) else { continue };
            let indices: Vec<usize> = (0..self.size).collect();
            for turn in indices.chunks(TURN) {
                let begun = Instant::now();
                for index in turn {
                    self.register_one(&name(crowd, *index), *claim, 0.25 * (1 + index % 7) as f64);
                }
                turns.push(begun.elapsed().as_secs_f64() / turn.len() as f64);
            }
        }
        median(turns)
    }

    fn register_one(&self, customer: &str, (campaign, from, until): (&str, i64, i64), score: f64) {
        let wanted = ClaimToRegister {
            customer,
            campaign,
            channels: &[],
            from: T.plus_ms(from * DAY_MS),
            until: T.plus_ms(until * DAY_MS),
            score: Some(score),
        };
        let results = self.runtime.block_on(self.arbiter.register_claims(customer, &[wanted], T));
        assert!(results.unwrap()[0].is_ok(), "{customer}");
    }

    fn load(&self) -> Load {
        let begun = Instant::now();
        let (mut each, mut value) = ([0.0; CLAIMS], [0; CLAIMS]);
        let mut resident = [resident_bytes(), None, None, None];
        for claim in 0..CLAIMS {
            each[claim] = self.register(claim);
            resident[claim + 1] = resident_bytes();
            let customer = name(&CROWDS[3], 0);
            value[claim] = self.runtime.block_on(self.arbiter.store().load(&customer)).unwrap().bytes.len();
        }
        Load { took: begun.elapsed(), each, resident, value }
    }

    /// Seconds that a decision takes in one turn of a crowd; no customer is asked twice.
    fn ask(&self, crowd: &Crowd, turn: usize) -> f64 {
        let names: Vec<_> = (turn * TURN..(turn + 1) * TURN)
            .map(|index| (name(crowd, index), format!("request-{index}")))
            .collect();
        let begun = Instant::now();
        for (name, id) in &names {
            let outcome = self.request(name, id, crowd.campaign, T);
            let decision = &outcome.decisions[0];
            assert_eq!(decision.denials.first().map(|denial| denial.reason), crowd.denied, "{name}");
        }
        begun.elapsed().as_secs_f64() / TURN as f64
    }

    /// Seconds per decision of each crowd in each round: without a shadow, and with one.
    fn rounds(&self) -> Vec<[[f64; 2]; CROWDS.len()]> {
        let compiled = catalog();
        let round = |round: usize| {
            let mut took = [[0.0; 2]; CROWDS.len()];
            for turn in 0..CROWDS.len() {
                let crowd = (round + turn) % CROWDS.len();
                for half in 0..2 {
                    let with = (round + half) % 2;
                    if with == 1 {
                        self.arbiter.start_shadow(&compiled, T).unwrap();
                    }
                    took[crowd][with] = self.ask(&CROWDS[crowd], 2 * round + with);
                    if with == 1 {
                        let report = self.arbiter.shadow_report().unwrap();
                        assert_eq!(report.same, report.requests, "the same catalog says the same");
                        assert_eq!(report.requests, TURN as u64, "each was compared");
                        self.arbiter.stop_shadow();
                    }
                }
            }
            took
        };
        (0..MAX_ROUNDS.min(self.size / (2 * TURN))).map(round).collect()
    }
}

fn name(crowd: &Crowd, index: usize) -> String {
    format!("{}-{index:07}", crowd.name)
}

/// The figures as they are printed, and whether all are within their bounds.
#[derive(Default)]
struct Figures {
    exceeded: Vec<String>,
}

impl Figures {
    fn line(&mut self, question: &str, figure: &str, bounded: Option<(f64, f64)>) {
        let Some((value, bound)) = bounded else { return println!("  {question:<56} {figure}") };
        println!("  {question:<56} {figure} (bound {bound})");
        if value > bound {
            self.exceeded.push(format!("{question}: {figure}, and the bound is {bound}"));
        }
    }

    fn loaded(&mut self, load: &Load, customers: usize) {
        let claims = (CLAIMS * customers) as f64;
        println!("\n{customers} customers with {CLAIMS} claims each, registered one a call");
        let seconds = load.took.as_secs_f64();
        self.line("load, waits included", &format!("{seconds:.1} s, {:.0} claims/s", claims / seconds), None);
        let each = load.each.map(|seconds| seconds * 1e6);
        let figure = format!("{:.2} / {:.2} / {:.2} µs", each[0], each[1], each[2]);
        self.line("the first / second / third claim of a customer", &figure, None);
        let ratio = each[2] / each[0];
        self.line("the third over the first", &format!("{ratio:.2}"), Some((ratio, MAX_THIRD_CLAIM)));
        let value = (load.value[2] - load.value[0]) as f64 / 2.0;
        let figure = format!("{value:.0} bytes, of {} with {CLAIMS}", load.value[2]);
        self.line("a further claim in the value", &figure, Some((value, MAX_VALUE_BYTES)));
        let [Some(before), Some(first), .., Some(after)] = load.resident else { return };
        let resident = (after - before) / claims;
        let figure = format!("{resident:.0} bytes, the customer's own included");
        self.line("a claim in memory", &figure, Some((resident, MAX_RESIDENT_BYTES)));
        let (alone, further) =
            ((first - before) / customers as f64, (after - first) / customers as f64 / 2.0);
        self.line(
            "a customer with one claim / a further claim",
            &format!("{alone:.0} / {further:.0} bytes"),
            None,
        );
    }

    fn decided(&mut self, rounds: &[[[f64; 2]; CROWDS.len()]]) {
        let seconds =
            |crowd: usize, with: usize| median(rounds.iter().map(|round| round[crowd][with]).collect());
        let figure = |seconds: f64, ratio: f64| {
            format!("{:>6.2} µs {:>8.0}/s  x {ratio:.2}", seconds * 1e6, 1.0 / seconds)
        };
        println!("\ndecisions, one at a time, over the first line; medians of {} rounds", rounds.len());
        for (index, crowd) in CROWDS.iter().enumerate() {
            let ratio = seconds(index, 0) / seconds(0, 0);
            self.line(crowd.question, &figure(seconds(index, 0), ratio), Some((ratio, crowd.max_ratio)));
        }
        println!("\nthe same with a shadow of the same catalog, over those without");
        for (index, crowd) in CROWDS.iter().enumerate() {
            let ratio = seconds(index, 1) / seconds(index, 0);
            self.line(crowd.question, &figure(seconds(index, 1), ratio), Some((ratio, MAX_SHADOW)));
        }
    }
}

fn customers() -> Option<usize> {
    let customers = match env::var("CLAIMS_CUSTOMERS") {
        Ok(written) => written.parse().ok(),
        Err(_) => Some(100_000),
    };
    customers.filter(|customers| CUSTOMERS.contains(customers))
}

fn main() -> ExitCode {
    let Some(customers) = customers() else {
        println!("CLAIMS_CUSTOMERS is a whole number of customers, {CUSTOMERS:?}");
        return ExitCode::FAILURE;
    };
    let engine = Engine::open(customers);
    // These also fill the log, which keeps so many records in memory and no more.
    engine.seed(|crowd| crowd.claims.is_empty());
    let load = engine.load();
    engine.seed(|crowd| !crowd.claims.is_empty());
    let mut figures = Figures::default();
    figures.loaded(&load, engine.claiming());
    figures.decided(&engine.rounds());
    for exceeded in &figures.exceeded {
        println!("beyond its bound: {exceeded}");
    }
    if figures.exceeded.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
