//! From submissions to measured agreement.

use super::State;
use crate::words::words;

words! {
    /// How far a model test is.
    "model test" ModelTestState {
        /// Submissions are being gathered.
        Draft = "draft",
        /// Waiting for a worker.
        Queued = "queued",
        /// A worker marks the submissions.
        Running = "running",
        /// Every submission has its outcome.
        Completed = "completed",
        /// Ended by a fault; its problem says which.
        Failed = "failed",
        /// Given up by a person's wish.
        Cancelled = "cancelled",
    }
}

words! {
    /// What may happen to a model test.
    "step" ModelTestStep {
        /// It is complete and may be run, or is to be run again after it was stopped.
        Queue = "queue",
        /// A worker takes it.
        Run = "run",
        /// Every submission was marked.
        Complete = "complete",
        /// It waits for a worker again, because the one that had it was lost or is shutting down.
        Requeue = "requeue",
        /// It cannot go on.
        Fail = "fail",
        /// It is given up.
        Cancel = "cancel",
    }
}

impl State for ModelTestState {
    type Step = ModelTestStep;

    fn after(self, step: ModelTestStep) -> Option<Self> {
        use ModelTestState::{Cancelled, Completed, Draft, Failed, Queued, Running};
        match (self, step) {
            (Draft | Failed | Cancelled, ModelTestStep::Queue) => Some(Queued),
            (Queued, ModelTestStep::Run) => Some(Running),
            (Running, ModelTestStep::Complete) => Some(Completed),
            (Running, ModelTestStep::Requeue) => Some(Queued),
            (Queued | Running, ModelTestStep::Fail) => Some(Failed),
            (Draft | Queued | Running, ModelTestStep::Cancel) => Some(Cancelled),
            _ => None,
        }
    }

    fn is_final(self) -> bool {
        matches!(self, Self::Draft | Self::Completed | Self::Failed | Self::Cancelled)
    }
}
