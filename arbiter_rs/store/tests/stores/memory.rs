//! The memory store keeps what every store promises.

use std::sync::Arc;

use arbiter_store::MemoryStore;

async fn fresh() -> (Arc<MemoryStore>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

arbiter_store::conformance_tests!(fresh);
