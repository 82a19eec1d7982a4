//! Why there is no result, by exit status.

use thiserror::Error;

/// What stopped a run.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The profile, a flag or a file is wrong: exit status 2.
    #[error("{0}")]
    Usage(String),
    /// The server, the store or a peer failed: exit status 3.
    #[error("{0}")]
    Server(String),
}

impl LoadError {
    /// The exit status of the command.
    pub fn status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Server(_) => 3,
        }
    }
}

/// A file could not be read or written.
pub fn file_error(path: &std::path::Path, error: &dyn std::fmt::Display) -> LoadError {
    LoadError::Usage(format!("`{}`: {error}", path.display()))
}
