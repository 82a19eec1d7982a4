//! How a long call shares its thread with others.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many entries are worked on before others on the thread have their turn: some tens of microseconds.
const STEPS: usize = 32;

/// Whether a long call lets others work between its entries.
#[derive(Debug)]
pub(crate) enum Pace {
    /// The thread is the caller's own: never wait.
    Straight,
    /// Others wait for the thread: yield between entries. Holds how many steps were made since the last time.
    Fair(AtomicUsize),
}

impl Pace {
    pub(crate) const fn fair() -> Self {
        Self::Fair(AtomicUsize::new(0))
    }

    /// Before the next entries are worked on.
    pub(crate) async fn steps(&self, entries: usize) {
        let Self::Fair(made) = self else { return };
        if made.fetch_add(entries, Ordering::Relaxed) >= STEPS {
            made.store(0, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    }
}
