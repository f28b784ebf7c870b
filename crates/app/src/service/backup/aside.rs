//! Where a backup is written before it is whole: beside its place, by one process at a time.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::{Error, files};

/// The file in a directory that is being written that its writer holds a lock on.
const LOCK: &str = "lock";

/// The directory that a backup is written into before it is whole. Its name says whose it is, so that what a killed
/// process left is replaced by the next.
pub(super) struct Aside {
    pub(super) path: PathBuf,
    parent: PathBuf,
    _lock: File,
}

impl Aside {
    pub(super) fn claim(to: &Path) -> Result<Self, Error> {
        let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let path = parent.join(format!(".partial-{}", files::name(to)));
        files::create_directory(parent)?;
        files::create_private_directory(&path)?;
        let lock = path.join(LOCK);
        let file = File::create(&lock).map_err(Error::file("create", &lock))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("another backup is just being written to {}", to.display());
                return Err(Error::Request(message));
            }
            Err(TryLockError::Error(error)) => return Err(Error::file("lock", &lock)(error)),
        }
        for name in files::names_in(&path)?.iter().filter(|name| *name != LOCK) {
            let left = path.join(name);
            let removed = if left.is_dir() { fs::remove_dir_all(&left) } else { fs::remove_file(&left) };
            removed.map_err(Error::file("remove", &left))?;
        }
        Ok(Self { path, parent: parent.to_owned(), _lock: file })
    }

    /// Puts it where it belongs.
    pub(super) fn put(self, to: &Path) -> Result<(), Error> {
        fs::rename(&self.path, to).map_err(Error::file("rename", &self.path))?;
        let lock = to.join(LOCK);
        fs::remove_file(&lock).map_err(Error::file("remove", &lock))?;
        for directory in [to, &self.parent] {
            files::flush_directory(directory)?;
        }
        Ok(())
    }

    pub(super) fn remove(self) {
        // The error that led here is what counts.
        _ = fs::remove_dir_all(&self.path);
    }
}
