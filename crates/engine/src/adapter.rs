//! A LoRA adapter (Hu et al. 2021): its configuration, and its parameters as one flat vector that the
//! optimizer, the checkpoint and the backends share.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::config::ModelConfig;
use crate::random::Random;

/// A linear layer of a decoder block that can carry an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetModule {
    /// Query projection.
    QProj,
    /// Key projection.
    KProj,
    /// Value projection.
    VProj,
    /// Attention output projection.
    OProj,
    /// Gate of the feed-forward block.
    GateProj,
    /// Up projection of the feed-forward block.
    UpProj,
    /// Down projection of the feed-forward block.
    DownProj,
}

impl TargetModule {
    /// All of them, in the order of the forward pass.
    pub const ALL: [Self; 7] =
        [Self::QProj, Self::KProj, Self::VProj, Self::OProj, Self::GateProj, Self::UpProj, Self::DownProj];

    /// The name in Hugging Face models.
    pub fn name(self) -> &'static str {
        match self {
            Self::QProj => "q_proj",
            Self::KProj => "k_proj",
            Self::VProj => "v_proj",
            Self::OProj => "o_proj",
            Self::GateProj => "gate_proj",
            Self::UpProj => "up_proj",
            Self::DownProj => "down_proj",
        }
    }

    /// The module's path inside a decoder layer.
    pub fn path(self) -> String {
        let block = match self {
            Self::QProj | Self::KProj | Self::VProj | Self::OProj => "self_attn",
            Self::GateProj | Self::UpProj | Self::DownProj => "mlp",
        };
        format!("{block}.{}", self.name())
    }

    /// `(input, output)` features.
    pub fn features(self, model: &ModelConfig) -> (usize, usize) {
        let hidden = model.hidden_size;
        let queries = model.attention_heads * model.head_dim;
        let keys = model.key_value_heads * model.head_dim;
        match self {
            Self::QProj => (hidden, queries),
            Self::KProj | Self::VProj => (hidden, keys),
            Self::OProj => (queries, hidden),
            Self::GateProj | Self::UpProj => (hidden, model.intermediate_size),
            Self::DownProj => (model.intermediate_size, hidden),
        }
    }
}

/// What kind of adapter to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoraConfig {
    /// Rank of the update.
    pub rank: usize,
    /// The update is scaled by `alpha / rank`.
    pub alpha: f32,
    /// Probability that an input feature is dropped on its way into the adapter, in training only.
    pub dropout: f32,
    /// Which linear layers carry an adapter.
    pub target_modules: Vec<TargetModule>,
}

impl Default for LoraConfig {
    fn default() -> Self {
        Self { rank: 16, alpha: 32.0, dropout: 0.05, target_modules: TargetModule::ALL.to_vec() }
    }
}

impl LoraConfig {
    /// What the update is multiplied by.
    pub fn scale(&self) -> f32 {
        self.alpha / self.rank as f32
    }
}

/// The two matrices of one adapted linear layer: `A` is `[rank, input]`, `B` is `[output, rank]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoraPair {
    /// Decoder layer.
    pub layer: usize,
    /// Linear layer in it.
    pub module: TargetModule,
    /// Input features.
    pub input: usize,
    /// Output features.
    pub output: usize,
    /// `A` in the flat vector.
    pub a: Range<usize>,
    /// `B` in the flat vector.
    pub b: Range<usize>,
}

impl LoraPair {
    /// The module's full path, as Hugging Face PEFT names it.
    pub fn path(&self) -> String {
        format!("model.layers.{}.{}", self.layer, self.module.path())
    }
}

/// An adapter with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapter {
    config: LoraConfig,
    pairs: Vec<LoraPair>,
    /// Every parameter, pair by pair, `A` before `B`, row-major.
    pub parameters: Vec<f32>,
}

impl Adapter {
    /// A fresh adapter: `A` uniform in ±1/√input (Kaiming with a = √5, as PEFT does), `B` zero, so that
    /// the adapted model starts equal to the base model.
    pub fn new(config: LoraConfig, model: &ModelConfig, seed: u64) -> Self {
        let mut adapter = Self::zeroed(config, model);
        let mut random = Random::new(&[seed, 0x10_5A]);
        for pair in &adapter.pairs {
            let bound = 1.0 / (pair.input as f64).sqrt();
            for value in &mut adapter.parameters[pair.a.clone()] {
                *value = ((random.uniform() * 2.0 - 1.0) * bound) as f32;
            }
        }
        adapter
    }

    /// An adapter with every parameter zero, to be filled from a file.
    pub fn zeroed(mut config: LoraConfig, model: &ModelConfig) -> Self {
        config.target_modules.sort_unstable();
        config.target_modules.dedup();
        let mut pairs = Vec::new();
        let mut end = 0;
        for layer in 0..model.layers {
            for module in &config.target_modules {
                let (input, output) = module.features(model);
                let a = end..end + config.rank * input;
                let b = a.end..a.end + output * config.rank;
                end = b.end;
                pairs.push(LoraPair { layer, module: *module, input, output, a, b });
            }
        }
        Self { config, pairs, parameters: vec![0.0; end] }
    }

    /// Its configuration.
    pub fn config(&self) -> &LoraConfig {
        &self.config
    }

    /// Its matrices, layer by layer.
    pub fn pairs(&self) -> &[LoraPair] {
        &self.pairs
    }

    /// The matrices of one linear layer, if it is adapted.
    pub fn pair(&self, layer: usize, module: TargetModule) -> Option<&LoraPair> {
        let index = self.config.target_modules.iter().position(|target| *target == module)?;
        self.pairs.get(layer * self.config.target_modules.len() + index)
    }
}
