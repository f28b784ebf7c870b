//! Why a request got no answer, as it travels between processes: a kind for programs, a sentence for people.

use gradus_engine::backend::BackendError;
use gradus_engine::generation::{ConstraintError, GenerationError};
use serde::{Deserialize, Serialize};

use crate::Error;

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The conversation cannot be put to this model.
    Conversation,
    /// The conversation has more tokens than the model reads.
    TooLong,
    /// What the answer is to be held to cannot be used.
    Format,
    /// An option makes no sense.
    Options,
    /// The model's files are missing, damaged or not the ones that were meant.
    Model,
    /// The model needs more memory than is allowed.
    Memory,
    /// Too many requests wait already.
    Busy,
    /// The asker has as many requests on their way as one may have.
    Share,
    /// The process that holds the models ended, or could not be started.
    Lost,
    /// The server is being stopped.
    Stopping,
    /// The answer was not fetched as fast as it came.
    Slow,
    /// The mathematics failed.
    Failed,
}

/// Why a request got no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What kind of failure it is.
    pub kind: FaultKind,
    /// What happened and what to do, in a sentence.
    pub message: String,
}

impl Fault {
    /// A failure of that kind.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        use FaultKind::{Busy, Failed, Lost, Share, Slow, Stopping};
        matches!(self.kind, Busy | Share | Lost | Stopping | Slow | Failed)
    }

    /// A model that could not be loaded.
    pub(super) fn of_model(error: &Error) -> Self {
        Self::new(FaultKind::Model, error.to_string())
    }
}

impl From<GenerationError> for Fault {
    fn from(error: GenerationError) -> Self {
        use GenerationError as E;
        let kind = match &error {
            E::Backend(BackendError::TooLong { .. } | BackendError::CacheFull { .. }) => FaultKind::TooLong,
            E::Backend(BackendError::NothingToRead) => FaultKind::Conversation,
            E::Backend(_) => FaultKind::Failed,
            E::Constraint(ConstraintError::Vocabulary(_)) => FaultKind::Model,
            E::Constraint(_) => FaultKind::Format,
            E::Temperature(_)
            | E::TopP(_)
            | E::TopK
            | E::Penalty { .. }
            | E::LogitBias { .. }
            | E::EmptyStopText => FaultKind::Options,
        };
        Self::new(kind, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_engine_are_told_apart_by_what_to_change() {
        let kind = |error: GenerationError| Fault::from(error).kind;
        assert_eq!(kind(BackendError::TooLong { length: 9, context: 8 }.into()), FaultKind::TooLong);
        assert_eq!(kind(GenerationError::TopP(2.0)), FaultKind::Options);
        assert_eq!(kind(ConstraintError::Regex("[".into()).into()), FaultKind::Format);
        assert_eq!(kind(BackendError::NothingToRead.into()), FaultKind::Conversation);
    }

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        let transient = |kind| Fault::new(kind, "").is_transient();
        assert!(transient(FaultKind::Busy) && transient(FaultKind::Lost) && transient(FaultKind::Stopping));
        assert!(
            !transient(FaultKind::Format) && !transient(FaultKind::Model) && !transient(FaultKind::Memory)
        );
    }
}
