//! What a customer takes in the memory store beyond its value, and what a look-up and a commit cost among so many.
//!
//! `MEMORY_CUSTOMERS=10000000` for ten million (default 1 million). Each holds the value of ten settled contacts.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench may stop at the first thing that is not as it should be, and prints its figures"
)]

use std::{env, fs, hint::black_box, time::Instant};

use arbiter_core::{
    codec::encode,
    customer::{Contact, CustomerState, Status},
    ids::TermsId,
    time::{DAY_MS, Timestamp},
};
use arbiter_store::{Commit, MemoryStore, Store};
use tokio::runtime::{Builder, Runtime};

/// The goal: what a customer may take beyond its value.
const MOST_BYTES: f64 = 48.0;
const LOOK_UPS: u64 = 1_000_000;

/// Ten contacts, one every two days.
fn value() -> Vec<u8> {
    let mut state = CustomerState::default();
    for day in 0..10_u32 {
        state.admit_contact(Contact {
            time: Timestamp(1_772_438_400_000).plus_ms(i64::from(day) * 2 * DAY_MS),
            terms: TermsId(day * 37 % 300),
            status: Status::Confirmed,
            ..Contact::default()
        });
    }
    encode(&state)
}

fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|figure| figure.parse::<u64>().ok()).unwrap_or_default() * 1_024
}

fn name(number: u64) -> String {
    format!("customer-{number:08}")
}

/// Nanoseconds that one of so many calls takes.
fn each(calls: u64, mut call: impl FnMut(u64)) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(&mut call);
    start.elapsed().as_secs_f64() * 1e9 / f(calls)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^53")]
const fn f(count: u64) -> f64 {
    count as f64
}

fn commit(runtime: &Runtime, store: &MemoryStore, number: u64, version: u64, value: &[u8]) {
    let made = runtime.block_on(store.commit(&name(number), version, value, &[], &[])).unwrap();
    assert_eq!(made, Commit::Done);
}

fn main() {
    let customers = env::var("MEMORY_CUSTOMERS").map_or(1_000_000, |text| text.parse().unwrap());
    // `cargo test --benches` only wants to see it work.
    let customers: u64 = if env::args().any(|argument| argument == "--bench") { customers } else { 1_000 };
    let runtime = Builder::new_current_thread().build().unwrap();
    let (store, value) = (MemoryStore::new(), value());
    let before = resident_bytes();
    let filled = each(customers, |number| commit(&runtime, &store, number, 0, &value));
    let resident = f(resident_bytes().saturating_sub(before)) / f(customers);
    let beyond = resident - f(value.len() as u64);
    // A stride that is prime to any round number of customers, so that the caches help little.
    let far = |number: u64| number * 7_919 % customers;
    let looked_up = each(LOOK_UPS.min(customers), |number| {
        black_box(runtime.block_on(store.load(&name(far(number)))).unwrap());
    });
    let committed = each(LOOK_UPS.min(customers), |number| commit(&runtime, &store, far(number), 1, &value));
    println!("\n{customers} customers in the memory store, each with 10 contacts ({} bytes)", value.len());
    println!(
        "  resident bytes beyond the value, name of {} included {beyond:>12.1}  (at most {MOST_BYTES})",
        name(0).len()
    );
    println!("  first commit of a customer                        {filled:>12.0} ns");
    println!("  look-up of a customer, far apart                  {looked_up:>12.0} ns");
    println!("  commit over its value, far apart                  {committed:>12.0} ns");
}
