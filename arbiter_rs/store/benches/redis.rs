//! What the Redis store costs beside the bare compare-and-set with a log record, in interleaved rounds of one run.
//!
//! The raw limits send the store's own script, pipelined, without deciding anything; 256 are in flight everywhere. Beside decisions a
//! second stands what each cost in processor time, of this program and of Redis: it moves less than the clock where a machine is shared.
//! `BENCH_PARTIES` is how many customers are held (20,000; the goals are stated for 1,000,000), `BENCH_ROUND_MS` how long a round is.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench may stop at the first thing that is not as it should be"
)]
#![expect(clippy::print_stdout, reason = "the figures are what a bench is for")]

#[path = "../tests/stores/redis_server.rs"]
#[expect(dead_code, reason = "the tests also kill and restart it")]
mod redis_server;
mod spring;

use std::{
    env, fs,
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use arbiter_core::{
    request::{Candidate, Request},
    time::{DAY_MS, Timestamp},
};
use arbiter_store::{
    Arbiter, Commit, RedisStore, Store,
    keys::{RedisKeys, Tenant},
};
use tokio::runtime::{Builder, Runtime};

use crate::redis_server::RedisServer;

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 2026-03-02T08:00:00Z.
const T: Timestamp = Timestamp(1_772_438_400_000);
/// Days from one contact of a customer to the next, and how long it is remembered: about five are held.
const DAYS_BETWEEN: i64 = 10;
const HORIZON_DAYS: i64 = 50;
const CONTACTS: u64 = 5;
const CORES: usize = 2;
const IN_FLIGHT: usize = 256;
const ROUNDS: usize = 3;
/// The raw limits: connections, and requests in flight on each.
const CONNECTIONS: usize = 4;
const DEEP: usize = IN_FLIGHT / CONNECTIONS;
const VALUE: [u8; 120] = [7; 120];
const RECORD: [u8; 60] = [7; 60];

fn number(name: &str, default: u64) -> u64 {
    env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

/// What a round did: how many, in which time, at which cost of processor time here and in Redis.
#[derive(Clone, Copy, Default)]
struct Round {
    count: u64,
    seconds: f64,
    own: f64,
    redis: f64,
}

/// Seconds of processor time of a process, from the kernel's accounting in hundredths.
fn processor_seconds(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

/// A contender: what it does until an instant, and how many it did.
struct Contender {
    name: String,
    run: Box<dyn FnMut(Instant) -> u64>,
    rounds: Vec<Round>,
}

impl Contender {
    fn new(name: &str, run: impl FnMut(Instant) -> u64 + 'static) -> Self {
        Self { name: name.to_owned(), run: Box::new(run), rounds: Vec::new() }
    }

    fn round(&mut self, redis: u32, length: Duration) {
        let start = Instant::now();
        let before = [std::process::id(), redis].map(processor_seconds);
        let count = (self.run)(start + length);
        let after = [std::process::id(), redis].map(processor_seconds);
        let seconds = start.elapsed().as_secs_f64();
        self.rounds.push(Round { count, seconds, own: after[0] - before[0], redis: after[1] - before[1] });
    }

    fn median(&self, figure: impl Fn(&Round) -> f64) -> f64 {
        let mut figures: Vec<f64> = self.rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    }

    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn print(&self, limit: f64) -> f64 {
        let rate = self.median(|round| round.count as f64 / round.seconds);
        let own = self.median(|round| round.own * 1e6 / round.count as f64);
        let redis = self.median(|round| round.redis * 1e6 / round.count as f64);
        let limit = if limit > 0.0 { limit } else { rate };
        println!("  {:<52} {rate:>9.0}/s {own:>6.1} + {redis:>4.1} µs {:>6.2}", self.name, rate / limit);
        rate
    }
}

/// One connection that commits pipelined: so many calls in flight, each for so many parties.
struct Raw {
    stream: TcpStream,
    keys: RedisKeys,
    versions: Vec<u64>,
    name: String,
    next: usize,
    sha: String,
}

impl Raw {
    fn open(port: u16, name: String, parties: usize) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        let keys = RedisKeys::new(Tenant::parse("raw").unwrap(), 64);
        let sha = redis::Script::new(include_str!("../src/commit.lua")).get_hash().to_owned();
        let mut raw = Self { stream, keys, versions: vec![0; parties], name, next: 0, sha };
        let load =
            redis::cmd("SCRIPT").arg("LOAD").arg(include_str!("../src/commit.lua")).get_packed_command();
        raw.stream.write_all(&load).unwrap();
        raw.expect(b"$40\r\n".len() + 42);
        raw
    }

    fn expect(&mut self, bytes: usize) {
        let mut answers = vec![0; bytes];
        self.stream.read_exact(&mut answers).unwrap();
        assert!(!answers.contains(&b'-'), "{}", String::from_utf8_lossy(&answers));
    }

    fn call(&mut self, parties: usize, out: &mut Vec<u8>) {
        let (mut keys, mut arguments) = (Vec::new(), Vec::new());
        for _ in 0..parties {
            self.next = (self.next + 1) % self.versions.len();
            let party = format!("{}-{}", self.name, self.next);
            let version = self.versions[self.next];
            let of_party = self.keys.party(&party);
            keys.extend([of_party.value.into_bytes(), of_party.log.into_bytes()]);
            let stored = [(version + 1).to_be_bytes().as_slice(), &VALUE].concat();
            arguments.extend([version.to_be_bytes().to_vec(), stored, party.into_bytes()]);
            arguments.extend([
                (version + 1).to_string().into_bytes(),
                Vec::new(),
                b"0".to_vec(),
                b"1".to_vec(),
            ]);
            arguments.push(RECORD.to_vec());
            self.versions[self.next] = version + 1;
        }
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.sha).arg(keys.len()).arg(keys).arg(arguments);
        out.extend(command.get_packed_command());
    }

    /// Until an instant; returns how many parties were committed. Half of what may be in flight is written at a time.
    fn run(&mut self, until: Instant, parties: usize) -> u64 {
        let calls = (DEEP / 2 / parties).max(1);
        let answer = format!("*{parties}\r\n").len() + 4 * parties;
        let (mut out, mut count, mut unread) = (Vec::new(), 0, 0);
        while Instant::now() < until {
            out.clear();
            (0..calls).for_each(|_| self.call(parties, &mut out));
            self.stream.write_all(&out).unwrap();
            self.expect(unread);
            unread = calls * answer;
            count += calls * parties;
        }
        self.expect(unread);
        count as u64
    }
}

fn raw(name: &str, port: u16, parties: u64, of_call: usize) -> Contender {
    let share = usize::try_from(parties).unwrap() / CONNECTIONS;
    let open = |connection| Raw::open(port, format!("{of_call}-{connection}"), share);
    let mut connections: Vec<Raw> = (0..CONNECTIONS).map(open).collect();
    Contender::new(name, move |until| {
        thread::scope(|scope| {
            let threads: Vec<_> =
                connections.iter_mut().map(|raw| scope.spawn(move || raw.run(until, of_call))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        })
    })
}

/// Where requests are made: on a runtime of one thread for each core, or on one of several threads.
fn runtimes(is_per_core: bool) -> Vec<Runtime> {
    if is_per_core {
        return (0..CORES).map(|_| Builder::new_current_thread().enable_all().build().unwrap()).collect();
    }
    vec![Builder::new_multi_thread().worker_threads(CORES).enable_all().build().unwrap()]
}

/// Ask until an instant, so many at a time; returns how many were answered.
fn ask_all<F>(
    runtimes: &[Runtime],
    until: Instant,
    in_flight: usize,
    ask: impl Fn() -> F + Clone + Send + Sync + 'static,
) -> u64
where
    F: Future<Output = ()> + Send,
{
    let share = in_flight / runtimes.len();
    let on = |runtime: &Runtime| {
        runtime.block_on(async {
            let tasks: Vec<_> = (0..share)
                .map(|_| {
                    let ask = ask.clone();
                    tokio::spawn(async move {
                        let mut count = 0;
                        while Instant::now() < until {
                            ask().await;
                            count += 1;
                        }
                        count
                    })
                })
                .collect();
            let mut count = 0;
            for task in tasks {
                count += task.await.unwrap();
            }
            count
        })
    };
    thread::scope(|scope| {
        let threads: Vec<_> = runtimes.iter().map(|runtime| scope.spawn(move || on(runtime))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

/// The store alone: a value of fixed bytes and a record, the parties in turn.
fn store_alone(name: &str, address: &str, parties: u64) -> Contender {
    let runtimes = runtimes(true);
    let store = Arc::new(runtimes[0].block_on(RedisStore::open(&format!("{address}?tenant=store"))).unwrap());
    let next = Arc::new(AtomicU64::new(0));
    Contender::new(name, move |until| {
        let (store, next) = (Arc::clone(&store), Arc::clone(&next));
        ask_all(&runtimes, until, IN_FLIGHT, move || {
            let (store, number) = (Arc::clone(&store), next.fetch_add(1, Ordering::Relaxed));
            async move {
                let party = format!("customer-{}", number % parties);
                let done =
                    store.commit(&party, number / parties, &VALUE, &[RECORD.to_vec()], &[]).await.unwrap();
                assert!(matches!(done, Commit::Done));
            }
        })
    })
}

/// Decisions, every one a grant.
struct Engine {
    arbiter: Arbiter<RedisStore>,
    next: AtomicU64,
    parties: u64,
}

impl Engine {
    async fn one(&self) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (customer, id) = (format!("customer-{}", number % self.parties), format!("request-{number}"));
        let request = Request {
            id: &id,
            customer: &customer,
            party: &customer,
            candidates: vec![Candidate { campaign: "spring", channel: "email", ..Candidate::default() }],
            ..Request::default()
        };
        let days = i64::try_from(number / self.parties).unwrap() * DAYS_BETWEEN;
        let (outcome, _) = self.arbiter.request(&request, T.plus_ms(days * DAY_MS)).await.unwrap();
        assert!(outcome.is_changed, "every decision is a grant");
    }
}

fn decisions(name: &str, address: &str, parties: u64, is_per_core: bool, in_flight: usize) -> Contender {
    let runtimes = runtimes(is_per_core);
    let arbiter = runtimes[0].block_on(async {
        let arbiter = Arbiter::open(RedisStore::open(address).await.unwrap()).await.unwrap();
        arbiter.apply_catalog(&spring::catalog(HORIZON_DAYS), b"", None, &[]).await.unwrap();
        arbiter
    });
    let engine = Arc::new(Engine { arbiter, next: AtomicU64::new(0), parties });
    let held = CONTACTS * parties;
    let run = move |until: Instant, held: u64| {
        let engine = Arc::clone(&engine);
        ask_all(&runtimes, until, in_flight, move || {
            let engine = Arc::clone(&engine);
            async move {
                // While the store is filled, nothing is asked beyond that.
                if held == 0 || engine.next.load(Ordering::Relaxed) < held {
                    engine.one().await;
                } else {
                    tokio::task::yield_now().await;
                }
            }
        })
    };
    let mut filled = 0;
    while filled < held {
        let asked = run(Instant::now() + Duration::from_millis(200), held);
        filled += asked.min(held - filled);
    }
    Contender::new(name, move |until| run(until, 0))
}

fn main() {
    let (parties, length) = (number("BENCH_PARTIES", 20_000), number("BENCH_ROUND_MS", 1_000));
    let server = RedisServer::start();
    let address = server.address();
    let at = |rest: &str| format!("{address}?tenant={rest}");
    let mut contenders = vec![
        raw("raw, one party a call", server.port(), parties, 1),
        raw("raw, 32 parties a call", server.port(), parties, 32),
        store_alone("store alone, a runtime per core", &address, parties),
        decisions("decisions, warm, a runtime per core", &at("percore"), parties, true, IN_FLIGHT),
        decisions("decisions, warm, 2,000 in flight", &at("deep"), parties, true, 2_000),
        decisions(
            "decisions, warm, one runtime of several threads",
            &at("threads"),
            parties,
            false,
            IN_FLIGHT,
        ),
        decisions(
            "decisions, no cache, a runtime per core",
            &at("cold&cache_mib=0"),
            parties,
            true,
            IN_FLIGHT,
        ),
        decisions(
            "decisions through the library, several threads",
            &at("library&client=library&cache_mib=0"),
            parties,
            false,
            IN_FLIGHT,
        ),
    ];
    for _ in 0..ROUNDS {
        for contender in &mut contenders {
            contender.round(server.process.id(), Duration::from_millis(length));
        }
    }
    println!("\n{parties} customers held, {IN_FLIGHT} in flight, median of {ROUNDS} rounds of {length} ms");
    println!("  {:<52} {:>11} {:>16} {:>6}", "", "", "own + Redis", "of raw");
    let mut limit = 0.0;
    for contender in &contenders {
        let rate = contender.print(limit);
        limit = if limit > 0.0 { limit } else { rate };
    }
}
