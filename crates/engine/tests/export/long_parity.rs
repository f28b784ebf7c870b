//! Two hundred steps in bf16 end where those of transformers + PEFT in bf16 end, and those in f32 too.

use std::path::Path;

use gradus_engine::adapter::Adapter;
use gradus_engine::backend::Backend;
use gradus_engine::backend::cpu::{CpuBackend, Precision};
use gradus_engine::export::peft::read_adapter;
use gradus_engine::files;
use serde::Deserialize;

use crate::environment;
use crate::parity::{adapter_by_formula, train};
use crate::reference::{Example, Settings, backend_in, fixtures, read, scores, tiny_model};

/// How far a loss in bf16 may be from PEFT's, relatively: `docs/parity.md` says why.
const BF16_TOLERANCE: f64 = 0.01;
/// The same in f32.
const F32_TOLERANCE: f64 = 1e-4;
/// Steps at the end whose losses are averaged, besides the last alone.
const LAST: usize = 20;
/// Windows of the text that are not trained on.
const HELD_OUT: usize = 8;

/// Runs of PEFT on the text of the bundled example, as `xtask/reference/peft_parity.py --long` writes them.
#[derive(Deserialize)]
struct LongReference {
    sequences_per_step: usize,
    /// Tokens in a sequence.
    length: usize,
    settings: Settings,
    learning_rates: Vec<f64>,
    bf16: Losses,
    f32: Losses,
}

#[derive(Deserialize)]
struct Losses {
    losses: Vec<f64>,
    held_out_loss: f64,
}

impl Losses {
    /// What a run ended with: the mean loss of the last steps, that of the very last, that of held-out text.
    fn ends(&self) -> [f64; 3] {
        let last = &self.losses[self.losses.len() - LAST..];
        [last.iter().sum::<f64>() / LAST as f64, last[LAST - 1], self.held_out_loss]
    }
}

#[test]
fn two_hundred_steps_on_a_tiny_model_end_where_those_of_peft_end() {
    let initial = |backend: &CpuBackend| read_adapter(&fixtures().join("initial"), backend.config()).unwrap();
    check("tiny_long.json", &tiny_model(), initial);
}

#[test]
#[ignore = "takes minutes; `cargo test -p gradus-engine --test export -- --ignored --nocapture two_hundred`"]
fn two_hundred_steps_on_smollm2_end_where_those_of_peft_end() {
    if let Some(model) = environment::base_model() {
        check("smollm2_long.json", &model, adapter_by_formula);
    }
}

#[expect(clippy::print_stdout, reason = "the figures of docs/parity.md")]
fn check(reference: &str, model: &Path, initial: impl Fn(&CpuBackend) -> Adapter) {
    let reference: LongReference = read(reference);
    let windows = windows(model, reference.length);
    let f32_ends = reference.f32.ends();
    for (precision, peft, tolerance) in
        [(Precision::Bf16, &reference.bf16, BF16_TOLERANCE), (Precision::F32, &reference.f32, F32_TOLERANCE)]
    {
        let mut backend = backend_in(model, precision);
        let mut adapter = initial(&backend);
        let found = run(&reference, &windows, &mut backend, &mut adapter);
        println!("{precision:?}, mean of the last {LAST} steps, last step, held-out text:");
        println!("  PEFT {:.5?}, here {:.5?}", peft.ends(), found.ends());
        println!("  {:.1e} apart on average over all steps", mean_difference(&found.losses, &peft.losses));
        let beyond = |losses: &Losses| mean_difference(&losses.losses, &reference.f32.losses);
        println!("  from PEFT in f32: PEFT {:.1e}, here {:.1e}", beyond(peft), beyond(&found));
        for ((found, peft), f32_end) in found.ends().into_iter().zip(peft.ends()).zip(f32_ends) {
            assert!(peft < 0.8 * reference.f32.losses[0], "something was learned: {peft}");
            assert!((found / peft - 1.0).abs() < tolerance, "{precision:?}: {found}, PEFT {peft}");
            assert!((found / f32_end - 1.0).abs() < tolerance, "{precision:?}: {found}, in f32 {f32_end}");
        }
    }
}

fn run(
    reference: &LongReference,
    windows: &[Example],
    backend: &mut CpuBackend,
    adapter: &mut Adapter,
) -> Losses {
    let (trained, held_out) = windows.split_at(windows.len() - HELD_OUT);
    let mut endless = trained.iter().cycle().cloned();
    let rates = reference.learning_rates.iter().copied();
    let batches: Vec<(Vec<Example>, f64)> =
        rates.map(|rate| (endless.by_ref().take(reference.sequences_per_step).collect(), rate)).collect();
    let batches = batches.iter().map(|(examples, rate)| (examples.as_slice(), *rate));
    let steps = train(&reference.settings, batches, backend, adapter);
    let held_out = scores(backend, Some(adapter), held_out).concat();
    let total: f64 = held_out.iter().map(|p| -f64::from(*p)).sum();
    Losses {
        losses: steps.into_iter().map(|(loss, _)| loss).collect(),
        held_out_loss: total / held_out.len() as f64,
    }
}

/// Pieces of the text, each token but a piece's first to be predicted; what is left over is dropped.
fn windows(model: &Path, length: usize) -> Vec<Example> {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/cell-biology/marked-answers.csv");
    let tokenizer = files::load(model).unwrap().tokenizer;
    let tokens = tokenizer.encode(&std::fs::read_to_string(text).unwrap(), false).unwrap();
    let example = |window: &[u32]| Example { prompt: vec![window[0]], completion: window[1..].to_vec() };
    tokens.chunks_exact(length).map(example).collect()
}

/// The mean of the relative differences.
fn mean_difference(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let differences = found.iter().zip(expected).map(|(found, expected)| (found / expected - 1.0).abs());
    differences.sum::<f64>() / found.len() as f64
}
