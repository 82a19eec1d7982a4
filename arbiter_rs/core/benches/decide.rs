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
mod world;

use std::hint::black_box;
use std::time::Duration;

use arbiter_core::catalog::Snapshot;
use arbiter_core::codec::{decode, encode};
use arbiter_core::customer::{CustomerState, MAX_CLAIMS, MAX_CONTACTS};
use arbiter_core::decide::decide;
use arbiter_core::explain::explain;
use arbiter_core::standings::Standings;
use criterion::{BatchSize, Criterion};

use self::world::{T, claimed, customer, mixed, request, rules, sliding};

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
    let (decided, explained, coded) =
        (decisions(&mut criterion), explanations(&mut criterion), codec(&mut criterion));
    criterion.final_summary();
    figures::print("decision in core", &decided, None);
    figures::print("explanation in core", &explained, None);
    figures::print("value in core", &coded, None);
}
