//! A blob written to a file: aside, flushed, and renamed once it is known to be right.

use std::path::Path;

use futures_util::TryStreamExt;
use tempfile::NamedTempFile;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::{BlobError, BlobReader, directory};

/// Writes what is read beside `path` and then puts it there; returns how many bytes.
pub(super) async fn write_aside(mut reader: BlobReader, path: &Path) -> Result<u64, BlobError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let aside = NamedTempFile::new_in(parent).map_err(BlobError::file("create a file in", parent))?;
    let file = aside.as_file().try_clone().map_err(BlobError::file("write", aside.path()))?;
    let mut file = File::from_std(file);
    while let Some(chunk) = reader.try_next().await? {
        file.write_all(&chunk).await.map_err(BlobError::file("write", aside.path()))?;
    }
    file.flush().await.map_err(BlobError::file("write", aside.path()))?;
    file.sync_all().await.map_err(BlobError::file("flush", aside.path()))?;

    let (path, parent) = (path.to_owned(), parent.to_owned());
    directory::blocking(move || {
        aside.persist(&path).map_err(|failed| BlobError::file("write", &path)(failed.error))?;
        directory::flush(&parent)
    })
    .await?;
    Ok(reader.bytes())
}
