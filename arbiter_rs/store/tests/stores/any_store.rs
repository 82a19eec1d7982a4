//! Stores opened by their names keep what every store promises.

use std::sync::Arc;

use crate::redis_server::RedisServer;
use arbiter_store::{AnyStore, Store};

async fn fresh() -> (Arc<AnyStore>, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let name = format!("embedded:{}", directory.path().join("store").display());
    (Arc::new(AnyStore::open(&name).await.unwrap()), directory)
}

arbiter_store::conformance_tests!(fresh);

#[tokio::test]
async fn each_name_opens_its_store() {
    let directory = tempfile::tempdir().unwrap();
    let redis = RedisServer::start();
    let embedded = format!("embedded:{}", directory.path().display());
    let memory = AnyStore::open("memory").await.unwrap();
    let embedded = AnyStore::open(&embedded).await.unwrap();
    let redis = AnyStore::open(&redis.address()).await.unwrap();
    assert!(matches!(memory, AnyStore::Memory(_)));
    assert!(matches!(embedded, AnyStore::Embedded(_)));
    assert!(matches!(redis, AnyStore::Redis(_)));
    for store in [memory, embedded, redis] {
        store.ping().await.unwrap();
        store.flush().await.unwrap();
    }
}
