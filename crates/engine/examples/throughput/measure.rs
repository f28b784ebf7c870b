//! The workloads: random tokens, the best of several runs after one to warm up.

use std::time::Instant;

use gradus_engine::adapter::{Adapter, LoraConfig};
use gradus_engine::backend::{Backend, BackendError, Noise};
use gradus_engine::batch::{Label, PackedBatch, Sequence};
use gradus_engine::random::Random;
use gradus_engine::reading::{Piece, Reader, SequenceId};
use gradus_kernels::{AdamW, AdamWState};

use super::Failure;
use super::arguments::{Measured, Workload};

#[derive(Debug, Clone, Copy)]
pub(super) struct Measurement {
    pub(super) tokens_per_second: f64,
    /// Weights that the workload has hardly any products with, for each token.
    pub(super) unused_weights: usize,
}

pub(super) fn measure(
    backend: &mut dyn Backend,
    workload: &Workload,
    repeats: usize,
) -> Result<Measurement, Failure> {
    let tokens = (workload.batch * workload.length) as f64;
    let embedding = backend.config().vocabulary_size * backend.config().hidden_size;
    let (seconds, tokens, unused_weights) = match workload.what {
        Measured::Train => (train(backend, workload, repeats)?, tokens, 0),
        Measured::Score => {
            let batch = packed(workload, workload.length);
            (best(repeats, || backend.log_probabilities(&batch, None).map(|_| ()))?, tokens, 0)
        }
        Measured::Prefill => (prefill(backend, workload, repeats)?, tokens, embedding),
        Measured::Decode => (decode(backend, workload)?, workload.batch as f64, 0),
    };
    Ok(Measurement { tokens_per_second: tokens / seconds, unused_weights })
}

/// Seconds of one step: gradients of a LoRA adapter of rank 16 on every linear layer, and AdamW.
fn train(backend: &mut dyn Backend, workload: &Workload, repeats: usize) -> Result<f64, Failure> {
    let config = LoraConfig { rank: 16, alpha: 32.0, dropout: 0.0, ..LoraConfig::default() };
    let mut adapter = Adapter::new(config, backend.config(), 1);
    let mut gradients = vec![0.0; adapter.parameters.len()];
    let mut moments = AdamWState::new(gradients.len());
    let optimizer = AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 };
    let batch = packed(workload, workload.length);
    let scale = 1.0 / batch.labels.len() as f32;
    best(repeats, || {
        backend.accumulate_gradients(&batch, &adapter, Noise::default(), scale, &mut gradients)?;
        let all = 0..gradients.len();
        optimizer.update_range(all, &mut adapter.parameters, &gradients, &mut moments, (1, 1e-4, 1.0));
        gradients.fill(0.0);
        Ok(())
    })
}

/// Seconds of reading every prompt, in passes of as many rows as generation reads at once.
fn prefill(backend: &mut dyn Backend, workload: &Workload, repeats: usize) -> Result<f64, Failure> {
    const ROWS: usize = 1024;
    let prompts: Vec<Vec<u32>> =
        (0..workload.batch).map(|index| tokens(workload.length, index as u64)).collect();
    let mut reader = Reader::new(backend, workload.batch * workload.length);
    best(repeats, || {
        for prompts in prompts.chunks((ROWS / workload.length).max(1)) {
            let sequences: Vec<SequenceId> = prompts.iter().map(|_| reader.start(None)).collect();
            let pieces = sequences.iter().zip(prompts);
            let pieces = pieces.map(|(sequence, tokens)| Piece { sequence: *sequence, tokens, logits: true });
            reader.read(&pieces.collect::<Vec<_>>())?;
            sequences.into_iter().for_each(|sequence| reader.forget(sequence));
        }
        Ok(())
    })
}

/// Seconds of one more token for every sequence, after prompts of the workload's length.
fn decode(backend: &mut dyn Backend, workload: &Workload) -> Result<f64, Failure> {
    const TOKENS: usize = 64;
    let mut reader = Reader::new(backend, workload.batch * (workload.length + TOKENS));
    let sequences: Vec<SequenceId> = (0..workload.batch).map(|_| reader.start(None)).collect();
    for (index, sequence) in sequences.iter().enumerate() {
        let tokens = tokens(workload.length, index as u64);
        reader.read(&[Piece { sequence: *sequence, tokens: &tokens, logits: false }])?;
    }
    let mut seconds = 0.0;
    for token in 0..TOKENS {
        let token = [token as u32 + 10];
        let pieces: Vec<Piece<'_>> = sequences
            .iter()
            .map(|sequence| Piece { sequence: *sequence, tokens: &token, logits: true })
            .collect();
        let start = Instant::now();
        reader.read(&pieces)?;
        seconds += start.elapsed().as_secs_f64();
    }
    Ok(seconds / TOKENS as f64)
}

/// Seconds of the fastest run.
fn best(repeats: usize, mut body: impl FnMut() -> Result<(), BackendError>) -> Result<f64, Failure> {
    let mut best = f64::INFINITY;
    body()?;
    for _ in 0..repeats {
        let start = Instant::now();
        body()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// The workload's sequences with labels at their last positions.
fn packed(workload: &Workload, labels: usize) -> PackedBatch {
    let length = workload.length;
    let sequences: Vec<Sequence> = (0..workload.batch)
        .map(|index| {
            let tokens = tokens(length, index as u64);
            let label = |position| Label { position, token: tokens[(position + 1) % length], weight: 1.0 };
            Sequence { labels: (length - labels..length).map(label).collect(), tokens }
        })
        .collect();
    PackedBatch::pack(&sequences.iter().collect::<Vec<_>>())
}

fn tokens(count: usize, seed: u64) -> Vec<u32> {
    let mut random = Random::new(&[1, seed]);
    (0..count).map(|_| (random.next_u64() % 40_000) as u32 + 10).collect()
}
