//! Many replicas at once on a store that answers late, wrongly or not at all, against a plain counter.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arbiter_core::{
    customer::Pool,
    ledger::{Counts, Ledger, returned_field},
};
use arbiter_store::{
    Commit, Store, Tally,
    leases::{AccountSpec, LEASE_MS, Leases},
};
use parking_lot::Mutex;
use proptest::prelude::*;
use tokio::task::JoinHandle;

use super::{RETAIL, free, grant, own, pass, release, unreliable::UnreliableStore};

/// The pools of all accounts here.
const POOLS: [Pool; 2] = [Pool::COMMON, RETAIL];

/// What runs in one process: its blocks, and the requests under way.
struct Process {
    leases: Arc<Leases>,
    requests: Vec<JoinHandle<()>>,
}

/// Several processes on one store, and what each granted.
struct World {
    store: Arc<UnreliableStore>,
    specs: Arc<Vec<AccountSpec>>,
    /// Granted and not yet released: account, pool and amount.
    grants: Arc<Mutex<Vec<(usize, Pool, i64)>>>,
    processes: Vec<Process>,
    started: AtomicU64,
}

impl World {
    fn new(store: UnreliableStore, limits: [i64; 2], processes: usize) -> Self {
        let spec = |name: &str, [common, retail]: [i64; 2]| AccountSpec {
            name: name.into(),
            limits: vec![(Pool::COMMON, common), (RETAIL, retail)],
            keep_ms: 0,
        };
        let specs = vec![spec("visits", limits), spec("budget", [limits[1] * 7, limits[0] * 3])];
        let mut world = Self {
            store: Arc::new(store),
            specs: Arc::new(specs),
            grants: Arc::default(),
            processes: Vec::new(),
            started: AtomicU64::default(),
        };
        world.processes = (0..processes).map(|_| world.start()).collect();
        world
    }

    fn start(&self) -> Process {
        let replica = self.started.fetch_add(1, Ordering::Relaxed);
        Process { leases: Arc::new(Leases::new(replica)), requests: Vec::new() }
    }

    fn pick(&self, count: usize) -> usize {
        usize::try_from(self.store.chance.below(count as u64)).unwrap()
    }

    /// No pool is used beyond its limit, and what the account says is what was counted.
    async fn assert_within_limits(&self) {
        for spec in self.specs.iter() {
            let ledger = Ledger::decode(&self.store.inner.account(&spec.name).await.unwrap().bytes).unwrap();
            let fields = self.store.inner.tally(&spec.name).await.unwrap();
            let counts = Counts::of(fields.iter().map(|(field, sum)| (field.as_str(), *sum)));
            for (pool, limit) in &spec.limits {
                let used = ledger.used(&counts, *pool);
                assert!((0..=*limit).contains(&used), "{used} of {limit} used of {} {pool:?}", spec.name);
                assert!(ledger.room(&spec.limits, &counts, *pool) >= 0, "more is lent than there is");
            }
            let used: i64 = POOLS.iter().map(|pool| ledger.used(&counts, *pool)).sum();
            assert_eq!(used, net(&self.store, spec));
        }
    }

    async fn step(&mut self) {
        let process = self.pick(self.processes.len());
        let leases = Arc::clone(&self.processes[process].leases);
        match self.store.chance.below(100) {
            0 => {
                let fresh = self.start();
                let crashed = std::mem::replace(&mut self.processes[process], fresh);
                crashed.requests.iter().for_each(JoinHandle::abort);
            }
            1..10 => {
                let store = Arc::clone(&self.store);
                let elapsed_ms = [250, 250, 2_000][self.pick(3)];
                let tick = async move { drop(leases.tend(&*store, elapsed_ms).await) };
                self.processes[process].requests.push(tokio::spawn(tick));
            }
            10..14 => {
                self.store.land_one().await;
            }
            14..18 => self.processes[process].requests.iter().rev().take(1).for_each(JoinHandle::abort),
            18..30 => self.spawn_release(process),
            _ => self.spawn_request(process),
        }
        for _ in 0..self.store.chance.below(3) {
            tokio::task::yield_now().await;
        }
        self.processes[process].requests.retain(|request| !request.is_finished());
        if self.store.chance.below(8) == 0 {
            self.assert_within_limits().await;
        }
    }

    fn spawn_request(&mut self, process: usize) {
        let leases = Arc::clone(&self.processes[process].leases);
        let (store, specs, grants) =
            (Arc::clone(&self.store), Arc::clone(&self.specs), Arc::clone(&self.grants));
        let pool = POOLS[self.pick(2)];
        let amounts = [1, i64::try_from(1 + self.store.chance.below(9)).unwrap()];
        let charges: Vec<(AccountSpec, Pool, i64)> =
            specs.iter().zip(amounts).map(|(spec, amount)| (spec.clone(), pool, amount)).collect();
        let request = async move {
            for (spec, _, _) in &charges {
                drop(leases.fresh_standing(&*store, spec).await);
            }
            let Ok(Some(taken)) = leases.take(&*store, &charges).await else { return };
            let is_overtaken = store.chance.below(10) == 0;
            let party = store.fresh_party();
            let outcome = store.commit(&party, u64::from(is_overtaken), b"", &[], &taken.tallies()).await;
            match outcome {
                Ok(Commit::Done) => {
                    grants.lock().extend((0..2).map(|account| (account, pool, amounts[account])));
                    taken.done();
                }
                Ok(Commit::Conflict(_)) => taken.give_back(),
                Ok(Commit::Fenced) => taken.fenced(),
                Err(_) if store.chance.below(2) == 0 => taken.unsure(),
                Err(_) => drop(taken),
            }
        };
        self.processes[process].requests.push(tokio::spawn(request));
    }

    fn spawn_release(&mut self, process: usize) {
        let leases = Arc::clone(&self.processes[process].leases);
        let (store, specs) = (Arc::clone(&self.store), Arc::clone(&self.specs));
        let granted = {
            let mut grants = self.grants.lock();
            let count = grants.len();
            if count == 0 {
                return;
            }
            grants.swap_remove(self.pick(count))
        };
        let release = async move {
            let (account, pool, amount) = granted;
            let (account, field) = (&specs[account].name, returned_field(pool));
            let tally = Tally { account, field: &field, delta: amount, keep_ms: 0 };
            if let Ok(Commit::Done) = store.commit(&store.fresh_party(), 0, b"", &[], &[tally]).await {
                leases.returned(account, pool, amount);
            }
        };
        self.processes[process].requests.push(tokio::spawn(release));
    }

    /// Everything that is under way ends; live replicas close; the rest is found dead.
    async fn end(mut self) {
        for process in self.processes.drain(..) {
            for request in process.requests {
                drop(request.await);
            }
            self.store.faults.store(0, Ordering::Relaxed);
            if self.store.chance.below(3) > 0 {
                process.leases.close(&*self.store).await.unwrap();
                assert_eq!(process.leases.holdings(), []);
            }
        }
        self.assert_all_is_free().await;
        while self.store.land_one().await {}
        self.assert_all_is_free().await;
    }

    /// A replica that starts and waits for the dead finds exactly what is not used, and can use exactly that.
    async fn assert_all_is_free(&self) {
        self.assert_within_limits().await;
        let auditor = self.start().leases;
        for spec in self.specs.iter() {
            auditor.standing(&*self.store, spec).await.unwrap();
        }
        pass(&auditor, &self.store, LEASE_MS + 2_000).await;
        for spec in self.specs.iter() {
            let stored = self.store.account(&spec.name).await.unwrap();
            assert_eq!(Ledger::decode(&stored.bytes).unwrap().leases().count(), 0);
            let standing = auditor.fresh_standing(&*self.store, spec).await.unwrap();
            let free: i64 = standing.iter().map(|(_, free)| free).sum();
            let limit: i64 = spec.limits.iter().map(|(_, limit)| limit).sum();
            assert_eq!(free, limit - net(&self.store, spec), "{standing:?} of {}", spec.name);
            assert!(standing.iter().all(|(_, free)| *free >= 0), "{standing:?}");
        }
    }
}

fn net(store: &UnreliableStore, spec: &AccountSpec) -> i64 {
    let returned = |pool: &Pool| store.counted(&spec.name, &returned_field(*pool));
    store.counted(&spec.name, "L") - POOLS.iter().map(returned).sum::<i64>()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_replicas_and_store_do_nothing_is_overshot_and_nothing_is_lost(
        is_shared in prop::bool::weighted(0.8),
        seed: u64,
        faults in prop_oneof![Just(1_u32), Just(50), Just(300)],
        limits in [0_i64..200, 0_i64..40],
        processes in 1_usize..5,
        steps in 50_usize..600,
    ) {
        runtime().block_on(async {
            let mut world = World::new(UnreliableStore::random(is_shared, seed, faults), limits, processes);
            for _ in 0..steps {
                world.step().await;
            }
            world.end().await;
        });
    }

    #[test]
    fn a_replica_alone_always_knows_exactly_what_is_free(
        limit in 0_i64..120,
        steps in prop::collection::vec((0_u8..8, 1_i64..9), 1..200),
        is_shared: bool,
    ) {
        runtime().block_on(async {
            let store = if is_shared { super::shared() } else { own() };
            let (leases, spec) = (Leases::new(1), super::account(limit));
            let (mut used, mut waiting) = (0, Vec::new());
            for (step, amount) in steps {
                match step {
                    0..=3 => {
                        let is_granted = grant(&leases, &store, &spec, Pool::COMMON, amount).await;
                        assert_eq!(is_granted, used + amount <= limit);
                        used += if is_granted { amount } else { 0 };
                    }
                    4 => {
                        let taken = super::take(&leases, &store, &spec, Pool::COMMON, amount).await;
                        used += if taken.is_some() { amount } else { 0 };
                        waiting.extend(taken.map(|taken| (amount, taken)));
                    }
                    5 => {
                        if let Some((amount, taken)) = waiting.pop() {
                            taken.give_back();
                            used -= amount;
                        }
                    }
                    6 if store.counted(&spec.name, "L") - store.counted(&spec.name, "R0") >= amount => {
                        release(&leases, &store, &spec, Pool::COMMON, amount).await;
                        used -= amount;
                    }
                    _ => pass(&leases, &store, 500).await,
                }
                assert_eq!(free(&leases, &store, &spec).await, limit - used);
            }
            waiting.into_iter().for_each(|(_, taken)| taken.give_back());
        });
    }
}
