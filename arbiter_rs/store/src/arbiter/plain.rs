//! Plain grants, made on the bytes of a value: what one thread works them out in, and the buffers that next values are written to.

use std::cell::RefCell;

use arbiter_core::{
    catalog::Snapshot,
    decide::Outcome,
    fast_path::{self, Granted, Scratch},
    request::Request,
    time::Timestamp,
};

use crate::store::Versioned;

/// A buffer that has held a larger value is not kept.
const MAX_KEPT_BYTES: usize = 64 << 10;

thread_local! {
    static SCRATCH: RefCell<(Scratch, Vec<u8>)> = RefCell::default();
}

/// The grant of a plain request, and the next value; nothing where the long way must be gone. The buffer of the value is handed back by
/// [`done_with`], so that the next one need not be made.
pub(super) fn grant(
    snapshot: &Snapshot,
    stored: &Versioned,
    request: &Request<'_>,
    now: Timestamp,
) -> Option<(Outcome, Vec<u8>)> {
    // A value that was written has bytes: one without is told of the long way.
    if stored.version > 0 && stored.bytes.is_empty() {
        return None;
    }
    SCRATCH.with_borrow_mut(|(scratch, next)| {
        let granted = fast_path::grant(snapshot, &stored.bytes, request, now, scratch, next);
        let outcome = granted.map(Granted::outcome)?;
        Some((outcome, std::mem::take(next)))
    })
}

/// The value is where it belongs.
pub(super) fn done_with(value: Vec<u8>) {
    if value.capacity() <= MAX_KEPT_BYTES {
        // A thread that is ending keeps none.
        let _kept = SCRATCH.try_with(|scratch| scratch.borrow_mut().1 = value);
    }
}
