//! What the engine of the embedded store reports, in words that say what to do next.

use std::{io, sync::OnceLock};

use crate::{directory::is_full, error::StoreError};

/// Turns the engine's errors into the store's, and remembers the write that stopped it.
#[derive(Debug)]
pub(crate) struct Failures {
    place: String,
    /// The engine takes no write after one has failed, and does not say again which.
    first: OnceLock<String>,
}

impl Failures {
    pub(crate) fn new(place: String) -> Self {
        Self { place, first: OnceLock::new() }
    }

    /// The directory, as the user named it.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// The store's error for what happened at a key.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the engine may add errors; all others are damage")]
    pub(crate) fn of(&self, key: &str, error: fjall::Error) -> StoreError {
        match error {
            fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => self.of_io(&error),
            fjall::Error::Poisoned => self.stopped(),
            fjall::Error::Locked => {
                StoreError::Held { directory: self.place.clone(), pid: "unknown".to_owned() }
            }
            fjall::Error::InvalidVersion(_) => StoreError::wrong(format!(
                "the store in `{}` was made by another release of its engine: open it with the program that made it",
                self.place
            )),
            other => StoreError::corrupt(key, format!("{} (in `{}`)", brief(&other), self.place)),
        }
    }

    fn of_io(&self, error: &io::Error) -> StoreError {
        let cause = self.first.get_or_init(|| error.to_string());
        if is_full(error) {
            let message = format!(
                "the disk of the store directory `{}` is full ({error}): free some space and restart the server",
                self.place
            );
            return StoreError::Full { message };
        }
        let message = format!(
            "the store directory `{}` failed ({cause}): see to the disk and restart the server",
            self.place
        );
        StoreError::Stopped { message }
    }

    fn stopped(&self) -> StoreError {
        let cause = self.first.get().map_or("a write in the background failed", String::as_str);
        let message = format!(
            "the store in `{}` takes no more writes since one failed ({cause}): see to the disk and restart the server",
            self.place
        );
        StoreError::Stopped { message }
    }
}

/// The engine's error without its type names.
#[expect(clippy::wildcard_enum_match_arm, reason = "the engine may add errors; all others are damage")]
fn brief(error: &fjall::Error) -> &'static str {
    match error {
        fjall::Error::Storage(fjall::LsmError::ChecksumMismatch { .. }) => "its checksum does not match",
        fjall::Error::JournalRecovery(_) => "the journal is damaged",
        fjall::Error::Decompress(_) => "it cannot be decompressed",
        fjall::Error::Unrecoverable => "the engine cannot recover it",
        _ => "its bytes are damaged",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_then_and_later() {
        let failures = Failures::new("repit-data".to_owned());
        let full = failures.of("p", fjall::Error::Io(io::ErrorKind::StorageFull.into()));
        assert!(matches!(full, StoreError::Full { .. }), "{full:?}");
        let later = failures.of("p", fjall::Error::Poisoned);
        assert_eq!(
            later.to_string(),
            "the store in `repit-data` takes no more writes since one failed (no storage space): \
             see to the disk and restart the server"
        );
    }
}
