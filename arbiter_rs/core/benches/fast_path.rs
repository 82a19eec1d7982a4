//! How long the fast path takes and how many instructions: the check of the value, the decision, and the next value where one is written.
//!
//! Time goes by what else the machine does; instructions, counted by callgrind where valgrind is installed, do not.

#![expect(clippy::unwrap_used, reason = "a bench may stop at the first thing that is not as it should be")]
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
use arbiter_core::customer::MAX_CLAIMS;
use arbiter_core::decide::decide;
use arbiter_core::fast_path::{Scratch, grant};
use arbiter_core::request::{Purpose, Request};
use arbiter_core::standings::Standings;

use self::world::{T, claimed, customer, mixed, request, rules, sliding};

const GROUP: &str = "fast path in core";
/// How often an operation is done while its instructions are counted.
const COUNTED: u64 = 200;

#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// Decided, nothing written.
    Check,
    /// Decided, and the next value written.
    Reserve,
    /// What a denial costs before the long way begins.
    LeftAlone,
    /// The same grant the long way, from bytes to bytes.
    Long,
}

#[derive(Clone, Copy)]
struct Question {
    judging: usize,
    all: usize,
    is_mixed: bool,
    contacts: usize,
    claims: usize,
    way: Way,
}

impl Question {
    const fn new(judging: usize, all: usize, contacts: usize, way: Way) -> Self {
        Self { judging, all, is_mixed: false, contacts, claims: 0, way }
    }

    fn name(&self) -> String {
        let Self { judging, all, contacts, claims, .. } = self;
        let kinds = if self.is_mixed { " of every kind" } else { "" };
        let claims = if *claims > 0 { format!(", {claims} claims") } else { String::new() };
        let way = match self.way {
            Way::Check => "check",
            Way::Reserve => "reserve",
            Way::LeftAlone => "denied, so far",
            Way::Long => "reserve, the long way",
        };
        format!("{judging} rules{kinds} of {all}, {contacts} contacts{claims}: {way}")
    }

    /// Do it so often.
    fn run(&self, snapshot: &Snapshot, value: &[u8], doing: &mut dyn FnMut(&mut dyn FnMut())) {
        let purpose = if self.way == Way::Check { Purpose::Check } else { Purpose::Reserve };
        let request = Request { purpose, ..request() };
        let (mut scratch, mut next) = (Scratch::default(), Vec::new());
        if self.way == Way::Long {
            let mut standings = Standings::default();
            doing(&mut || {
                let mut state = decode(black_box(value)).unwrap();
                let outcome = decide(snapshot, &mut state, black_box(&request), &mut standings, T).unwrap();
                assert!(outcome.is_changed);
                black_box(encode(&state));
            });
        } else {
            let is_granted = self.way != Way::LeftAlone;
            doing(&mut || {
                let granted =
                    grant(snapshot, black_box(value), black_box(&request), T, &mut scratch, &mut next);
                assert_eq!(black_box(granted).is_some(), is_granted);
            });
        }
    }

    fn world(&self) -> (Snapshot, Vec<u8>) {
        let full = if self.way == Way::LeftAlone { 3 } else { 5_000 };
        let rule = |index: usize| {
            if self.is_mixed {
                mixed(index)
            } else {
                sliding(index, if index == 0 { full } else { 5_000 }, 7 + index)
            }
        };
        let state = customer(self.contacts);
        let state = if self.claims > 0 { claimed(state, self.claims) } else { state };
        (rules(self.judging, self.all, rule), encode(&state))
    }
}

fn questions() -> Vec<Question> {
    let mut questions = Vec::new();
    for (judging, contacts) in [(3, 5), (20, 10)] {
        for way in [Way::Check, Way::Reserve, Way::Long] {
            questions.push(Question::new(judging, judging, contacts, way));
        }
    }
    for (judging, all) in [(1, 20), (3, 20), (20, 20), (1, 500), (3, 500), (20, 500)] {
        for contacts in [0, 10, 100, 1_000] {
            questions.push(Question::new(judging, all, contacts, Way::Reserve));
        }
    }
    for way in [Way::Reserve, Way::Long] {
        questions.push(Question { is_mixed: true, ..Question::new(20, 20, 10, way) });
        for claims in [3, MAX_CLAIMS] {
            questions.push(Question { claims, ..Question::new(3, 20, 10, way) });
        }
    }
    questions.push(Question::new(20, 20, 10, Way::LeftAlone));
    questions.sort_by_key(Question::name);
    questions.dedup_by_key(|question| question.name());
    questions.sort_by_key(|question| (question.judging, question.all, question.contacts, question.claims));
    questions
}

/// What callgrind counts, by this function's name.
#[inline(never)]
fn counted_from_here(operation: &mut dyn FnMut(), times: u64) {
    for _ in 0..times {
        operation();
    }
}

fn main() {
    let counting = std::env::args().skip_while(|argument| argument != "--count").nth(1);
    if let Some(name) = counting {
        // For a profiler, more often than callgrind is made to wait for.
        let times = std::env::args().next_back().and_then(|times| times.parse().ok()).unwrap_or(COUNTED);
        let question = questions().into_iter().find(|question| question.name() == name).unwrap();
        let (snapshot, value) = question.world();
        question.run(&snapshot, &value, &mut |operation| {
            operation();
            counted_from_here(operation, times);
        });
        return;
    }
    let mut criterion = figures::criterion();
    let questions = questions();
    for question in &questions {
        let (snapshot, value) = question.world();
        let mut group = criterion.benchmark_group(GROUP);
        group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(600));
        group.sample_size(20);
        group.bench_function(question.name(), |bencher| {
            question.run(&snapshot, &value, &mut |operation| bencher.iter(&mut *operation));
        });
        group.finish();
    }
    criterion.final_summary();
    let names: Vec<String> = questions.iter().map(Question::name).collect();
    figures::print(GROUP, &names, Some(("counted_from_here", COUNTED)));
}
