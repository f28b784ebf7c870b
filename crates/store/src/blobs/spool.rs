//! A directory for bytes on their way in. Each process has a directory of its own in it and holds a lock on
//! a file there; the system lets go of the lock however the process ends, so what lies in a directory whose
//! lock is free belongs to nobody any more.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use super::spool_file::SpoolFile;
use super::{BlobError, directory};

/// The file in a process's directory that it holds a lock on.
const LOCK: &str = "lock";
/// How often a directory that another process swept away while it was made is made anew.
const CLAIMS: usize = 16;

/// Where incoming bytes are written while their hash is not known yet.
#[derive(Debug, Clone)]
pub struct Spool {
    own: Arc<OwnDirectory>,
    /// Whether files are flushed to the disk before they count as finished.
    durable: bool,
}

impl Spool {
    /// A spool on the file system of the blobs, which its files are renamed into.
    pub(super) async fn open(directory: PathBuf) -> Result<Self, BlobError> {
        Self::open_in(directory, true).await
    }

    /// A spool whose files are sent somewhere else before anybody relies on them.
    pub(super) async fn open_volatile(directory: &Path) -> Result<Self, BlobError> {
        Self::open_in(directory.to_owned(), false).await
    }

    async fn open_in(directory: PathBuf, durable: bool) -> Result<Self, BlobError> {
        directory::blocking(move || {
            fs::create_dir_all(&directory).map_err(BlobError::file("create", &directory))?;
            sweep(&directory)?;
            Ok(Self { own: Arc::new(OwnDirectory::claim(&directory)?), durable })
        })
        .await
    }

    /// A new, empty file; it is removed when it is dropped.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn create(&self) -> Result<SpoolFile, BlobError> {
        SpoolFile::create(SpoolEntry::new(Arc::clone(&self.own)), self.durable).await
    }
}

/// The place of one file in the spool; removes the file at its end, if it is still there.
#[derive(Debug)]
pub(super) struct SpoolEntry {
    path: PathBuf,
    /// The directory stays as long as something lies in it.
    _own: Arc<OwnDirectory>,
}

impl SpoolEntry {
    fn new(own: Arc<OwnDirectory>) -> Self {
        let number = own.files.fetch_add(1, Ordering::Relaxed);
        Self { path: own.path.join(number.to_string()), _own: own }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SpoolEntry {
    fn drop(&mut self) {
        match fs::remove_file(&self.path) {
            // It has been renamed to where the blob belongs.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(path = %self.path.display(), %error, "a spooled file stays behind"),
            Ok(()) => {}
        }
    }
}

/// This process's directory in the spool, and its lock.
#[derive(Debug)]
struct OwnDirectory {
    path: PathBuf,
    files: AtomicU64,
    _lock: File,
}

impl OwnDirectory {
    fn claim(spool: &Path) -> Result<Self, BlobError> {
        for _ in 0..CLAIMS {
            let path = spool.join(Uuid::now_v7().to_string());
            fs::create_dir(&path).map_err(BlobError::file("create", &path))?;
            if let Some(lock) = lock_new(&path)? {
                return Ok(Self { path, files: AtomicU64::new(0), _lock: lock });
            }
        }
        let problem = "other processes keep removing new directories from it";
        Err(BlobError::File { action: "use", path: spool.to_owned(), source: std::io::Error::other(problem) })
    }
}

impl Drop for OwnDirectory {
    fn drop(&mut self) {
        if let Err(error) = remove_directory(&self.path) {
            tracing::warn!(%error, "the spool is not cleared; the next start does it");
        }
    }
}

/// The lock on a directory just made; none when a sweep has taken the directory for abandoned meanwhile.
fn lock_new(directory: &Path) -> Result<Option<File>, BlobError> {
    let path = directory.join(LOCK);
    let file = match File::create_new(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(BlobError::file("create", &path))?,
    };
    // A sweep that came first holds the lock until the directory is gone; then so is the path.
    file.lock().map_err(BlobError::file("lock", &path))?;
    let is_ours = path.try_exists().map_err(BlobError::file("look for", &path))?;
    Ok(is_ours.then_some(file))
}

/// Removes the directories whose processes are gone. What is not a process's directory is let be.
fn sweep(spool: &Path) -> Result<(), BlobError> {
    let entries = fs::read_dir(spool).map_err(BlobError::file("list", spool))?;
    for entry in entries {
        let entry = entry.map_err(BlobError::file("list", spool))?;
        let is_process = entry.file_name().to_str().is_some_and(|name| Uuid::parse_str(name).is_ok());
        if is_process {
            sweep_directory(&entry.path())?;
        }
    }
    Ok(())
}

fn sweep_directory(directory: &Path) -> Result<(), BlobError> {
    let path = directory.join(LOCK);
    let lock = match File::open(&path) {
        // Its process is just making it, or was killed while it did. Only an empty directory can be removed
        // so; a process that is still there makes another one.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            drop(fs::remove_dir(directory));
            return Ok(());
        }
        file => file.map_err(BlobError::file("open", &path))?,
    };
    match lock.try_lock() {
        Ok(()) => remove_directory(directory),
        Err(TryLockError::WouldBlock) => Ok(()),
        Err(TryLockError::Error(error)) => Err(BlobError::file("lock", &path)(error)),
    }
}

/// Removes the lock last: a directory without one is empty, even when this is cut short.
fn remove_directory(directory: &Path) -> Result<(), BlobError> {
    let entries = match fs::read_dir(directory) {
        // Another process sweeps too.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(BlobError::file("list", directory))?,
    };
    for entry in entries {
        let entry = entry.map_err(BlobError::file("list", directory))?;
        if entry.file_name() != LOCK {
            ignore_missing(fs::remove_file(entry.path()), "remove", &entry.path())?;
        }
    }
    let lock = directory.join(LOCK);
    ignore_missing(fs::remove_file(&lock), "remove", &lock)?;
    ignore_missing(fs::remove_dir(directory), "remove", directory)
}

fn ignore_missing(done: std::io::Result<()>, action: &'static str, path: &Path) -> Result<(), BlobError> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done.map_err(BlobError::file(action, path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abandoned(spool: &Path) -> PathBuf {
        let directory = spool.join(Uuid::now_v7().to_string());
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join(LOCK), "").unwrap();
        fs::write(directory.join("0"), "half an upload").unwrap();
        directory
    }

    #[test]
    fn a_sweep_removes_what_nobody_holds_and_lets_be_what_somebody_does() {
        let spool = tempfile::tempdir().unwrap();
        let dead = abandoned(spool.path());
        let living = abandoned(spool.path());
        let lock = File::open(living.join(LOCK)).unwrap();
        lock.lock().unwrap();

        sweep(spool.path()).unwrap();
        assert!(!dead.exists());
        assert_eq!(fs::read_to_string(living.join("0")).unwrap(), "half an upload");

        drop(lock);
        sweep(spool.path()).unwrap();
        assert!(!living.exists());
    }

    #[test]
    fn a_sweep_lets_be_what_is_not_a_process_directory() {
        let spool = tempfile::tempdir().unwrap();
        fs::write(spool.path().join("README"), "mine").unwrap();
        fs::create_dir(spool.path().join("letters")).unwrap();
        sweep(spool.path()).unwrap();
        assert_eq!(fs::read_dir(spool.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_directory_swept_before_its_lock_was_taken_is_not_ours() {
        let spool = tempfile::tempdir().unwrap();
        let directory = spool.path().join(Uuid::now_v7().to_string());
        fs::create_dir(&directory).unwrap();
        sweep(spool.path()).unwrap();
        assert!(!directory.exists());
        assert!(lock_new(&directory).unwrap().is_none());
    }

    #[test]
    fn a_lock_taken_by_a_sweep_first_is_waited_for_and_then_not_ours() {
        let spool = tempfile::tempdir().unwrap();
        let directory = spool.path().join(Uuid::now_v7().to_string());
        fs::create_dir(&directory).unwrap();
        let path = directory.join(LOCK);
        // The process has made its file but not locked it yet; the sweep is quicker.
        let file = File::create_new(&path).unwrap();
        let sweeper = File::open(&path).unwrap();
        sweeper.try_lock().unwrap();
        assert!(matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        remove_directory(&directory).unwrap();
        drop(sweeper);
        file.lock().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn what_is_left_of_a_sweep_that_was_cut_short_is_removed_by_the_next() {
        let spool = tempfile::tempdir().unwrap();
        let directory = spool.path().join(Uuid::now_v7().to_string());
        fs::create_dir(&directory).unwrap();
        sweep(spool.path()).unwrap();
        assert_eq!(fs::read_dir(spool.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_directory_goes_with_its_owner() {
        let spool = tempfile::tempdir().unwrap();
        let own = OwnDirectory::claim(spool.path()).unwrap();
        fs::write(own.path.join("0"), "x").unwrap();
        sweep(spool.path()).unwrap();
        assert!(own.path.join("0").exists());
        drop(own);
        assert_eq!(fs::read_dir(spool.path()).unwrap().count(), 0);
    }
}
