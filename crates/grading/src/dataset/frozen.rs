//! A dataset as JSON that notices when it was changed.

use serde::{Deserialize, Serialize};

use super::{Dataset, DatasetError, Example, FORMAT_VERSION};
use crate::guide::Guide;

/// What the content hash is taken over.
#[derive(Serialize)]
struct Content<'a> {
    guide: &'a Guide,
    examples: &'a [Example],
}

/// BLAKE3, lower-case hexadecimal.
pub(super) fn content_hash(guide: &Guide, examples: &[Example]) -> Result<String, DatasetError> {
    let content = serde_json::to_vec(&Content { guide, examples })?;
    Ok(blake3::hash(&content).to_hex().to_string())
}

impl Dataset {
    /// As JSON, to be read by [`Self::from_json`].
    ///
    /// # Errors
    /// A number in the guide that JSON cannot hold.
    pub fn to_json(&self) -> Result<String, DatasetError> {
        Ok(serde_json::to_string(self)?)
    }

    /// Reads what [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// Not a dataset, of another format version, or changed after it was frozen.
    pub fn from_json(json: &str) -> Result<Self, DatasetError> {
        #[derive(Deserialize)]
        struct Versioned {
            format_version: u32,
        }
        let Versioned { format_version } = serde_json::from_str(json)?;
        if format_version != FORMAT_VERSION {
            return Err(DatasetError::FormatVersion(format_version));
        }
        let dataset: Self = serde_json::from_str(json)?;
        if content_hash(&dataset.guide, &dataset.examples)? != dataset.content_hash {
            return Err(DatasetError::Changed);
        }
        Ok(dataset)
    }
}
