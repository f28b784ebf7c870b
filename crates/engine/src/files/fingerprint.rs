//! The identity of a set of weights: BLAKE3 of the bytes they came from.

use super::FilesError;
use std::path::{Path, PathBuf};

/// Hash of one file, or of the hashes of several files in the order given.
pub(super) fn of_files(paths: &[PathBuf]) -> Result<blake3::Hash, FilesError> {
    if let [only] = paths {
        return of_file(only);
    }
    let mut hasher = blake3::Hasher::new();
    for path in paths {
        hasher.update(of_file(path)?.as_bytes());
    }
    Ok(hasher.finalize())
}

fn of_file(path: &Path) -> Result<blake3::Hash, FilesError> {
    let mut hasher = blake3::Hasher::new();
    let file = std::fs::File::open(path).map_err(|source| FilesError::read(path, source))?;
    hasher.update_reader(file).map_err(|source| FilesError::read(path, source))?;
    Ok(hasher.finalize())
}
