//! What the Redis store says when Redis is away, wrong, full or damaged: an error, never a silent yes.

use std::{
    io::{Read, Write},
    net::TcpListener,
    time::{Duration, Instant},
};

use crate::redis_server::{RedisServer, free_port};
use arbiter_store::{Commit, RedisStore, Store, StoreError, Versioned};
use redis::Cmd;

/// How long a store may take to notice that its Redis is there again.
const BACK_WITHIN: Duration = Duration::from_secs(10);

/// Make two tests of each case: through connections of our own, and through the library's.
macro_rules! both_ways {
    ($($case:ident)*) => {
        $(
            mod $case {
                #[tokio::test]
                async fn on_own_connections() {
                    super::$case("own").await;
                }

                #[tokio::test]
                async fn through_the_library() {
                    super::$case("library").await;
                }
            }
        )*
    };
}

pub(crate) use both_ways;

both_ways!(
    a_killed_redis_is_unavailable_and_used_again_when_it_is_back
    a_redis_that_came_back_without_its_data_is_not_taken_for_a_new_store
    a_full_redis_is_an_error_and_loses_nothing_that_was_answered
    a_primary_that_became_a_replica_takes_no_commit
    a_corrupt_value_names_its_party_and_the_others_live_on
    a_wrong_password_is_named_and_not_repeated
);

async fn refusal(address: &str) -> StoreError {
    RedisStore::open(address).await.map(drop).unwrap_err()
}

/// Ask until the store answers, as callers do that are told to ask again.
async fn load_when_back(store: &RedisStore, party: &str) -> Result<Versioned, StoreError> {
    let start = Instant::now();
    loop {
        match store.load(party).await {
            Err(StoreError::Unavailable { .. }) if start.elapsed() < BACK_WITHIN => {
                tokio::task::yield_now().await
            }
            answer => return answer,
        }
    }
}

async fn a_killed_redis_is_unavailable_and_used_again_when_it_is_back(client: &str) {
    // With `everysec` a slow disk may keep what was answered waiting in memory.
    let settings = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"];
    let mut server = RedisServer::start_with(&settings);
    let store = RedisStore::open(&server.address_of(client)).await.unwrap();
    store.commit("p", 0, b"one", &[b"r".to_vec()], &[]).await.unwrap();
    server.kill();
    for _ in 0..3 {
        let error = store.commit("p", 1, b"two", &[b"r".to_vec()], &[]).await.unwrap_err();
        assert!(error.retry_after_ms().is_some(), "{error:?}");
        assert!(error.to_string().contains(" is away ("), "{error}");
        assert!(store.load("p").await.unwrap_err().retry_after_ms().is_some());
        assert!(store.ping().await.is_err());
    }
    server.restart();
    assert_eq!(load_when_back(&store, "p").await.unwrap(), Versioned { version: 1, bytes: b"one".to_vec() });
    assert_eq!(store.commit("p", 1, b"two", &[b"r".to_vec()], &[]).await.unwrap(), Commit::Done);
    assert_eq!(store.read_log("p", 10).await.unwrap().len(), 2);
}

async fn a_redis_that_came_back_without_its_data_is_not_taken_for_a_new_store(client: &str) {
    let mut server = RedisServer::start();
    let store = RedisStore::open(&server.address_of(client)).await.unwrap();
    store.commit("p", 0, b"one", &[], &[]).await.unwrap();
    server.kill();
    assert!(store.ping().await.is_err());
    server.restart();
    let error = load_when_back(&store, "p").await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Stopped { message } if message.contains("came back without")),
        "{error}"
    );
}

#[tokio::test]
async fn nothing_listening_is_unavailable() {
    let port = free_port();
    let error = refusal(&format!("redis://127.0.0.1:{port}")).await;
    assert!(error.retry_after_ms().is_some());
    let start = format!("the Redis at `127.0.0.1:{port}` is away (");
    assert!(error.to_string().starts_with(&start), "{error}");
}

async fn a_wrong_password_is_named_and_not_repeated(client: &str) {
    let server = RedisServer::start_with(&["--save", "", "--requirepass", "right"]);
    let with = |password| server.address().replace("redis://", &format!("redis://:{password}@"));
    for address in [server.address(), with("sesame")] {
        let error = refusal(&address).await;
        assert!(matches!(error, StoreError::Wrong { .. }), "{error:?}");
        assert!(error.to_string().contains("refuses the user or the password"), "{error}");
        assert!(!format!("{error:?}").contains("sesame"), "{error:?}");
    }
    let store = RedisStore::open(&format!("{}/3?client={client}", with("right"))).await.unwrap();
    assert!(!format!("{store:?}").contains("right"), "{store:?}");
    assert_eq!(store.commit("p", 0, b"v", &[], &[]).await.unwrap(), Commit::Done);
    let other = RedisStore::open(&format!("{}/4?client={client}", with("right"))).await.unwrap();
    assert_eq!(other.load("p").await.unwrap(), Versioned::default(), "of another database");
}

#[tokio::test]
async fn what_answers_like_no_redis_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut connection = connection;
            let _ = connection.read(&mut [0; 64]);
            let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let error = refusal(&format!("redis://127.0.0.1:{port}")).await;
    assert!(matches!(error, StoreError::Wrong { .. }), "{error:?}");
    assert!(error.to_string().contains("does not answer like a Redis"), "{error}");
}

#[tokio::test]
async fn what_never_answers_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let start = Instant::now();
    let error = refusal(&format!("redis://127.0.0.1:{port}")).await;
    assert!(error.retry_after_ms().is_some(), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

async fn a_full_redis_is_an_error_and_loses_nothing_that_was_answered(client: &str) {
    let settings = ["--save", "", "--maxmemory", "6mb", "--maxmemory-policy", "noeviction"];
    let server = RedisServer::start_with(&settings);
    let store = RedisStore::open(&server.address_of(client)).await.unwrap();
    let value = vec![7; 10_000];
    let mut answered = 0;
    let error = loop {
        match store.commit(&format!("p{answered}"), 0, &value, &[b"r".to_vec()], &[]).await {
            Ok(outcome) => assert_eq!(outcome, Commit::Done),
            Err(error) => break error,
        }
        answered += 1;
        assert!(answered < 10_000, "Redis was never full");
    };
    assert!(matches!(&error, StoreError::Full { message } if message.contains("`maxmemory`")), "{error:?}");
    for number in 0..answered {
        assert_eq!(store.load(&format!("p{number}")).await.unwrap().version, 1);
        assert_eq!(store.read_log(&format!("p{number}"), 10).await.unwrap().len(), 1);
    }
    let refused = format!("p{answered}");
    assert_eq!(store.load(&refused).await.unwrap(), Versioned::default());
    assert_eq!(store.read_log(&refused, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_redis_that_forgets_customers_is_refused() {
    let server =
        RedisServer::start_with(&["--save", "", "--maxmemory", "6mb", "--maxmemory-policy", "allkeys-lru"]);
    let error = refusal(&server.address()).await;
    assert!(error.to_string().contains("set `maxmemory-policy noeviction`"), "{error}");
}

#[tokio::test]
async fn a_replica_is_refused() {
    let server = RedisServer::start();
    let mut connection = server.connection().await;
    let primary = free_port().to_string();
    let _: () =
        Cmd::new().arg(&["REPLICAOF", "127.0.0.1", &primary]).query_async(&mut connection).await.unwrap();
    let error = refusal(&server.address()).await;
    assert!(error.to_string().contains("is a read-only replica: name its primary"), "{error}");
}

async fn a_primary_that_became_a_replica_takes_no_commit(client: &str) {
    let server = RedisServer::start();
    let store = RedisStore::open(&server.address_of(client)).await.unwrap();
    let mut connection = server.connection().await;
    let primary = free_port().to_string();
    let _: () =
        Cmd::new().arg(&["REPLICAOF", "127.0.0.1", &primary]).query_async(&mut connection).await.unwrap();
    let error = store.commit("p", 0, b"v", &[], &[]).await.unwrap_err();
    assert!(error.retry_after_ms().is_some(), "{error:?}");
    let _: () = Cmd::new().arg(&["REPLICAOF", "NO", "ONE"]).query_async(&mut connection).await.unwrap();
    assert_eq!(load_when_back(&store, "p").await.unwrap(), Versioned::default());
    assert_eq!(store.commit("p", 0, b"v", &[], &[]).await.unwrap(), Commit::Done);
}

#[tokio::test]
async fn a_store_of_another_format_is_refused() {
    let server = RedisServer::start();
    let mut connection = server.connection().await;
    let _: () = Cmd::new()
        .arg(&["HSET", "repit:{default:meta}", "format", "99", "buckets", "64"])
        .query_async(&mut connection)
        .await
        .unwrap();
    let error = refusal(&server.address()).await;
    assert!(error.to_string().contains("has the format `99`, and this program reads format 1"), "{error}");
}

async fn a_corrupt_value_names_its_party_and_the_others_live_on(client: &str) {
    let server = RedisServer::start();
    let store = RedisStore::open(&server.address_of(client)).await.unwrap();
    let mut connection = server.connection().await;
    let short = "repit:{default:40}:c:foobar";
    let _: () = Cmd::new().arg(&["SET", short, "short"]).query_async(&mut connection).await.unwrap();
    for round in ["a value without a version", "a value of another type"] {
        for error in [
            store.load("foobar").await.unwrap_err(),
            store.commit("foobar", 0, b"v", &[b"r".to_vec()], &[]).await.unwrap_err(),
        ] {
            assert!(
                matches!(&error, StoreError::Corrupt { key, .. } if key == "foobar"),
                "{round}: {error:?}"
            );
        }
        let _: () = Cmd::new().arg(&["DEL", short]).query_async(&mut connection).await.unwrap();
        let _: () = Cmd::new().arg(&["LPUSH", short, "x"]).query_async(&mut connection).await.unwrap();
    }
    assert_eq!(store.commit("whole", 0, b"v", &[], &[]).await.unwrap(), Commit::Done);
}

#[tokio::test]
async fn what_is_no_address_is_refused() {
    assert!(refusal("rediss://host").await.to_string().contains("behind TLS is not served"));
    for address in ["redis://", "redis://host:port", "redis://h?tenant=A B"] {
        let error = refusal(address).await;
        assert!(matches!(error, StoreError::Wrong { .. }), "{address}: {error:?}");
    }
}
