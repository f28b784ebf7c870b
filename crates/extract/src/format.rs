//! What a format and an extractor are. A new format implements these in its own folder.

use crate::error::Failure;
use crate::extraction::Extracted;
use crate::limits::Limits;

/// How sure a format is that some bytes are one of its documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// They are not.
    No,
    /// They can be read so, for want of something better.
    Possible,
    /// The content allows it and the name says so.
    Likely,
    /// The content says so.
    Certain,
}

/// A document format.
pub trait Format: Sync {
    /// Short name (`docx`).
    fn name(&self) -> &'static str;

    /// What to call one of its documents in a sentence (`a Word document (DOCX)`).
    fn description(&self) -> &'static str;

    /// Media types, the usual one first.
    fn media_types(&self) -> &'static [&'static str];

    /// File name extensions without the dot, in lower case, the usual one first.
    fn extensions(&self) -> &'static [&'static str];

    /// How sure it is that `bytes`, in a file called `name`, are one of its documents.
    fn recognise(&self, bytes: &[u8], name: &str) -> Confidence;

    /// Its extractors: primary, secondary, fallbacks. A later one runs only where those before it
    /// failed or yielded poor text.
    fn extractors(&self) -> &'static [&'static dyn Extractor];

    /// Whether `name` ends in one of its extensions.
    fn has_extension(&self, name: &str) -> bool {
        extension(name).is_some_and(|found| self.extensions().contains(&found.as_str()))
    }
}

/// One way to get the text of a format's documents.
pub trait Extractor: Sync {
    /// Its name in the record of attempts.
    fn name(&self) -> &'static str;

    /// Bytes to text.
    ///
    /// # Errors
    /// Where there is no text to be got; see [`Failure`].
    fn extract(&self, bytes: &[u8], limits: &Limits) -> Result<Extracted, Failure>;
}

/// The extension of a file name in lower case, without its dot.
pub(crate) fn extension(name: &str) -> Option<String> {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let (stem, extension) = file.rsplit_once('.')?;
    (!stem.is_empty() && !extension.is_empty()).then(|| extension.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_is_what_follows_the_last_dot_of_the_last_path_part() {
        assert_eq!(extension("a.b/Guide.DOCX").as_deref(), Some("docx"));
        assert_eq!(extension("a.b/guide"), None);
        assert_eq!(extension(".txt"), None);
        assert_eq!(extension("guide."), None);
    }
}
