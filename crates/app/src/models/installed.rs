//! The models on this machine: `models/NAME/` in the data directory, each with a `model.json`.

use super::{Catalogue, ModelsError};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

pub(super) const MANIFEST: &str = "model.json";

/// Where a model came from and what it is; `model.json` in its directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Name in the catalogue.
    pub name: String,
    /// The source that delivered it, in words.
    pub source: String,
    /// When, in UTC (RFC 3339).
    pub pulled_at: String,
    /// The terms that were accepted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_terms: Option<String>,
    /// Its files.
    pub files: Vec<InstalledFile>,
}

/// A file as it was when the model was pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledFile {
    /// Name in the model's directory.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
}

/// A model on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledModel {
    /// Its directory.
    pub directory: PathBuf,
    /// What `model.json` says.
    pub manifest: Manifest,
}

impl InstalledModel {
    /// What the engine loads: the GGUF file where that is all there is, else the directory.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match self.manifest.files.as_slice() {
            [only] => self.directory.join(&only.name),
            _ => self.directory.clone(),
        }
    }
}

/// The models of one data directory.
#[derive(Debug, Clone)]
pub struct ModelStore {
    pub(super) directory: PathBuf,
}

impl ModelStore {
    /// The store of a data directory, which need not exist yet.
    #[must_use]
    pub fn new(data_directory: &Path) -> Self {
        Self { directory: data_directory.join("models") }
    }

    /// The installed models by name. Directories without a readable `model.json` are not models.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn list(&self) -> Result<Vec<InstalledModel>, ModelsError> {
        let failed = |source| ModelsError::Disk { doing: "list", path: self.directory.clone(), source };
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut models = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            models.extend(name.to_str().and_then(|name| self.show(name)));
        }
        models.sort_by(|left, right| left.manifest.name.cmp(&right.manifest.name));
        Ok(models)
    }

    /// The installed model of that name, when all its files are there in full size.
    #[must_use]
    pub fn show(&self, name: &str) -> Option<InstalledModel> {
        if !is_plain_name(name) {
            return None;
        }
        let directory = self.directory.join(name);
        let text = fs::read_to_string(directory.join(MANIFEST)).ok()?;
        let manifest: Manifest = serde_json::from_str(&text).ok()?;
        let whole = manifest.name == name
            && manifest.files.iter().all(|file| {
                is_plain_name(&file.name)
                    && fs::metadata(directory.join(&file.name)).is_ok_and(|found| found.len() == file.size)
            });
        whole.then_some(InstalledModel { directory, manifest })
    }

    /// What the engine loads for a name or a path. An installed model's name comes first; anything that
    /// exists on disk is taken as it is.
    ///
    /// # Errors
    /// When it is neither, saying whether a pull would help.
    pub fn resolve(&self, name_or_path: &str, catalogue: &Catalogue) -> Result<PathBuf, ModelsError> {
        if let Some(model) = self.show(name_or_path) {
            return Ok(model.path());
        }
        if Path::new(name_or_path).exists() {
            return Ok(PathBuf::from(name_or_path));
        }
        let name = name_or_path.to_owned();
        if let Some(entry) = catalogue.get(name_or_path) {
            return Err(ModelsError::NotInstalled { name, terms: entry.terms.clone() });
        }
        let mut known: Vec<String> = catalogue.entries().iter().map(|entry| entry.name.clone()).collect();
        known.extend(self.list()?.into_iter().map(|model| model.manifest.name));
        known.sort();
        known.dedup();
        Err(ModelsError::Unknown { name, known: known.join(", ") })
    }
}

/// Safe as the name of a file or directory of ours: no separators, not hidden, not a way up.
pub(super) fn is_plain_name(name: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(plain)
}
