//! A small run with everything in it that a resume could get wrong: dropout, several micro-batches an
//! update, a last update with fewer sequences, evaluations between epochs, early stopping.

use std::cell::Cell;
use std::path::Path;

use gradus_engine::adapter::{Adapter, LoraConfig, Method};
use gradus_engine::batch::Sequence;
use gradus_engine::random::Random;
use gradus_engine::training::{
    self, Checkpoints, Outcome, Run, Schedule, TrainError, TrainEvent, TrainingData, TrainingPlan,
    TrainingState,
};

use tempfile::TempDir;

use crate::support::TinyModel;

pub(crate) struct Scenario {
    model: TinyModel,
    pub(crate) plan: TrainingPlan,
    pub(crate) data: TrainingData,
    /// The parameters to start from.
    pub(crate) start: Option<Adapter>,
}

/// What one process saw of a run.
pub(crate) struct Part {
    pub(crate) outcome: Result<Outcome, TrainError>,
    pub(crate) events: Vec<TrainEvent>,
    /// How often the run asked whether to stop.
    pub(crate) polls: usize,
}

impl Part {
    pub(crate) fn state(self) -> TrainingState {
        self.outcome.unwrap().state
    }
}

impl Scenario {
    /// A run that makes every step of its plan.
    pub(crate) fn to_the_end() -> Self {
        let model = TinyModel::llama();
        let lora = LoraConfig { rank: 2, alpha: 4.0, dropout: 0.2, ..LoraConfig::default() };
        let plan = TrainingPlan {
            method: lora.into(),
            epochs: 3,
            batch_size: 6,
            group_size: 3,
            micro_batch_rows: 40,
            learning_rate: 0.02,
            schedule: Schedule::Cosine,
            weight_decay: 0.01,
            seed: 5,
            evaluate_every: 3,
            checkpoint_every: 2,
            ..TrainingPlan::default()
        };
        let data = TrainingData {
            train: sequences(&model, 22, 1),
            groups: (0..22).map(|index| index / 4).collect(),
            validation: sequences(&model, 8, 2),
        };
        Self { model, plan, data, start: None }
    }

    /// A run whose validation loss stops falling.
    pub(crate) fn to_early_stopping() -> Self {
        let mut scenario = Self::to_the_end();
        scenario.plan.epochs = 12;
        scenario.plan.learning_rate = 0.2;
        scenario.plan.patience = 2;
        // No evaluation falls on this step.
        scenario.plan.patience_after = 10;
        scenario
    }

    /// As [`Self::to_the_end`], every other way to train.
    pub(crate) fn of_other_methods() -> [Self; 2] {
        let mut decomposed = Self::to_the_end();
        let lora = LoraConfig {
            rank: 2,
            alpha: 32.0,
            dropout: 0.2,
            weight_decomposed: true,
            ..LoraConfig::default()
        };
        (decomposed.plan.method, decomposed.plan.lora_plus_ratio) = (lora.into(), 4.0);
        let mut full = Self::to_the_end();
        (full.plan.method, full.plan.neftune_alpha) = (Method::Full, 5.0);
        [decomposed, full]
    }

    pub(crate) fn checkpoints(&self, directory: &Path) -> Checkpoints {
        Checkpoints::new(directory, "this run")
    }

    /// Runs as one process would, and asks it to stop at the `stop_at`-th time it looks.
    pub(crate) fn run(&self, directory: &Path, stop_at: Option<usize>) -> Part {
        self.run_watched(&self.checkpoints(directory), stop_at, |_| ())
    }

    pub(crate) fn run_watched(
        &self,
        checkpoints: &Checkpoints,
        stop_at: Option<usize>,
        mut watch: impl FnMut(&TrainEvent),
    ) -> Part {
        let mut backend = self.model.cpu();
        let mut events = Vec::new();
        let polls = Cell::new(0);
        let stop = || {
            polls.set(polls.get() + 1);
            stop_at.is_some_and(|at| polls.get() > at)
        };
        let mut sink = |event: &TrainEvent| {
            events.push(event.clone());
            watch(event);
        };
        let run = Run { plan: &self.plan, data: &self.data, start: self.start.as_ref() };
        let outcome = training::run(run, &mut backend, checkpoints, &mut sink, &stop);
        Part { outcome, events, polls: polls.get() }
    }

    /// The same run without any interruption.
    pub(crate) fn uninterrupted(&self) -> Part {
        let directory = scratch();
        self.run(directory.path(), None)
    }
}

/// Groups of four that begin alike, of different lengths, with feedback of less weight.
fn sequences(model: &TinyModel, count: u64, seed: u64) -> Vec<Sequence> {
    let mut random = Random::new(&[17, seed]);
    let sequence = |index| {
        let own = 3 + (random.next_u64() % 9) as usize;
        let mut prompt = model.tokens(10, 100 * seed + index / 4);
        prompt.extend(model.tokens(own, 1000 * seed + index));
        let completion = model.tokens(3, 5000 * seed + index);
        let weights = [1.0, 1.0, 0.1];
        Sequence::completion(&prompt, &completion.into_iter().zip(weights).collect::<Vec<_>>())
    };
    (0..count).map(sequence).collect()
}

/// Every bit but the seconds.
pub(crate) fn assert_same_state(got: &TrainingState, expected: &TrainingState, what: &str) {
    let progress = |state: &TrainingState| {
        let mut progress = state.progress.clone();
        progress.seconds = 0.0;
        progress
    };
    assert_eq!(progress(got), progress(expected), "{what}");
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let vectors = |state: &TrainingState| {
        [
            bits(&state.adapter.parameters),
            bits(&state.optimizer.first_moment),
            bits(&state.optimizer.second_moment),
            bits(&state.gradients),
        ]
    };
    assert!(vectors(got) == vectors(expected), "{what}: parameters, moments or gradients differ");
}

/// What was learned in order, without what depends on the clock or on where a run was cut.
pub(crate) fn history(events: &[TrainEvent]) -> Vec<TrainEvent> {
    let mut history: Vec<TrainEvent> = events.to_vec();
    history.retain(|event| {
        matches!(
            event,
            TrainEvent::Step { .. } | TrainEvent::Evaluated { .. } | TrainEvent::MicroBatch { .. }
        )
    });
    for event in &mut history {
        if let TrainEvent::Step { seconds, .. } = event {
            *seconds = 0.0;
        }
    }
    history
}

/// A directory that is removed afterwards; in memory where that is possible, because checkpoints wait for
/// the disk.
pub(crate) fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// Names in a directory, in order.
pub(crate) fn names_in(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
