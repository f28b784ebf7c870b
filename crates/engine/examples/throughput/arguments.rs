//! What to measure, from the command line.

use gradus_engine::backend::cpu::{BaseWeights, Precision};
use gradus_kernels::cpu::Level;

use super::Failure;

const USAGE: &str = "usage: throughput MODEL [--precision f32|bf16] [--base-weights HOW] [--level NAME] [--repeats N] [--json] \
                     (train|score|prefill):BATCHxLENGTH | decode:SEQUENCES ...";

pub(super) struct Arguments {
    pub(super) model: String,
    pub(super) precision: Precision,
    pub(super) base_weights: BaseWeights,
    pub(super) level: Option<Level>,
    /// Times that each figure is the best of.
    pub(super) repeats: usize,
    pub(super) json: bool,
    pub(super) workloads: Vec<Workload>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measured {
    /// Forward and backward with every position labelled, and the optimizer's update.
    Train,
    /// The probability of every token.
    Score,
    /// Reading prompts, logits after the last token only.
    Prefill,
    /// Generating token by token.
    Decode,
}

pub(super) struct Workload {
    pub(super) name: String,
    pub(super) what: Measured,
    pub(super) batch: usize,
    /// Tokens in each sequence.
    pub(super) length: usize,
}

impl Arguments {
    pub(super) fn parse(words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut words = words;
        let model = words.next().ok_or(USAGE)?;
        let mut found = Self {
            model,
            precision: Precision::Bf16,
            base_weights: BaseWeights::default(),
            level: None,
            repeats: 5,
            json: false,
            workloads: Vec::new(),
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(USAGE);
            match word.as_str() {
                "--json" => found.json = true,
                "--repeats" => found.repeats = value()?.parse()?,
                "--level" => found.level = Some(Level::from_name(&value()?).ok_or(USAGE)?),
                "--base-weights" => {
                    let name = value()?;
                    let named = BaseWeights::ALL.into_iter().find(|how| how.name() == name);
                    found.base_weights = named.ok_or(USAGE)?;
                }
                "--precision" => {
                    found.precision = if value()? == "f32" { Precision::F32 } else { Precision::Bf16 }
                }
                name => found.workloads.push(Workload::parse(name).ok_or(USAGE)?),
            }
        }
        if found.workloads.is_empty() {
            let usual = ["train:4x256", "train:8x512", "prefill:8x512", "decode:1", "decode:16"];
            found.workloads = usual.into_iter().filter_map(Workload::parse).collect();
        }
        Ok(found)
    }
}

impl Workload {
    fn parse(name: &str) -> Option<Self> {
        let (what, size) = name.split_once(':')?;
        let (batch, length) = size.split_once('x').unwrap_or((size, "64"));
        let what = match what {
            "train" => Measured::Train,
            "score" => Measured::Score,
            "prefill" => Measured::Prefill,
            "decode" => Measured::Decode,
            _ => return None,
        };
        Some(Self { name: name.to_owned(), what, batch: batch.parse().ok()?, length: length.parse().ok()? })
    }
}
