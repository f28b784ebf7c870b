//! Fetching a model: aside, from the first source that works, verified, and only then in its place.
//! At any moment `models/NAME/` is either a whole model or not there.

use super::catalogue::{CatalogueEntry, ModelFile};
use super::checksum::sha256;
use super::error::{FailedSource, ModelsError};
use super::installed::{InstalledFile, InstalledModel, MANIFEST, Manifest, ModelStore};
use super::progress::Progress;
use super::source::{ModelSource, SourceError};
use super::terms::{Acceptance, Terms};
use gradus_domain::Clock;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

impl ModelStore {
    /// Makes sure that a model is on this machine: returns at once when it is, else tries its sources in order. What a
    /// cut connection left of a download from the hub is taken up again by the next pull.
    ///
    /// # Errors
    /// When the model is under terms that were not accepted, no source delivers the right bytes (each with its
    /// reason), or the disk is full.
    pub fn pull(
        &self,
        (entry, acceptance): (&CatalogueEntry, Acceptance),
        clock: &dyn Clock,
        progress: &mut dyn Progress,
    ) -> Result<InstalledModel, ModelsError> {
        if let Some(installed) = self.show(&entry.name) {
            return Ok(installed);
        }
        if let Some(terms) = entry.terms.clone().filter(|_| acceptance == Acceptance::NotGiven) {
            return Err(ModelsError::TermsNotAccepted { name: entry.name.clone(), terms });
        }
        create_directory(&self.directory)?;
        let _lock = self.lock(entry)?;
        // Another process may have finished before this one had the lock.
        if let Some(installed) = self.show(&entry.name) {
            return Ok(installed);
        }
        let aside = self.directory.join(format!("{}.partial", entry.name));
        create_directory(&aside)?;
        match fetch_from_any_source(entry, &aside, progress) {
            Ok((source, files)) => {
                let pulled_at = clock.now().to_rfc3339();
                let accepted_terms = entry.terms.as_ref().map(Terms::reference);
                let manifest =
                    Manifest { name: entry.name.clone(), source, pulled_at, accepted_terms, files };
                self.install(&aside, manifest)
            }
            Err(error) => {
                tidy_up(entry, &aside, matches!(error, ModelsError::DiskFull { .. }));
                Err(error)
            }
        }
    }

    /// Held until dropped; the operating system lets go of it when the process dies.
    fn lock(&self, entry: &CatalogueEntry) -> Result<File, ModelsError> {
        let path = self.directory.join(format!(".{}.lock", entry.name));
        let file = File::create(&path).map_err(|source| disk("create", &path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(ModelsError::PullInProgress { name: entry.name.clone() }),
            Err(TryLockError::Error(source)) => Err(disk("lock", &path, source)),
        }
    }

    fn install(&self, aside: &Path, manifest: Manifest) -> Result<InstalledModel, ModelsError> {
        let directory = self.directory.join(&manifest.name);
        let path = aside.join(MANIFEST);
        let text = serde_json::to_string_pretty(&manifest).map_err(io::Error::from);
        text.and_then(|text| fs::write(&path, text + "\n"))
            .and_then(|()| File::open(&path)?.sync_all())
            .and_then(|()| sync_directory(aside))
            .map_err(|source| disk("write", &path, source))?;
        // Whatever is there is no whole model, or `show` would have found it.
        if directory.exists() {
            fs::remove_dir_all(&directory).map_err(|source| disk("replace", &directory, source))?;
        }
        fs::rename(aside, &directory)
            .and_then(|()| sync_directory(&self.directory))
            .map_err(|source| disk("put in place", &directory, source))?;
        Ok(InstalledModel { directory, manifest })
    }
}

/// The source that delivered, in words, and what it delivered.
fn fetch_from_any_source(
    entry: &CatalogueEntry,
    aside: &Path,
    progress: &mut dyn Progress,
) -> Result<(String, Vec<InstalledFile>), ModelsError> {
    let mut failures = Vec::new();
    for source in &entry.sources {
        let description = source.describe();
        progress.trying(&description);
        match fetch_all(source.as_ref(), entry, aside, progress) {
            Ok(files) => return Ok((description, files)),
            Err(SourceError::DiskFull) => {
                return Err(ModelsError::DiskFull { directory: aside.to_owned(), bytes: entry.size() });
            }
            Err(SourceError::Failed(reason)) => {
                progress.failed(&description, &reason);
                failures.push(FailedSource { source: description, reason });
            }
        }
    }
    let advice = advice(entry);
    Err(ModelsError::AllSourcesFailed { name: entry.name.clone(), failures, advice })
}

fn fetch_all(
    source: &dyn ModelSource,
    entry: &CatalogueEntry,
    aside: &Path,
    progress: &mut dyn Progress,
) -> Result<Vec<InstalledFile>, SourceError> {
    let mut files = Vec::new();
    for file in &entry.files {
        let path = aside.join(&file.name);
        source.fetch(file, &path, progress)?;
        files.push(verify(file, &path, progress)?);
    }
    Ok(files)
}

fn verify(file: &ModelFile, path: &Path, progress: &mut dyn Progress) -> Result<InstalledFile, SourceError> {
    let failed = |error: io::Error| SourceError::io("verify", path, &error);
    let size = fs::metadata(path).map_err(failed)?.len();
    let found = sha256(path, progress).map_err(failed)?;
    let reason = match file {
        ModelFile { size: Some(expected), .. } if *expected != size => {
            format!("{} should have {expected} bytes but has {size}", file.name)
        }
        ModelFile { sha256: Some(expected), .. } if *expected != found => {
            format!(
                "{} should have the SHA-256 {expected} but has {found}: it is damaged or another version",
                file.name
            )
        }
        _ => {
            File::open(path).and_then(|file| file.sync_all()).map_err(failed)?;
            return Ok(InstalledFile { name: file.name.clone(), size, sha256: found });
        }
    };
    fs::remove_file(path).map_err(failed)?;
    Err(SourceError::Failed(reason))
}

/// Removes what no later pull can use; an empty directory goes too.
fn tidy_up(entry: &CatalogueEntry, aside: &Path, everything: bool) {
    // The pull has failed already: what cannot be removed now is overwritten by the next one.
    if everything {
        let _ = fs::remove_dir_all(aside);
        return;
    }
    for file in &entry.files {
        let _ = fs::remove_file(aside.join(&file.name));
    }
    let _ = fs::remove_dir(aside);
}

fn advice(entry: &CatalogueEntry) -> String {
    let files: Vec<&str> = entry.files.iter().map(|file| file.name.as_str()).collect();
    format!(
        "check the network and pull again; or bring {} to this machine by other means and name its path instead of \"{}\"",
        files.join(", "),
        entry.name
    )
}

fn create_directory(path: &Path) -> Result<(), ModelsError> {
    fs::create_dir_all(path).map_err(|source| disk("create", path, source))
}

fn disk(doing: &'static str, path: &Path, source: io::Error) -> ModelsError {
    let path: PathBuf = path.to_owned();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ModelsError::DiskFull { directory: path, bytes: None }
        }
        _ => ModelsError::Disk { doing, path, source },
    }
}

/// Makes a rename survive a power cut. Only Unix can, and needs to.
fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}
