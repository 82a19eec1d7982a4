//! Until when a caller waits.

use std::{future::Future, time::Duration};

use http::HeaderMap;
use tokio::time::{Instant, timeout_at};
use tonic::Status;

/// The instant from which on the caller no longer waits; absent where it waits for as long as it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(pub(super) Option<Instant>);

impl Deadline {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let timeout = headers.get("grpc-timeout").and_then(|value| value.to_str().ok()).and_then(timeout);
        Self(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    /// What comes of work until then.
    pub(super) async fn limit<T>(self, work: impl Future<Output = T>) -> Result<T, Status> {
        match self.0 {
            Some(end) => timeout_at(end, work).await.map_err(|_| exceeded()),
            None => Ok(work.await),
        }
    }
}

pub(super) fn exceeded() -> Status {
    Status::deadline_exceeded("the deadline of the call is over")
}

/// `grpc-timeout`: up to 8 digits and a unit.
fn timeout(written: &str) -> Option<Duration> {
    let (digits, unit) = written.split_at_checked(written.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3_600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_digits_and_a_unit() {
        assert_eq!(timeout("1500m"), Some(Duration::from_millis(1_500)));
        assert_eq!(timeout("99999999H"), Some(Duration::from_secs(99_999_999 * 3_600)));
        for wrong in ["", "m", "123456789S", "-1S", "1 S", "1h", "1µ"] {
            assert_eq!(timeout(wrong), None, "{wrong}");
        }
    }
}
