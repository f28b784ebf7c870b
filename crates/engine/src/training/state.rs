//! Everything that changes during a run. All of it is in the checkpoint: whatever is added here must be
//! saved there, or a resumed run differs from an uninterrupted one.

use gradus_kernels::AdamWState;
use serde::{Deserialize, Serialize};

use crate::adapter::Adapter;

/// Where in the data a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cursor {
    /// Pass over the data, from 0.
    pub epoch: u32,
    /// Update within the epoch, from 0.
    pub window: u64,
    /// Micro-batches of that window already accumulated.
    pub micro_batch: usize,
}

/// One point of a loss curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LossPoint {
    /// Updates made when it was measured.
    pub step: u64,
    /// Mean negative log-likelihood of a label token, in nats.
    pub loss: f64,
}

/// The evaluation with the lowest validation loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BestStep {
    /// Updates made.
    pub step: u64,
    /// Validation loss there.
    pub loss: f64,
}

/// The part of the state that is not a large vector.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Updates made.
    pub step: u64,
    /// Where in the data.
    pub cursor: Cursor,
    /// Σ weight · loss of the micro-batches accumulated in the current window.
    pub window_loss: f64,
    /// The best evaluation so far.
    pub best: Option<BestStep>,
    /// Evaluations since the best one.
    pub evaluations_without_gain: u32,
    /// Tokens of the sequences trained on, shared prefixes counted for each.
    pub tokens: u64,
    /// Rows computed: tokens after prefix sharing.
    pub rows: u64,
    /// Seconds spent training, over all the parts of an interrupted run.
    pub seconds: f64,
    /// Training loss of every update.
    pub train_losses: Vec<LossPoint>,
    /// Every evaluation.
    pub validation_losses: Vec<LossPoint>,
}

/// The state of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingState {
    /// Counters, cursor and history.
    pub progress: Progress,
    /// The adapter as trained so far.
    pub adapter: Adapter,
    /// The optimizer's moments.
    pub optimizer: AdamWState,
    /// The gradient accumulated in the current window.
    pub gradients: Vec<f32>,
}

impl TrainingState {
    /// The state before the first update.
    pub fn new(adapter: Adapter) -> Self {
        let parameters = adapter.parameters.len();
        Self {
            progress: Progress::default(),
            adapter,
            optimizer: AdamWState::new(parameters),
            gradients: vec![0.0; parameters],
        }
    }
}
