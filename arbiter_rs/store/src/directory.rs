//! The directory of an embedded store: held by one process, made whole or not at all.
//!
//! `repit.lock` is locked while a process holds the directory and says which; `data` is the engine's. A new store is
//! built in `data.unfinished` and renamed when it is complete, so that a kill in the midst of it leaves nothing behind.

use std::{
    fmt, fs, io,
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use crate::error::StoreError;

/// The engine's directory inside the store's.
pub(crate) const DATA: &str = "data";
const UNFINISHED: &str = "data.unfinished";
const LOCK: &str = "repit.lock";

/// A directory that this process holds until it is dropped.
#[derive(Debug)]
pub(crate) struct StoreDirectory {
    path: PathBuf,
    /// The lock goes with the file.
    _lock: fs::File,
}

impl fmt::Display for StoreDirectory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(formatter)
    }
}

impl StoreDirectory {
    /// Hold a directory that has a store, is empty, or does not exist yet.
    pub(crate) fn hold(path: &Path) -> Result<Self, StoreError> {
        if path.as_os_str().is_empty() {
            return Err(StoreError::wrong("`embedded:` names no directory: write `embedded:DIR`"));
        }
        let unusable = |error| unusable(path, &error);
        fs::create_dir_all(path).map_err(unusable)?;
        if !path.join(LOCK).try_exists().map_err(unusable)?
            && fs::read_dir(path).map_err(unusable)?.next().is_some()
        {
            return Err(StoreError::wrong(format!(
                "the directory `{}` holds other files and no store: name a new or an empty directory",
                path.display()
            )));
        }
        let mut options = fs::OpenOptions::new();
        let mut lock = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join(LOCK))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(held(path, &mut lock)),
            Err(fs::TryLockError::Error(error)) => return Err(unusable(error)),
        }
        write_holder(&mut lock).map_err(unusable)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Whether a store was completed here.
    pub(crate) fn has_data(&self) -> Result<bool, StoreError> {
        self.data().try_exists().map_err(|error| unusable(&self.path, &error))
    }

    /// Where the engine's files are.
    pub(crate) fn data(&self) -> PathBuf {
        self.path.join(DATA)
    }

    /// Where a new store is built.
    pub(crate) fn unfinished(&self) -> PathBuf {
        self.path.join(UNFINISHED)
    }

    /// Remove what a kill left of a store that was never completed. Nothing was ever answered from it.
    pub(crate) fn clear_unfinished(&self) -> Result<(), StoreError> {
        match fs::remove_dir_all(self.unfinished()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unusable(&self.path, &error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Make the new store the store, in one step.
    pub(crate) fn finish(&self) -> Result<(), StoreError> {
        let rename = || {
            fs::rename(self.unfinished(), self.data())?;
            fs::File::open(&self.path)?.sync_all()
        };
        rename().map_err(|error| unusable(&self.path, &error))
    }
}

fn write_holder(lock: &mut fs::File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}

fn held(path: &Path, lock: &mut fs::File) -> StoreError {
    let mut holder = String::new();
    // The holder may be between taking the lock and writing its name.
    let pid = match lock.read_to_string(&mut holder) {
        Ok(_) if !holder.trim().is_empty() => holder.trim().to_owned(),
        Ok(_) | Err(_) => "unknown".to_owned(),
    };
    StoreError::Held { directory: path.display().to_string(), pid }
}

/// Whether an error says that there is no room left.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

fn unusable(path: &Path, error: &io::Error) -> StoreError {
    let message = format!("cannot use the store directory `{}`: {error}", path.display());
    if is_full(error) { StoreError::Full { message } } else { StoreError::Wrong { message } }
}
