//! Marking guides from documents.

use std::path::Path;

use gradus_grading::guide::{GuideReading, parse_guide};
use serde::Serialize;

use crate::Error;
use crate::documents::{Document, read_document};

/// A guide with the document it was read from.
#[derive(Debug, Clone, Serialize)]
pub struct GuideFile {
    /// The document.
    pub document: Document,
    /// What was understood of it and what was not.
    pub reading: GuideReading,
}

/// Reads a marking guide from a document.
pub fn read_guide(path: &Path) -> Result<GuideFile, Error> {
    guide_in(read_document(path)?)
}

/// The marking guide in a document that was read.
pub(crate) fn guide_in(document: Document) -> Result<GuideFile, Error> {
    let reading = parse_guide(&document.extraction.text)
        .map_err(|source| Error::Guide { path: document.path.clone(), source })?;
    Ok(GuideFile { document, reading })
}
