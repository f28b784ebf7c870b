//! Taking a backup: written aside and renamed once it is whole, so that half of one is never taken for one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use gradus_store::backup;

use super::aside::Aside;
use super::hold::{Hold, is_hold};
use super::{BLOBS, BackupManifest, FORMAT_VERSION, MANIFEST, TableFile, blob_path, stored_blob, table_path};
use crate::service::Services;
use crate::{Error, Session, files};

/// The table whose rows are not all kept.
const SETTINGS: &str = "setting";

impl Services {
    /// Writes a backup into a new directory, which nobody but its owner may read: it holds all that a server knows.
    ///
    /// # Errors
    /// When the directory is there already, something cannot be read or written, or the session says to stop. Nothing is
    /// at its place then.
    pub async fn back_up(&self, to: &Path, session: &mut Session<'_>) -> Result<BackupManifest, Error> {
        if to.exists() {
            let message = format!("{} is there already: name a directory that is not", to.display());
            return Err(Error::Request(message));
        }
        let aside = Aside::claim(to)?;
        match self.write_held(&aside.path, session).await {
            Ok(manifest) => aside.put(to).map(|()| manifest),
            Err(error) => {
                aside.remove();
                Err(error)
            }
        }
    }

    async fn write_held(&self, to: &Path, session: &mut Session<'_>) -> Result<BackupManifest, Error> {
        let hold = Hold::begin(&self.store).await?;
        let written = self.write_backup(to, session).await;
        hold.end().await;
        written
    }

    async fn write_backup(&self, to: &Path, session: &mut Session<'_>) -> Result<BackupManifest, Error> {
        session.watcher.stage("Rows");
        let (tables, blobs) = self.write_tables(to, session).await?;
        session.watcher.stage("Files");
        let (count, mut blob_bytes) = (blobs.len() as u64, 0);
        for ((hash, bytes), number) in blobs.into_iter().zip(1..) {
            session.check()?;
            let path = blob_path(to, &hash);
            files::create_directory(path.parent().unwrap_or(to))?;
            self.archive.copy_to_path(&hash, &path).await?;
            blob_bytes += bytes;
            session.watcher.progress(number, Some(count), "files");
        }
        files::flush_directories(to)?;
        session.check()?;
        let manifest = BackupManifest {
            format_version: FORMAT_VERSION,
            gradus_version: env!("CARGO_PKG_VERSION").to_owned(),
            shape: backup::shape().to_owned(),
            made_at: session.clock.now(),
            tables,
            blobs: count,
            blob_bytes,
        };
        files::write_json(&to.join(MANIFEST), &manifest, "a backup")?;
        Ok(manifest)
    }

    /// The rows of one moment; returns what was written, and which blobs they refer to.
    async fn write_tables(
        &self,
        to: &Path,
        session: &mut Session<'_>,
    ) -> Result<(BTreeMap<String, TableFile>, Vec<(String, u64)>), Error> {
        files::create_directory(&to.join("tables"))?;
        let snapshot = self.store.snapshot().await?;
        let (mut tables, mut blobs, mut rows) = (BTreeMap::new(), Vec::new(), 0);
        for name in backup::table_names() {
            let mut table = TableWriter::create(&table_path(to, name))?;
            snapshot
                .read(name, &mut |line| {
                    session.check()?;
                    match name {
                        BLOBS => blobs.extend(stored_blob(line)),
                        SETTINGS if is_hold(line) => return Ok(()),
                        _ => {}
                    }
                    table.line(line)
                })
                .await??;
            let written = table.finish()?;
            rows += written.rows;
            session.watcher.progress(rows, None, "rows");
            tables.insert(name.to_owned(), written);
        }
        Ok((tables, blobs))
    }
}

/// Writes lines, and counts and hashes them on the way.
struct TableWriter {
    path: PathBuf,
    file: BufWriter<File>,
    hasher: blake3::Hasher,
    rows: u64,
}

impl TableWriter {
    fn create(path: &Path) -> Result<Self, Error> {
        let file = BufWriter::new(File::create(path).map_err(Error::file("create", path))?);
        Ok(Self { path: path.to_owned(), file, hasher: blake3::Hasher::new(), rows: 0 })
    }

    fn line(&mut self, line: &str) -> Result<(), Error> {
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.write_all(b"\n"));
        written.map_err(Error::file("write", &self.path))?;
        self.hasher.update(line.as_bytes());
        self.hasher.update(b"\n");
        self.rows += 1;
        Ok(())
    }

    /// What was written, once it is on disk.
    fn finish(mut self) -> Result<TableFile, Error> {
        let flushed = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        flushed.map_err(Error::file("flush", &self.path))?;
        Ok(TableFile { rows: self.rows, blake3: self.hasher.finalize().to_hex().to_string() })
    }
}
