//! One decoder layer: middle = x + attention(norm(x)); out = middle + feed_forward(norm(middle)), where some
//! designs normalise what they add, too.

use candle_core::Tensor;

use super::attention::{Attention, Cache};
use super::feed_forward::FeedForward;
use super::norm::RmsNorm;
use super::weights::WeightSource;
use super::{BackendError, Pass};
use crate::config::ModelConfig;

pub(super) struct Layer {
    attention_norm: RmsNorm,
    attention: Attention,
    attention_output_norm: Option<RmsNorm>,
    feed_forward_norm: RmsNorm,
    feed_forward: FeedForward,
    feed_forward_output_norm: Option<RmsNorm>,
}

impl Layer {
    pub(super) fn new(
        config: &ModelConfig,
        index: usize,
        weights: &WeightSource<'_>,
    ) -> Result<Self, BackendError> {
        let norm = |name: &str| -> Result<RmsNorm, BackendError> {
            let weight = weights.take(&format!("model.layers.{index}.{name}.weight"))?;
            Ok(RmsNorm::new(weight, config.rms_norm_epsilon))
        };
        let names = config.design.norm_names();
        Ok(Self {
            attention_norm: norm(names.before_attention)?,
            attention_output_norm: names.after_attention.map(norm).transpose()?,
            feed_forward_norm: norm(names.before_feed_forward)?,
            feed_forward_output_norm: names.after_feed_forward.map(norm).transpose()?,
            attention: Attention::new(config, index, weights)?,
            feed_forward: FeedForward::new(config, index, weights)?,
        })
    }

    /// `[rows, hidden]` gives `[rows, hidden]`.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        pass: Pass<'_>,
        cache: Option<&mut dyn Cache>,
    ) -> candle_core::Result<Tensor> {
        let attention = self.attention.forward(&self.attention_norm.forward(x)?, pass, cache)?;
        let middle = (x + normalised(attention, self.attention_output_norm.as_ref())?)?;
        let output = self.feed_forward.forward(&self.feed_forward_norm.forward(&middle)?, pass)?;
        &middle + normalised(output, self.feed_forward_output_norm.as_ref())?
    }
}

fn normalised(x: Tensor, norm: Option<&RmsNorm>) -> candle_core::Result<Tensor> {
    norm.map_or(Ok(x.clone()), |norm| norm.forward(&x))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use candle_core::{DType, Device};
    use gradus_kernels::attention::Segment;

    use super::super::lora::LayerLora;
    use super::super::placement::Placement;
    use super::super::rotary::Rotation;
    use super::super::stage::differentiate;
    use super::super::weights::WeightTensors;
    use super::super::{Rows, mask};
    use super::*;
    use crate::adapter::{Adapter, LoraConfig, Method};
    use crate::backend::Dropout;
    use crate::backend::cpu::BaseWeights;
    use crate::config::{Design, Family, RopeScaling};
    use crate::files::{self, Weights};

    /// With every variant switched on.
    fn config() -> ModelConfig {
        ModelConfig {
            family: Family::Qwen3,
            vocabulary_size: 8,
            hidden_size: 6,
            intermediate_size: 10,
            layers: 1,
            attention_heads: 4,
            key_value_heads: 2,
            head_dim: 4,
            rope_theta: 100.0,
            rope_scaling: RopeScaling::None,
            rms_norm_epsilon: 1e-5,
            tie_word_embeddings: true,
            attention_bias: true,
            query_key_norm: true,
            sliding_window: Some(3),
            design: Design::gemma3(),
            context_length: 16,
            bos_token_id: None,
            eos_token_ids: Vec::new(),
            pad_token_id: None,
        }
    }

    #[test]
    fn only_the_adapters_matrices_get_a_gradient() {
        let config = config();
        let tensors = config.tensor_shapes().map(|(name, shape)| {
            let data = (0..shape.iter().product()).map(|i: usize| (i % 7) as f32 / 7.0 - 0.4).collect();
            (name, files::Tensor { shape, data })
        });
        let weights = Weights::from_tensors(&config, tensors.collect::<BTreeMap<_, _>>()).unwrap();
        let placement = Placement { device: Device::Cpu, dtype: DType::F32 };
        let weights = WeightTensors::of_base(&config, (weights, BaseWeights::default()), &placement).unwrap();
        let layer = Layer::new(&config, 0, &weights.constants()).unwrap();

        let whole = Segment { rows: 0..5, prefix: Vec::new(), own: 0..5 };
        let rows = Rows {
            rotation: Rotation::new(&config.rope_inverse_frequencies(), &[0, 1, 2, 3, 4], &placement)
                .unwrap(),
            mask: placement
                .tensor(mask::of_cached(&[whole], &[0, 1, 2, 3, 4], config.sliding_window), (5, 5))
                .unwrap(),
            dropout: Some(Dropout { key: 1, probability: 0.5 }),
        };
        let adapter = Adapter::new(LoraConfig::default(), &config, 3);
        let lora = &LayerLora::of_layers(&adapter, 1, &placement).unwrap()[0].variables().unwrap();
        let x = Tensor::randn(0_f32, 1.0, (5, 6), &Device::Cpu).unwrap();
        let stage = differentiate(&x, &x, |x| layer.forward(x, Pass { rows: &rows, lora }, None)).unwrap();

        assert!(lora.matrices().all(|matrix| stage.gradients.get(matrix).is_some()));
        assert_eq!(lora.matrices().count(), 14);
        assert_eq!(stage.gradients.get_ids().count(), 14, "a gradient of something frozen was built");

        // In full fine-tuning, everything in the layer gets one.
        let source = weights.variables();
        let layer = Layer::new(&config, 0, &source).unwrap();
        let lora = &LayerLora::default();
        let stage = differentiate(&x, &x, |x| layer.forward(x, Pass { rows: &rows, lora }, None)).unwrap();
        let full = Adapter::zeroed(Method::Full, &config);
        let mut gradients = vec![0.0; full.parameters.len()];
        source.add_gradients(&stage.gradients, full.weights(), &mut gradients).unwrap();
        for weight in full.weights().iter().filter(|weight| weight.name.contains("layers.0")) {
            assert!(gradients[weight.range.clone()].iter().any(|g| *g != 0.0), "{}", weight.name);
        }
    }
}
