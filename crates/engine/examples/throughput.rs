//! Training and scoring speed of the CPU backend on a model, every position labelled:
//! `cargo run --release -p gradus-engine --example throughput -- MODEL [f32] [BATCHxLENGTH]...`
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::time::Instant;

use gradus_engine::adapter::{Adapter, LoraConfig};
use gradus_engine::backend::cpu::{CpuBackend, Precision};
use gradus_engine::backend::{Backend, Dropout};
use gradus_engine::batch::{Label, PackedBatch, Sequence};
use gradus_engine::files;
use gradus_engine::random::Random;
use gradus_kernels::MatrixMut;
use gradus_kernels::bf16::{Bf16Matrix, Left, Product, Right, Target, Term, multiply_bf16};

/// Times that each figure is the best of.
const REPEATS: usize = 7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (model, rest) = arguments.split_first().ok_or("which model file or directory?")?;
    let precision = if rest.iter().any(|word| word == "f32") { Precision::F32 } else { Precision::Bf16 };
    let sizes: Vec<(usize, usize)> = rest.iter().filter_map(|word| size(word)).collect();
    let sizes = if sizes.is_empty() { vec![(4, 256), (8, 512)] } else { sizes };

    let model = files::load(std::path::Path::new(model))?;
    let adapter = Adapter::new(LoraConfig::default(), &model.config, 1);
    let weights = model.config.parameter_count()
        - model.config.vocabulary_size
            * model.config.hidden_size
            * usize::from(!model.config.tie_word_embeddings);
    // Products with frozen weights alone: one forward, one for the gradient of the input.
    let flops_per_token = 4.0 * weights as f64;
    let mut backend = CpuBackend::with_precision(model.config, model.weights, precision)?;
    let peak = peak();
    println!("{precision:?} on {}; bf16 products at {peak:.0} GFLOP/s", gradus_kernels::cpu::level().name());
    let mut gradients = vec![0.0; adapter.parameters.len()];
    for (batch, length) in sizes {
        let packed = packed(batch, length);
        for probability in [0.0, 0.05] {
            let seconds = best(|| {
                let dropout = Some(Dropout { key: 1, probability });
                backend.accumulate_gradients(&packed, &adapter, dropout, 1e-3, &mut gradients).map(|_| ())
            })?;
            let tokens = (batch * length) as f64 / seconds;
            let rate = tokens * flops_per_token / 1e9;
            println!(
                "train {batch}x{length} dropout {probability}: {tokens:.0} tokens/s, {rate:.0} GFLOP/s \
                 ({:.0} % of the peak), peak memory {} MB",
                100.0 * rate / peak,
                peak_memory_mb()
            );
        }
        let seconds = best(|| backend.log_probabilities(&packed, Some(&adapter)).map(|_| ()))?;
        println!("score {batch}x{length}: {:.0} tokens/s", (batch * length) as f64 / seconds);
    }
    let mut reader = backend.reader(None);
    reader.read(&[1; 32])?;
    let seconds = best(|| reader.read(&[5]).map(|_| ()))?;
    println!("generate: {:.0} tokens/s", 1.0 / seconds);
    Ok(())
}

fn size(word: &str) -> Option<(usize, usize)> {
    let (batch, length) = word.split_once('x')?;
    Some((batch.parse().ok()?, length.parse().ok()?))
}

fn best<E>(mut body: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    let mut best = f64::INFINITY;
    for _ in 0..REPEATS {
        let start = Instant::now();
        body()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}

fn packed(batch: usize, length: usize) -> PackedBatch {
    let mut random = Random::new(&[1]);
    let sequences: Vec<Sequence> = (0..batch)
        .map(|_| {
            let tokens: Vec<u32> = (0..length).map(|_| (random.next_u64() % 40_000) as u32 + 10).collect();
            let label = |position| Label { position, token: tokens[(position + 1) % length], weight: 1.0 };
            Sequence { labels: (0..length).map(label).collect(), tokens }
        })
        .collect();
    PackedBatch::pack(&sequences.iter().collect::<Vec<_>>())
}

/// The best rate of a product of 1024 x 1536 x 1536, in GFLOP/s.
fn peak() -> f64 {
    let (m, n) = (1024, 1536);
    let numbers: Vec<f32> = (0..n * n).map(|i| (i % 17) as f32 / 8.0 - 1.0).collect();
    let (left, right) = (Bf16Matrix::from_f32(&numbers[..m * n], m, n), Bf16Matrix::from_f32(&numbers, n, n));
    let mut result = vec![0.0; m * n];
    let mut best = f64::INFINITY;
    for _ in 0..60 {
        let start = Instant::now();
        let terms = vec![Term { left: Left::Rows(left.view()), right: Right::Rows(right.view()) }];
        let target = Target::Overwrite(MatrixMut::new(&mut result, m, n));
        rayon::scope(|_| multiply_bf16(&mut [Product { target, terms }]));
        best = best.min(start.elapsed().as_secs_f64());
    }
    2.0 * (m * n * n) as f64 / best / 1e9
}

/// The most memory that the process has had, in MB; 0 where the system does not say.
fn peak_memory_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
