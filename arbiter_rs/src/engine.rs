//! An open engine and the threads that wait for its store.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use arbiter_door::{Clock, Door};
use arbiter_store::{AnyStore, Arbiter, ArbiterError, StoreError};
use parking_lot::Mutex;
use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};

/// Threads that wait for a store.
const THREADS: usize = 2;
/// How long closing waits for work in flight.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// Every engine that may still be open, so that none outlives the interpreter.
static OPEN: Mutex<Vec<Weak<Slot>>> = Mutex::new(Vec::new());

/// Where an engine stands while it is open; empty afterwards.
#[derive(Debug)]
pub(crate) struct Slot(Mutex<Option<Engine>>);

/// An open engine.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    pub(crate) door: Arc<Door<AnyStore>>,
    pub(crate) runtime: Arc<Runtime>,
    /// Whether a call may wait: then it must not be made on a thread that has other things to do.
    pub(crate) waits: bool,
    pub(crate) process: u32,
}

impl Engine {
    pub(crate) fn open(store: &str, clock: Clock) -> Result<Self, ArbiterError> {
        let runtime =
            Builder::new_multi_thread().worker_threads(THREADS).thread_name("arbiter").enable_all().build();
        let runtime = runtime
            .map_err(|error| StoreError::Wrong { message: format!("no threads to wait on: {error}") })?;
        let arbiter = runtime.block_on(async { Arbiter::open(AnyStore::open(store).await?).await })?;
        let waits = matches!(arbiter.store(), AnyStore::Redis(_));
        let door = Arc::new(Door::new(Arc::new(arbiter), clock));
        Ok(Self { door, runtime: Arc::new(runtime), waits, process: std::process::id() })
    }
}

impl Slot {
    pub(crate) fn new(engine: Engine) -> Arc<Self> {
        let slot = Arc::new(Self(Mutex::new(Some(engine))));
        let mut open = OPEN.lock();
        open.retain(|slot| slot.strong_count() > 0);
        open.push(Arc::downgrade(&slot));
        slot
    }

    pub(crate) fn engine(&self) -> Option<Engine> {
        self.0.lock().clone()
    }

    /// Let go of the store. Call it with the GIL released: work in flight may want it to finish.
    pub(crate) fn close(&self) {
        let Some(engine) = self.0.lock().take() else { return };
        if engine.process != std::process::id() {
            // The threads stayed behind in the parent: there is nothing to wait for, and nothing of it may be touched.
            std::mem::forget(engine);
            return;
        }
        let Engine { door, runtime, .. } = engine;
        let _flushed = runtime.block_on(async { arbiter_store::Store::flush(door.arbiter().store()).await });
        drop(door);
        if let Ok(runtime) = Arc::try_unwrap(runtime) {
            runtime.shutdown_timeout(CLOSE_PATIENCE);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.close();
    }
}

/// Close every engine that is still open.
#[pyfunction]
pub(crate) fn close_all(py: Python<'_>) {
    py.detach(|| {
        let open = std::mem::take(&mut *OPEN.lock());
        open.iter().filter_map(Weak::upgrade).for_each(|slot| slot.close());
    });
}
