//! Backups: a directory with every row as JSON and every blob, taken while the server runs and restored into an empty
//! one, of the same database or the other.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use gradus_domain::Clock;
use gradus_store::{Store, StoreError, Transaction, backup, blob_records, server_settings, turns};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::Services;
use crate::{Error, files};

const MANIFEST: &str = "backup.json";
const FORMAT_VERSION: u32 = 1;
/// Names that begin so say that a backup reads blobs, so that none is deleted meanwhile.
const HOLD: &str = "backup-";
/// How long that holds without being renewed.
const HOLD_FOR: Duration = Duration::from_secs(600);
/// How often it is renewed.
const RENEWED_AFTER: Duration = Duration::from_secs(60);
/// How many files are copied between two reports.
const TOLD_AFTER: usize = 100;
/// How many rows are restored at a time.
const ROWS_AT_ONCE: usize = 500;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupManifest {
    /// Version of the format.
    pub format_version: u32,
    /// The version of Gradus that made it.
    pub gradus_version: String,
    /// When.
    pub made_at: DateTime<Utc>,
    /// Rows by table.
    pub tables: BTreeMap<String, TableFile>,
    /// How many blobs.
    pub blobs: u64,
    /// How many bytes they have.
    pub blob_bytes: u64,
}

/// The rows of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFile {
    /// How many.
    pub rows: u64,
    /// The BLAKE3 hash of their file.
    pub blake3: String,
}

/// Told what is done, how much of it, and of how much.
pub type Told<'a> = &'a mut (dyn FnMut(&str, u64, Option<u64>) + Send);

impl Services {
    /// Writes a backup into a new directory.
    ///
    /// # Errors
    /// When the directory is there already, or something cannot be read or written. Nothing is at its place then.
    pub async fn back_up(
        &self,
        to: &Path,
        clock: &dyn Clock,
        told: Told<'_>,
    ) -> Result<BackupManifest, Error> {
        if to.exists() {
            let message = format!("{} is there already: name a directory that is not", to.display());
            return Err(Error::Request(message));
        }
        let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let aside = parent.join(format!(".partial-{}", files::name(to)));
        if aside.exists() {
            fs::remove_dir_all(&aside).map_err(Error::file("remove", &aside))?;
        }
        let hold = Hold::begin(self).await?;
        let written = self.write_backup(&aside, clock, told).await;
        hold.end().await;
        let manifest = match written {
            Ok(manifest) => manifest,
            Err(error) => {
                // The error is what counts.
                _ = fs::remove_dir_all(&aside);
                return Err(error);
            }
        };
        fs::rename(&aside, to).map_err(Error::file("rename", &aside))?;
        File::open(parent).and_then(|parent| parent.sync_all()).map_err(Error::file("flush", parent))?;
        Ok(manifest)
    }

    async fn write_backup(
        &self,
        to: &Path,
        clock: &dyn Clock,
        told: Told<'_>,
    ) -> Result<BackupManifest, Error> {
        files::create_directory(&to.join("tables"))?;
        let snapshot = self.store.snapshot().await?;
        let (mut tables, mut blobs) = (BTreeMap::new(), Vec::new());
        for name in backup::table_names() {
            let mut table = TableWriter::create(&table_path(to, name))?;
            let rows = snapshot
                .read(name, &mut |line| {
                    if name == "blob" {
                        blobs.extend(stored_blob(line));
                    }
                    table.line(line)
                })
                .await??;
            told(name, rows, None);
            tables.insert(name.to_owned(), TableFile { rows, blake3: table.finish()? });
        }
        drop(snapshot);
        let (count, mut blob_bytes) = (blobs.len() as u64, 0);
        for (number, (hash, bytes)) in blobs.into_iter().enumerate() {
            if number % TOLD_AFTER == 0 {
                told("files", number as u64, Some(count));
            }
            let path = blob_path(to, &hash);
            files::create_directory(path.parent().unwrap_or(to))?;
            self.archive.copy_to_path(&hash, &path).await?;
            blob_bytes += bytes;
        }
        told("files", count, Some(count));
        let manifest = BackupManifest {
            format_version: FORMAT_VERSION,
            gradus_version: env!("CARGO_PKG_VERSION").to_owned(),
            made_at: clock.now(),
            tables,
            blobs: count,
            blob_bytes,
        };
        files::write_json(&to.join(MANIFEST), &manifest, "a backup")?;
        Ok(manifest)
    }

    /// Restores a backup into a database without users and a blob store.
    ///
    /// # Errors
    /// When the backup is damaged or of another format, or the database has users. No row was stored then.
    pub async fn restore(&self, from: &Path, told: Told<'_>) -> Result<BackupManifest, Error> {
        let manifest = read_manifest(from)?;
        if !backup::is_empty(&self.store.reader()).await? {
            let message = "the database has users already: a backup is restored into a new one, so name another \
                database and another place for blobs in the configuration";
            return Err(Error::Request(message.to_owned()));
        }
        for (name, table) in &manifest.tables {
            check_table(from, name, table)?;
        }
        let hashes = blobs_of(from)?;
        let count = hashes.len() as u64;
        for (number, hash) in hashes.iter().enumerate() {
            if number % TOLD_AFTER == 0 {
                told("files", number as u64, Some(count));
            }
            let path = blob_path(from, hash);
            let stored = match path.parent() {
                Some(directory) => self.archive.keep_file(directory, hash).await?,
                None => None,
            };
            if stored.is_none_or(|stored| stored.blob_hash != *hash) {
                return Err(damaged(&path, "it is not the file that it is named after"));
            }
        }
        told("files", count, Some(count));
        let (directory, rows) = (from.to_owned(), manifest.tables.values().map(|table| table.rows).sum());
        self.store.write(move |tx| async move { restore_rows(&tx, &directory).await }).await?;
        told("rows", rows, Some(rows));
        Ok(manifest)
    }
}

/// Keeps blobs from being deleted while a backup is taken.
struct Hold {
    store: Store,
    name: String,
    renewing: JoinHandle<()>,
}

impl Hold {
    async fn begin(services: &Services) -> Result<Self, Error> {
        let (store, name) = (services.store.clone(), format!("{HOLD}{}", Uuid::now_v7()));
        Self::renew(&store, &name).await?;
        let renewing = tokio::spawn({
            let (store, name) = (store.clone(), name.clone());
            async move {
                loop {
                    tokio::time::sleep(RENEWED_AFTER).await;
                    if let Err(error) = Self::renew(&store, &name).await {
                        tracing::warn!(%error, "the hold of a backup could not be renewed; trying again");
                    }
                }
            }
        });
        Ok(Self { store, name, renewing })
    }

    async fn renew(store: &Store, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        let renewal = move |tx: Transaction| async move {
            // A sweep that looked before this, and did not see it, is over once this has its turn.
            turns::take(&tx, blob_records::TURN).await?;
            let until = tx.now() + TimeDelta::from_std(HOLD_FOR).unwrap_or_default();
            server_settings::put(&tx, &name, serde_json::json!({ "until": until })).await
        };
        store.write(renewal).await
    }

    /// Lets go. If that cannot be written, the hold ends by itself.
    async fn end(self) {
        self.renewing.abort();
        let name = self.name;
        let removed = move |tx: Transaction| async move { server_settings::remove(&tx, &name).await };
        if let Err(error) = self.store.write(removed).await {
            tracing::warn!(%error, "the hold of a backup ends by itself");
        }
    }
}

/// Whether a backup is being taken, so that blobs must stay.
pub(super) async fn is_held(tx: &Transaction) -> Result<bool, StoreError> {
    turns::take(tx, blob_records::TURN).await?;
    let holds = server_settings::with_prefix(tx, HOLD).await?;
    let until =
        |hold: &serde_json::Value| serde_json::from_value::<DateTime<Utc>>(hold["until"].clone()).ok();
    Ok(holds.iter().filter_map(until).any(|until| until > tx.now()))
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

/// Reads what a backup says of itself.
fn read_manifest(from: &Path) -> Result<BackupManifest, Error> {
    let path = from.join(MANIFEST);
    if !path.is_file() {
        let message = format!("{} holds no backup ({MANIFEST} is missing)", from.display());
        return Err(Error::Request(message));
    }
    let manifest: BackupManifest =
        serde_json::from_slice(&files::read(&path)?).map_err(|error| damaged(&path, &error.to_string()))?;
    if manifest.format_version != FORMAT_VERSION {
        let reason = format!(
            "its format is {}, and this version of Gradus knows {FORMAT_VERSION}: restore it with Gradus {}",
            manifest.format_version, manifest.gradus_version
        );
        return Err(damaged(&path, &reason));
    }
    Ok(manifest)
}

fn check_table(from: &Path, name: &str, table: &TableFile) -> Result<(), Error> {
    let path = table_path(from, name);
    if !backup::table_names().contains(&name) {
        return Err(damaged(&path, "this version of Gradus has no such table"));
    }
    let found = blake3::hash(&files::read(&path)?).to_hex().to_string();
    if found == table.blake3 { Ok(()) } else { Err(damaged(&path, "it is not what was written")) }
}

/// The hashes of the blobs that the backup has.
fn blobs_of(from: &Path) -> Result<Vec<String>, Error> {
    let path = table_path(from, "blob");
    let text = files::read_text(&path)?;
    Ok(text.lines().filter_map(stored_blob).map(|(hash, _)| hash).collect())
}

/// Hash and length of a blob whose bytes are certainly stored, from its row.
fn stored_blob(line: &str) -> Option<(String, u64)> {
    let row: serde_json::Value = serde_json::from_str(line).ok()?;
    let is_stored = row["state"] == "stored";
    is_stored.then(|| Some((row["hash"].as_str()?.to_owned(), row["bytes"].as_u64()?)))?
}

fn table_path(directory: &Path, name: &str) -> PathBuf {
    directory.join("tables").join(format!("{name}.jsonl"))
}

fn blob_path(directory: &Path, hash: &str) -> PathBuf {
    let (first, second) = (hash.get(..2).unwrap_or_default(), hash.get(2..4).unwrap_or_default());
    directory.join("blobs").join(first).join(second).join(hash)
}

fn damaged(path: &Path, reason: &str) -> Error {
    Error::Format {
        path: path.to_owned(),
        expected: "a backup that can be restored",
        reason: reason.to_owned(),
    }
}

/// Writes lines, and hashes them on the way.
struct TableWriter {
    path: PathBuf,
    file: BufWriter<File>,
    hasher: blake3::Hasher,
}

impl TableWriter {
    fn create(path: &Path) -> Result<Self, Error> {
        let file = File::create(path).map_err(Error::file("create", path))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file), hasher: blake3::Hasher::new() })
    }

    fn line(&mut self, line: &str) -> Result<(), Error> {
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.write_all(b"\n"));
        written.map_err(Error::file("write", &self.path))?;
        self.hasher.update(line.as_bytes());
        self.hasher.update(b"\n");
        Ok(())
    }

    /// The hash of the whole, once it is on disk.
    fn finish(mut self) -> Result<String, Error> {
        let flushed = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        flushed.map_err(Error::file("flush", &self.path))?;
        Ok(self.hasher.finalize().to_hex().to_string())
    }
}
