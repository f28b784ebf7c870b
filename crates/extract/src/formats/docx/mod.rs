//! Word documents (Office Open XML, ECMA-376), as Word, LibreOffice and Google Docs write them.

mod body;
mod inline;
mod math;
mod notes;
mod numbering;
mod package;
mod salvage;
mod styles;
mod table;
mod xml;

use crate::error::Failure;
use crate::extraction::{Extracted, Warning};
use crate::format::{Confidence, Extractor, Format};
use crate::limits::Limits;
use crate::unsupported::contains;
use package::Package;

pub(super) struct Docx;

impl Format for Docx {
    fn name(&self) -> &'static str {
        "docx"
    }

    fn description(&self) -> &'static str {
        "a Word document (DOCX)"
    }

    fn media_types(&self) -> &'static [&'static str] {
        &["application/vnd.openxmlformats-officedocument.wordprocessingml.document"]
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["docx", "docm", "dotx"]
    }

    /// Entry names stand unpacked in the archive, so that a cut-off document is recognised too.
    fn recognise(&self, bytes: &[u8], name: &str) -> Confidence {
        if !bytes.starts_with(b"PK\x03\x04") {
            return Confidence::No;
        }
        if contains(bytes, b"word/") {
            return Confidence::Certain;
        }
        let office =
            contains(bytes, b"[Content_Types].xml") && !contains(bytes, b"xl/") && !contains(bytes, b"ppt/");
        if office && self.has_extension(name) { Confidence::Likely } else { Confidence::No }
    }

    fn extractors(&self) -> &'static [&'static dyn Extractor] {
        &[&Structured, &Salvage]
    }
}

/// Styles, numbering, tables, notes and tracked changes.
struct Structured;

impl Extractor for Structured {
    fn name(&self) -> &'static str {
        "docx"
    }

    fn extract(&self, bytes: &[u8], limits: &Limits) -> Result<Extracted, Failure> {
        let mut package = Package::open(bytes, limits)?;
        body::read(&mut package)
    }
}

/// Paragraphs without structure, where the document's XML is broken.
struct Salvage;

impl Extractor for Salvage {
    fn name(&self) -> &'static str {
        "docx-salvage"
    }

    fn extract(&self, bytes: &[u8], limits: &Limits) -> Result<Extracted, Failure> {
        let mut package = Package::open(bytes, limits)?;
        let part = package.main_part();
        let xml =
            package.read(&part)?.ok_or_else(|| Failure::damaged(format!("its part `{part}` is missing")))?;
        let mut extracted = salvage::read(&xml)?;
        extracted.warnings.push(Warning::StructureLost { reason: format!("the XML of `{part}` is broken") });
        Ok(extracted)
    }
}
