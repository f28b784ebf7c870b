//! The nouns that every other crate shares. No I/O, no dependencies on the rest of Gradus.

mod access;
mod clock;
pub mod failure;
mod ids;
mod jobs;
mod marks;
mod states;
pub mod text;
mod words;

pub use access::{Role, Scope};
pub use clock::{Clock, FixedClock, SystemClock};
pub use ids::{
    ApiTokenId, AuditEventId, CheckpointId, DatasetId, DatasetVersionId, DocumentId, ErrorEventId, Id,
    ModelId, ModelTestId, QueueJobId, ReportId, SessionId, SubmissionId, TrainingJobId, UserId,
};
pub use jobs::{JobKind, Weight};
pub use marks::{Marks, ParseMarksError};
pub use states::{
    BlobState, DatasetVersionState, DatasetVersionStep, DocumentPurpose, DocumentState, DocumentStep,
    ModelTestState, ModelTestStep, NotNow, QueueJobState, ReportState, ReportStep, State, TrainingJobState,
    TrainingJobStep, Wish,
};
pub use words::{UnknownWord, Word};
