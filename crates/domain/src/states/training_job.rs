//! From a wish for a model to the model.

use super::State;
use crate::words::words;

words! {
    /// How far a training job is.
    "training job" TrainingJobState {
        /// Waiting for a worker.
        Queued = "queued",
        /// A worker fetches model and data and checks them.
        Preparing = "preparing",
        /// Parameters are being learnt.
        Training = "training",
        /// The result is being calibrated and measured.
        Evaluating = "evaluating",
        /// Its model is there.
        Completed = "completed",
        /// Stopped where it can go on, by a person's wish.
        Paused = "paused",
        /// Given up by a person's wish.
        Cancelled = "cancelled",
        /// Ended by a fault; its problem says which.
        Failed = "failed",
    }
}

words! {
    /// What may happen to a training job.
    "step" TrainingJobStep {
        /// A worker takes it.
        Prepare = "prepare",
        /// The first update is about to be computed.
        Train = "train",
        /// The last update was computed.
        Evaluate = "evaluate",
        /// Its model was stored.
        Complete = "complete",
        /// It waits for a worker again, because the one that had it was lost or is shutting down.
        Requeue = "requeue",
        /// It stops where it can go on.
        Pause = "pause",
        /// It is given up.
        Cancel = "cancel",
        /// It cannot go on.
        Fail = "fail",
        /// A person wants it to go on from a checkpoint.
        Resume = "resume",
    }
}

impl TrainingJobState {
    /// Whether a worker is at it.
    pub fn is_running(self) -> bool {
        matches!(self, Self::Preparing | Self::Training | Self::Evaluating)
    }
}

impl State for TrainingJobState {
    type Step = TrainingJobStep;

    fn after(self, step: TrainingJobStep) -> Option<Self> {
        use TrainingJobState as S;
        use TrainingJobStep as Step;
        match (self, step) {
            (S::Queued, Step::Prepare) => Some(S::Preparing),
            (S::Preparing, Step::Train) => Some(S::Training),
            (S::Training, Step::Evaluate) => Some(S::Evaluating),
            (S::Evaluating, Step::Complete) => Some(S::Completed),
            (state, Step::Requeue) if state.is_running() => Some(S::Queued),
            (state, Step::Pause) if state == S::Queued || state.is_running() => Some(S::Paused),
            (state, Step::Cancel) if !state.is_final() || state == S::Paused => Some(S::Cancelled),
            (state, Step::Fail) if state == S::Queued || state.is_running() => Some(S::Failed),
            (S::Paused | S::Cancelled | S::Failed, Step::Resume) => Some(S::Queued),
            _ => None,
        }
    }

    fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Paused | Self::Cancelled | Self::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Word;

    #[test]
    fn a_run_goes_from_queued_to_completed() {
        let steps = [
            TrainingJobStep::Prepare,
            TrainingJobStep::Train,
            TrainingJobStep::Evaluate,
            TrainingJobStep::Complete,
        ];
        let end = steps.iter().try_fold(TrainingJobState::Queued, |state, &step| state.step(step));
        assert_eq!(end, Ok(TrainingJobState::Completed));
    }

    #[test]
    fn a_completed_job_stays_as_it_is() {
        for &step in TrainingJobStep::ALL {
            assert_eq!(TrainingJobState::Completed.after(step), None, "{step}");
        }
    }

    #[test]
    fn whatever_is_queued_or_running_can_be_paused_cancelled_or_failed_and_then_resumed() {
        use TrainingJobState::{Evaluating, Preparing, Queued, Training};
        for state in [Queued, Preparing, Training, Evaluating] {
            for step in [TrainingJobStep::Pause, TrainingJobStep::Cancel, TrainingJobStep::Fail] {
                let stopped = state.after(step).unwrap();
                assert!(stopped.is_final());
                assert_eq!(stopped.after(TrainingJobStep::Resume), Some(Queued));
            }
        }
    }

    #[test]
    fn only_a_job_that_a_worker_has_can_be_requeued() {
        for &state in TrainingJobState::ALL {
            assert_eq!(state.after(TrainingJobStep::Requeue).is_some(), state.is_running(), "{state}");
        }
    }

    #[test]
    fn a_refusal_says_what_is_and_what_was_wanted() {
        let refusal = TrainingJobState::Completed.step(TrainingJobStep::Cancel).unwrap_err();
        assert_eq!(refusal.to_string(), "the training job is completed: it is not possible to cancel it now");
    }
}
