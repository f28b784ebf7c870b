//! One training run: packed batches in, events and checkpoints out.
//! Knows nothing of queues, databases or screens.

use std::time::Instant;

use gradus_kernels::sum_of_squares;

use super::data::Window;
use super::state::Progress;
use super::{
    BestStep, CheckpointError, Checkpoints, EventSink, LossPoint, TrainEvent, TrainingData, TrainingPlan,
    TrainingState, evaluate,
};
use crate::adapter::Adapter;
use crate::backend::{Backend, BackendError, Dropout, EmbeddingNoise, Noise};
use crate::batch::PackedBatch;
use crate::random::Random;

/// Why a run ended before its last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Somebody asked; the run can be resumed.
    Requested,
    /// The validation loss stopped falling.
    NoGain,
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// `None` where every step was made.
    pub stopped: Option<StopReason>,
    /// The state at the end; also in the last checkpoint.
    pub state: TrainingState,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// There is nothing to train on.
    #[error("no training sequence has a label; check that the examples carry marks or completions")]
    NoLabels,
    /// The plan cannot be carried out.
    #[error("training plan: {field} {message}")]
    Plan {
        /// Field of the plan.
        field: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The loss is not a number any more.
    #[error(
        "the loss became {loss} at step {step}: lower the learning rate, or look for broken examples; the checkpoint before it is kept"
    )]
    Diverged {
        /// Updates made before it.
        step: u64,
        /// What it became.
        loss: f64,
    },
    /// The model could not process a batch.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// A checkpoint could not be written or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// What a run is made of; with the base model it decides the result to the last bit.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The hyperparameters.
    pub plan: &'a TrainingPlan,
    /// What is learned.
    pub data: &'a TrainingData,
    /// The parameters to start from, such as those of an earlier run on other data; `None`: new ones.
    pub start: Option<&'a Adapter>,
}

/// Trains until the plan is done, early stopping acts or `stop` says so. Resumes from the newest sound
/// checkpoint where there is one.
pub fn run(
    Run { plan, data, start }: Run<'_>,
    backend: &mut dyn Backend,
    checkpoints: &Checkpoints,
    events: &mut dyn EventSink,
    stop: &dyn Fn() -> bool,
) -> Result<Outcome, TrainError> {
    check(plan, data)?;
    let base = |name: &str| backend.base_tensor(name);
    let fresh = match start {
        Some(start) => same_layout(start, plan, backend)?,
        None => Adapter::initial(&plan.method, backend.config(), plan.seed, base)?,
    };
    let mut state = checkpoints.resume(fresh, events)?;
    let total_steps = plan.total_steps(data.train.len());
    let trainable_parameters = state.adapter.parameters.len();
    events.emit(&TrainEvent::Started { step: state.progress.step, total_steps, trainable_parameters });

    let mut saved_step = state.progress.step;
    loop {
        // Evaluation comes before the step that follows it, so that a run interrupted between the two
        // evaluates when it resumes.
        let evaluated = evaluate_if_due(plan, data, backend, &mut state, events, stop)?;
        let step = state.progress.step;
        let window = data.window(&state.progress.cursor, plan);
        let interrupted = evaluated == Evaluated::Interrupted;
        // Without its evaluation nothing can be said of the end of a run.
        let done = !interrupted && (window.is_none() || plan.is_out_of_patience(&state.progress));
        let stopping = !done && (interrupted || stop());
        let due = evaluated == Evaluated::Best || done || step.is_multiple_of(plan.checkpoint_every);
        let unsaved = step > saved_step || evaluated == Evaluated::Best || evaluated == Evaluated::NotBest;
        if (due && unsaved) || stopping {
            checkpoints.save(&state, events)?;
            saved_step = step;
        }
        let window = match window {
            _ if stopping => return Ok(Outcome { stopped: Some(StopReason::Requested), state }),
            Some(window) if !done => window,
            rest => {
                let stopped = rest.map(|_| StopReason::NoGain);
                return Ok(Outcome { stopped, state });
            }
        };
        let started = Instant::now();
        let complete = accumulate(plan, &window, backend, &mut state, events, stop)?;
        if !complete {
            state.progress.seconds += started.elapsed().as_secs_f64();
            checkpoints.save(&state, events)?;
            return Ok(Outcome { stopped: Some(StopReason::Requested), state });
        }
        let loss = state.progress.window_loss / window.label_weight;
        if !loss.is_finite() {
            return Err(TrainError::Diverged { step, loss });
        }
        let learning_rate = plan.learning_rate_at(step, total_steps);
        let gradient_norm = update(plan, &mut state, learning_rate);
        advance(plan, data, &mut state, loss);
        let seconds = started.elapsed().as_secs_f64();
        state.progress.seconds += seconds;
        events.emit(&TrainEvent::Step {
            step: state.progress.step,
            total_steps,
            epoch: epochs_done(plan, data, &state),
            loss,
            learning_rate,
            gradient_norm,
            tokens: window.tokens(),
            rows: window.rows(),
            seconds,
        });
    }
}

/// The parameters to start from, where they are of the plan's kind.
fn same_layout(start: &Adapter, plan: &TrainingPlan, backend: &dyn Backend) -> Result<Adapter, TrainError> {
    start.under(&plan.method, backend.config()).ok_or_else(|| {
        let message = "differs from that of the model to start from: use the same rank, alpha and layers";
        TrainError::Plan { field: "method", message: message.to_owned() }
    })
}

fn check(plan: &TrainingPlan, data: &TrainingData) -> Result<(), TrainError> {
    if let Some((field, message)) = plan.problems().into_iter().next() {
        return Err(TrainError::Plan { field, message });
    }
    if !data.groups.is_empty() && data.groups.len() != data.train.len() {
        let message = format!(
            "cannot be kept: there are {} groups for {} training sequences",
            data.groups.len(),
            data.train.len()
        );
        return Err(TrainError::Plan { field: "group_size", message });
    }
    // A window without a label would divide by zero.
    if data.train.is_empty() || data.train.iter().any(|sequence| sequence.label_weight() <= 0.0) {
        return Err(TrainError::NoLabels);
    }
    Ok(())
}

/// Adds up the gradients of a window from where the cursor stands. False where it was stopped between
/// two micro-batches.
fn accumulate(
    plan: &TrainingPlan,
    window: &Window<'_>,
    backend: &mut dyn Backend,
    state: &mut TrainingState,
    events: &mut dyn EventSink,
    stop: &dyn Fn() -> bool,
) -> Result<bool, TrainError> {
    let scale = (1.0 / window.label_weight) as f32;
    let of = window.micro_batches.len();
    for sequences in &window.micro_batches[state.progress.cursor.micro_batch.min(of)..] {
        if stop() {
            return Ok(false);
        }
        let noise = noise(plan, window, state, backend.config().hidden_size);
        let batch = PackedBatch::pack(sequences);
        let (progress, gradients) = (&mut state.progress, &mut state.gradients);
        progress.window_loss +=
            backend.accumulate_gradients(&batch, &state.adapter, noise, scale, gradients)?;
        progress.cursor.micro_batch += 1;
        progress.rows += batch.tokens.len() as u64;
        progress.tokens += sequences.iter().map(|sequence| sequence.tokens.len() as u64).sum::<u64>();
        let done = progress.cursor.micro_batch;
        events.emit(&TrainEvent::MicroBatch { step: progress.step, done, of });
    }
    Ok(true)
}

/// The noise of the micro-batch at the cursor. That of the embeddings is the same for the whole update.
fn noise(plan: &TrainingPlan, window: &Window<'_>, state: &TrainingState, hidden_size: usize) -> Noise {
    let Progress { step, cursor, .. } = &state.progress;
    let key = |parts: &[u64]| Random::new(parts).next_u64();
    let dropout = Dropout {
        key: key(&[plan.seed, *step, cursor.micro_batch as u64]),
        probability: plan.method.dropout(),
    };
    // As in the paper's code, where a batch is padded to its longest sequence.
    let elements = (window.longest() * hidden_size) as f64;
    let embedding = EmbeddingNoise {
        key: key(&[plan.seed, *step, 0x4EF7]),
        amplitude: (plan.neftune_alpha / elements.sqrt()) as f32,
    };
    Noise {
        dropout: Some(dropout).filter(|dropout| dropout.probability > 0.0),
        embedding: Some(embedding).filter(|noise| noise.amplitude > 0.0),
    }
}

/// Clips the gradient, updates the parameters and clears the gradient; returns its norm before clipping.
fn update(plan: &TrainingPlan, state: &mut TrainingState, learning_rate: f64) -> f64 {
    let norm = sum_of_squares(&state.gradients).sqrt();
    let limit = plan.max_gradient_norm;
    // The small addend is PyTorch's (`clip_grad_norm_`).
    let clip = if limit > 0.0 { (limit / (norm + 1e-6)).min(1.0) } else { 1.0 };
    let moment = (state.progress.step + 1, learning_rate, clip as f32);
    plan.update(&mut state.adapter, &state.gradients, &mut state.optimizer, moment);
    state.gradients.fill(0.0);
    norm
}

/// Moves the counters and the cursor past the window just learned.
fn advance(plan: &TrainingPlan, data: &TrainingData, state: &mut TrainingState, loss: f64) {
    let progress = &mut state.progress;
    progress.step += 1;
    progress.train_losses.push(LossPoint { step: progress.step, loss });
    progress.window_loss = 0.0;
    progress.cursor.micro_batch = 0;
    progress.cursor.window += 1;
    if progress.cursor.window == plan.steps_per_epoch(data.train.len()) {
        progress.cursor.window = 0;
        progress.cursor.epoch += 1;
    }
}

fn epochs_done(plan: &TrainingPlan, data: &TrainingData, state: &TrainingState) -> f64 {
    state.progress.step as f64 / plan.steps_per_epoch(data.train.len()) as f64
}

/// What became of the evaluation before a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Evaluated {
    NotDue,
    Best,
    NotBest,
    Interrupted,
}

fn is_due(plan: &TrainingPlan, data: &TrainingData, state: &TrainingState) -> bool {
    let progress = &state.progress;
    let per_epoch = plan.steps_per_epoch(data.train.len());
    let every = if plan.evaluate_every == 0 { per_epoch } else { plan.evaluate_every };
    let on_schedule =
        progress.step.is_multiple_of(every) || progress.step == plan.total_steps(data.train.len());
    let already = progress.validation_losses.last().is_some_and(|point| point.step == progress.step);
    let has_labels = data.validation.iter().any(|sequence| sequence.label_weight() > 0.0);
    progress.step > 0 && on_schedule && !already && has_labels
}

/// Evaluates the validation data where the step calls for it, and remembers the best.
fn evaluate_if_due(
    plan: &TrainingPlan,
    data: &TrainingData,
    backend: &mut dyn Backend,
    state: &mut TrainingState,
    events: &mut dyn EventSink,
    stop: &dyn Fn() -> bool,
) -> Result<Evaluated, TrainError> {
    if !is_due(plan, data, state) {
        return Ok(Evaluated::NotDue);
    }
    let (adapter, rows) = (Some(&state.adapter), plan.micro_batch_rows);
    let Some(loss) = evaluate(backend, adapter, &data.validation, rows, stop)? else {
        return Ok(Evaluated::Interrupted);
    };
    let progress = &mut state.progress;
    let step = progress.step;
    let best = progress.best.is_none_or(|best| loss < best.loss);
    progress.validation_losses.push(LossPoint { step, loss });
    if best {
        progress.best = Some(BestStep { step, loss });
        progress.evaluations_without_gain = 0;
    } else {
        progress.evaluations_without_gain += 1;
    }
    events.emit(&TrainEvent::Evaluated { step, loss, best });
    Ok(if best { Evaluated::Best } else { Evaluated::NotBest })
}
