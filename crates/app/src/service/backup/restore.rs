//! Restoring a backup into an empty place: first the blobs, then every row in one transaction, so that a restoration that
//! was broken off left no rows and can be begun again.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use futures_util::TryStreamExt;
use gradus_store::blobs::ListedBlob;
use gradus_store::{StoreError, Transaction, backup, blob_records, server_settings};

use super::checked::damaged;
use super::{BackupManifest, CheckedBackup, blob_path, table_path};
use crate::service::Services;
use crate::{Error, Session};

/// How many rows are restored at a time.
const ROWS_AT_ONCE: usize = 500;

impl Services {
    /// Restores a backup into a database without users and an empty place for blobs.
    ///
    /// # Errors
    /// When one of them is not empty, something cannot be read or written, or the session says to stop. No row was stored
    /// then.
    pub async fn restore(
        &self,
        from: &CheckedBackup,
        session: &mut Session<'_>,
    ) -> Result<BackupManifest, Error> {
        self.check_that_nothing_is_here(from).await?;
        session.watcher.stage("Files");
        for (hash, number) in from.blobs.iter().zip(1..) {
            session.check()?;
            self.restore_blob(&from.directory, hash).await?;
            session.watcher.progress(number, Some(from.manifest.blobs), "files");
        }
        session.watcher.stage("Rows");
        let directory = from.directory.clone();
        self.store.write(move |tx| async move { restore_rows(&tx, &directory).await }).await?;
        Ok(from.manifest.clone())
    }

    async fn check_that_nothing_is_here(&self, from: &CheckedBackup) -> Result<(), Error> {
        let another =
            "a backup is restored into a new, empty place, so name another one in the configuration";
        if !backup::is_empty(&self.store.reader()).await? {
            return Err(Error::Request(format!("the database has users already: {another}")));
        }
        // A restoration of this backup that was broken off may have left some.
        let own: HashSet<&str> = from.blobs.iter().map(String::as_str).collect();
        let mut stored = self.archive.blobs().list();
        while let Some(listed) = stored.try_next().await? {
            if let ListedBlob::Blob { blob, .. } = listed
                && !own.contains(blob.hash.to_string().as_str())
            {
                return Err(Error::Request(format!("the place for files has others already: {another}")));
            }
        }
        Ok(())
    }

    async fn restore_blob(&self, from: &Path, hash: &str) -> Result<(), Error> {
        let path = blob_path(from, hash);
        let stored = match path.parent() {
            Some(directory) => self.archive.keep_file(directory, hash).await?,
            None => None,
        };
        match stored {
            Some(stored) if stored.blob_hash == hash => Ok(()),
            _ => Err(damaged(&path, "it was changed while the backup was being restored")),
        }
    }
}

async fn restore_rows(tx: &Transaction, directory: &Path) -> Result<(), StoreError> {
    // What the new server knows of itself, such as its token for setting up, gives way.
    server_settings::remove_all(tx).await?;
    blob_records::remove_all(tx).await?;
    if !backup::is_empty(tx).await? {
        return Err(StoreError::AlreadyThere { noun: "user", field: "database" });
    }
    for name in backup::table_names() {
        let path = table_path(directory, name);
        let unreadable = |error: std::io::Error| StoreError::Damaged(format!("{}: {error}", path.display()));
        let mut lines = BufReader::new(File::open(&path).map_err(unreadable)?).lines();
        let mut first = 1;
        loop {
            let some =
                lines.by_ref().take(ROWS_AT_ONCE).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
            if some.is_empty() {
                break;
            }
            backup::write(tx, name, first, &some).await?;
            first += some.len() as u64;
        }
    }
    Ok(())
}
