//! From a wish for a page of evidence to the page.

use super::State;
use crate::words::words;

words! {
    /// How far a report is.
    "report" ReportState {
        /// Waiting for a worker.
        Queued = "queued",
        /// A worker writes it.
        Generating = "generating",
        /// It can be read.
        Completed = "completed",
        /// It could not be written; its problem says why.
        Failed = "failed",
    }
}

words! {
    /// What may happen to a report.
    "step" ReportStep {
        /// A worker takes it, or takes it again after another was lost.
        Generate = "generate",
        /// It was stored.
        Complete = "complete",
        /// It cannot be written.
        Fail = "fail",
        /// A person wants it written again.
        Retry = "retry",
    }
}

impl State for ReportState {
    type Step = ReportStep;

    fn after(self, step: ReportStep) -> Option<Self> {
        use ReportState::{Completed, Failed, Generating, Queued};
        match (self, step) {
            (Queued | Generating, ReportStep::Generate) => Some(Generating),
            (Generating, ReportStep::Complete) => Some(Completed),
            (Queued | Generating, ReportStep::Fail) => Some(Failed),
            (Completed | Failed, ReportStep::Retry) => Some(Queued),
            _ => None,
        }
    }

    fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}
