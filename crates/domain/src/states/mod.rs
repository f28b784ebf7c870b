//! The states of long-lived things, and the steps between them. A step that a state does not allow is refused here;
//! the store then applies it only if the state is still the one that it was taken from.

mod blob;
mod dataset_version;
mod document;
mod job;
mod model_test;
mod report;
mod training_job;

pub use blob::BlobState;
pub use dataset_version::{DatasetVersionState, DatasetVersionStep};
pub use document::{DocumentPurpose, DocumentState, DocumentStep};
pub use job::{QueueJobState, Wish};
pub use model_test::{ModelTestState, ModelTestStep};
pub use report::{ReportState, ReportStep};
pub use training_job::{TrainingJobState, TrainingJobStep};

use crate::Word;

/// A thing's state.
pub trait State: Word {
    /// What may happen to it.
    type Step: Word;

    /// The state after `step`, or none if it does not allow it.
    fn after(self, step: Self::Step) -> Option<Self>;

    /// Whether only a person's wish moves it on.
    fn is_final(self) -> bool;

    /// [`State::after`], or a refusal in words.
    ///
    /// # Errors
    /// When the state does not allow the step.
    fn step(self, step: Self::Step) -> Result<Self, NotNow> {
        self.after(step).ok_or(NotNow { noun: Self::NOUN, state: self.word(), step: step.word() })
    }
}

/// A step that a state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {noun} is {state}: it is not possible to {step} it now")]
pub struct NotNow {
    noun: &'static str,
    state: &'static str,
    step: &'static str,
}
