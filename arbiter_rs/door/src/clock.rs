//! Where the time of a decision comes from: read once per request.

use std::time::{SystemTime, UNIX_EPOCH};

use arbiter_core::time::Timestamp;

/// The source of `now`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The clock of this machine.
    System,
    /// The `as_of_time` of each request: replays and tests.
    Request,
}

impl Clock {
    /// This machine's time.
    #[must_use]
    pub fn system_now() -> Timestamp {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
    }
}
