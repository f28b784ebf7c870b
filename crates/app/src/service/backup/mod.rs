//! Backups: a directory with every row as JSON and every blob, taken while the server runs and restored into an empty
//! one, of the same database or the other.

mod aside;
mod checked;
mod hold;
mod restore;
mod take;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use checked::CheckedBackup;
pub(super) use hold::is_held;

const MANIFEST: &str = "backup.json";
const FORMAT_VERSION: u32 = 1;
/// The table of blobs: what is in it has its bytes in the backup too.
const BLOBS: &str = "blob";

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupManifest {
    /// Version of the format.
    pub format_version: u32,
    /// The version of Gradus that made it.
    pub gradus_version: String,
    /// What the shape of the database is called that the rows are from.
    pub shape: String,
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
