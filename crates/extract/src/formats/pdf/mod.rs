//! PDF: glyphs with positions, from which `layout` rebuilds lines, paragraphs, lists and tables.

mod bombs;
mod document;
mod flatten;
mod glyphs;
mod layout;
mod plain;
mod poppler;

use crate::encoding;
use crate::error::Failure;
use crate::extraction::{Extracted, Warning};
use crate::format::{Confidence, Extractor, Format};
use crate::limits::Limits;
use crate::unsupported::contains;

pub(super) struct Pdf;

impl Format for Pdf {
    fn name(&self) -> &'static str {
        "pdf"
    }

    fn description(&self) -> &'static str {
        "a PDF document"
    }

    fn media_types(&self) -> &'static [&'static str] {
        &["application/pdf"]
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["pdf"]
    }

    /// Viewers accept the header anywhere in the first 1024 bytes (ISO 32000, annex H), but a text that
    /// mentions it there is no PDF.
    fn recognise(&self, bytes: &[u8], _name: &str) -> Confidence {
        let start = &bytes[..bytes.len().min(1024)];
        if bytes.trim_ascii_start().starts_with(b"%PDF-") || bytes.starts_with(b"\xEF\xBB\xBF%PDF-") {
            Confidence::Certain
        } else if contains(start, b"%PDF-") && (!encoding::is_text(bytes) || contains(bytes, b"startxref")) {
            Confidence::Likely
        } else {
            Confidence::No
        }
    }

    fn extractors(&self) -> &'static [&'static dyn Extractor] {
        &[&Glyphs, &Plain, &Poppler]
    }
}

/// Places of glyphs by `pdf-extract`, laid out here.
struct Glyphs;

impl Extractor for Glyphs {
    fn name(&self) -> &'static str {
        "pdf-extract"
    }

    fn extract(&self, bytes: &[u8], limits: &Limits) -> Result<Extracted, Failure> {
        let mut document = document::Loaded::new(bytes, limits)?;
        let (pages, warnings) = glyphs::read(&mut document);
        finish(layout::blocks(&pages, warnings), &document)
    }
}

/// Text in the order of the file by `lopdf`, which survives fonts that the other refuses.
struct Plain;

impl Extractor for Plain {
    fn name(&self) -> &'static str {
        "lopdf"
    }

    fn extract(&self, bytes: &[u8], limits: &Limits) -> Result<Extracted, Failure> {
        let document = document::Loaded::new(bytes, limits)?;
        finish(plain::read(&document), &document)
    }
}

/// Places of words by the program `pdftotext`, where it is installed.
struct Poppler;

impl Extractor for Poppler {
    fn name(&self) -> &'static str {
        "pdftotext"
    }

    fn extract(&self, bytes: &[u8], limits: &Limits) -> Result<Extracted, Failure> {
        document::check_complete(bytes)?;
        let pages = poppler::read(bytes, limits)?;
        let without_text = pages.iter().filter(|page| page.words.is_empty());
        let warnings = without_text.map(|page| Warning::BlankPage { page: page.number }).collect();
        let mut extracted = layout::blocks(&pages, warnings);
        extracted.pages = u32::try_from(pages.len()).ok();
        require_text(extracted)
    }
}

fn finish(mut extracted: Extracted, document: &document::Loaded) -> Result<Extracted, Failure> {
    extracted.pages = u32::try_from(document.pages.len()).ok();
    extracted.title = document.title();
    require_text(extracted)
}

fn require_text(extracted: Extracted) -> Result<Extracted, Failure> {
    if !extracted.text.blocks.is_empty() {
        return Ok(extracted);
    }
    let reasons: Vec<String> = extracted.warnings.iter().take(3).map(ToString::to_string).collect();
    Err(Failure::NoText {
        detail: format!(
            "None of its {} pages has any ({}). A scan must be run through text recognition (OCR) first.",
            extracted.pages.unwrap_or(0),
            reasons.join(" ")
        ),
    })
}
