//! From documents to frozen examples.

use super::State;
use crate::words::words;

words! {
    /// How far a version of a dataset is.
    "dataset version" DatasetVersionState {
        /// Waiting for a worker.
        Queued = "queued",
        /// A worker reads guide and answers.
        Building = "building",
        /// Its examples are frozen.
        Ready = "ready",
        /// Its documents make no dataset; its problem says why.
        Failed = "failed",
    }
}

words! {
    /// What may happen to a version of a dataset.
    "step" DatasetVersionStep {
        /// A worker takes it, or takes it again after another was lost.
        Build = "build",
        /// Its examples were stored.
        Freeze = "freeze",
        /// Its documents make no dataset.
        Fail = "fail",
        /// A person wants it built again.
        Retry = "retry",
    }
}

impl State for DatasetVersionState {
    type Step = DatasetVersionStep;

    fn after(self, step: DatasetVersionStep) -> Option<Self> {
        use DatasetVersionState::{Building, Failed, Queued, Ready};
        match (self, step) {
            (Queued | Building, DatasetVersionStep::Build) => Some(Building),
            (Building, DatasetVersionStep::Freeze) => Some(Ready),
            (Queued | Building, DatasetVersionStep::Fail) => Some(Failed),
            (Failed, DatasetVersionStep::Retry) => Some(Queued),
            _ => None,
        }
    }

    fn is_final(self) -> bool {
        matches!(self, Self::Ready | Self::Failed)
    }
}
