//! The Redis store keeps what every store promises, over a real Redis.

use std::sync::Arc;

use crate::redis_server::RedisServer;
use arbiter_store::{
    Commit, RedisStore, Store, Versioned, conformance, keys::bucket_of, store::LOG_RECORDS_PER_BUCKET,
};
use redis::{Cmd, FromRedisValue};

pub(crate) async fn fresh() -> (Arc<RedisStore>, RedisServer) {
    let server = RedisServer::start();
    (Arc::new(RedisStore::open(&server.address()).await.unwrap()), server)
}

arbiter_store::conformance_tests!(fresh);

/// The same suite where values too go through the library.
mod through_the_library {
    use super::{Arc, RedisServer, RedisStore};

    async fn fresh() -> (Arc<RedisStore>, RedisServer) {
        let server = RedisServer::start();
        (Arc::new(RedisStore::open(&server.address_of("library")).await.unwrap()), server)
    }

    arbiter_store::conformance_tests!(fresh);
}

/// The same suite where no value is remembered.
mod without_a_cache {
    use super::{Arc, RedisServer, RedisStore};

    async fn fresh() -> (Arc<RedisStore>, RedisServer) {
        let server = RedisServer::start();
        let address = format!("{}?cache_mib=0", server.address());
        (Arc::new(RedisStore::open(&address).await.unwrap()), server)
    }

    arbiter_store::conformance_tests!(fresh);
}

/// Ask Redis itself.
pub(crate) async fn ask<T: FromRedisValue>(server: &RedisServer, words: &[&str]) -> T {
    let mut command = Cmd::new();
    command.arg(words);
    command.query_async(&mut server.connection().await).await.unwrap()
}

#[tokio::test]
async fn a_store_opened_again_has_everything() {
    let (store, server) = fresh().await;
    store.commit("p", 0, b"v", &[b"r".to_vec()], &[]).await.unwrap();
    store.commit_catalog(0, b"c").await.unwrap();
    drop(store);
    let store = RedisStore::open(&server.address()).await.unwrap();
    assert_eq!(store.load("p").await.unwrap(), Versioned { version: 1, bytes: b"v".to_vec() });
    assert_eq!(store.read_log("p", 10).await.unwrap().len(), 1);
    assert_eq!(store.catalog(0).await.unwrap(), Some(Versioned { version: 1, bytes: b"c".to_vec() }));
}

#[tokio::test]
async fn a_socket_file_is_an_address_too() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("redis.sock").display().to_string();
    let _server = RedisServer::start_with(&["--save", "", "--unixsocket", &socket]);
    let store = RedisStore::open(&format!("redis+unix://{socket}?tenant=shop")).await.unwrap();
    assert_eq!(store.commit("p", 0, b"v", &[], &[]).await.unwrap(), Commit::Done);
}

#[tokio::test]
async fn it_lies_in_redis_under_the_documented_keys() {
    let (store, server) = fresh().await;
    store.commit("foobar", 0, b"v", &[b"r".to_vec()], &[]).await.unwrap();
    store.commit_catalog(0, b"c").await.unwrap();
    let mut keys: Vec<String> = ask(&server, &["KEYS", "*"]).await;
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "repit:{default:40}:c:foobar",
            "repit:{default:40}:log",
            "repit:{default:catalog}:newest",
            "repit:{default:catalog}:v:1",
            "repit:{default:meta}"
        ]
    );
    let stored: Vec<u8> = ask(&server, &["GET", "repit:{default:40}:c:foobar"]).await;
    assert_eq!(stored, b"\0\0\0\0\0\0\0\x01v");
    let meta: Vec<String> = ask(&server, &["HMGET", "repit:{default:meta}", "format", "buckets"]).await;
    assert_eq!(meta, ["1", "64"]);
}

#[tokio::test]
async fn tenants_of_one_redis_do_not_see_each_other() {
    let server = RedisServer::start();
    let open = |tenant| RedisStore::open(format!("{}?tenant={tenant}", server.address()).leak());
    let (first, second) = (open("first").await.unwrap(), open("second").await.unwrap());
    first.commit("p", 0, b"v", &[b"r".to_vec()], &[]).await.unwrap();
    first.commit_catalog(0, b"c").await.unwrap();
    assert_eq!(second.load("p").await.unwrap(), Versioned::default());
    assert_eq!(second.read_log("p", 10).await.unwrap(), []);
    assert_eq!(second.catalog_version().await.unwrap(), 0);
}

#[tokio::test]
async fn a_script_that_redis_forgot_is_sent_again() {
    let (store, server) = fresh().await;
    for version in 0..3 {
        let _: () = ask(&server, &["SCRIPT", "FLUSH"]).await;
        assert_eq!(store.commit("p", version, b"v", &[b"r".to_vec()], &[]).await.unwrap(), Commit::Done);
        assert_eq!(store.commit_catalog(version, b"c").await.unwrap(), Commit::Done);
    }
    assert_eq!(store.read_log("p", 10).await.unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_increments_lose_nothing_while_redis_forgets_its_scripts() {
    let (store, server) = fresh().await;
    let race = tokio::spawn(conformance::racing_increments_of_one_party_lose_nothing(store));
    let mut connection = server.connection().await;
    while !race.is_finished() {
        let _: () = Cmd::new().arg("SCRIPT").arg("FLUSH").query_async(&mut connection).await.unwrap();
    }
    assert_eq!(race.await.unwrap(), Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_one_redis_lose_nothing() {
    let server = RedisServer::start();
    let mut servers = Vec::new();
    for _ in 0..2 {
        let store = RedisStore::open(&server.address()).await.unwrap();
        servers.push(tokio::spawn(async move {
            for _ in 0..200 {
                let mut current = store.load("p").await.unwrap();
                while let Commit::Conflict(newer) =
                    store.commit("p", current.version, b"v", &[b"r".to_vec()], &[]).await.unwrap()
                {
                    current = newer;
                }
            }
        }));
    }
    for server in servers {
        server.await.unwrap();
    }
    let store = RedisStore::open(&server.address()).await.unwrap();
    assert_eq!(store.load("p").await.unwrap().version, 400);
    assert_eq!(store.read_log("p", usize::MAX).await.unwrap().len(), 400);
}

#[tokio::test]
async fn a_store_keeps_the_buckets_that_it_was_made_with() {
    let server = RedisServer::start();
    let _: () = ask(&server, &["HSET", "repit:{default:meta}", "format", "1", "buckets", "7"]).await;
    let store = RedisStore::open(&server.address()).await.unwrap();
    store.commit("foobar", 0, b"v", &[], &[]).await.unwrap();
    let key = format!("repit:{{default:{}}}:c:foobar", bucket_of("foobar", 7));
    assert_eq!(ask::<u64>(&server, &["EXISTS", &key]).await, 1);
}

#[tokio::test]
async fn the_log_is_trimmed_to_its_stated_number_of_records() {
    let (store, server) = fresh().await;
    let beyond = LOG_RECORDS_PER_BUCKET + 5_000;
    let fill =
        format!("for i = 1, {beyond} do redis.call('XADD', KEYS[1], '*', 'p', 'q', 'v', '1', 'r', '') end");
    let _: () = ask(&server, &["EVAL", &fill, "1", "repit:{default:40}:log"]).await;
    store.commit("foobar", 0, b"v", &[b"r".to_vec()], &[]).await.unwrap();
    let length: u64 = ask(&server, &["XLEN", "repit:{default:40}:log"]).await;
    assert!((LOG_RECORDS_PER_BUCKET..beyond).contains(&length), "{length}");
    assert_eq!(store.read_log("foobar", 10).await.unwrap().len(), 1);
}
