//! HTML: what a browser shows of a page, without its navigation.

mod page;
mod sink;
mod table;
mod tree;
mod visibility;

use crate::blocks::Blocks;
use crate::encoding;
use crate::error::Failure;
use crate::extraction::{Extracted, Warning};
use crate::format::{Confidence, Extractor, Format};
use crate::limits::Limits;
use crate::unsupported::contains;
use tree::Tree;

pub(super) struct Html;

impl Format for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    fn description(&self) -> &'static str {
        "a web page (HTML)"
    }

    fn media_types(&self) -> &'static [&'static str] {
        &["text/html", "application/xhtml+xml"]
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["html", "htm", "xhtml"]
    }

    fn recognise(&self, bytes: &[u8], name: &str) -> Confidence {
        if !encoding::is_text(bytes) {
            return Confidence::No;
        }
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]).replace('\0', "");
        let start = start.trim_start_matches(['\u{FEFF}', '\u{FFFD}']).trim_start().to_ascii_lowercase();
        let start = after_prologue(&start);
        if start.starts_with("<!doctype html") || start.starts_with("<html") {
            Confidence::Certain
        } else if self.has_extension(name) && start.contains('<') {
            Confidence::Likely
        } else if start.starts_with('<') && start.contains("</") {
            Confidence::Possible
        } else {
            Confidence::No
        }
    }

    fn extractors(&self) -> &'static [&'static dyn Extractor] {
        &[&Html5]
    }
}

/// Skips the XML declaration and comments that may stand before the root element.
fn after_prologue(mut start: &str) -> &str {
    loop {
        let end = match start {
            _ if start.starts_with("<?") => "?>",
            _ if start.starts_with("<!--") => "-->",
            _ => return start,
        };
        match start.split_once(end) {
            Some((_, rest)) => start = rest.trim_start(),
            None => return start,
        }
    }
}

/// Reads a piece of HTML inside another format into `blocks`; one that cannot be parsed stays as it is.
pub(super) fn read_fragment(html: &str, blocks: &mut Blocks) {
    match Tree::parse(html) {
        Ok(tree) => {
            page::read(&tree, blocks);
        }
        Err(_) => blocks.paragraph(html),
    }
}

struct Html5;

impl Extractor for Html5 {
    fn name(&self) -> &'static str {
        "html5ever"
    }

    fn extract(&self, bytes: &[u8], _limits: &Limits) -> Result<Extracted, Failure> {
        let mut decoded = encoding::decode(bytes, declared_encoding(bytes).as_deref());
        let mut blocks = Blocks::default();
        let found = page::read(&Tree::parse(&decoded.text)?, &mut blocks);
        if blocks.is_empty() {
            return Err(Failure::NoText {
                detail: "A page that a script fills shows its text only in a browser: \
                         copy the text into a document, or print the page to PDF."
                    .to_owned(),
            });
        }
        if found.hidden_characters > 0 {
            decoded.warnings.push(Warning::HiddenText { characters: found.hidden_characters });
        }
        if found.deleted_characters > 0 {
            decoded.warnings.push(Warning::DeletedText { characters: found.deleted_characters });
        }
        Ok(Extracted {
            text: blocks.finish(),
            title: found.title,
            warnings: decoded.warnings,
            ..Extracted::default()
        })
    }
}

/// The label in `<meta charset=…>`, which stands in the first 1024 bytes (HTML standard, 4.2.5.4).
fn declared_encoding(bytes: &[u8]) -> Option<String> {
    let start = &bytes[..bytes.len().min(1024)];
    if !contains(start, b"charset") && !contains(start, b"CHARSET") {
        return None;
    }
    let start = String::from_utf8_lossy(start).to_ascii_lowercase();
    let (_, rest) = start.split_once("charset")?;
    let value = rest.trim_start().strip_prefix('=')?.trim_start();
    let label: String = value
        .trim_start_matches(['"', '\''])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_:".contains(*c))
        .collect();
    (!label.is_empty()).then_some(label)
}
