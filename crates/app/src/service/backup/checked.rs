//! A backup that was looked through before anything is made of it: whole, unchanged, and of a shape that this version
//! knows. Writes nothing.

use std::fs::File;
use std::path::{Path, PathBuf};

use gradus_store::backup;

use super::{BLOBS, BackupManifest, FORMAT_VERSION, MANIFEST, TableFile, blob_path, stored_blob, table_path};
use crate::{Error, Session, files};

/// A backup every file of which is as it was written.
#[derive(Debug)]
pub struct CheckedBackup {
    pub(super) directory: PathBuf,
    pub(super) manifest: BackupManifest,
    /// The blobs' hashes.
    pub(super) blobs: Vec<String>,
}

impl CheckedBackup {
    /// Looks through the backup in a directory.
    ///
    /// # Errors
    /// When there is none, it is damaged or of another version, or the session says to stop.
    pub fn open(directory: &Path, session: &mut Session<'_>) -> Result<Self, Error> {
        session.watcher.stage("Checking the backup");
        let manifest = read_manifest(directory)?;
        for name in backup::table_names() {
            session.check()?;
            check_table(directory, name, manifest.tables.get(name))?;
        }
        let blobs = blobs_of(directory)?;
        if blobs.len() as u64 != manifest.blobs {
            let reason =
                format!("it says {} files, and there are {} in the table", manifest.blobs, blobs.len());
            return Err(damaged(&directory.join(MANIFEST), &reason));
        }
        for ((hash, bytes), number) in blobs.iter().zip(1..) {
            session.check()?;
            check_blob(&blob_path(directory, hash), hash, *bytes)?;
            session.watcher.progress(number, Some(manifest.blobs), "files");
        }
        let blobs = blobs.into_iter().map(|(hash, _)| hash).collect();
        Ok(Self { directory: directory.to_owned(), manifest, blobs })
    }
}

/// Reads what a backup says of itself.
fn read_manifest(directory: &Path) -> Result<BackupManifest, Error> {
    let path = directory.join(MANIFEST);
    if !path.is_file() {
        let message = format!("{} holds no backup ({MANIFEST} is missing)", directory.display());
        return Err(Error::Request(message));
    }
    let manifest: BackupManifest =
        serde_json::from_slice(&files::read(&path)?).map_err(|error| damaged(&path, &error.to_string()))?;
    let other = |what: &str, its: &str, ours: &str| {
        let version = &manifest.gradus_version;
        let reason = format!(
            "its {what} is `{its}`, and this version of Gradus knows `{ours}`: restore it with Gradus {version}, and \
             then install this version"
        );
        Err(damaged(&path, &reason))
    };
    if manifest.format_version != FORMAT_VERSION {
        return other("format", &manifest.format_version.to_string(), &FORMAT_VERSION.to_string());
    }
    if manifest.shape != backup::shape() {
        return other("database", &manifest.shape, backup::shape());
    }
    Ok(manifest)
}

fn check_table(directory: &Path, name: &str, table: Option<&TableFile>) -> Result<(), Error> {
    let path = table_path(directory, name);
    match table {
        Some(table) if hash_of(&path)? == table.blake3 => Ok(()),
        Some(_) => Err(damaged(&path, "it is not what was written")),
        None => Err(damaged(&directory.join(MANIFEST), &format!("it does not say what `{name}` holds"))),
    }
}

/// Hash and length of the blobs that the backup has.
fn blobs_of(directory: &Path) -> Result<Vec<(String, u64)>, Error> {
    let text = files::read_text(&table_path(directory, BLOBS))?;
    Ok(text.lines().filter_map(stored_blob).collect())
}

fn check_blob(path: &Path, hash: &str, bytes: u64) -> Result<(), Error> {
    let found = std::fs::metadata(path).map_err(|error| damaged(path, &error.to_string()))?.len();
    if found != bytes {
        return Err(damaged(path, &format!("it has {found} bytes of {bytes}")));
    }
    if hash_of(path)? != hash {
        return Err(damaged(path, "it is not the file that it is named after"));
    }
    Ok(())
}

fn hash_of(path: &Path) -> Result<String, Error> {
    let unreadable = |error: std::io::Error| damaged(path, &error.to_string());
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path).map_err(unreadable)?).map_err(unreadable)?;
    Ok(hasher.finalize().to_hex().to_string())
}

pub(super) fn damaged(path: &Path, reason: &str) -> Error {
    Error::Format {
        path: path.to_owned(),
        expected: "part of a backup that can be restored",
        reason: reason.to_owned(),
    }
}
