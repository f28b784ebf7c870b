//! Plain text: any bytes that decode to readable characters.

mod lines;

use crate::blocks::Blocks;
use crate::encoding;
use crate::error::Failure;
use crate::extraction::Extracted;
use crate::format::{Confidence, Extractor, Format, extension};
use crate::limits::Limits;

pub(super) struct PlainText;

impl Format for PlainText {
    fn name(&self) -> &'static str {
        "txt"
    }

    fn description(&self) -> &'static str {
        "plain text (TXT)"
    }

    fn media_types(&self) -> &'static [&'static str] {
        &["text/plain"]
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["txt", "text"]
    }

    fn recognise(&self, bytes: &[u8], name: &str) -> Confidence {
        if !encoding::is_text(bytes) {
            Confidence::No
        } else if self.has_extension(name) || extension(name).is_none() {
            Confidence::Likely
        } else {
            Confidence::Possible
        }
    }

    fn extractors(&self) -> &'static [&'static dyn Extractor] {
        &[&Lines]
    }
}

/// Reads lines as paragraphs, list items and table rows. Also the last resort of marked-up text.
pub(super) struct Lines;

impl Extractor for Lines {
    fn name(&self) -> &'static str {
        "lines"
    }

    fn extract(&self, bytes: &[u8], _limits: &Limits) -> Result<Extracted, Failure> {
        let decoded = encoding::decode(bytes, None);
        let mut blocks = Blocks::default();
        lines::read(&decoded.text, &mut blocks);
        if blocks.is_empty() {
            return Err(Failure::NoText {
                detail: "It is all white space: check that the right file was chosen.".to_owned(),
            });
        }
        Ok(Extracted { text: blocks.finish(), warnings: decoded.warnings, ..Extracted::default() })
    }
}
