//! JSON and JSON Lines: keys and strings as readable text, arrays of objects as tables.

mod flatten;
mod value;

use crate::blocks::Blocks;
use crate::encoding;
use crate::error::Failure;
use crate::extraction::Extracted;
use crate::format::{Confidence, Extractor, Format};
use crate::limits::Limits;
use value::Value;

pub(super) struct Json;

impl Format for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn description(&self) -> &'static str {
        "JSON data"
    }

    fn media_types(&self) -> &'static [&'static str] {
        &["application/json", "application/x-ndjson"]
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["json", "jsonl", "ndjson"]
    }

    /// Certain where it parses; likely where it is only named so, to tell where it is broken.
    fn recognise(&self, bytes: &[u8], name: &str) -> Confidence {
        let opens = bytes
            .iter()
            .find(|byte| !byte.is_ascii_whitespace() && !b"\xEF\xBB\xBF\xFF\xFE\0".contains(byte))
            .is_some_and(|byte| b"{[".contains(byte));
        if !opens || !encoding::is_text(bytes) {
            Confidence::No
        } else if parse(&encoding::decode(bytes, None).text).is_ok() {
            Confidence::Certain
        } else if self.has_extension(name) {
            Confidence::Likely
        } else {
            Confidence::No
        }
    }

    fn extractors(&self) -> &'static [&'static dyn Extractor] {
        &[&Flatten]
    }
}

struct Flatten;

impl Extractor for Flatten {
    fn name(&self) -> &'static str {
        "serde_json"
    }

    fn extract(&self, bytes: &[u8], _limits: &Limits) -> Result<Extracted, Failure> {
        let decoded = encoding::decode(bytes, None);
        let value = parse(&decoded.text)
            .map_err(|error| Failure::damaged(format!("it is not valid JSON: {error}")))?;
        let mut blocks = Blocks::default();
        flatten::write(&value, &mut blocks);
        if blocks.is_empty() {
            return Err(Failure::NoText {
                detail: "All its values are empty: check that the right file was chosen.".to_owned(),
            });
        }
        Ok(Extracted {
            title: value.title(),
            text: blocks.finish(),
            warnings: decoded.warnings,
            ..Extracted::default()
        })
    }
}

/// One value, or the array of the values that follow each other (JSON Lines).
fn parse(text: &str) -> Result<Value, serde_json::Error> {
    let values: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(text).into_iter().collect();
    values.map(|mut values| if values.len() == 1 { values.remove(0) } else { Value::Array(values) })
}
