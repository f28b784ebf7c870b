//! Where each trained tensor lies in the flat vector of parameters: a pure function of the method and the
//! architecture.

use std::ops::Range;

use super::{LoraConfig, Method, TargetModule};
use crate::config::ModelConfig;

/// What is trained of one adapted linear layer: `A` is `[rank, input]`, `B` is `[output, rank]`.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraPair {
    /// Decoder layer.
    pub layer: usize,
    /// Linear layer in it.
    pub module: TargetModule,
    /// Input features.
    pub input: usize,
    /// Output features.
    pub output: usize,
    /// Rank of the update.
    pub rank: usize,
    /// What the update is multiplied by.
    pub scale: f32,
    /// `A` in the flat vector.
    pub a: Range<usize>,
    /// `B` in the flat vector.
    pub b: Range<usize>,
    /// The lengths of the rows of the adapted weight, `[output]`, in the flat vector; with DoRA only.
    pub magnitude: Option<Range<usize>>,
}

impl LoraPair {
    /// The module's full path, as Hugging Face PEFT names it.
    pub fn path(&self) -> String {
        format!("model.layers.{}.{}", self.layer, self.module.path())
    }
}

/// A weight of the model that is trained itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainedWeight {
    /// Its Hugging Face name.
    pub name: String,
    /// `[output, input]` of a matrix, `[width]` of a norm or a bias.
    pub shape: Vec<usize>,
    /// Its place in the flat vector.
    pub range: Range<usize>,
}

/// A stretch of the flat vector that the optimizer treats alike.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterGroup {
    /// Its place in the flat vector.
    pub range: Range<usize>,
    /// Factor on the learning rate.
    pub rate: f64,
    /// Whether weight decay applies: to matrices, not to norms, biases and magnitudes, which would be drawn
    /// away from their sense.
    pub decays: bool,
}

/// The trained tensors in their order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Layout {
    /// Pair by pair, layer by layer: `A`, `B`, then the magnitudes.
    Lora(Vec<LoraPair>),
    /// In the order of [`ModelConfig::tensor_shapes`].
    Full(Vec<TrainedWeight>),
}

impl Layout {
    pub(super) fn new(method: &Method, model: &ModelConfig) -> Self {
        match method {
            Method::Lora(config) => Self::Lora(pairs(config, model)),
            Method::Full => Self::Full(weights(model)),
        }
    }

    /// Parameters in the flat vector.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Lora(pairs) => {
                pairs.last().map_or(0, |pair| pair.magnitude.as_ref().unwrap_or(&pair.b).end)
            }
            Self::Full(weights) => weights.last().map_or(0, |weight| weight.range.end),
        }
    }

    /// What the optimizer does with each stretch; neighbours that are treated alike are one.
    pub(super) fn groups(&self, lora_plus_ratio: f64) -> Vec<ParameterGroup> {
        let group =
            |range: &Range<usize>, rate, decays| ParameterGroup { range: range.clone(), rate, decays };
        let mut groups: Vec<ParameterGroup> = Vec::new();
        let mut push = |next: ParameterGroup| match groups.last_mut() {
            Some(last) if (last.rate, last.decays) == (next.rate, next.decays) => {
                last.range.end = next.range.end
            }
            _ => groups.push(next),
        };
        match self {
            Self::Lora(pairs) => pairs.iter().for_each(|pair| {
                push(group(&pair.a, 1.0, true));
                push(group(&pair.b, lora_plus_ratio, true));
                pair.magnitude.iter().for_each(|range| push(group(range, lora_plus_ratio, false)));
            }),
            Self::Full(weights) => {
                weights.iter().for_each(|weight| push(group(&weight.range, 1.0, weight.shape.len() > 1)));
            }
        }
        groups
    }
}

fn pairs(config: &LoraConfig, model: &ModelConfig) -> Vec<LoraPair> {
    let mut pairs = Vec::with_capacity(model.layers * config.target_modules.len());
    let mut end = 0;
    for layer in 0..model.layers {
        for module in config.target_modules.iter().copied() {
            let (input, output) = module.features(model);
            let (rank, scale) = (config.rank, config.scale());
            let a = end..end + rank * input;
            let b = a.end..a.end + output * rank;
            let magnitude = config.weight_decomposed.then(|| b.end..b.end + output);
            end = magnitude.as_ref().unwrap_or(&b).end;
            pairs.push(LoraPair { layer, module, input, output, rank, scale, a, b, magnitude });
        }
    }
    pairs
}

fn weights(model: &ModelConfig) -> Vec<TrainedWeight> {
    let mut end = 0;
    let placed = model.tensor_shapes().map(|(name, shape)| {
        let range = end..end + shape.iter().product::<usize>();
        end = range.end;
        TrainedWeight { name, shape, range }
    });
    placed.collect()
}
