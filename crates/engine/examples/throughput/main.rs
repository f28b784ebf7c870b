//! Speed of the CPU backend on a model, one line a workload (JSON with `--json`):
//! `cargo run --release -p gradus-engine --example throughput -- MODEL [OPTIONS] WORKLOAD...`
//! with `train:4x256`, `prefill:8x512`, `score:4x256` (batch x length) and `decode:1` (sequences).
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

mod arguments;
mod measure;

use std::path::Path;

use gradus_engine::backend::Backend;
use gradus_engine::backend::cpu::{CpuBackend, Precision};
use gradus_engine::{files, memory, preflight};
use gradus_kernels::cpu;

use arguments::{Arguments, Measured, Workload};
use measure::Measurement;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    if let Some(level) = arguments.level {
        cpu::force(level)?;
    }
    let model = files::load(Path::new(&arguments.model))?;
    // Products with frozen weights alone: one forward, one for the gradient of the input.
    let weights = model.config.parameter_count()
        - model.config.vocabulary_size
            * model.config.hidden_size
            * usize::from(!model.config.tie_word_embeddings);
    let (precision, base_weights) = (arguments.precision, arguments.base_weights);
    let mut backend = CpuBackend::with_base_weights(model.config, model.weights, precision, base_weights)?;
    let peak = preflight::product_speed(arguments.precision, (1024, 1536, 1536));
    for workload in &arguments.workloads {
        let measured = measure::measure(&mut backend as &mut dyn Backend, workload, arguments.repeats)?;
        let operations = operations_a_token(workload, weights, measured) * measured.tokens_per_second;
        let line =
            Line { workload, measured, share: operations / peak, peak, precision: arguments.precision };
        if arguments.json { line.print_json() } else { line.print() }
    }
    Ok(())
}

fn operations_a_token(workload: &Workload, weights: usize, measured: Measurement) -> f64 {
    let passes = match workload.what {
        Measured::Train => 4.0,
        Measured::Score | Measured::Prefill | Measured::Decode => 2.0,
    };
    passes * (weights as f64 - measured.unused_weights as f64)
}

/// What is printed of one workload.
struct Line<'a> {
    workload: &'a Workload,
    measured: Measurement,
    /// Floating-point operations a second over the peak, 0 to 1.
    share: f64,
    /// Operations a second of one large product, just now.
    peak: f64,
    precision: Precision,
}

impl Line<'_> {
    fn print(&self) {
        println!(
            "{}: {:.0} tokens/s, {:.0} % of a product's {:.0} GFLOP/s, peak memory {} MB ({:?}, {})",
            self.workload.name,
            self.measured.tokens_per_second,
            100.0 * self.share,
            self.peak / 1e9,
            peak_memory_mb(),
            self.precision,
            cpu::level().name(),
        );
    }

    fn print_json(&self) {
        println!(
            "{}",
            serde_json::json!({
                "workload": self.workload.name,
                "precision": format!("{:?}", self.precision).to_lowercase(),
                "level": cpu::level().name(),
                "threads": rayon::current_num_threads(),
                "tokens_per_second": self.measured.tokens_per_second,
                "share_of_peak": self.share,
                "peak_gflops": self.peak / 1e9,
                "peak_rss_mb": peak_memory_mb(),
            })
        );
    }
}

/// The most memory that the process has had, in MB; 0 where the system does not say.
fn peak_memory_mb() -> u64 {
    memory::peak_bytes().unwrap_or(0) >> 20
}
