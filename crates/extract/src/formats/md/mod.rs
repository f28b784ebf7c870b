//! Markdown (CommonMark with tables, footnotes and task lists).

mod events;

use crate::encoding;
use crate::error::Failure;
use crate::extraction::Extracted;
use crate::format::{Confidence, Extractor, Format};
use crate::formats::txt;
use crate::limits::Limits;

pub(super) struct Markdown;

impl Format for Markdown {
    fn name(&self) -> &'static str {
        "md"
    }

    fn description(&self) -> &'static str {
        "a Markdown text (MD)"
    }

    fn media_types(&self) -> &'static [&'static str] {
        &["text/markdown"]
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["md", "markdown", "mdown"]
    }

    /// Any text can be Markdown, so that only the name tells.
    fn recognise(&self, bytes: &[u8], name: &str) -> Confidence {
        if self.has_extension(name) && encoding::is_text(bytes) { Confidence::Likely } else { Confidence::No }
    }

    fn extractors(&self) -> &'static [&'static dyn Extractor] {
        &[&CommonMark, &txt::Lines]
    }
}

struct CommonMark;

impl Extractor for CommonMark {
    fn name(&self) -> &'static str {
        "pulldown-cmark"
    }

    fn extract(&self, bytes: &[u8], _limits: &Limits) -> Result<Extracted, Failure> {
        let decoded = encoding::decode(bytes, None);
        let mut extracted = events::read(&decoded.text);
        if extracted.text.blocks.is_empty() {
            return Err(Failure::NoText {
                detail: "It is all white space or mark-up: check that the right file was chosen.".to_owned(),
            });
        }
        extracted.warnings.extend(decoded.warnings);
        Ok(extracted)
    }
}
