//! Runs of transformers + PEFT, as `xtask/reference/peft_parity.py` writes them down.

use std::path::{Path, PathBuf};

use gradus_engine::adapter::Adapter;
use gradus_engine::backend::Backend;
use gradus_engine::backend::cpu::{self, BaseWeights, CpuBackend};
use gradus_engine::backend::generic::{Device, GenericBackend, Precision};
use gradus_engine::batch::{PackedBatch, Sequence};
use gradus_engine::export::Original;
use gradus_engine::files;
use serde::{Deserialize, Serialize};

use crate::level;

#[derive(Deserialize)]
pub(crate) struct Reference {
    pub(crate) settings: Settings,
    pub(crate) batches: Vec<Vec<Example>>,
    pub(crate) learning_rates: Vec<f64>,
    pub(crate) losses: Vec<f64>,
    pub(crate) gradient_norms: Vec<f64>,
    #[serde(default)]
    pub(crate) sample: Vec<Example>,
    #[serde(default)]
    pub(crate) sample_log_probabilities: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
pub(crate) struct Settings {
    pub(crate) peak_learning_rate: f64,
    pub(crate) warmup_steps: u64,
    pub(crate) weight_decay: f64,
    pub(crate) max_grad_norm: f64,
    /// 1 where LoRA+ was not used.
    #[serde(default = "one")]
    pub(crate) lora_plus_ratio: f64,
}

fn one() -> f64 {
    1.0
}

/// Token ids; the labels are those of the completion.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Example {
    pub(crate) prompt: Vec<u32>,
    pub(crate) completion: Vec<u32>,
}

impl Example {
    pub(crate) fn sequence(&self) -> Sequence {
        let labels: Vec<(u32, f32)> = self.completion.iter().map(|token| (*token, 1.0)).collect();
        Sequence::completion(&self.prompt, &labels)
    }
}

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/peft_parity")
}

pub(crate) fn tiny_model() -> PathBuf {
    fixtures().join("model")
}

pub(crate) fn read<T: for<'a> Deserialize<'a>>(name: &str) -> T {
    let text = std::fs::read_to_string(fixtures().join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The CPU backend in f32.
pub(crate) fn backend(model: &Path) -> CpuBackend {
    backend_in(model, cpu::Precision::F32)
}

pub(crate) fn backend_in(model: &Path, precision: cpu::Precision) -> CpuBackend {
    level::as_asked();
    let model = files::load(model).unwrap();
    CpuBackend::with_precision(model.config, model.weights, precision).unwrap()
}

/// The generic backend in f32.
pub(crate) fn generic(model: &Path) -> GenericBackend {
    level::as_asked();
    let model = files::load(model).unwrap();
    GenericBackend::new(model.config, model.weights, Device::Cpu, Precision::Single).unwrap()
}

/// A trained model whose base weights are kept as they are stored.
pub(crate) fn original<'a>(base: &'a Path, adapter: &'a Adapter, sample: &'a [Sequence]) -> Original<'a> {
    Original { base, base_weights: BaseWeights::default(), adapter, sample }
}

/// The log-probability of each completion's tokens.
pub(crate) fn scores(
    backend: &mut dyn Backend,
    adapter: Option<&Adapter>,
    sample: &[Example],
) -> Vec<Vec<f32>> {
    let score = |example: &Example| {
        let batch = PackedBatch::pack(&[&example.sequence()]);
        backend.log_probabilities(&batch, adapter).unwrap()
    };
    sample.iter().map(score).collect()
}

pub(crate) fn largest_difference(left: &[Vec<f32>], right: &[Vec<f32>]) -> f32 {
    let lengths = |of: &[Vec<f32>]| of.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(left), lengths(right));
    let pairs = left.iter().flatten().zip(right.iter().flatten());
    pairs.map(|(left, right)| (left - right).abs()).fold(0.0, f32::max)
}
