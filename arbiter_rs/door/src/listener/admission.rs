//! How many calls are in work at once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::status::Refusal;

/// Lets a stated number of calls work at once and turns the others away, so that none waits without end.
#[derive(Debug)]
pub(super) struct Admission {
    in_flight: AtomicUsize,
    max_in_flight: usize,
}

/// A call in work.
#[derive(Debug)]
pub(super) struct Place(Arc<Admission>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admission {
    pub(super) const fn new(max_in_flight: usize) -> Self {
        Self { in_flight: AtomicUsize::new(0), max_in_flight }
    }

    pub(super) fn enter(self: &Arc<Self>) -> Result<Place, Refusal> {
        let place = Place(Arc::clone(self));
        if self.in_flight.fetch_add(1, Ordering::Relaxed) < self.max_in_flight {
            Ok(place)
        } else {
            Err(Refusal::overloaded())
        }
    }
}
