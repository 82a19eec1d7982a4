//! Two servers on one Redis, racing for one capacity; and one server after another on one directory.

use std::sync::Arc;

use arbiter_core::customer::Pool;
use arbiter_store::{
    Commit, EmbeddedStore, RedisStore, Store,
    leases::{AccountSpec, IDLE_MS, LEASE_MS, Leases},
};

use super::account;
use crate::redis_server::RedisServer;

/// A server: its own connection and its own blocks.
struct Server<S> {
    name: &'static str,
    store: S,
    leases: Leases,
}

impl<S: Store> Server<S> {
    fn new(name: &'static str, store: S) -> Self {
        Self { name, store, leases: Leases::default() }
    }

    /// Ask so often; returns how often it was granted.
    async fn ask(&self, spec: &AccountSpec, times: usize) -> i64 {
        let mut granted = 0;
        for time in 0..times {
            let charges = [(spec.clone(), Pool::COMMON, 1)];
            let Some(taken) = self.leases.take(&self.store, &charges).await.unwrap() else { continue };
            let party = format!("{}-{time}-{granted}", self.name);
            match self.store.commit(&party, 0, b"v", &[], &taken.tallies()).await.unwrap() {
                Commit::Done => taken.done(),
                Commit::Fenced => {
                    taken.fenced();
                    continue;
                }
                Commit::Conflict(_) => panic!("nobody else has this party"),
            }
            granted += 1;
        }
        granted
    }

    async fn pass(&self, ms: u64) {
        for _ in 0..ms.div_ceil(250) {
            self.leases.tend(&self.store, 250).await.unwrap();
        }
    }

    async fn free(&self, spec: &AccountSpec) -> i64 {
        self.leases.fresh_standing(&self.store, spec).await.unwrap()[0].1
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_that_race_on_one_redis_grant_exactly_the_limit() {
    let redis = RedisServer::start();
    let open = async || RedisStore::open(&redis.address()).await.unwrap();
    let servers = [Server::new("one", open().await), Server::new("other", open().await)];
    let spec = Arc::new(AccountSpec { keep_ms: 86_400_000, ..account(100) });
    let racing = servers.map(|server| {
        let spec = Arc::clone(&spec);
        tokio::spawn(async move {
            let granted = server.ask(&spec, 100).await;
            (server, granted)
        })
    });
    let mut granted = 0;
    let mut ended = Vec::new();
    for race in racing {
        let (server, its) = race.await.unwrap();
        granted += its;
        ended.push(server);
    }
    // What one had leased when the other was last denied is idle and given back.
    for server in &ended {
        server.pass(IDLE_MS + 500).await;
    }
    for server in &ended {
        granted += server.ask(&spec, 100).await;
        server.pass(IDLE_MS + 500).await;
    }
    assert_eq!(granted, 100);
}

#[tokio::test]
async fn a_server_that_dies_strands_its_block_until_its_lease_ends() {
    let redis = RedisServer::start();
    let open = async || RedisStore::open(&redis.address()).await.unwrap();
    let (dead, other) = (Server::new("dead", open().await), Server::new("other", open().await));
    let spec = account(320);
    assert_eq!(dead.ask(&spec, 3).await, 3);
    let late = dead.leases.take(&dead.store, &[(spec.clone(), Pool::COMMON, 1)]).await.unwrap().unwrap();
    assert_eq!(other.free(&spec).await, 310);
    other.pass(LEASE_MS + 1_500).await;
    assert_eq!(other.free(&spec).await, 317);
    let fenced = dead.store.commit("late", 0, b"v", &[], &late.tallies()).await.unwrap();
    assert_eq!(fenced, Commit::Fenced);
    late.fenced();
    assert_eq!(other.ask(&spec, 400).await, 317);
}

#[tokio::test]
async fn a_server_that_is_killed_and_started_again_finds_what_it_had_counted() {
    let directory = tempfile::tempdir().unwrap();
    let open = || EmbeddedStore::open(directory.path().to_str().unwrap()).unwrap();
    let spec = account(320);
    let killed = Server::new("killed", open());
    assert_eq!(killed.ask(&spec, 3).await, 3);
    drop(killed);
    let again = Server::new("again", open());
    assert_eq!(again.free(&spec).await, 317);
    assert_eq!(again.ask(&spec, 400).await, 317);
}
