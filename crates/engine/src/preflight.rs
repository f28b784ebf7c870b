//! What a run will need, before any step of it: lengths, steps, memory and time.

use std::time::Instant;

use gradus_kernels::product::{Left, Product, Right, Target, Term, multiply};
use gradus_kernels::{Bf16, Matrix, MatrixMut, Number};
use serde::{Deserialize, Serialize};

use crate::adapter::Adapter;
use crate::backend::cpu::Precision;
use crate::batch::{PackedBatch, Sequence, micro_batches};
use crate::config::ModelConfig;
use crate::training::{TrainingData, TrainingPlan};

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

/// Memory that a run will take, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryEstimate {
    /// The frozen weights.
    pub weights: u64,
    /// Adapter, gradient, and both moments of the optimizer.
    pub adapter: u64,
    /// Activations of the largest micro-batch.
    pub activations: u64,
    /// All of it.
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
pub fn preflight(config: &ModelConfig, plan: &TrainingPlan, data: &TrainingData) -> Preflight {
    let too_long = data.train.iter().enumerate().map(|(index, sequence)| (index, sequence.tokens.len()));
    let unlabelled = data.train.iter().enumerate().filter(|(_, sequence)| sequence.label_weight() <= 0.0);
    let (rows, largest) = rows_of_an_epoch(plan, data);
    let validation_rows: usize = data.validation.iter().map(|sequence| sequence.tokens.len()).sum();
    let train = LengthSummary::of(&data.train);
    let trainable_parameters = Adapter::parameter_count(&plan.method, config);
    Preflight {
        validation: LengthSummary::of(&data.validation),
        too_long: too_long.filter(|(_, length)| *length > config.context_length).collect(),
        without_label: unlabelled.map(|(index, _)| index).collect(),
        steps_per_epoch: plan.steps_per_epoch(data.train.len()),
        total_steps: plan.total_steps(data.train.len()),
        shared_share: 1.0 - rows as f64 / train.total.max(1) as f64,
        trainable_parameters,
        memory: memory(config, trainable_parameters, largest),
        estimated_seconds: seconds(
            config,
            rows * plan.epochs as usize,
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

/// Rows computed in the first epoch, and those of the largest micro-batch.
fn rows_of_an_epoch(plan: &TrainingPlan, data: &TrainingData) -> (usize, usize) {
    let mut rows = (0, 0);
    for chunk in data.train.chunks(plan.batch_size.max(1)) {
        let references: Vec<&Sequence> = chunk.iter().collect();
        for batch in micro_batches(&references, plan.micro_batch_rows) {
            let packed = PackedBatch::pack(&batch.iter().map(|i| references[*i]).collect::<Vec<_>>());
            rows = (rows.0 + packed.tokens.len(), rows.1.max(packed.tokens.len()));
        }
    }
    rows
}

fn memory(config: &ModelConfig, trainable: usize, rows: usize) -> MemoryEstimate {
    let float = size_of::<f32>();
    let (queries, keys) =
        (config.attention_heads * config.head_dim, config.key_value_heads * config.head_dim);
    // Kept for the backward pass of every layer, and what one layer needs while it runs.
    let kept = 2 * config.hidden_size + 2 * queries + 2 * keys + 2 * config.intermediate_size;
    let working = 4 * config.hidden_size + 2 * queries + 3 * config.intermediate_size;
    let weights = (config.parameter_count() * float) as u64;
    let adapter = (trainable * 4 * float) as u64;
    let activations = (rows * (kept * config.layers + working) * float) as u64;
    MemoryEstimate { weights, adapter, activations, total: weights + adapter + activations }
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
