//! From upload to text.

use super::State;
use crate::words::words;

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
