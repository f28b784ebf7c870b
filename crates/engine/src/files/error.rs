//! What can be wrong with a model on disk, in words for the person who has to do something about it.

use crate::chat::ChatError;
use crate::config::ConfigError;
use crate::tokenizer::TokenizerError;
use std::path::{Path, PathBuf};

/// A model that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The operating system would not give the file.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A directory lacks a file that it must have.
    #[error("{directory} has no {file}: {advice}")]
    FileMissing {
        /// The model's directory.
        directory: PathBuf,
        /// The missing file.
        file: String,
        /// What to do.
        advice: String,
    },
    /// The file ends before what its header announces.
    #[error("{path} is cut off: it should have {expected} bytes but has {found}; pull the model again")]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes that the header announces.
        expected: u64,
        /// Bytes that there are.
        found: u64,
    },
    /// The contents contradict the format.
    #[error("{path} ({size} bytes) is damaged or not a model: {reason}; pull the model again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// What is wrong.
        reason: String,
    },
    /// A sound file of a kind that is not supported.
    #[error("{path} cannot be used: {reason}")]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What is not supported, and what to use.
        reason: String,
    },
    /// A tensor that the architecture needs is not there.
    #[error(
        "{path} has no tensor \"{tensor}\" of shape {expected:?}; the file is incomplete or another architecture"
    )]
    TensorMissing {
        /// The file or directory.
        path: PathBuf,
        /// Hugging Face name.
        tensor: String,
        /// The shape that it would have.
        expected: Vec<usize>,
    },
    /// A tensor has another shape than the architecture says.
    #[error(
        "{path}: tensor \"{tensor}\" should have the shape {expected:?} but has {found:?}; weights and configuration belong to different models"
    )]
    TensorShape {
        /// The file or directory.
        path: PathBuf,
        /// Hugging Face name.
        tensor: String,
        /// From the configuration.
        expected: Vec<usize>,
        /// In the file.
        found: Vec<usize>,
    },
    /// A tensor was asked for that the model does not have, or that was taken before.
    #[error("the weights have no tensor \"{tensor}\" left to take")]
    TensorTaken {
        /// The name asked for.
        tensor: String,
    },
    /// The description of the architecture is no good.
    #[error("{path}: {source}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ConfigError,
    },
    /// The tokenizer is no good.
    #[error("{path}: {source}")]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: TokenizerError,
    },
    /// The chat template is no good.
    #[error("{path}: {source}")]
    Chat {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ChatError,
    },
}

impl FilesError {
    pub(super) fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(super) fn damaged(path: &Path, size: u64, reason: impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), size, reason: reason.to_string() }
    }

    pub(super) fn unsupported(path: &Path, reason: impl Into<String>) -> Self {
        Self::Unsupported { path: path.to_owned(), reason: reason.into() }
    }

    pub(super) fn config(path: &Path, source: impl Into<ConfigError>) -> Self {
        Self::Config { path: path.to_owned(), source: source.into() }
    }

    pub(super) fn tokenizer(path: &Path, source: TokenizerError) -> Self {
        Self::Tokenizer { path: path.to_owned(), source }
    }

    pub(super) fn chat(path: &Path, source: ChatError) -> Self {
        Self::Chat { path: path.to_owned(), source }
    }
}
