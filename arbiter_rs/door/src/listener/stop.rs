//! How a listener ends: first no more is taken, then what is left is cut.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    Draining,
    Cut,
}

/// The end of a listener, and who is still there.
#[derive(Debug)]
pub(super) struct Stop {
    phase: watch::Sender<Phase>,
    visitors: Mutex<usize>,
    left: Condvar,
}

impl Default for Stop {
    fn default() -> Self {
        Self { phase: watch::Sender::new(Phase::Serving), visitors: Mutex::new(0), left: Condvar::new() }
    }
}

/// A connection, or what takes connections: the end waits for it.
#[derive(Debug)]
pub(super) struct Visit(Arc<Stop>);

impl Drop for Visit {
    fn drop(&mut self) {
        *self.0.visitors.lock() -= 1;
        self.0.left.notify_all();
    }
}

impl Stop {
    pub(super) fn visit(self: &Arc<Self>) -> Visit {
        *self.visitors.lock() += 1;
        Visit(Arc::clone(self))
    }

    fn advance(&self, to: Phase) {
        self.phase.send_if_modified(|phase| {
            let is_further = *phase < to;
            *phase = to.max(*phase);
            is_further
        });
        let _after_who_waits_has_looked = self.visitors.lock();
        self.left.notify_all();
    }

    /// Let nobody in, and wait until all have left, the grace is over or somebody cuts.
    pub(super) fn drain(&self, grace: Duration) {
        self.advance(Phase::Draining);
        let end = Instant::now().checked_add(grace);
        let mut visitors = self.visitors.lock();
        while *visitors > 0 && *self.phase.borrow() < Phase::Cut {
            let Some(end) = end else { return self.left.wait(&mut visitors) };
            if self.left.wait_until(&mut visitors, end).timed_out() {
                return;
            }
        }
    }

    pub(super) fn cut_now(&self) {
        self.advance(Phase::Cut);
    }

    async fn reached(&self, wanted: Phase) {
        let mut phase = self.phase.subscribe();
        let _sender_is_here = phase.wait_for(|phase| *phase >= wanted).await;
    }

    /// Until nobody is let in any more.
    pub(super) async fn draining(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Until what is left is cut.
    pub(super) async fn cut(&self) {
        self.reached(Phase::Cut).await;
    }
}
