//! A small catalogue entry, a clock that stands still, and a witness of the progress.

use chrono::DateTime;
use gradus_app::models::{
    Acceptance, CatalogueEntry, HubRepository, InstalledModel, ModelFile, ModelSource, ModelStore,
    ModelsError, Progress, Stage,
};
use gradus_domain::FixedClock;
use sha2::{Digest, Sha256};
use std::path::Path;
use tempfile::TempDir;

pub(crate) const NAME: &str = "tiny";
pub(crate) const FILE: &str = "tiny.gguf";

/// Larger than one read, and nowhere the same.
pub(crate) fn content() -> Vec<u8> {
    (0..700_000_u32).flat_map(|index| (index.wrapping_mul(2_654_435_761)).to_le_bytes()).collect()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An entry with the one file above.
pub(crate) fn entry(sources: Vec<Box<dyn ModelSource>>) -> CatalogueEntry {
    let content = content();
    let file =
        ModelFile { name: FILE.to_owned(), sha256: Some(sha256(&content)), size: Some(content.len() as u64) };
    CatalogueEntry {
        name: NAME.to_owned(),
        description: "for tests".to_owned(),
        licence: "CC0-1.0".to_owned(),
        terms: None,
        parameters: 1,
        files: vec![file],
        sources,
    }
}

pub(crate) fn hub(endpoint: &str) -> Box<dyn ModelSource> {
    Box::new(HubRepository {
        endpoint: endpoint.to_owned(),
        repository: "someone/tiny".to_owned(),
        revision: "main".to_owned(),
    })
}

/// A data directory that is removed afterwards.
pub(crate) struct Data {
    pub(crate) directory: TempDir,
    pub(crate) store: ModelStore,
}

impl Data {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = ModelStore::new(directory.path());
        Self { directory, store }
    }

    pub(crate) fn pull(&self, entry: &CatalogueEntry) -> Result<InstalledModel, ModelsError> {
        self.pull_watched(entry, &mut Witness::default())
    }

    pub(crate) fn pull_watched(
        &self,
        entry: &CatalogueEntry,
        progress: &mut Witness,
    ) -> Result<InstalledModel, ModelsError> {
        let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        self.store.pull((entry, Acceptance::NotGiven), &FixedClock(now), progress)
    }

    /// Everything in `models/` apart from lock files, as relative paths in order.
    pub(crate) fn left(&self) -> Vec<String> {
        let models = self.directory.path().join("models");
        let mut found = Vec::new();
        collect(&models, &models, &mut found);
        found.sort();
        found
    }
}

fn collect(root: &Path, directory: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.push(name + "/");
            collect(root, &path, found);
        } else if !name.ends_with(".lock") {
            found.push(name);
        }
    }
}

/// What was reported: the last count of each stage, and the words.
#[derive(Default)]
pub(crate) struct Witness {
    pub(crate) first: Vec<(Stage, u64)>,
    pub(crate) last: Vec<(Stage, u64, Option<u64>)>,
    pub(crate) failed: Vec<String>,
}

impl Progress for Witness {
    fn report(&mut self, stage: Stage, done_bytes: u64, total_bytes: Option<u64>) {
        match self.last.last_mut() {
            Some(last) if last.0 == stage => *last = (stage, done_bytes, total_bytes),
            _ => {
                self.first.push((stage, done_bytes));
                self.last.push((stage, done_bytes, total_bytes));
            }
        }
    }

    fn failed(&mut self, source: &str, reason: &str) {
        self.failed.push(format!("{source}: {reason}"));
    }
}
