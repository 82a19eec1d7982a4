//! How long a decision takes in the core alone, and how long a value takes to bytes and back.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench may stop at the first thing that is not as it should be"
)]
#![expect(clippy::print_stdout, reason = "the figures are what a bench is for")]
#![expect(
    clippy::disallowed_methods,
    reason = "the figures are read from files of criterion, not by the core"
)]

mod figures;

use std::hint::black_box;
use std::time::Duration;

use arbiter_core::catalog::Snapshot;
use arbiter_core::codec::{decode, encode};
use arbiter_core::compiled::CompiledCatalog;
use arbiter_core::customer::{Claim, Contact, CustomerState, MAX_CLAIMS, MAX_CONTACTS, Member, Status};
use arbiter_core::decide::decide;
use arbiter_core::explain::explain;
use arbiter_core::fast_path::{Scratch, grant};
use arbiter_core::ids::{CampaignId, TermsId};
use arbiter_core::register::Register;
use arbiter_core::request::{Candidate, Purpose, Request};
use arbiter_core::standings::Standings;
use arbiter_core::time::{DAY_MS, Timestamp};
use criterion::{BatchSize, Criterion};
use serde_json::{Value, json};

/// 2026-03-02T08:00:00Z.
const T: Timestamp = Timestamp(1_772_438_400_000);
const HOUR_MS: i64 = 3_600_000;
const CAMPAIGNS: usize = 300;

fn sliding(index: usize, limit: usize, days: usize) -> Value {
    let sliding_ms = i64::try_from(days).unwrap() * DAY_MS;
    json!({"name": format!("r{index}"), "frequency_cap": {"measure": "contacts", "limit": limit,
        "window": {"sliding_ms": sliding_ms}, "counted": "attempts", "window_text": "w"}})
}

/// A rule of each kind of window and of each kind of rule, in turn.
fn mixed(index: usize) -> Value {
    let cap = |window: Value| {
        json!({"name": format!("r{index}"), "frequency_cap": {"measure": "points", "limit": 900_000_000_000_i64,
            "window": window, "counted": "attempts", "window_text": "w"}})
    };
    match index % 5 {
        0 => cap(json!({"sliding_ms": 30 * DAY_MS})),
        1 => cap(json!({"calendar": "month", "zone": "Europe/Paris"})),
        2 => cap(json!({"rolling_days": 30, "zone": "customer"})),
        3 => {
            json!({"name": format!("r{index}"), "back_off": {"after": 50, "of": "any", "rests": [{"ms": DAY_MS}],
            "answers": ["clicked"], "rests_text": "r"}})
        }
        _ => {
            json!({"name": format!("r{index}"), "respite": {"after": ["purchased"], "for": {"ms": DAY_MS}, "for_text": "s"}})
        }
    }
}

fn snapshot(policies: &Value) -> Snapshot {
    let campaigns: Vec<Value> = (0..CAMPAIGNS)
        .map(|index| json!({"name": format!("c{index}"), "priority": 50, "kind": "marketing", "channels": ["email"]}))
        .collect();
    let catalog: CompiledCatalog = serde_json::from_value(json!({
        "format": 1, "zone": "Europe/Paris", "horizon_ms": 3_653 * DAY_MS, "campaigns": campaigns, "policies": policies,
        "channels": [{"name": "email", "cost": 2_000, "pressure": 1_000_000, "expires_after_ms": DAY_MS, "unconfirmed": "counts"}],
    }))
    .unwrap();
    let mut register = Register::default();
    register.admit(&catalog, 1);
    Snapshot::compile(1, &catalog, register).unwrap()
}

/// So many rules that judge the campaign asked for, among so many in all.
fn rules(judging: usize, all: usize, rule: impl Fn(usize) -> Value) -> Snapshot {
    let policy = |index: usize| {
        let campaign = if index < judging { "c0" } else { "c1" };
        json!({"name": format!("p{index}"), "applies_to": {"campaigns": [campaign]}, "rules": [rule(index)]})
    };
    snapshot(&json!((0..all).map(policy).collect::<Vec<_>>()))
}

/// A customer with settled contacts, one every two days, of many campaigns.
fn customer(contacts: usize) -> CustomerState {
    let mut state = CustomerState::default();
    for index in 0..contacts {
        let days = i64::try_from(contacts - index).unwrap() * 2;
        // A full value goes back eight years.
        let age_ms = days * DAY_MS * 3_000 / i64::try_from(contacts * 2).unwrap().max(3_000);
        state.admit_contact(Contact {
            time: T.minus_ms(age_ms),
            terms: TermsId(u32::try_from(index * 37 % CAMPAIGNS).unwrap()),
            status: Status::Confirmed,
            ..Contact::default()
        });
    }
    state.clock = T.minus_ms(HOUR_MS);
    state
}

/// The same with claims of better-ranked campaigns: two days each, from each of the coming days on.
fn claimed(mut state: CustomerState, claims: usize) -> CustomerState {
    state.claims = (0..i64::try_from(claims).unwrap())
        .map(|day| Claim {
            member: Member::OWN,
            campaign: CampaignId(u32::try_from(1 + day).unwrap()),
            channels: Vec::new(),
            from: T.plus_ms(day * DAY_MS),
            until: T.plus_ms((day + 2) * DAY_MS),
            score: Some(1.0),
            version: 1,
        })
        .collect();
    state
}

fn request() -> Request<'static> {
    Request {
        id: "3fb0a2c0e41f4a86",
        customer: "42",
        party: "42",
        candidates: vec![Candidate { campaign: "c0", channel: "email", ..Candidate::default() }],
        ..Request::default()
    }
}

/// The questions that were measured, in their order.
struct Bench<'a> {
    criterion: &'a mut Criterion,
    group: &'static str,
    questions: Vec<String>,
}

impl Bench<'_> {
    fn decision(&mut self, question: &str, snapshot: &Snapshot, state: &CustomerState, is_granted: bool) {
        let request = request();
        let outcome = decide(snapshot, &mut state.clone(), &request, &mut Standings::default(), T).unwrap();
        assert_eq!(outcome.decisions[0].grant.is_some(), is_granted, "{question}");
        self.measure(
            question,
            || state.clone(),
            |mut state| {
                let mut standings = Standings::default();
                let outcome = decide(snapshot, &mut state, black_box(&request), &mut standings, T).unwrap();
                (state, outcome)
            },
        );
    }

    fn fast(&mut self, question: &str, snapshot: &Snapshot, value: &[u8], purpose: Purpose) {
        let request = Request { purpose, ..request() };
        let (mut scratch, mut next) = (Scratch::default(), Vec::new());
        self.timed(question, || {
            grant(snapshot, black_box(value), black_box(&request), T, &mut scratch, &mut next)
                .map(|granted| granted.grant)
                .unwrap()
        });
    }

    fn denied(&mut self, question: &str, snapshot: &Snapshot, value: &[u8]) {
        let request = request();
        let (mut scratch, mut next) = (Scratch::default(), Vec::new());
        self.timed(question, || {
            let granted = grant(snapshot, black_box(value), &request, T, &mut scratch, &mut next);
            assert!(granted.is_none());
        });
    }

    /// One operation after the other, without an input made for each: for those that take less than the making of it.
    fn timed<O>(&mut self, question: &str, operation: impl FnMut() -> O) {
        let mut operation = operation;
        let mut group = self.criterion.benchmark_group(self.group);
        group
            .warm_up_time(Duration::from_millis(200))
            .measurement_time(Duration::from_millis(600))
            .sample_size(12);
        group.bench_function(question, |bencher| bencher.iter(&mut operation));
        group.finish();
        self.questions.push(question.to_owned());
    }

    fn measure<I, O>(&mut self, question: &str, input: impl Fn() -> I, operation: impl Fn(I) -> O) {
        let mut group = self.criterion.benchmark_group(self.group);
        group
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_millis(1_500))
            .sample_size(12);
        group.bench_function(question, |bencher| {
            bencher.iter_batched(&input, &operation, BatchSize::SmallInput);
        });
        group.finish();
        self.questions.push(question.to_owned());
    }
}

fn decisions(criterion: &mut Criterion) -> Vec<String> {
    let mut bench = Bench { criterion, group: "decision in core", questions: Vec::new() };
    let roomy = |index: usize| sliding(index, 1_000, 7 + index);
    for contacts in [0, 2, 5, 10] {
        bench.decision(
            &format!("3 rules, {contacts} contacts"),
            &rules(3, 3, roomy),
            &customer(contacts),
            true,
        );
    }
    let ten = customer(10);
    bench.decision("20 rules, 10 contacts", &rules(20, 20, roomy), &ten, true);
    bench.decision("20 rules of 500, 10 contacts", &rules(20, 500, roomy), &ten, true);
    bench.decision("20 rules of every kind, 10 contacts", &rules(20, 20, mixed), &ten, true);
    let one_full = |index: usize| sliding(index, if index == 0 { 3 } else { 1_000 }, 7 + index);
    bench.decision("denial by 1 of 20 rules, 10 contacts", &rules(20, 20, one_full), &ten, false);
    let all_full = |index: usize| sliding(index, 3, 7 + index);
    bench.decision("denial by 20 of 20 rules, 10 contacts", &rules(20, 20, all_full), &ten, false);
    bench.decision(
        "denial by 3 rules, a full value (4,096 contacts)",
        &rules(3, 3, |index| sliding(index, 1, 3_000 + index)),
        &customer(MAX_CONTACTS),
        false,
    );
    let (three, all) = (claimed(customer(10), 3), claimed(customer(10), MAX_CLAIMS));
    bench.decision("3 rules, 10 contacts, 3 claims", &rules(3, 3, roomy), &three, true);
    bench.decision("3 rules, 10 contacts, 256 claims", &rules(3, 3, roomy), &all, true);
    let claimed_full = |index: usize| sliding(index, 4 + index, 7 + index);
    bench.decision("denial by 3 claims in 3 rules, 10 contacts", &rules(3, 3, claimed_full), &three, false);
    bench.decision("denial by 256 claims in 3 rules, 10 contacts", &rules(3, 3, claimed_full), &all, false);
    bench.questions
}

/// What the fast path takes: the decision with its check of the value, and with the next value written where it reserves.
fn fast_path(criterion: &mut Criterion) -> Vec<String> {
    let mut bench = Bench { criterion, group: "fast path in core", questions: Vec::new() };
    let roomy = |index: usize| sliding(index, 5_000, 7 + index);
    for (judging, all, contacts) in [(3, 3, 5), (20, 20, 10)] {
        let (snapshot, value) = (rules(judging, all, roomy), encode(&customer(contacts)));
        let question = format!("{judging} rules of {all}, {contacts} contacts");
        bench.fast(&format!("{question}, checked"), &snapshot, &value, Purpose::Check);
        bench.fast(&format!("{question}, reserved"), &snapshot, &value, Purpose::Reserve);
    }
    for all in [20, 500] {
        for judging in [1, 3, 20] {
            let snapshot = rules(judging, all, roomy);
            for contacts in [0, 10, 100, 1_000] {
                let value = encode(&customer(contacts));
                let question = format!("{judging} rules of {all}, {contacts} contacts, reserved");
                if bench.questions.iter().all(|asked| *asked != question) {
                    bench.fast(&question, &snapshot, &value, Purpose::Reserve);
                }
            }
        }
    }
    let every = rules(20, 20, mixed);
    bench.fast("20 rules of every kind, 10 contacts, reserved", &every, &encode(&customer(10)), Purpose::Reserve);
    for claims in [3, MAX_CLAIMS] {
        let value = encode(&claimed(customer(10), claims));
        let question = format!("3 rules of 3, 10 contacts, {claims} claims, reserved");
        bench.fast(&question, &rules(3, 3, roomy), &value, Purpose::Reserve);
    }
    let one_full = rules(20, 20, |index| sliding(index, if index == 0 { 3 } else { 1_000 }, 7 + index));
    bench.denied("left to the long way: denial by 1 of 20 rules, 10 contacts", &one_full, &encode(&customer(10)));
    bench.questions
}

fn explanations(criterion: &mut Criterion) -> Vec<String> {
    let mut bench = Bench { criterion, group: "explanation in core", questions: Vec::new() };
    let (snapshot, state, request) = (rules(20, 20, mixed), customer(10), request());
    bench.measure(
        "one campaign, 20 rules, 10 contacts",
        || (),
        |()| explain(&snapshot, &state, &request, &Standings::default(), Some("c0"), T),
    );
    bench.questions
}

fn codec(criterion: &mut Criterion) -> Vec<String> {
    let mut bench = Bench { criterion, group: "value in core", questions: Vec::new() };
    for contacts in [10, 100] {
        let state = customer(contacts);
        let bytes = encode(&state);
        bench.measure(&format!("to bytes, {contacts} contacts"), || (), |()| encode(black_box(&state)));
        bench.measure(&format!("from bytes, {contacts} contacts"), || (), |()| decode(black_box(&bytes)));
    }
    bench.questions
}

fn main() {
    let mut criterion = figures::criterion();
    let fast = fast_path(&mut criterion);
    let (decided, explained, coded) =
        (decisions(&mut criterion), explanations(&mut criterion), codec(&mut criterion));
    criterion.final_summary();
    figures::print("fast path in core", &fast);
    figures::print("decision in core", &decided);
    figures::print("explanation in core", &explained);
    figures::print("value in core", &coded);
}
