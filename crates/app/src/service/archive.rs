//! Files into the blob store and out of it, each with its record, so that none is left without one.

use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use gradus_store::blob_records::Doomed;
use gradus_store::blobs::{Blob, BlobHash, BlobReader, BlobStore, Spool, SpooledBlob};
use gradus_store::files::StoredFile;
use gradus_store::{Store, StoreError, blob_records};

use super::backup::is_held;
use crate::Error;

/// How long bytes that nothing refers to are kept: an upload that is under way refers to none yet.
pub const GRACE: Duration = Duration::from_secs(3600);
/// How many blobs are doomed at a time: so few that they are deleted long before anyone takes that over.
const SWEPT_AT_ONCE: u64 = 20;
/// How often, and how far apart, bytes are announced that are just being deleted.
const ANNOUNCED_AGAIN: u32 = 20;
const BETWEEN_ANNOUNCEMENTS: Duration = Duration::from_millis(250);

/// The blob store with its records.
#[derive(Clone)]
pub struct Archive {
    store: Store,
    blobs: BlobStore,
}

impl Archive {
    pub(crate) fn new(store: Store, blobs: BlobStore) -> Self {
        Self { store, blobs }
    }

    /// Where incoming bytes are gathered.
    pub fn spool(&self) -> &Spool {
        self.blobs.spool()
    }

    /// The blob store itself, for checks.
    pub fn blobs(&self) -> &BlobStore {
        &self.blobs
    }

    /// Stores what was gathered. The record is settled by whoever refers to it, in the same transaction.
    pub async fn keep_spooled(&self, spooled: SpooledBlob) -> Result<Blob, Error> {
        self.announce(spooled.blob()).await?;
        Ok(self.blobs.put_spooled(spooled).await?)
    }

    /// Stores bytes, as [`Archive::keep_spooled`].
    pub async fn keep_bytes(&self, bytes: Vec<u8>) -> Result<Blob, Error> {
        self.announce(Blob { hash: BlobHash::of(&bytes), bytes: bytes.len() as u64 }).await?;
        Ok(self.blobs.put_bytes(bytes).await?)
    }

    /// Stores the files of a directory under their paths in it, as [`Archive::keep_spooled`].
    pub async fn keep_directory(&self, directory: &Path) -> Result<Vec<StoredFile>, Error> {
        let mut stored = Vec::new();
        for name in files_under(directory)? {
            stored.extend(self.keep_file(directory, &name).await?);
        }
        Ok(stored)
    }

    /// Stores one file of a directory under its name, if it is there, as [`Archive::keep_spooled`].
    pub async fn keep_file(&self, directory: &Path, name: &str) -> Result<Option<StoredFile>, Error> {
        let path = directory.join(name);
        if !path.is_file() {
            return Ok(None);
        }
        let mut spooled = self.blobs.spool().create().await?;
        copy_into(&path, &mut spooled).await?;
        let blob = self.keep_spooled(spooled.finish().await?).await?;
        Ok(Some(StoredFile { name: name.to_owned(), blob_hash: blob.hash.to_string(), bytes: blob.bytes }))
    }

    /// Writes stored files under their names into a directory.
    pub async fn restore_directory(&self, files: &[StoredFile], directory: &Path) -> Result<(), Error> {
        for file in files {
            let path = directory.join(&file.name);
            if let Some(parent) = path.parent() {
                tokio::fs::create_dir_all(parent).await.map_err(Error::file("create", parent))?;
            }
            self.copy_to_path(&file.blob_hash, &path).await?;
        }
        Ok(())
    }

    /// Writes a blob into a file.
    pub async fn copy_to_path(&self, hash: &str, path: &Path) -> Result<(), Error> {
        self.blobs.copy_to_path(parsed(hash)?, path).await?;
        Ok(())
    }

    /// A blob's bytes, all at once.
    pub async fn read(&self, hash: &str) -> Result<Vec<u8>, Error> {
        Ok(self.blobs.read(parsed(hash)?).await?.into())
    }

    /// A blob's bytes, a piece at a time.
    pub async fn open(&self, hash: &str) -> Result<BlobReader, Error> {
        Ok(self.blobs.open_reader(parsed(hash)?).await?)
    }

    /// A part of a blob's bytes, a piece at a time.
    pub async fn open_range(&self, hash: &str, range: Range<u64>) -> Result<BlobReader, Error> {
        Ok(self.blobs.open_range(parsed(hash)?, range).await?)
    }

    /// Deletes what nothing has referred to for `grace`, until `stop` says so; how many blobs. None while a backup is being
    /// taken.
    pub async fn sweep(&self, grace: Duration, stop: &(dyn Fn() -> bool + Sync)) -> Result<u64, Error> {
        let mut swept = 0;
        loop {
            let doomed = self
                .store
                .write(move |tx| async move {
                    if is_held(&tx).await? {
                        return Ok(Vec::new());
                    }
                    let grace = TimeDelta::from_std(grace).unwrap_or(TimeDelta::MAX);
                    blob_records::take_unused(&tx, tx.now() - grace, SWEPT_AT_ONCE).await
                })
                .await?;
            if doomed.is_empty() {
                return Ok(swept);
            }
            let taken = Instant::now();
            for blob in doomed {
                if stop() {
                    return Err(Error::Interrupted);
                }
                if self.delete(blob, taken).await? {
                    swept += 1;
                }
            }
        }
    }

    /// Deletes a doomed blob; false if that took so long that another may have begun it anew, and the bytes may be wanted
    /// again. Asked right before: a process that was frozen in between must not delete.
    async fn delete(&self, doomed: Doomed, taken: Instant) -> Result<bool, Error> {
        let deletion = blob_records::DELETION.to_std().unwrap_or_default();
        if taken.elapsed() > deletion / 4 {
            return Ok(false);
        }
        self.blobs.delete(parsed(&doomed.hash)?).await?;
        self.store.write(move |tx| async move { blob_records::forget(&tx, &doomed).await }).await?;
        Ok(true)
    }

    /// Makes sure that the bytes have a record before they are stored. Waits for a deletion that is under way, and takes
    /// one over that was broken off.
    pub(crate) async fn announce(&self, blob: Blob) -> Result<(), Error> {
        for _ in 0..ANNOUNCED_AGAIN {
            let hash = blob.hash.to_string();
            let announced = self
                .store
                .write(move |tx| async move { blob_records::announce(&tx, &hash, blob.bytes).await })
                .await?;
            if announced {
                return Ok(());
            }
            let hash = blob.hash.to_string();
            let taken = Instant::now();
            let broken_off =
                self.store.write(move |tx| async move { blob_records::take_over(&tx, &hash).await }).await?;
            match broken_off {
                Some(doomed) => _ = self.delete(doomed, taken).await?,
                None => tokio::time::sleep(BETWEEN_ANNOUNCEMENTS).await,
            }
        }
        Err(Error::Busy("the same file is just being deleted; try again in some minutes".to_owned()))
    }
}

fn parsed(hash: &str) -> Result<BlobHash, Error> {
    hash.parse().map_err(|_| {
        Error::Store(StoreError::Damaged(format!("a row refers to a blob by `{hash}`, which is no hash")))
    })
}

/// The files below a directory, by their paths in it with `/` between names, in order.
fn files_under(directory: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    let mut open = vec![String::new()];
    while let Some(below) = open.pop() {
        let path = directory.join(&below);
        for entry in std::fs::read_dir(&path).map_err(Error::file("list", &path))? {
            let entry = entry.map_err(Error::file("list", &path))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let name = if below.is_empty() { name } else { format!("{below}/{name}") };
            let kind = entry.file_type().map_err(Error::file("look at", &entry.path()))?;
            if kind.is_dir() {
                open.push(name);
            } else {
                names.push(name);
            }
        }
    }
    names.sort();
    Ok(names)
}

async fn copy_into(path: &Path, spooled: &mut gradus_store::blobs::SpoolFile) -> Result<(), Error> {
    use tokio::io::AsyncReadExt;
    let mut file = tokio::fs::File::open(path).await.map_err(Error::file("read", path))?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).await.map_err(Error::file("read", path))?;
        if read == 0 {
            return Ok(());
        }
        spooled.write(&buffer[..read]).await?;
    }
}
