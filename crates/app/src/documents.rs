//! Documents from files: their text with structure, and what identifies them.

use std::path::{Path, PathBuf};

use gradus_extract::{Extraction, Limits};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, files};

/// A document that was read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Document {
    /// Where it was read from.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// Its text.
    pub extraction: Extraction,
}

impl Document {
    /// The file's name without its directory.
    pub fn name(&self) -> String {
        files::name(&self.path)
    }
}

/// Reads a document and extracts its text.
pub fn read_document(path: &Path) -> Result<Document, Error> {
    let limits = Limits::default();
    let size = std::fs::metadata(path).map_err(Error::file("read", path))?.len();
    // Extraction refuses what is too large by its bytes; a file far beyond that is not even read.
    let bytes = if size > limits.max_bytes {
        return Err(gradus_extract::ExtractError::TooLarge {
            name: files::name(path),
            bytes: size,
            limit: limits.max_bytes,
        }
        .into());
    } else {
        files::read(path)?
    };
    let extraction = gradus_extract::extract(&files::name(path), &bytes, &limits)?;
    Ok(Document { path: path.to_owned(), bytes: bytes.len() as u64, sha256: sha256(&bytes), extraction })
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
