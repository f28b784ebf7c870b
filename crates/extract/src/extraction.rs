//! What extraction yields: the text, how it was got and what is to be known about it.

use std::time::Duration;

use gradus_domain::text::StructuredText;
use serde::{Deserialize, Serialize};

use crate::error::Failure;

/// The text of a document and the record of how it was got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extraction {
    /// Short name of the format (`docx`, `pdf`).
    pub format: String,
    /// The text.
    pub text: StructuredText,
    /// The document's title, where it states one.
    pub title: Option<String>,
    /// Number of pages, where the format has pages.
    pub pages: Option<u32>,
    /// Lines of page headers and footers, each once. They are no part of the text, but often say whose
    /// paper it is.
    pub running_lines: Vec<String>,
    /// What a reader of the text should know.
    pub warnings: Vec<Warning>,
    /// Every extractor that was tried, in order.
    pub attempts: Vec<Attempt>,
    /// How much the text looks like text, 0 to 1.
    pub quality: f64,
}

/// What one extractor yields.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extracted {
    /// The text.
    pub text: StructuredText,
    /// The document's title, where it states one.
    pub title: Option<String>,
    /// Number of pages, where the format has pages.
    pub pages: Option<u32>,
    /// Lines of page headers and footers, each once. They are no part of the text, but often say whose
    /// paper it is.
    pub running_lines: Vec<String>,
    /// What a reader of the text should know.
    pub warnings: Vec<Warning>,
}

/// One extractor's try at one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The extractor's name.
    pub extractor: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub duration: Duration,
    /// The quality of its text, 0 to 1, where there was one.
    pub quality: Option<f64>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Its text is the result.
    Chosen,
    /// It yielded text, but another extractor's was better.
    Outscored,
    /// It yielded none.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// Something about an extracted text that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Warning {
    /// A page is a picture.
    #[error("page {page} has no text: it is an image, such as a scan. Its content is missing here.")]
    ImagePage {
        /// The page, from 1.
        page: u32,
    },
    /// A page shows neither text nor a picture.
    #[error("page {page} has no text: it is blank, or its letters are drawn as shapes.")]
    BlankPage {
        /// The page, from 1.
        page: u32,
    },
    /// A page could not be read.
    #[error("page {page} could not be read and is missing here: {reason}")]
    UnreadPage {
        /// The page, from 1.
        page: u32,
        /// Why.
        reason: String,
    },
    /// The encoding was not stated.
    #[error("the text's encoding was guessed as {encoding}. If letters look wrong, save it as UTF-8.")]
    GuessedEncoding {
        /// The encoding.
        encoding: String,
    },
    /// Some bytes are not text in the encoding.
    #[error("{characters} characters could not be decoded and show as \u{FFFD}")]
    Undecodable {
        /// How many.
        characters: usize,
    },
    /// The document holds text that its reader does not see.
    #[error("{characters} characters of hidden text were left out")]
    HiddenText {
        /// How many.
        characters: usize,
    },
    /// Deletions that were never accepted.
    #[error("{characters} characters that tracked changes delete were left out")]
    DeletedText {
        /// How many.
        characters: usize,
    },
    /// Headings, lists and tables could not be told from paragraphs.
    #[error("headings, lists and tables were lost: {reason}")]
    StructureLost {
        /// Why.
        reason: String,
    },
    /// The text hardly looks like text.
    #[error("little of this looks like words (quality {percent} %). Check it before using it.")]
    PoorQuality {
        /// Quality in percent.
        percent: u8,
    },
}

impl Warning {
    /// Whether it reports a page that yielded no text.
    pub fn is_page_without_text(&self) -> bool {
        matches!(self, Self::ImagePage { .. } | Self::BlankPage { .. } | Self::UnreadPage { .. })
    }
}
