//! A directory on this machine or on a share: for machines without a network.

use super::{ModelSource, SourceError, Transfer, transfer};
use crate::models::catalogue::ModelFile;
use crate::models::progress::{Progress, Stage};
use std::fs::File;
use std::path::{Path, PathBuf};

/// A directory that somebody put model files into.
#[derive(Debug, Clone)]
pub struct LocalDirectory {
    /// The directory.
    pub directory: PathBuf,
    /// Name of the model, also looked for as a subdirectory.
    pub model: String,
}

impl ModelSource for LocalDirectory {
    fn describe(&self) -> String {
        format!("the directory {}", self.directory.display())
    }

    fn fetch(
        &self,
        file: &ModelFile,
        destination: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(), SourceError> {
        let places = [self.directory.join(&self.model).join(&file.name), self.directory.join(&file.name)];
        let Some(path) = places.iter().find(|path| path.is_file()) else {
            return Err(SourceError::failed(format!("it has no file {}", file.name)));
        };
        let mut from = File::open(path).map_err(|error| SourceError::io("read", path, &error))?;
        let total = from.metadata().map_err(|error| SourceError::io("read", path, &error))?.len();
        let mut to =
            File::create(destination).map_err(|error| SourceError::io("create", destination, &error))?;
        let limit = file.size.unwrap_or(total);
        let way = Transfer { stage: Stage::Copying, done: 0, total: Some(total), limit, destination };
        transfer(&mut from, &mut to, way, progress).map(drop)
    }
}
