//! What a run tells the world.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum TrainEvent {
    /// The loop is about to begin.
    Started {
        /// Updates already made, above 0 for a resumed run.
        step: u64,
        /// Updates in the whole run.
        total_steps: u64,
        /// Parameters being trained.
        trainable_parameters: usize,
    },
    /// A part of an update has been computed; for progress on long updates.
    MicroBatch {
        /// Updates made.
        step: u64,
        /// Micro-batches done and in all of this update.
        done: usize,
        /// Micro-batches of this update.
        of: usize,
    },
    /// The parameters were updated.
    Step {
        /// Updates made.
        step: u64,
        /// Updates in the whole run.
        total_steps: u64,
        /// Epochs done, in parts.
        epoch: f64,
        /// Mean loss of the update's label tokens, in nats.
        loss: f64,
        /// Learning rate used.
        learning_rate: f64,
        /// Norm of the gradient before clipping.
        gradient_norm: f64,
        /// Tokens of the update's sequences.
        tokens: u64,
        /// Rows computed for them, after prefix sharing.
        rows: u64,
        /// Seconds the update took.
        seconds: f64,
    },
    /// The validation data was evaluated.
    Evaluated {
        /// Updates made.
        step: u64,
        /// Mean loss of a label token, in nats.
        loss: f64,
        /// Whether it is the lowest so far.
        best: bool,
    },
    /// A checkpoint was saved.
    CheckpointSaved {
        /// Updates made.
        step: u64,
        /// Where.
        path: PathBuf,
    },
    /// A damaged checkpoint was passed over.
    CheckpointRefused {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Whoever listens to a run.
pub trait EventSink {
    /// Called on the training thread; must be quick.
    fn emit(&mut self, event: &TrainEvent);
}

impl<F: FnMut(&TrainEvent)> EventSink for F {
    fn emit(&mut self, event: &TrainEvent) {
        self(event);
    }
}
