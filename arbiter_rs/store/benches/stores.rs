//! How long a decision takes through each store: load, decide, commit with a log record.
//!
//! Every decision is a grant for a customer who holds about five contacts, under 20 rules of which 5 judge it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench may stop at the first thing that is not as it should be"
)]
#![expect(clippy::print_stdout, reason = "the figures are what a bench is for")]

#[path = "../../core/benches/figures/mod.rs"]
mod figures;
#[path = "../tests/stores/redis_server.rs"]
#[expect(dead_code, reason = "the tests also kill and restart it")]
mod redis_server;
mod spring;

use std::process::{Command, Stdio};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::{Duration, Instant};

use arbiter_core::request::{Candidate, Request};
use arbiter_core::time::{DAY_MS, Timestamp};
use arbiter_store::{AnyStore, Arbiter};
use criterion::Criterion;
use tokio::runtime::Runtime;

use crate::redis_server::RedisServer;

/// 2026-03-02T08:00:00Z.
const T: Timestamp = Timestamp(1_772_438_400_000);
const GROUP: &str = "decision through a store";
const CUSTOMERS: u64 = 4_000;
/// Days from one contact of a customer to the next, and how long it is remembered: about five are held.
const DAYS_BETWEEN: i64 = 10;
const HORIZON_DAYS: i64 = 50;
const IN_FLIGHT: u64 = 64;

/// An engine on one store, and the number of its next decision.
struct Engine {
    arbiter: Arbiter<AnyStore>,
    next: AtomicU64,
}

impl Engine {
    async fn open(store: &str) -> Arc<Self> {
        let arbiter = Arbiter::open(AnyStore::open(store).await.unwrap()).await.unwrap();
        arbiter.apply_catalog(&spring::catalog(HORIZON_DAYS), b"", None, &[]).await.unwrap();
        let engine = Arc::new(Self { arbiter, next: AtomicU64::new(0) });
        let first_contacts = CUSTOMERS * HORIZON_DAYS.unsigned_abs() / DAYS_BETWEEN.unsigned_abs();
        engine.many(first_contacts).await;
        engine
    }

    /// Grant the next customer a contact.
    async fn one(&self) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (customer, id) = (format!("customer-{}", number % CUSTOMERS), format!("request-{number}"));
        let request = Request {
            id: &id,
            customer: &customer,
            party: &customer,
            candidates: vec![Candidate { campaign: "spring", channel: "email", ..Candidate::default() }],
            ..Request::default()
        };
        let days = i64::try_from(number / CUSTOMERS).unwrap() * DAYS_BETWEEN;
        let (outcome, _) = self.arbiter.request(&request, T.plus_ms(days * DAY_MS)).await.unwrap();
        assert!(outcome.is_changed, "every decision is a grant");
    }

    /// So many decisions, [`IN_FLIGHT`] at a time.
    async fn many(self: &Arc<Self>, decisions: u64) {
        let share = move |task: u64| decisions / IN_FLIGHT + u64::from(task < decisions % IN_FLIGHT);
        let tasks: Vec<_> = (0..IN_FLIGHT)
            .map(|task| {
                let engine = Arc::clone(self);
                tokio::spawn(async move {
                    for _ in 0..share(task) {
                        engine.one().await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
}

fn measure(criterion: &mut Criterion, runtime: &Runtime, name: &str, store: &str) -> [String; 2] {
    let engine = runtime.block_on(Engine::open(store));
    let questions = [format!("{name}, one at a time"), format!("{name}, 64 in flight")];
    let [alone, in_flight] = &questions;
    let mut group = criterion.benchmark_group(GROUP);
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4)).sample_size(20);
    group.bench_function(alone, |bencher| {
        bencher.iter_custom(|decisions| {
            runtime.block_on(async {
                let start = Instant::now();
                for _ in 0..decisions {
                    engine.one().await;
                }
                start.elapsed()
            })
        });
    });
    group.bench_function(in_flight, |bencher| {
        bencher.iter_custom(|decisions| {
            let start = Instant::now();
            runtime.block_on(engine.many(decisions));
            start.elapsed()
        });
    });
    group.finish();
    questions
}

fn has_redis() -> bool {
    let version = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

fn main() {
    let mut criterion = figures::criterion();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let embedded = format!("embedded:{}", directory.path().display());
    let mut questions = measure(&mut criterion, &runtime, "memory", "memory").to_vec();
    questions.extend(measure(&mut criterion, &runtime, "embedded", &embedded));
    if has_redis() {
        let server = RedisServer::start();
        questions.extend(measure(&mut criterion, &runtime, "Redis", &server.address()));
    } else {
        println!("Redis is left out: redis-server is not installed (`apt-get install redis-server`)");
    }
    criterion.final_summary();
    figures::print(GROUP, &questions, None);
}
