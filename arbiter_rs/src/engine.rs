//! An open engine and the threads that wait for its store.

use std::{
    sync::{Arc, Weak},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use arbiter_door::{Clock, Door, Listener};
use arbiter_store::{AnyStore, Arbiter, ArbiterError, StoreError};
use parking_lot::Mutex;
use pyo3::prelude::*;
use tokio::runtime::{Builder, Handle, Runtime};

/// Threads that wait for a store.
const THREADS: usize = 2;
/// How often blocks of capacities are looked after.
const TEND_EVERY: Duration = Duration::from_millis(250);
/// How long closing waits for work in flight.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// Every engine that may still be open, so that none outlives the interpreter.
static OPEN: Mutex<Vec<Weak<Slot>>> = Mutex::new(Vec::new());

/// Threads that wait for the work in flight of engines nobody holds any more.
static REAPERS: Mutex<Vec<JoinHandle<()>>> = Mutex::new(Vec::new());

/// Where an engine stands while it is open; empty afterwards.
#[derive(Debug)]
pub(crate) struct Slot(Mutex<Option<Engine>>);

/// The threads that wait for a store. Whoever lets go of them last does not wait for them: it may hold the GIL that they want.
#[derive(Debug)]
pub(crate) struct Threads {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Threads {
    /// Wait for something on the calling thread. Call it with the GIL released.
    pub(crate) fn wait_for<T>(&self, work: impl Future<Output = T>) -> T {
        self.handle.block_on(work)
    }

    /// Start something that nobody waits for.
    pub(crate) fn start(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.handle.spawn(work));
    }

    /// Give work in flight some time to finish. Call it with the GIL released.
    fn finish(mut self, patience: Duration) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(patience);
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        let reaper = std::thread::spawn(move || runtime.shutdown_timeout(CLOSE_PATIENCE));
        let mut reapers = REAPERS.lock();
        reapers.retain(|reaper| !reaper.is_finished());
        reapers.push(reaper);
    }
}

/// An open engine.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    pub(crate) door: Arc<Door<AnyStore>>,
    pub(crate) threads: Arc<Threads>,
    /// Whether a call may wait: then it must not be made on a thread that has other things to do.
    pub(crate) waits: bool,
    pub(crate) process: u32,
    /// The listeners that take calls for it from the wire.
    pub(crate) listeners: Arc<Mutex<Vec<Weak<Listener<AnyStore>>>>>,
}

impl Engine {
    pub(crate) fn open(store: &str, clock: Clock) -> Result<Self, ArbiterError> {
        let runtime =
            Builder::new_multi_thread().worker_threads(THREADS).thread_name("arbiter").enable_all().build();
        let runtime = runtime
            .map_err(|error| StoreError::Wrong { message: format!("no threads to wait on: {error}") })?;
        let arbiter = runtime.block_on(async { Arbiter::open(AnyStore::open(store).await?).await })?;
        let waits = matches!(arbiter.store(), AnyStore::Redis(_));
        let arbiter = Arc::new(arbiter);
        drop(runtime.spawn(tend(Arc::downgrade(&arbiter))));
        let door = Arc::new(Door::new(arbiter, clock));
        Ok(Self {
            door,
            threads: Arc::new(Threads { handle: runtime.handle().clone(), runtime: Some(runtime) }),
            waits,
            process: std::process::id(),
            listeners: Arc::default(),
        })
    }
}

/// Keep the blocks of capacities until the engine is let go of. What fails is tried again by the next turn.
async fn tend(arbiter: Weak<Arbiter<AnyStore>>) {
    let mut ticks = tokio::time::interval(TEND_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last = Instant::now();
    loop {
        ticks.tick().await;
        let Some(arbiter) = arbiter.upgrade() else { return };
        let elapsed_ms = u64::try_from(last.elapsed().as_millis()).unwrap_or(u64::MAX);
        last = Instant::now();
        let _tried_again_later = arbiter.tend(elapsed_ms).await;
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
        let Engine { door, threads, listeners, .. } = engine;
        // Nothing may be asked of an engine that has given back what it held.
        let listeners = std::mem::take(&mut *listeners.lock());
        listeners.iter().filter_map(Weak::upgrade).for_each(|listener| listener.stop(Duration::ZERO));
        // What cannot be given back is ended by other replicas, or at the next start.
        let _given_back = threads.wait_for(door.arbiter().close());
        let _flushed = threads.wait_for(arbiter_store::Store::flush(door.arbiter().store()));
        drop(door);
        if let Ok(threads) = Arc::try_unwrap(threads) {
            threads.finish(CLOSE_PATIENCE);
        }
    }
}

/// Close every engine that is still open.
#[pyfunction]
pub(crate) fn close_all(py: Python<'_>) {
    py.detach(|| {
        let open = std::mem::take(&mut *OPEN.lock());
        open.iter().filter_map(Weak::upgrade).for_each(|slot| slot.close());
        let reapers = std::mem::take(&mut *REAPERS.lock());
        reapers.into_iter().for_each(|reaper| drop(reaper.join()));
    });
}
