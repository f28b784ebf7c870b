//! Files of trained models on this machine: fetched from the archive once, kept while there is room, and never removed
//! while a lease on them is held, by whichever process. Knows no names and no users. `ID/` is written aside
//! (`ID.partial`), every file against its hash, and renamed. `ID.lock` is locked by whoever reads `ID/` (shared) or writes
//! or removes it (alone); when it was changed last is when the model was asked last. Locks go with their processes.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gradus_domain::{Clock, ModelId, SystemClock};
use gradus_store::files::StoredFile;

use super::{Archive, blocking};
use crate::Error;

/// The most that the files of all models may take, unless a single one takes more.
const MOST_BYTES: u64 = 16 << 30;
/// How long to wait before looking again what another process makes of a model's files.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The files of trained models on this machine. Clones are the same.
#[derive(Clone)]
pub(super) struct RestoredModels {
    directory: PathBuf,
    most_bytes: u64,
    /// One model is fetched at a time, so that the room for each is known.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// A model's files, which stay as long as this is held.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) directory: PathBuf,
    _lock: File,
}

impl RestoredModels {
    /// Those in `directory`, which need not exist yet.
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory, most_bytes: MOST_BYTES, turn: Arc::default() }
    }

    /// The files of a model, fetched where they are not here.
    ///
    /// # Errors
    /// When they cannot be fetched or written.
    pub(super) async fn acquire(
        &self,
        archive: &Archive,
        id: ModelId,
        files: &[StoredFile],
    ) -> Result<Lease, Error> {
        if let Some(lease) = self.lease(id).await? {
            return Ok(lease);
        }
        let _turn = self.turn.lock().await;
        loop {
            if let Some(lease) = self.lease(id).await? {
                return Ok(lease);
            }
            match self.alone(id).await? {
                // Released before the lease is taken; if others remove the files in between, all begins again.
                Some(_lock) => self.restore(archive, id, files).await?,
                None => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    }

    fn path(&self, id: ModelId) -> PathBuf {
        self.directory.join(id.to_string())
    }

    /// A lease on files that are here.
    async fn lease(&self, id: ModelId) -> Result<Option<Lease>, Error> {
        let directory = self.path(id);
        blocking(move || lease(directory)).await
    }

    /// The right to write or remove a model's files; none while others read or write them.
    async fn alone(&self, id: ModelId) -> Result<Option<File>, Error> {
        let models = self.clone();
        blocking(move || {
            let directory = &models.directory;
            fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
            lock_alone(&models.path(id))
        })
        .await
    }

    async fn restore(&self, archive: &Archive, id: ModelId, files: &[StoredFile]) -> Result<(), Error> {
        let directory = self.path(id);
        if directory.is_dir() {
            return Ok(());
        }
        let (models, aside) = (self.clone(), directory.with_extension("partial"));
        let needed: u64 = files.iter().map(|file| file.bytes).sum();
        let prepared = aside.clone();
        blocking(move || {
            models.make_room(needed)?;
            // What a process that was killed left.
            remove(&prepared)?;
            fs::create_dir_all(&prepared).map_err(Error::file("create", &prepared))
        })
        .await?;
        let restored = archive.restore_directory(files, &aside).await;
        blocking(move || {
            let placed =
                restored.and_then(|()| fs::rename(&aside, &directory).map_err(Error::file("rename", &aside)));
            if placed.is_err() {
                // The first error is the one that counts.
                _ = remove(&aside);
            }
            placed
        })
        .await
    }

    /// Removes the models that were not asked for longest, until so many bytes more fit in.
    fn make_room(&self, needed: u64) -> Result<(), Error> {
        let mut here = self.list()?;
        here.sort_by_key(|model| model.asked_at);
        let mut taken: u64 = here.iter().map(|model| model.bytes).sum();
        for model in here {
            if taken + needed <= self.most_bytes {
                return Ok(());
            }
            // What is being read stays.
            if let Some(_lock) = lock_alone(&model.directory)? {
                remove(&model.directory)?;
                taken -= model.bytes;
            }
        }
        Ok(())
    }

    fn list(&self) -> Result<Vec<Here>, Error> {
        let mut here = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(Error::file("list", &self.directory))? {
            let directory = entry.map_err(Error::file("list", &self.directory))?.path();
            let is_model = directory.extension().is_none() && directory.is_dir();
            if is_model {
                let asked_at = fs::metadata(lock_path(&directory)).and_then(|lock| lock.modified());
                let asked_at = asked_at.unwrap_or(SystemTime::UNIX_EPOCH);
                here.push(Here { bytes: bytes_in(&directory)?, asked_at, directory });
            }
        }
        Ok(here)
    }
}

/// A model whose files are here.
struct Here {
    directory: PathBuf,
    bytes: u64,
    asked_at: SystemTime,
}

fn lease(directory: PathBuf) -> Result<Option<Lease>, Error> {
    if !directory.is_dir() {
        return Ok(None);
    }
    let path = lock_path(&directory);
    let lock = open(&path)?;
    if !is_locked(lock.try_lock_shared(), &path)? || !directory.is_dir() {
        return Ok(None);
    }
    lock.set_modified(SystemClock.now().into()).map_err(Error::file("write", &path))?;
    Ok(Some(Lease { directory, _lock: lock }))
}

fn lock_path(directory: &Path) -> PathBuf {
    directory.with_extension("lock")
}

fn lock_alone(directory: &Path) -> Result<Option<File>, Error> {
    let path = lock_path(directory);
    let lock = open(&path)?;
    Ok(is_locked(lock.try_lock(), &path)?.then_some(lock))
}

fn open(path: &Path) -> Result<File, Error> {
    let opened = File::options().create(true).truncate(false).write(true).open(path);
    opened.map_err(Error::file("open", path))
}

fn is_locked(tried: Result<(), TryLockError>, path: &Path) -> Result<bool, Error> {
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(Error::file("lock", path)(error)),
    }
}

fn remove(directory: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(Error::file("remove", directory)),
    }
}

fn bytes_in(directory: &Path) -> Result<u64, Error> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory).map_err(Error::file("list", directory))? {
        let entry = entry.map_err(Error::file("list", directory))?;
        let facts = entry.metadata().map_err(Error::file("look at", &entry.path()))?;
        bytes += if facts.is_dir() { bytes_in(&entry.path())? } else { facts.len() };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
