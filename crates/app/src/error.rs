//! Why a service could not do its work, in words for the person who asked.

use std::path::PathBuf;

use gradus_engine::backend::BackendError;
use gradus_engine::chat::ChatError;
use gradus_engine::export::ExportError;
use gradus_engine::files::FilesError;
use gradus_engine::generation::GenerationError;
use gradus_engine::tokenizer::TokenizerError;
use gradus_engine::training::{CheckpointError, TrainError};
use gradus_extract::ExtractError;
use gradus_grading::dataset::DatasetError;
use gradus_grading::guide::GuideError;
use gradus_grading::import::ImportErrors;
use gradus_grading::paper::PaperError;
use gradus_report::ReportError;
use gradus_store::StoreError;
use gradus_store::blobs::BlobError;

use crate::accounts::QuotaExceeded;
use crate::models::ModelsError;
use crate::service::conversations::CheckedConversations;

/// Any failure of a service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The work was stopped on request.
    #[error("stopped before the end")]
    Interrupted,
    /// The work was stopped on request, and can be taken up where it was.
    #[error("stopped; run the same command again to go on")]
    Paused,
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}{}", path.display(), advice(source))]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A document could not be read.
    #[error(transparent)]
    Extract(#[from] ExtractError),
    /// A guide could not be understood.
    #[error("{}: {source}", path.display())]
    Guide {
        /// The document.
        path: PathBuf,
        /// What is wrong.
        source: GuideError,
    },
    /// A paper could not be understood.
    #[error("{}: {source}", path.display())]
    Paper {
        /// The document.
        path: PathBuf,
        /// What is wrong.
        source: PaperError,
    },
    /// A table of answers or marks, or a file of conversations, has faults.
    #[error(transparent)]
    Import(#[from] ImportErrors),
    /// The answers do not make a dataset.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A file holds no dataset that can be used.
    #[error("{}: {source}", path.display())]
    DatasetFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: DatasetError,
    },
    /// A file of conversations cannot be learnt from.
    #[error(transparent)]
    Conversations(CheckedConversations),
    /// A base model could not be had.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// A model's files are not sound.
    #[error(transparent)]
    ModelFiles(#[from] FilesError),
    /// A text could not be turned into tokens.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A conversation does not fit the model's template.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The model could not process something.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Text could not be generated.
    #[error(transparent)]
    Generation(#[from] GenerationError),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A checkpoint could not be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// An adapter or a model could not be written or read back.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The report could not be made.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// Preflight found what would make the run fail or teach nothing.
    #[error("nothing was started, because of {} problem(s) in the training data:\n{}", problems.len(), list(problems))]
    Preflight {
        /// Each with its row and what to do.
        problems: Vec<String>,
    },
    /// Prompts that cannot be answered.
    #[error("nothing was generated, because of {} problems in the prompts:\n{}", problems.len(), list(problems))]
    Prompts {
        /// Each with its line.
        problems: Vec<String>,
    },
    /// Some prompts got no answer; the others did.
    #[error("{} of {of} prompts got no whole answer:\n{}", problems.len(), list(problems))]
    Unanswered {
        /// How many prompts there were.
        of: usize,
        /// Each with its line and what went wrong.
        problems: Vec<String>,
    },
    /// No answer of a model test has a known mark.
    #[error(
        "no answer has a known mark, so there is nothing to test: check that the students' names in the papers and in the table of marks agree\n{}",
        list(problems)
    )]
    NothingToTest {
        /// What did not fit together, each with its file and row.
        problems: Vec<String>,
    },
    /// The database could not do its work, or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The blob store could not do its work.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// Fields of a request are wrong.
    #[error("{}", fields(problems))]
    Invalid {
        /// Each with the field that it is about.
        problems: Vec<FieldProblem>,
    },
    /// A user has as much as they may have.
    #[error(transparent)]
    Quota(#[from] QuotaExceeded),
    /// The machine has no room for more work at the moment.
    #[error("{0}")]
    Busy(String),
    /// A child process that did part of the work ended without a result.
    #[error("{0}")]
    Child(String),
    /// Something in a request does not fit together.
    #[error("{0}")]
    Request(String),
    /// A directory holds no trained model that can be used here.
    #[error("{} {reason}", directory.display())]
    Unfit {
        /// The directory.
        directory: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// A file of Gradus's own is not what it should be.
    #[error("{} is not {expected}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// A field of a request and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field, as in `hyperparameters.epochs`.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Error {
    /// A field that is wrong.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid { problems: vec![FieldProblem { field: field.to_owned(), message: message.into() }] }
    }

    /// An interruption of work that the same command takes up again.
    pub(crate) fn resumable(self) -> Self {
        match self {
            Self::Interrupted => Self::Paused,
            other => other,
        }
    }

    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Models(error) => error.is_transient(),
            Self::Store(error) => error.is_transient(),
            Self::Blobs(error) => error.is_transient(),
            Self::Interrupted | Self::Paused | Self::Busy(_) => true,
            _ => false,
        }
    }

    pub(crate) fn file(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}

fn advice(source: &std::io::Error) -> &'static str {
    match source.kind() {
        std::io::ErrorKind::NotFound => "; check the path",
        std::io::ErrorKind::IsADirectory => "; name a file in it",
        std::io::ErrorKind::NotADirectory => "; name a directory",
        std::io::ErrorKind::PermissionDenied => "; check who may use it",
        std::io::ErrorKind::StorageFull
        | std::io::ErrorKind::QuotaExceeded
        | std::io::ErrorKind::FileTooLarge => "; free some space and run the command again",
        _ => "",
    }
}

fn fields(problems: &[FieldProblem]) -> String {
    let lines: Vec<String> =
        problems.iter().map(|problem| format!("{}: {}", problem.field, problem.message)).collect();
    lines.join("\n")
}

fn list(problems: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut lines: Vec<String> = problems.iter().take(SHOWN).map(|problem| format!("  {problem}")).collect();
    if problems.len() > SHOWN {
        lines.push(format!("  … and {} more", problems.len() - SHOWN));
    }
    lines.join("\n")
}
