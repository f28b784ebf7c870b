//! What a run will need, before any step of it: lengths, steps, memory and time.

use std::time::Instant;

use gradus_kernels::product::{Left, Product, Right, Target, Term, multiply};
use gradus_kernels::{Bf16, Matrix, MatrixMut, Number};
use serde::{Deserialize, Serialize};

use crate::adapter::Adapter;
use crate::backend::Backend;
use crate::backend::cpu::Precision;
use crate::batch::{PackedBatch, Sequence, micro_batches};
use crate::config::ModelConfig;
use crate::training::{Cursor, TrainingData, TrainingPlan};

/// Token counts of a set of sequences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LengthSummary {
    /// Number of sequences.
    pub sequences: usize,
    /// Shortest, in tokens.
    pub shortest: usize,
    /// Median, in tokens.
    pub median: usize,
    /// Longest, in tokens.
    pub longest: usize,
    /// All together, in tokens.
    pub total: usize,
}

/// Memory that a run will take at its peak, in bytes: parts of the total, which exist at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryEstimate {
    /// The model's weights, as kept and as trained.
    pub weights: u64,
    /// What is trained, its gradient, and both moments of the optimizer.
    pub adapter: u64,
    /// The pass over the batch that needs most.
    pub activations: u64,
    /// The sequences, and the program with the tokenizer.
    pub process: u64,
    /// All of it; more where reading the model takes more than training it.
    pub total: u64,
}

/// What a run will need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preflight {
    /// Lengths of the training sequences.
    pub train: LengthSummary,
    /// Lengths of the validation sequences.
    pub validation: LengthSummary,
    /// Indices of training sequences longer than the model's context, with their lengths in tokens.
    pub too_long: Vec<(usize, usize)>,
    /// Indices of training sequences without a label.
    pub without_label: Vec<usize>,
    /// Updates in one epoch.
    pub steps_per_epoch: u64,
    /// Updates in the run.
    pub total_steps: u64,
    /// Share of the tokens that need not be computed because sequences share prefixes, 0 to 1.
    pub shared_share: f64,
    /// Parameters being trained.
    pub trainable_parameters: usize,
    /// Memory.
    pub memory: MemoryEstimate,
    /// Seconds the run will take, from the speed of a matrix product measured just now.
    pub estimated_seconds: f64,
}

/// Looks at everything a run will need without running it. Takes a fraction of a second.
pub fn preflight(backend: &dyn Backend, plan: &TrainingPlan, data: &TrainingData) -> Preflight {
    let config = backend.config();
    let too_long = data.train.iter().enumerate().map(|(index, sequence)| (index, sequence.tokens.len()));
    let unlabelled = data.train.iter().enumerate().filter(|(_, sequence)| sequence.label_weight() <= 0.0);
    let epoch = Epoch::of(backend, plan, data);
    let validation_rows: usize = data.validation.iter().map(|sequence| sequence.tokens.len()).sum();
    let train = LengthSummary::of(&data.train);
    let trainable_parameters = Adapter::parameter_count(&plan.method, config);
    Preflight {
        validation: LengthSummary::of(&data.validation),
        too_long: too_long.filter(|(_, length)| *length > config.context_length).collect(),
        without_label: unlabelled.map(|(index, _)| index).collect(),
        steps_per_epoch: plan.steps_per_epoch(data.train.len()),
        total_steps: plan.total_steps(data.train.len()),
        shared_share: 1.0 - epoch.rows as f64 / train.total.max(1) as f64,
        trainable_parameters,
        memory: MemoryEstimate::new(backend, plan, data, epoch.most_bytes),
        estimated_seconds: seconds(
            config,
            epoch.rows * plan.epochs as usize,
            validation_rows * plan.epochs as usize,
        ),
        train,
    }
}

impl LengthSummary {
    fn of(sequences: &[Sequence]) -> Self {
        let mut lengths: Vec<usize> = sequences.iter().map(|sequence| sequence.tokens.len()).collect();
        lengths.sort_unstable();
        Self {
            sequences: lengths.len(),
            shortest: lengths.first().copied().unwrap_or(0),
            median: lengths.get(lengths.len() / 2).copied().unwrap_or(0),
            longest: lengths.last().copied().unwrap_or(0),
            total: lengths.iter().sum(),
        }
    }
}

/// The first epoch, packed as it will be.
struct Epoch {
    /// Rows computed in it.
    rows: usize,
    /// Memory of the pass that takes most.
    most_bytes: u64,
}

impl Epoch {
    fn of(backend: &dyn Backend, plan: &TrainingPlan, data: &TrainingData) -> Self {
        let width = backend.config().hidden_size;
        let mut epoch = Self { rows: 0, most_bytes: 0 };
        let steps = plan.steps_per_epoch(data.train.len());
        let cursors = (0..steps).map(|window| Cursor { window, ..Cursor::default() });
        for window in cursors.filter_map(|cursor| data.window(&cursor, plan)) {
            for batch in window.micro_batches.iter().map(|batch| PackedBatch::pack(batch)) {
                let rows = batch.tokens.len();
                // The noise of every embedding of the batch.
                let noise = if plan.neftune_alpha > 0.0 { rows * width * size_of::<f32>() } else { 0 };
                let bytes = backend.pass_bytes(&plan.method, &batch, true) + noise as u64;
                epoch = Self { rows: epoch.rows + rows, most_bytes: epoch.most_bytes.max(bytes) };
            }
        }
        let validation: Vec<&Sequence> = data.validation.iter().collect();
        for batch in micro_batches(&validation, plan.micro_batch_rows) {
            let batch = PackedBatch::pack(&batch.iter().map(|i| validation[*i]).collect::<Vec<_>>());
            epoch.most_bytes = epoch.most_bytes.max(backend.pass_bytes(&plan.method, &batch, false));
        }
        epoch
    }
}

impl MemoryEstimate {
    fn new(backend: &dyn Backend, plan: &TrainingPlan, data: &TrainingData, activations: u64) -> Self {
        /// The program, and each word of its tokenizer: what the peaks of `gradus train` on SmolLM2-135M with 49
        /// thousand words and on Gemma 3 270M with 262 thousand leave beside the weights and the training.
        const PROGRAM: u64 = 9 << 20;
        const WORD: u64 = 746;
        let trained = Adapter::parameter_count(&plan.method, backend.config());
        let adapter = (trained * 4 * size_of::<f32>()) as u64;
        let weights = backend.weight_bytes(&plan.method);
        let bytes = |sequence: &Sequence| {
            size_of_val(&sequence.tokens[..]) + size_of_val(&sequence.labels[..]) + size_of::<Sequence>()
        };
        let sequences: usize = data.train.iter().chain(&data.validation).map(bytes).sum();
        let words = backend.config().vocabulary_size as u64;
        let process = PROGRAM + words * WORD + sequences as u64;
        let training = weights.training + adapter + activations;
        let total = process + training.max(weights.loading);
        Self { weights: weights.training, adapter, activations, process, total }
    }
}

/// Forward takes 2 operations a weight and row, the gradient with respect to the input 2 more.
fn seconds(config: &ModelConfig, rows: usize, validation_rows: usize) -> f64 {
    /// Attention, norms, adapter and optimizer beside the frozen products, measured on SmolLM2-135M.
    const OVERHEAD: f64 = 1.6;
    let weights = config.parameter_count() - config.vocabulary_size * config.hidden_size;
    let operations = weights as f64 * (4.0 * rows as f64 + 2.0 * validation_rows as f64);
    let shape = (512, config.hidden_size, config.intermediate_size);
    OVERHEAD * operations / product_speed(Precision::best(), shape)
}

/// Floating-point operations a second of a product of `rows x input` by `input x output` on this machine,
/// now, as the CPU backend computes it in that precision.
pub fn product_speed(precision: Precision, shape: (usize, usize, usize)) -> f64 {
    let (rows, input, output) = shape;
    let seconds = match precision {
        Precision::F32 => product_seconds::<f32>(shape),
        Precision::Bf16 => product_seconds::<Bf16>(shape),
    };
    2.0 * (rows * input * output) as f64 / seconds.max(1e-9)
}

fn product_seconds<N: Number>((rows, input, output): (usize, usize, usize)) -> f64 {
    let left = Matrix::<N>::from_f32(&vec![0.5; rows * input], rows, input);
    let right = Matrix::from_f32(&vec![0.5; output * input], output, input);
    let mut product = vec![0.0; rows * output];
    best_seconds(|| {
        let terms = vec![Term { left: Left::Rows(left.view()), right: Right::Rows(right.view()) }];
        let target = Target::Overwrite(MatrixMut::new(&mut product, rows, output));
        rayon::scope(|_| multiply(&mut [Product { target, terms }]));
    })
}

fn best_seconds(mut run: impl FnMut()) -> f64 {
    let mut seconds = || {
        let started = Instant::now();
        run();
        started.elapsed().as_secs_f64()
    };
    (0..12).map(|_| seconds()).fold(f64::INFINITY, f64::min)
}
