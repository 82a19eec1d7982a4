//! Where a customer's state lives: memory, embedded or Redis, behind one trait.

pub mod arbiter;
pub mod catalog_record;
pub mod conformance;
mod directory;
pub mod embedded;
mod embedded_error;
pub mod error;
pub mod keys;
pub mod log;
pub mod memory;
mod record;
pub mod redis;
mod redis_error;
mod redis_link;
pub mod store;

pub use crate::{
    arbiter::{Arbiter, ArbiterError},
    embedded::EmbeddedStore,
    error::StoreError,
    memory::MemoryStore,
    redis::RedisStore,
    store::{AnyStore, Commit, LogRecord, Store, Versioned},
};
