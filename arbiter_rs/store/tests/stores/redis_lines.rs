//! What happens to values when a connection to Redis breaks, is slow, or is asked on from several runtimes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use arbiter_store::{Commit, RedisStore, Store, StoreError, Tally, Versioned, conformance};
use redis::Cmd;

use crate::{
    redis_faults::both_ways,
    redis_server::RedisServer,
    redis_store::ask,
    relay::{Fault, Relay},
};

/// How long a store may take until it goes on after a fault.
const BACK_WITHIN: Duration = Duration::from_secs(20);
const PARTIES: usize = 8;

both_ways!(
    an_answer_cut_in_the_middle_leaves_nobody_knowing_and_the_value_tells
    an_answer_that_comes_too_late_is_given_up_and_is_not_taken_for_another
    connections_that_are_killed_lose_nothing_and_double_nothing
    a_redis_killed_and_restarted_under_load_loses_nothing_that_was_answered
    a_user_who_may_only_what_is_documented_is_enough
);

async fn an_answer_cut_in_the_middle_leaves_nobody_knowing_and_the_value_tells(client: &str) {
    let server = RedisServer::start();
    let relay = Relay::to(server.port());
    let store = RedisStore::open(&relay.address_of(client)).await.unwrap();
    store.commit("p", 0, b"one", &[], &[]).await.unwrap();
    for (version, bytes) in [(1, 0), (2, 1), (3, 5)] {
        relay.arm(Fault::Cut(bytes));
        let error = store.commit("p", version, b"next", &[b"r".to_vec()], &[]).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        assert!(!relay.is_armed());
        // It was done: the same once more finds it.
        let log = [b"r".to_vec()];
        let again = when_back(|| store.commit("p", version, b"next", &log, &[])).await;
        let current = Versioned { version: version + 1, bytes: b"next".to_vec() };
        assert_eq!(again, Ok(Commit::Conflict(current)));
    }
    assert_eq!(store.read_log("p", 10).await.unwrap().len(), 3, "each once");
}

async fn an_answer_that_comes_too_late_is_given_up_and_is_not_taken_for_another(client: &str) {
    let server = RedisServer::start();
    let relay = Relay::to(server.port());
    let store = RedisStore::open(&relay.address_of(client)).await.unwrap();
    store.commit("p", 0, b"one", &[], &[]).await.unwrap();
    relay.arm(Fault::Hold);
    let start = Instant::now();
    let error = store.commit("p", 1, b"two", &[], &[]).await.unwrap_err();
    assert!(error.to_string().contains("no answer in time"), "{error}");
    assert!((Duration::from_millis(900)..BACK_WITHIN).contains(&start.elapsed()), "{:?}", start.elapsed());
    relay.release();
    for party in ["q", "r"] {
        assert_eq!(when_back(|| store.load(party)).await, Ok(Versioned::default()));
        assert_eq!(store.commit(party, 0, b"v", &[], &[]).await, Ok(Commit::Done));
    }
    assert_eq!(store.load("p").await.unwrap().version, 2);
}

/// Count a party up, asking again after each error, until it is told to stop; returns what was answered at least.
async fn count_up(store: Arc<RedisStore>, party: String, is_over: Arc<AtomicBool>) -> (u64, u64) {
    let (mut answered, mut unknown) = (0, 0);
    while !is_over.load(Ordering::Relaxed) {
        let Ok(current) = store.load(&party).await else {
            tokio::task::yield_now().await;
            continue;
        };
        let log = [current.version.to_be_bytes().to_vec()];
        match store.commit(&party, current.version, &[7; 40], &log, &[]).await {
            Ok(Commit::Done) => answered += 1,
            Ok(outcome) => panic!("nobody else commits: {outcome:?}"),
            Err(_) => unknown += 1,
        }
    }
    (answered, unknown)
}

/// Hold that every answered commit is there, in the value and in the log, and no more than were tried.
async fn check_counts(store: &RedisStore, counts: Vec<(u64, u64)>) {
    for (number, (answered, unknown)) in counts.into_iter().enumerate() {
        let party = format!("p{number}");
        let version = when_back(|| store.load(&party)).await.unwrap().version;
        assert!((answered..=answered + unknown).contains(&version), "{answered} + {unknown}: {version}");
        let log = when_back(|| store.read_log(&party, usize::MAX)).await.unwrap();
        let versions: Vec<u64> = log.iter().map(|record| record.version).collect();
        assert_eq!(versions, (1..=version).collect::<Vec<_>>(), "one record for each version");
        assert!(answered > 0);
    }
}

async fn under_load(store: &Arc<RedisStore>, fault: impl Future<Output = ()>) {
    let is_over = Arc::new(AtomicBool::new(false));
    let counts: Vec<_> = (0..PARTIES)
        .map(|party| tokio::spawn(count_up(Arc::clone(store), format!("p{party}"), Arc::clone(&is_over))))
        .collect();
    while store.load("p0").await.unwrap().version < 20 {}
    fault.await;
    let before = when_back(|| store.load("p0")).await.unwrap().version;
    let start = Instant::now();
    while when_back(|| store.load("p0")).await.unwrap().version < before + 20 {
        assert!(start.elapsed() < BACK_WITHIN, "it does not go on");
    }
    is_over.store(true, Ordering::Relaxed);
    let mut counted = Vec::new();
    for count in counts {
        counted.push(count.await.unwrap());
    }
    check_counts(store, counted).await;
}

async fn connections_that_are_killed_lose_nothing_and_double_nothing(client: &str) {
    let server = RedisServer::start();
    let store = Arc::new(RedisStore::open(&server.address_of(client)).await.unwrap());
    let mut connection = server.connection().await;
    under_load(&store, async {
        for _ in 0..10 {
            let mut kill = Cmd::new();
            kill.arg(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
            let _: i64 = kill.query_async(&mut connection).await.unwrap();
            let _: () = Cmd::new().arg(&["SCRIPT", "FLUSH"]).query_async(&mut connection).await.unwrap();
            when_back(|| store.load("p1")).await.unwrap();
        }
    })
    .await;
}

async fn a_redis_killed_and_restarted_under_load_loses_nothing_that_was_answered(client: &str) {
    let settings = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"];
    let mut server = RedisServer::start_with(&settings);
    let store = Arc::new(RedisStore::open(&server.address_of(client)).await.unwrap());
    under_load(&store, async {
        server.kill();
        server.restart();
    })
    .await;
}

/// Ask until the store answers, as callers do that are told to ask again.
async fn when_back<T, F: Future<Output = Result<T, StoreError>>>(
    mut question: impl FnMut() -> F,
) -> Result<T, StoreError> {
    let start = Instant::now();
    loop {
        match question().await {
            Err(StoreError::Unavailable { .. }) if start.elapsed() < BACK_WITHIN => {
                tokio::task::yield_now().await;
            }
            answer => return answer,
        }
    }
}

/// How many connections Redis has, this one left out.
async fn connections(server: &RedisServer) -> usize {
    let clients: String = ask(server, &["CLIENT", "LIST", "TYPE", "normal"]).await;
    clients.lines().count() - 1
}

#[tokio::test]
async fn commits_of_several_parties_are_one_script_call() {
    let server = RedisServer::start();
    let store = Arc::new(RedisStore::open(&server.address()).await.unwrap());
    store.commit("p", 0, b"v", &[], &[]).await.unwrap();
    let _: () = ask(&server, &["CONFIG", "RESETSTAT"]).await;
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let party = format!("p{number}");
                store.commit(&party, u64::from(number == 7), b"v", &[b"r".to_vec()], &[]).await
            })
        })
        .collect();
    for (number, task) in tasks.into_iter().enumerate() {
        let expected = if number == 7 { Commit::Conflict(Versioned::default()) } else { Commit::Done };
        assert_eq!(task.await.unwrap(), Ok(expected), "each party for itself");
    }
    let statistics: String = ask(&server, &["INFO", "commandstats"]).await;
    assert!(statistics.contains("cmdstat_evalsha:calls=1,"), "{statistics}");
    assert!(statistics.contains("cmdstat_xadd:calls=19,"), "{statistics}");
}

#[tokio::test]
async fn a_damaged_party_does_not_keep_those_beside_it_from_being_done() {
    let server = RedisServer::start();
    let store = Arc::new(RedisStore::open(&server.address()).await.unwrap());
    let _: () = ask(&server, &["LPUSH", "repit:{default:40}:c:foobar", "x"]).await;
    let log = [b"r".to_vec()];
    let commit = |party| store.commit(party, 0, b"v", &log, &[]);
    let (one, damaged, other) = tokio::join!(commit("one"), commit("foobar"), commit("other"));
    assert_eq!((one, other), (Ok(Commit::Done), Ok(Commit::Done)));
    assert!(matches!(damaged, Err(StoreError::Corrupt { key, .. }) if key == "foobar"));
}

#[test]
fn runtimes_have_connections_of_their_own_and_let_go_of_them() {
    let main = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = RedisServer::start();
    let store = Arc::new(main.block_on(RedisStore::open(&server.address())).unwrap());
    let threads: Vec<_> = (0..3)
        .map(|number| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    for version in 0..100 {
                        let party = format!("p{number}");
                        let done = store.commit(&party, version, b"v", &[b"r".to_vec()], &[]).await;
                        assert_eq!(done, Ok(Commit::Done));
                    }
                });
                // One call is still in flight when its runtime ends.
                let late = Arc::clone(&store);
                drop(runtime.spawn(async move { late.commit("late", 0, b"v", &[], &[]).await }));
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    main.block_on(async {
        assert_eq!(store.commit("p0", 100, b"v", &[], &[]).await, Ok(Commit::Done));
        let start = Instant::now();
        while connections(&server).await > 2 {
            assert!(start.elapsed() < BACK_WITHIN, "connections of runtimes that ended stay");
        }
        drop(store);
        while connections(&server).await > 0 {
            assert!(start.elapsed() < BACK_WITHIN, "connections of a store that was dropped stay");
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_questions_than_a_connection_takes_at_once_wait() {
    let server = RedisServer::start();
    let store = Arc::new(RedisStore::open(&server.address()).await.unwrap());
    let tasks: Vec<_> = (0..10_000)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.commit(&format!("p{number}"), 0, b"v", &[], &[]).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(Commit::Done));
    }
    assert_eq!(conformance::racing_increments_of_one_party_lose_nothing(store).await, Ok(()));
}

async fn a_user_who_may_only_what_is_documented_is_enough(client: &str) {
    let server = RedisServer::start();
    let commands = "+get +getrange +set +xadd +xtrim +xrange +xrevrange +hget +hmget +hgetall +hset +hsetnx +hdel +persist +pexpire \
                    +pttl +eval +evalsha +info +ping +multi +exec +select";
    let mut user = vec!["ACL", "SETUSER", "shop", "on", ">secret", "resetkeys", "~repit:{shop:*"];
    user.extend(commands.split_whitespace());
    let _: () = ask(&server, &user).await;
    let address = server.address_of(client).replace("redis://", "redis://shop:secret@");
    let store = RedisStore::open(&format!("{address}&tenant=shop")).await.unwrap();
    let count = Tally { account: "a", field: "f", delta: 1, keep_ms: 1_000 };
    assert_eq!(store.commit("p", 0, b"v", &[b"r".to_vec()], &[count]).await, Ok(Commit::Done));
    assert_eq!(store.load("p").await.unwrap().version, 1);
    assert_eq!(store.read_log("p", 10).await.unwrap().len(), 1);
    assert_eq!(store.tally("a").await.unwrap(), [("f".to_owned(), 1)]);
    assert_eq!(store.fence("a", "f").await, Ok(1));
    assert_eq!(store.commit_account("a", 0, b"v", 0).await, Ok(Commit::Done));
    assert_eq!(store.commit_catalog(0, b"c").await, Ok(Commit::Done));
    let others = RedisStore::open(&format!("{address}&tenant=others")).await.map(drop).unwrap_err();
    assert!(others.to_string().contains("refused"), "{others}");
}
