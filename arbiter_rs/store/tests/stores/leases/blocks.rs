//! What one or two replicas do with their blocks, one thing after the other.

use std::sync::atomic::Ordering;

use arbiter_core::{customer::Pool, ledger::Ledger};
use arbiter_store::{
    Commit, Store, StoreError,
    leases::{AccountSpec, BEAT_MS, Holding, IDLE_MS, LEASE_MS, Leases},
};

use super::{
    RETAIL, account, free, grant, grants, own, pass, release, shared, take, unreliable::UnreliableStore,
};

async fn open_leases(store: &UnreliableStore, spec: &AccountSpec) -> Vec<(u64, i64)> {
    let ledger = Ledger::decode(&store.account(&spec.name).await.unwrap().bytes).unwrap();
    ledger.leases().map(|(_, lease)| (lease.replica, lease.amount)).collect()
}

#[tokio::test]
async fn a_replica_alone_grants_exactly_the_limit_and_knows_it_at_every_step() {
    for store in [own(), shared()] {
        let (leases, spec) = (Leases::new(1), account(400));
        for granted in 0..400 {
            assert_eq!(free(&leases, &store, &spec).await, 400 - granted);
            assert!(grant(&leases, &store, &spec, Pool::COMMON, 1).await);
        }
        assert!(!grant(&leases, &store, &spec, Pool::COMMON, 1).await);
        assert_eq!(store.counted("visits", "L"), 400);
    }
}

#[tokio::test]
async fn blocks_shrink_as_the_rest_shrinks() {
    let (store, leases, spec) = (shared(), Leases::new(1), account(3_200));
    let (mut block, mut extensions) = (i64::MAX, 0);
    let mut amount = 0;
    while grant(&leases, &store, &spec, Pool::COMMON, 1).await {
        let held = leases.holdings()[0].amount;
        if held > amount {
            assert!(held - amount <= block, "{held} after {amount}");
            (block, extensions) = (held - amount, extensions + 1);
            amount = held;
        }
    }
    assert_eq!((amount, block), (3_200, 1));
    assert_eq!(store.account_commits.load(Ordering::Relaxed), extensions);
    assert!(extensions < 250, "{extensions} extensions");
}

#[tokio::test]
async fn a_budget_pays_every_contact_that_it_can_to_the_last_fragment() {
    for store in [own(), shared()] {
        let (budget, cost) = (account(100_000_000), 60_000);
        let (one, other) = (Leases::new(1), Leases::new(2));
        let mut granted = grants(&one, &store, &budget, cost).await;
        pass(&one, &store, IDLE_MS).await;
        one.close(&store).await.unwrap();
        granted += grants(&other, &store, &budget, cost).await;
        assert_eq!(granted, 1_666);
        assert_eq!(free(&other, &store, &budget).await, 40_000);
    }
}

#[tokio::test]
async fn two_replicas_in_turn_grant_exactly_the_limit() {
    let (store, spec) = (shared(), account(100));
    let replicas = [Leases::new(1), Leases::new(2)];
    let mut granted = 0;
    for turn in 0..300 {
        granted += i64::from(grant(&replicas[turn % 2], &store, &spec, Pool::COMMON, 1).await);
    }
    assert_eq!(granted, 100);
}

#[tokio::test]
async fn contacts_of_different_cost_share_a_budget() {
    let (store, leases, spec) = (shared(), Leases::new(1), account(1_000));
    assert!(grant(&leases, &store, &spec, Pool::COMMON, 7).await);
    assert!(grant(&leases, &store, &spec, Pool::COMMON, 990).await);
    assert!(!grant(&leases, &store, &spec, Pool::COMMON, 4).await);
    assert!(grant(&leases, &store, &spec, Pool::COMMON, 3).await);
    assert_eq!(free(&leases, &store, &spec).await, 0);
}

#[tokio::test]
async fn a_contact_that_costs_nothing_takes_nothing() {
    let (store, leases, spec) = (shared(), Leases::new(1), account(0));
    let taken = take(&leases, &store, &spec, Pool::COMMON, 0).await.unwrap();
    assert!(taken.tallies().is_empty());
    taken.done();
    assert_eq!(store.account_commits.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn each_pool_has_its_own_share() {
    let (store, leases) = (shared(), Leases::new(1));
    let spec =
        AccountSpec { name: "calls".into(), limits: vec![(Pool::COMMON, 40), (RETAIL, 60)], keep_ms: 1_000 };
    for _ in 0..60 {
        assert!(grant(&leases, &store, &spec, RETAIL, 1).await);
    }
    assert!(!grant(&leases, &store, &spec, RETAIL, 1).await);
    assert_eq!(leases.standing(&store, &spec).await.unwrap(), [(Pool::COMMON, 40), (RETAIL, 0)]);
    release(&leases, &store, &spec, RETAIL, 1).await;
    assert_eq!(leases.standing(&store, &spec).await.unwrap(), [(Pool::COMMON, 40), (RETAIL, 1)]);
    assert!(grant(&leases, &store, &spec, RETAIL, 1).await);
}

#[tokio::test]
async fn a_version_that_divides_an_account_anew_lends_nothing_twice() {
    let (store, leases) = (shared(), Leases::new(1));
    let divided =
        AccountSpec { name: "calls".into(), limits: vec![(Pool::COMMON, 40), (RETAIL, 60)], keep_ms: 0 };
    for _ in 0..60 {
        assert!(grant(&leases, &store, &divided, RETAIL, 1).await);
    }
    let whole = AccountSpec { limits: vec![(Pool::COMMON, 100)], ..divided };
    assert_eq!(grants(&leases, &store, &whole, 1).await, 40);
}

#[tokio::test]
async fn a_release_gives_back_to_all_replicas() {
    let (store, spec) = (shared(), account(3));
    let (one, other) = (Leases::new(1), Leases::new(2));
    assert_eq!(grants(&one, &store, &spec, 1).await, 3);
    assert_eq!(free(&other, &store, &spec).await, 0);
    release(&one, &store, &spec, Pool::COMMON, 2).await;
    assert_eq!(free(&one, &store, &spec).await, 2);
    // The other replica hears of it when its knowledge is no longer fresh.
    assert_eq!(other.fresh_standing(&store, &spec).await.unwrap()[0].1, 0);
    pass(&other, &store, 250).await;
    assert_eq!(other.fresh_standing(&store, &spec).await.unwrap()[0].1, 2);
    assert_eq!(grants(&other, &store, &spec, 1).await, 2);
    assert!(!grant(&one, &store, &spec, Pool::COMMON, 1).await);
    assert_eq!(free(&one, &store, &spec).await, 0);
}

#[tokio::test]
async fn all_charges_are_taken_or_none() {
    let (store, leases) = (shared(), Leases::new(1));
    let visits = account(10);
    let budget = AccountSpec { name: "budget".into(), limits: vec![(Pool::COMMON, 5)], keep_ms: 0 };
    let charges = [(visits.clone(), Pool::COMMON, 1), (budget.clone(), Pool::COMMON, 3)];
    leases.take(&store, &charges).await.unwrap().unwrap().done();
    assert!(leases.take(&store, &charges).await.unwrap().is_none());
    assert_eq!(free(&leases, &store, &visits).await, 9);
    assert_eq!(free(&leases, &store, &budget).await, 2);
}

#[tokio::test]
async fn a_commit_that_was_not_made_gives_its_places_back() {
    let (store, leases, spec) = (shared(), Leases::new(1), account(1));
    for _ in 0..3 {
        let taken = take(&leases, &store, &spec, Pool::COMMON, 1).await.unwrap();
        assert_eq!(taken.tallies().len(), 1);
        assert!(take(&leases, &store, &spec, Pool::COMMON, 1).await.is_none());
        taken.give_back();
    }
    // One whose tallies nobody saw was never sent.
    drop(take(&leases, &store, &spec, Pool::COMMON, 1).await.unwrap());
    assert_eq!(free(&leases, &store, &spec).await, 1);
}

#[tokio::test]
async fn an_idle_block_is_given_back_and_its_count_dropped() {
    let (store, spec) = (shared(), account(320));
    let (one, other) = (Leases::new(1), Leases::new(2));
    assert!(grant(&one, &store, &spec, Pool::COMMON, 1).await);
    assert_eq!(free(&other, &store, &spec).await, 310);
    pass(&one, &store, IDLE_MS + 250).await;
    assert_eq!(one.holdings(), []);
    assert_eq!(store.tally(&spec.name).await.unwrap(), []);
    pass(&other, &store, 250).await;
    assert_eq!(other.fresh_standing(&store, &spec).await.unwrap()[0].1, 319);
    assert_eq!(free(&one, &store, &spec).await, 319);
}

#[tokio::test]
async fn where_the_store_is_not_shared_a_block_is_kept_until_the_end() {
    let (store, leases, spec) = (own(), Leases::new(1), account(320));
    assert!(grant(&leases, &store, &spec, Pool::COMMON, 1).await);
    pass(&leases, &store, LEASE_MS).await;
    let holding = Holding { account: "visits".into(), pool: Pool::COMMON, amount: 10, consumed: 1 };
    assert_eq!(leases.holdings(), [holding]);
    assert_eq!(store.account_commits.load(Ordering::Relaxed), 1);
    leases.close(&store).await.unwrap();
    assert_eq!(open_leases(&store, &spec).await, []);
}

#[tokio::test]
async fn a_block_in_use_outlives_the_lease_of_a_dead_replica() {
    let (store, spec) = (shared(), account(3_200));
    let (one, other) = (Leases::new(1), Leases::new(2));
    free(&other, &store, &spec).await;
    for _ in 0..LEASE_MS * 3 / 250 {
        assert!(grant(&one, &store, &spec, Pool::COMMON, 1).await);
        pass(&one, &store, 250).await;
        pass(&other, &store, 250).await;
        other.fresh_standing(&store, &spec).await.unwrap();
    }
    assert_eq!(open_leases(&store, &spec).await, [(1, 100)]);
    let beats = LEASE_MS * 3 / BEAT_MS;
    assert!(store.account_commits.load(Ordering::Relaxed) <= beats + 1);
}

#[tokio::test]
async fn a_dead_replica_loses_its_lease_and_its_late_commit_changes_nothing() {
    let (store, spec) = (shared(), account(320));
    let (dead, other) = (Leases::new(1), Leases::new(2));
    assert!(grant(&dead, &store, &spec, Pool::COMMON, 1).await);
    let late = take(&dead, &store, &spec, Pool::COMMON, 1).await.unwrap();
    assert_eq!(free(&other, &store, &spec).await, 310);
    pass(&other, &store, LEASE_MS - 250).await;
    assert_eq!(free(&other, &store, &spec).await, 310);
    pass(&other, &store, BEAT_MS).await;
    assert_eq!(free(&other, &store, &spec).await, 319);

    let fenced = store.commit("late", 0, b"v", &[], &late.tallies()).await.unwrap();
    assert_eq!(fenced, Commit::Fenced);
    late.fenced();
    assert_eq!(store.load("late").await.unwrap().version, 0);
    assert_eq!(grants(&other, &store, &spec, 1).await, 319);
    // The one that was thought dead goes on with what is true.
    assert!(!grant(&dead, &store, &spec, Pool::COMMON, 1).await);
    assert_eq!(store.counted(&spec.name, "L"), 320);
}

#[tokio::test]
async fn a_replica_that_was_only_slow_decides_anew_under_a_new_lease() {
    let (store, spec) = (shared(), account(320));
    let (slow, other) = (Leases::new(1), Leases::new(2));
    assert!(grant(&slow, &store, &spec, Pool::COMMON, 1).await);
    free(&other, &store, &spec).await;
    pass(&other, &store, LEASE_MS + BEAT_MS).await;
    let late = take(&slow, &store, &spec, Pool::COMMON, 1).await.unwrap();
    assert_eq!(store.commit("late", 0, b"v", &[], &late.tallies()).await.unwrap(), Commit::Fenced);
    late.fenced();
    assert!(grant(&slow, &store, &spec, Pool::COMMON, 1).await);
    assert_eq!(free(&slow, &store, &spec).await, 318);
}

#[tokio::test]
async fn a_lease_of_a_process_that_ended_is_ended_at_once_where_the_store_is_not_shared() {
    let (store, spec) = (own(), account(320));
    let before = Leases::new(1);
    assert!(grant(&before, &store, &spec, Pool::COMMON, 3).await);
    drop(before);
    let after = Leases::new(2);
    assert_eq!(free(&after, &store, &spec).await, 317);
    assert_eq!(open_leases(&store, &spec).await, []);
}

#[tokio::test]
async fn the_places_of_an_unsure_commit_count_until_a_fence_tells() {
    let (store, leases, spec) = (shared(), Leases::new(1), account(320));
    assert!(grant(&leases, &store, &spec, Pool::COMMON, 1).await);
    store.faults.store(1_000, Ordering::Relaxed);
    for _ in 0..6 {
        let taken = take(&leases, &store, &spec, Pool::COMMON, 1).await.unwrap();
        store.commit(&store.fresh_party(), 0, b"", &[], &taken.tallies()).await.unwrap_err();
        // Half of them do not even say so.
        if store.chance.below(2) == 0 { taken.unsure() } else { drop(taken) }
    }
    store.faults.store(0, Ordering::Relaxed);
    assert_eq!(free(&leases, &store, &spec).await, 313);
    pass(&leases, &store, IDLE_MS + 250).await;
    let counted = store.counted(&spec.name, "L");
    assert!((1..7).contains(&counted), "{counted}");
    assert_eq!(free(&leases, &store, &spec).await, 320 - counted);
    while store.land_one().await {}
    assert_eq!(store.counted(&spec.name, "L"), counted);
}

#[tokio::test]
async fn an_unsure_block_that_runs_out_ends_and_strands_nothing() {
    let (store, leases, spec) = (shared(), Leases::new(1), account(1));
    let taken = take(&leases, &store, &spec, Pool::COMMON, 1).await.unwrap();
    assert_eq!(taken.tallies().len(), 1);
    taken.unsure();
    assert_eq!(free(&leases, &store, &spec).await, 0);
    assert!(grant(&leases, &store, &spec, Pool::COMMON, 1).await);
    assert!(!grant(&leases, &store, &spec, Pool::COMMON, 1).await);
}

#[tokio::test]
async fn a_store_that_is_away_is_said_and_changes_nothing() {
    let (store, leases, spec) = (shared(), Leases::new(1), account(10));
    store.faults.store(1_000, Ordering::Relaxed);
    assert!(matches!(leases.standing(&store, &spec).await, Err(StoreError::Unavailable { .. })));
    let charges = [(spec.clone(), Pool::COMMON, 1)];
    assert!(matches!(leases.take(&store, &charges).await, Err(StoreError::Unavailable { .. })));
    store.faults.store(0, Ordering::Relaxed);
    assert_eq!(grants(&leases, &store, &spec, 1).await, 10);
}

#[tokio::test]
async fn what_another_replica_gave_back_and_took_again_is_not_used_twice() {
    let (store, spec) = (shared(), account(4));
    let (replica, other) = (Leases::new(1), Leases::new(2));
    assert!(grant(&replica, &store, &spec, Pool::COMMON, 1).await);
    assert_eq!(grants(&other, &store, &spec, 1).await, 3);
    replica.tend(&store, IDLE_MS - 50).await.unwrap();
    assert_eq!(replica.fresh_standing(&store, &spec).await.unwrap()[0].1, 0);
    release(&other, &store, &spec, Pool::COMMON, 1).await;
    assert!(grant(&other, &store, &spec, Pool::COMMON, 1).await);
    // It ends its idle block in what the other has written meanwhile, and knows that it has not heard of what was given back.
    replica.tend(&store, 50).await.unwrap();
    assert_eq!(replica.fresh_standing(&store, &spec).await.unwrap()[0].1, 0);
}
