//! Rich Text Format (specification 1.9.1), as Word, LibreOffice, WordPad and TextEdit write it.

mod controls;
mod document;
mod fonts;
mod tokens;

use crate::error::Failure;
use crate::extraction::Extracted;
use crate::format::{Confidence, Extractor, Format};
use crate::limits::Limits;

pub(super) struct Rtf;

impl Format for Rtf {
    fn name(&self) -> &'static str {
        "rtf"
    }

    fn description(&self) -> &'static str {
        "a rich text document (RTF)"
    }

    fn media_types(&self) -> &'static [&'static str] {
        &["application/rtf", "text/rtf"]
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["rtf"]
    }

    fn recognise(&self, bytes: &[u8], _name: &str) -> Confidence {
        if bytes.trim_ascii_start().starts_with(b"{\\rtf") { Confidence::Certain } else { Confidence::No }
    }

    fn extractors(&self) -> &'static [&'static dyn Extractor] {
        &[&Reader]
    }
}

struct Reader;

impl Extractor for Reader {
    fn name(&self) -> &'static str {
        "rtf"
    }

    fn extract(&self, bytes: &[u8], limits: &Limits) -> Result<Extracted, Failure> {
        document::read(bytes, limits)
    }
}
