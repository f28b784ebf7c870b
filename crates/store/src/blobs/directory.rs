//! Blobs in a directory: a spooled file becomes a blob by being renamed, which is all or nothing.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{BlobError, SpooledBlob};

/// The directory `blobs` of the place, beside its spool.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    root: PathBuf,
}

impl Directory {
    pub(super) async fn open(place: &Path) -> Result<Self, BlobError> {
        let root = place.join("blobs");
        let directory = root.clone();
        blocking(move || fs::create_dir_all(&directory).map_err(BlobError::file("create", &directory)))
            .await?;
        Ok(Self { root })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the spooled file the blob. Whatever fails, the blob is there whole or not at all.
    pub(super) async fn take(&self, spooled: SpooledBlob) -> Result<(), BlobError> {
        let root = self.root.clone();
        blocking(move || {
            let hash = spooled.blob().hash;
            let [outer, inner] = hash.directories();
            let outer = root.join(outer);
            let inner = outer.join(inner);
            create_if_missing(&outer)?;
            create_if_missing(&inner)?;
            let path = inner.join(hash.to_string());
            fs::rename(spooled.path(), &path).map_err(BlobError::file("write", &path))?;
            // From the inside out: each is the entry of the one before. A directory that was there already
            // may have been made a moment ago by somebody who has not flushed it yet.
            [inner, outer, root].iter().try_for_each(|directory| flush(directory))
        })
        .await
    }
}

fn create_if_missing(directory: &Path) -> Result<(), BlobError> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        done => done.map_err(BlobError::file("create", directory)),
    }
}

/// Makes sure that the names in a directory survive a power cut.
pub(super) fn flush(directory: &Path) -> Result<(), BlobError> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(BlobError::file("flush", directory))
}

/// Runs what waits for a disk where it holds up nobody else.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(stopped) => {
            let source = std::io::Error::other(stopped);
            Err(BlobError::File { action: "finish work on", path: PathBuf::from("blobs"), source })
        }
    }
}
