//! Where a customer's state lives: memory, embedded or Redis, behind one trait.

pub mod arbiter;
pub mod catalog_record;
pub mod conformance;
mod directory;
pub mod embedded;
mod embedded_error;
mod embedded_tally;
pub mod error;
pub mod keys;
pub mod leases;
pub mod log;
pub mod memory;
mod record;
pub mod redis;
mod redis_error;
mod redis_link;
mod redis_tally;
mod slab;
pub mod store;
pub mod tally;
mod value_cache;

pub use crate::{
    arbiter::{Arbiter, ArbiterError},
    embedded::EmbeddedStore,
    error::StoreError,
    memory::MemoryStore,
    redis::RedisStore,
    store::{AnyStore, Commit, LogPage, LogRecord, Store, Versioned},
    tally::Tally,
};
