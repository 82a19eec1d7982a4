//! The counts and accounts of the Redis store as Redis holds them.

use arbiter_store::{Commit, RedisStore, Store, StoreError, Tally, Versioned};

use crate::redis_store::{ask, fresh};

/// A count of the account `a`, kept for an hour.
const COUNT: Tally<'_> = Tally { account: "a", field: "f", delta: 1, keep_ms: 3_600_000 };

#[tokio::test]
async fn counts_and_accounts_lie_under_the_documented_keys() {
    let (store, server) = fresh().await;
    store.commit("foobar", 0, b"v", &[], &[COUNT]).await.unwrap();
    store.commit_account("foobar", 0, b"w", 0).await.unwrap();
    let hash: Vec<String> = ask(&server, &["HGETALL", "repit:{default:40}:t:a"]).await;
    assert_eq!(hash, ["n:f", "1"]);
    let stored: Vec<u8> = ask(&server, &["GET", "repit:{default:40}:a:foobar"]).await;
    assert_eq!(stored, b"\0\0\0\0\0\0\0\x01w");
    store.fence("a", "f").await.unwrap();
    let hash: Vec<String> = ask(&server, &["HGETALL", "repit:{default:40}:t:a"]).await;
    assert_eq!(hash, ["n:f", "1", "fence:f", "1"]);
    assert_eq!(ask::<Vec<String>>(&server, &["KEYS", "*:t:a"]).await.len(), 64);
    store.drop_field("a", "f").await.unwrap();
    assert_eq!(ask::<Vec<String>>(&server, &["KEYS", "*:t:*"]).await.len(), 0, "nothing is left behind");
}

#[tokio::test]
async fn counts_are_kept_as_long_as_the_last_commit_says() {
    let (store, server) = fresh().await;
    let left = async || ask::<i64>(&server, &["PTTL", "repit:{default:40}:t:a"]).await;
    let for_ever = Tally { keep_ms: 0, ..COUNT };
    store.commit("foobar", 0, b"v", &[], &[COUNT]).await.unwrap();
    assert!((1..=3_600_000).contains(&left().await));
    store.commit("foobar", 1, b"v", &[], &[for_ever, COUNT]).await.unwrap();
    assert_eq!(left().await, -1, "the longest of a commit holds");
    store.commit("foobar", 2, b"v", &[], &[COUNT]).await.unwrap();
    assert!((1..=3_600_000).contains(&left().await));
    store.commit_account("foobar", 0, b"v", 3_600_000).await.unwrap();
    let account: i64 = ask(&server, &["PTTL", "repit:{default:40}:a:foobar"]).await;
    assert!((1..=3_600_000).contains(&account));
    store.commit_account("foobar", 1, b"v", 0).await.unwrap();
    assert_eq!(ask::<i64>(&server, &["PTTL", "repit:{default:40}:a:foobar"]).await, -1);
}

#[tokio::test]
async fn a_fence_is_kept_as_long_as_the_counts_of_its_account() {
    let (store, server) = fresh().await;
    store.commit("foobar", 0, b"v", &[], &[COUNT]).await.unwrap();
    store.fence("a", "f").await.unwrap();
    let elsewhere: i64 = ask(&server, &["PTTL", "repit:{default:1}:t:a"]).await;
    assert!((1..=3_600_000).contains(&elsewhere));
    store.fence("b", "f").await.unwrap();
    assert_eq!(ask::<i64>(&server, &["PTTL", "repit:{default:1}:t:b"]).await, -1);
}

#[tokio::test]
async fn a_commit_without_tallies_asks_redis_for_nothing_more() {
    let (store, server) = fresh().await;
    store.commit("p", 0, b"v", &[b"r".to_vec()], &[]).await.unwrap();
    let _: () = ask(&server, &["CONFIG", "RESETSTAT"]).await;
    store.commit("p", 1, b"v", &[b"r".to_vec()], &[]).await.unwrap();
    let statistics: String = ask(&server, &["INFO", "commandstats"]).await;
    let ours = ["evalsha", "get", "set", "xadd"].map(|name| format!("cmdstat_{name}:calls=1,"));
    let called: Vec<&str> = statistics.lines().filter(|line| line.starts_with("cmdstat_")).collect();
    for name in &ours {
        assert!(called.iter().any(|line| line.starts_with(name)), "{called:?}");
    }
    // The connection beside the store's resets the figures and introduces itself.
    let besides = |line: &&&str| {
        !["cmdstat_config", "cmdstat_client", "cmdstat_info"].iter().any(|name| line.starts_with(name))
    };
    assert_eq!(called.iter().filter(besides).count(), ours.len(), "{called:?}");
}

#[tokio::test]
async fn counts_that_are_no_counts_are_refused_and_nothing_is_changed() {
    let (store, server) = fresh().await;
    for damage in
        [["HSET", "repit:{default:40}:t:a", "n:f", "one"].as_slice(), &["SET", "repit:{default:40}:t:a", "x"]]
    {
        let _: () = ask(&server, &["DEL", "repit:{default:40}:t:a"]).await;
        let _: () = ask(&server, damage).await;
        let refused = store.commit("foobar", 0, b"v", &[b"r".to_vec()], &[COUNT]).await.unwrap_err();
        assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused:?}");
        let unread = store.tally("a").await.unwrap_err();
        assert!(matches!(&unread, StoreError::Corrupt { key, .. } if key == "a"), "{unread:?}");
        assert_eq!(store.load("foobar").await.unwrap(), Versioned::default());
        assert_eq!(store.read_log("foobar", 10).await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fence_is_final_for_another_server_too() {
    let (store, server) = fresh().await;
    let other = RedisStore::open(&server.address()).await.unwrap();
    assert!(store.is_shared() && other.is_shared());
    store.commit("p", 0, b"v", &[], &[COUNT]).await.unwrap();
    assert_eq!(other.fence("a", "f").await.unwrap(), 1);
    assert_eq!(store.commit("p", 1, b"v", &[], &[COUNT]).await.unwrap(), Commit::Fenced);
}
