//! From upload to text.

use super::State;
use crate::words::words;

words! {
    /// What an uploaded file is for.
    "purpose" DocumentPurpose {
        /// A marking guide, which a worker reads.
        Guide = "guide",
        /// A table of marked answers, or of the known marks of papers.
        Answers = "answers",
        /// A student's paper, which a worker reads.
        Papers = "papers",
        /// Conversations to learn from, in OpenAI's format.
        Conversations = "conversations",
        /// Data of its owner's.
        UserData = "user_data",
        /// Data to test with, of programs made for OpenAI's API.
        Evals = "evals",
        /// Whatever its owner keeps here.
        Other = "other",
    }
}

impl DocumentPurpose {
    /// Whether a worker reads it; everything else is used as it is.
    #[must_use]
    pub fn is_read(self) -> bool {
        matches!(self, Self::Guide | Self::Papers)
    }
}

words! {
    /// How far an uploaded file is.
    "document" DocumentState {
        /// Its bytes are here.
        Uploaded = "uploaded",
        /// A worker reads it.
        Extracting = "extracting",
        /// Its text can be used.
        Ready = "ready",
        /// It cannot be used; its problem says why.
        Rejected = "rejected",
    }
}

words! {
    /// What may happen to an uploaded file.
    "step" DocumentStep {
        /// A worker begins to read it, or begins again after another was lost.
        Extract = "extract",
        /// Its text was read.
        Accept = "accept",
        /// It cannot be read.
        Reject = "reject",
        /// A person wants it read again.
        Retry = "retry",
    }
}

impl State for DocumentState {
    type Step = DocumentStep;

    fn after(self, step: DocumentStep) -> Option<Self> {
        use DocumentState::{Extracting, Ready, Rejected, Uploaded};
        match (self, step) {
            (Uploaded | Extracting, DocumentStep::Extract) => Some(Extracting),
            (Extracting, DocumentStep::Accept) => Some(Ready),
            (Uploaded | Extracting, DocumentStep::Reject) => Some(Rejected),
            (Ready | Rejected, DocumentStep::Retry) => Some(Uploaded),
            _ => None,
        }
    }

    fn is_final(self) -> bool {
        matches!(self, Self::Ready | Self::Rejected)
    }
}
