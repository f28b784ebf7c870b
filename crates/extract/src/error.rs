//! Why a document was refused, in words for the person who uploaded it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::extraction::Attempt;

/// Why no text came out of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ExtractError {
    /// The file has no bytes.
    #[error("`{name}` is empty (0 bytes). Export or copy the document again and use that file.")]
    Empty {
        /// The file.
        name: String,
    },
    /// The file is larger than the limit.
    #[error(
        "`{name}` is too large: {bytes} bytes, at most {limit} are allowed. \
         Split it, or make its images smaller."
    )]
    TooLarge {
        /// The file.
        name: String,
        /// Its size.
        bytes: u64,
        /// The most that is allowed.
        limit: u64,
    },
    /// The name promises another format than the content is.
    #[error(
        "`{name}` is named .{extension}, but its content is {actual}. Rename it to `{suggestion}` \
         if that is what you meant, or export the document again as {claimed}."
    )]
    WrongExtension {
        /// The file.
        name: String,
        /// The extension, without its dot.
        extension: String,
        /// What the extension promises.
        claimed: String,
        /// What the content is.
        actual: String,
        /// The file's name with the fitting extension.
        suggestion: String,
    },
    /// A known format that is not read.
    #[error("`{name}` is {actual}, which cannot be read. {advice}")]
    Unsupported {
        /// The file.
        name: String,
        /// What it is.
        actual: String,
        /// What to do about it.
        advice: String,
    },
    /// The content is of no known format.
    #[error(
        "`{name}` holds data of an unknown type. Documents can be: {supported}. \
         Open it in the program that made it and save it as one of these."
    )]
    UnknownType {
        /// The file.
        name: String,
        /// The formats that are read.
        supported: String,
    },
    /// The format is known, but no extractor got its text.
    #[error("`{name}` could not be read as {format}: {failure}")]
    Unreadable {
        /// The file.
        name: String,
        /// Its format.
        format: String,
        /// What the first extractor met.
        failure: Failure,
        /// Every extractor that was tried.
        attempts: Vec<Attempt>,
    },
}

impl ExtractError {
    /// Whether trying again later may succeed with the same file.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreadable { failure, .. } if failure.is_transient())
    }
}

/// Why one extractor did not get the text of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Failure {
    /// A password is needed.
    #[error("it is protected by a password. Save a copy without the password and use that.")]
    Encrypted,
    /// The file breaks the rules of its format.
    #[error("{detail}. The file is damaged or incomplete: export or copy it again.")]
    Damaged {
        /// What is wrong, and where.
        detail: String,
    },
    /// An archive unpacks to more than the limit.
    #[error(
        "it unpacks to more than {limit} bytes, as a zip bomb does. \
         Remove large embedded objects, or save it as a new document."
    )]
    Expands {
        /// The most that is allowed.
        limit: u64,
    },
    /// An archive has too many entries.
    #[error("it holds {entries} packed parts, at most {limit} are allowed. Save it as a new document.")]
    TooManyEntries {
        /// How many there are.
        entries: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// A document has too many pages.
    #[error("it has {pages} pages, at most {limit} are allowed. Split it.")]
    TooManyPages {
        /// How many there are.
        pages: u32,
        /// The most that is allowed.
        limit: u32,
    },
    /// Elements stand deeper in each other than the limit.
    #[error("its parts are nested more than {limit} deep. Save it as a new document.")]
    TooDeep {
        /// The deepest that is allowed.
        limit: usize,
    },
    /// There is nothing to read.
    #[error("it holds no text. {detail}")]
    NoText {
        /// What it holds instead, page by page where there are pages, and what to do.
        detail: String,
    },
    /// A program that is needed is not there.
    #[error("{program} is not available here")]
    Unavailable {
        /// The program.
        program: String,
    },
    /// The parser crashed.
    #[error(
        "the reader crashed on it ({detail}). The file is probably damaged: export it again, \
         or save it in another format."
    )]
    Crashed {
        /// The parser's last words.
        detail: String,
    },
    /// The parser took too long.
    #[error(
        "reading it took longer than {} s. Split it, or save it in another format.", 
        limit.as_secs_f32()
    )]
    TimedOut {
        /// The time that was allowed.
        limit: Duration,
    },
}

impl Failure {
    /// Whether another extractor would only find the same.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Encrypted | Self::Expands { .. } | Self::TooManyEntries { .. } | Self::TooManyPages { .. }
        )
    }

    /// Whether trying again later may succeed with the same file.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::Unavailable { .. })
    }

    pub(crate) fn damaged(detail: impl Into<String>) -> Self {
        Self::Damaged { detail: detail.into() }
    }
}
