//! What can go wrong with an export, in words for the person who asked for it.

use std::path::{Path, PathBuf};

use super::Drift;
use crate::backend::BackendError;
use crate::files::FilesError;
use crate::tokenizer::TokenizerError;

/// An export that could not be made, or an adapter that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Something is there already.
    #[error("{path} exists and is not an empty directory; remove it or choose another name")]
    AlreadyThere {
        /// Where the export should go.
        path: PathBuf,
    },
    /// A file of an adapter is not what it should be.
    #[error("{path} cannot be read: {reason}; copy the adapter again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A sound adapter of a kind that is not supported.
    #[error("{path} cannot be used: {reason}")]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What is not supported, and what to do.
        reason: String,
    },
    /// There is no adapter to write.
    #[error(
        "all weights of this model were trained, so there is no adapter to write; export the whole model, as \"merged\""
    )]
    NoAdapter,
    /// A matrix of the adapter does not fit the model.
    #[error(
        "{path}: tensor \"{tensor}\" should have the shape {expected:?} but has {found:?}; the adapter belongs to another base model"
    )]
    TensorShape {
        /// The file.
        path: PathBuf,
        /// Its name in the file.
        tensor: String,
        /// From the model and the rank.
        expected: Vec<usize>,
        /// In the file.
        found: Vec<usize>,
    },
    /// The adapter was made for a model of other sizes.
    #[error("the adapter does not fit {base}; give the base model that it was trained on")]
    OtherBase {
        /// The model that it should be merged into.
        base: PathBuf,
    },
    /// There is nothing to compare the export by.
    #[error(
        "no sequence of the sample has a label, so the export could not be checked; give some of the test examples"
    )]
    EmptySample,
    /// The exported model says something else than the model that was trained.
    #[error(
        "the exported model does not say the same as the trained one: its log-probabilities are {drift}, and {tolerance} is allowed; nothing was kept; export with more bits a weight, or report this"
    )]
    Drifted {
        /// What was measured.
        drift: Drift,
        /// What is allowed.
        tolerance: Drift,
    },
    /// The base model or the exported one cannot be read.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The base model or the exported one cannot be run.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The tokenizer cannot be written.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

impl ExportError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(super) fn damaged(path: &Path, reason: impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(super) fn unsupported(path: &Path, reason: impl Into<String>) -> Self {
        Self::Unsupported { path: path.to_owned(), reason: reason.into() }
    }
}
