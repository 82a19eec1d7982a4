//! What can go wrong between a decision and the place where it is remembered.

use thiserror::Error;

/// Why a store did not do what it was asked.
///
/// Every message says what happened and what to do next. An error never stands for a commit that is there for certain:
/// after [`Unavailable`](StoreError::Unavailable) and [`Full`](StoreError::Full) a commit may or may not have been
/// made, and the request id in the value tells.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum StoreError {
    /// The store does not answer just now; the same call may go through later.
    #[error("{message}")]
    Unavailable {
        /// What happened.
        message: String,
        /// When a caller should ask again, in milliseconds from now.
        retry_after_ms: u64,
    },
    /// The disk or the memory of the store is full.
    #[error("{message}")]
    Full {
        /// What is full.
        message: String,
    },
    /// The store stopped itself after a failed write and serves no more until it is opened anew.
    #[error("{message}")]
    Stopped {
        /// What made it stop.
        message: String,
    },
    /// One stored value cannot be read; the others can.
    #[error("the stored value of `{key}` cannot be read: {message}")]
    Corrupt {
        /// Whose value it is: the party, or the name of the record.
        key: String,
        /// What is wrong with it.
        message: String,
    },
    /// Another server holds the directory of an embedded store.
    #[error(
        "the store directory `{directory}` is held by another server (pid {pid}): stop it, or name another directory"
    )]
    Held {
        /// The directory as the user named it.
        directory: String,
        /// The process that holds it, as its lock file says.
        pid: String,
    },
    /// What was named is not a store that this program can use.
    #[error("{message}")]
    Wrong {
        /// Why it is not.
        message: String,
    },
    /// The caller asked for more than a store takes.
    #[error("{message}")]
    TooLarge {
        /// What is too large, and the maximum.
        message: String,
    },
}

impl StoreError {
    /// In how many milliseconds the same call may go through, where it may at all without somebody's help.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Unavailable { retry_after_ms, .. } => Some(*retry_after_ms),
            Self::Full { .. }
            | Self::Stopped { .. }
            | Self::Corrupt { .. }
            | Self::Held { .. }
            | Self::Wrong { .. }
            | Self::TooLarge { .. } => None,
        }
    }

    pub(crate) fn wrong(message: impl Into<String>) -> Self {
        Self::Wrong { message: message.into() }
    }

    pub(crate) fn corrupt(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Corrupt { key: key.into(), message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unavailable_store_promises_that_a_retry_may_help() {
        let away = StoreError::Unavailable { message: "away".into(), retry_after_ms: 200 };
        assert_eq!(away.retry_after_ms(), Some(200));
        assert_eq!(StoreError::wrong("not a store").retry_after_ms(), None);
        assert_eq!(StoreError::Full { message: "full".into() }.retry_after_ms(), None);
    }

    #[test]
    fn a_held_directory_names_its_holder_and_the_way_out() {
        let held = StoreError::Held { directory: "repit-data".into(), pid: "42".into() };
        assert_eq!(
            held.to_string(),
            "the store directory `repit-data` is held by another server (pid 42): stop it, or name another directory"
        );
    }
}
