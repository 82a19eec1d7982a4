//! Capacity and budget over all replicas: never overshot, and nothing lost.

mod blocks;
mod replicas;
mod servers;
mod unreliable;

use arbiter_core::{customer::Pool, ledger::returned_field};
use arbiter_store::{
    Commit, Store, Tally,
    leases::{AccountSpec, Leases, Taken},
};

use self::unreliable::UnreliableStore;

/// A share, beside [`Pool::COMMON`].
const RETAIL: Pool = Pool(1);

fn account(limit: i64) -> AccountSpec {
    AccountSpec { name: "visits".into(), limits: vec![(Pool::COMMON, limit)], keep_ms: 0 }
}

/// A store that several replicas share.
fn shared() -> UnreliableStore {
    UnreliableStore::new(true)
}

/// A store that only this process has.
fn own() -> UnreliableStore {
    UnreliableStore::new(false)
}

async fn take(
    leases: &Leases,
    store: &UnreliableStore,
    spec: &AccountSpec,
    pool: Pool,
    amount: i64,
) -> Option<Taken> {
    leases.take(store, &[(spec.clone(), pool, amount)]).await.unwrap()
}

/// Take and commit.
async fn grant(
    leases: &Leases,
    store: &UnreliableStore,
    spec: &AccountSpec,
    pool: Pool,
    amount: i64,
) -> bool {
    let Some(taken) = take(leases, store, spec, pool, amount).await else { return false };
    assert_eq!(
        store.commit(&store.fresh_party(), 0, b"", &[], &taken.tallies()).await.unwrap(),
        Commit::Done
    );
    taken.done();
    true
}

async fn grants(leases: &Leases, store: &UnreliableStore, spec: &AccountSpec, amount: i64) -> i64 {
    let mut granted = 0;
    while grant(leases, store, spec, Pool::COMMON, amount).await {
        granted += 1;
    }
    granted
}

async fn release(leases: &Leases, store: &UnreliableStore, spec: &AccountSpec, pool: Pool, amount: i64) {
    let field = returned_field(pool);
    let tally = Tally { account: &spec.name, field: &field, delta: amount, keep_ms: spec.keep_ms };
    assert_eq!(store.commit(&store.fresh_party(), 0, b"", &[], &[tally]).await.unwrap(), Commit::Done);
    leases.returned(&spec.name, pool, amount);
}

async fn free(leases: &Leases, store: &UnreliableStore, spec: &AccountSpec) -> i64 {
    leases.standing(store, spec).await.unwrap()[0].1
}

/// Let so much time pass in ticks of the server.
async fn pass(leases: &Leases, store: &UnreliableStore, ms: u64) {
    for _ in 0..ms.div_ceil(250) {
        leases.tend(store, 250).await.unwrap();
    }
}
