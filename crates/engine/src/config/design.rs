//! What designs of decoders differ in beside sizes: what a layer is made of, which layers see a window
//! alone, how embeddings and attention scores are scaled.

use super::{ConfigError, ModelConfig};

/// What a decoder has that Llama has not. The default is Llama's design.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Design {
    /// What the gate of the feed-forward block passes through.
    pub activation: Activation,
    /// The outputs of attention and of the feed-forward block pass through an RMSNorm of their own before
    /// they are added to the residual stream.
    pub output_norms: bool,
    /// Embeddings are multiplied by √`hidden_size`.
    pub scaled_embeddings: bool,
    /// Attention scores are divided by the root of this instead of that of `head_dim`.
    pub query_scalar: Option<usize>,
    /// Most layers see the window alone and rotate by frequencies of their own.
    pub local_layers: Option<LocalLayers>,
}

impl Design {
    /// Gemma 3 (arXiv:2503.19786), but for what differs between its sizes.
    pub(crate) fn gemma3() -> Self {
        Self {
            activation: Activation::TanhGelu,
            output_norms: true,
            scaled_embeddings: true,
            query_scalar: None,
            local_layers: Some(LocalLayers { period: 6, rope_theta: 10_000.0 }),
        }
    }
}

/// The activation of a gated linear unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// x · σ(x).
    #[default]
    Silu,
    /// GELU in the tanh approximation.
    TanhGelu,
}

/// Layers that see a window alone, between others that see everything.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocalLayers {
    /// The last of so many layers sees everything, the others the window.
    pub period: usize,
    /// Base of the rotary frequencies of those that see the window; `rope_theta` and `rope_scaling` of
    /// [`ModelConfig`] are those of the others.
    pub rope_theta: f64,
}

/// How a layer's attention looks back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// As all layers of most models: with `rope_theta`; through the window, if the model has one for all.
    Main,
    /// As the local layers of a model that has some.
    Local,
}

/// The norms of a layer's residual stream, by their names in the layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NormNames {
    pub(crate) before_attention: &'static str,
    pub(crate) after_attention: Option<&'static str>,
    pub(crate) before_feed_forward: &'static str,
    pub(crate) after_feed_forward: Option<&'static str>,
}

impl Design {
    /// The norms of each layer.
    pub(crate) fn norm_names(self) -> NormNames {
        if self.output_norms {
            return NormNames {
                before_attention: "input_layernorm",
                after_attention: Some("post_attention_layernorm"),
                before_feed_forward: "pre_feedforward_layernorm",
                after_feed_forward: Some("post_feedforward_layernorm"),
            };
        }
        NormNames {
            before_attention: "input_layernorm",
            after_attention: None,
            before_feed_forward: "post_attention_layernorm",
            after_feed_forward: None,
        }
    }

    pub(super) fn validate(&self, sliding_window: Option<usize>) -> Result<(), ConfigError> {
        if self.query_scalar == Some(0) {
            return Err(ConfigError::invalid("query_pre_attn_scalar", 0, "must be at least 1"));
        }
        let Some(local) = self.local_layers else { return Ok(()) };
        if local.period == 0 {
            return Err(ConfigError::invalid("sliding_window_pattern", 0, "must be at least 1"));
        }
        if !(local.rope_theta > 0.0 && local.rope_theta.is_finite()) {
            return Err(ConfigError::invalid("rope_local_base_freq", local.rope_theta, "must be above 0"));
        }
        if sliding_window.is_none() {
            return Err(ConfigError::Missing { field: "sliding_window".to_owned() });
        }
        Ok(())
    }
}

impl ModelConfig {
    /// How the attention of a layer looks back.
    pub fn sight_of(&self, layer: usize) -> Sight {
        match self.design.local_layers {
            Some(local) if !(layer + 1).is_multiple_of(local.period) => Sight::Local,
            _ => Sight::Main,
        }
    }

    /// How many positions a layer of that sight sees up to its own; `None` where it sees all.
    pub fn window(&self, sight: Sight) -> Option<usize> {
        self.sliding_window.filter(|_| self.design.local_layers.is_none() || sight == Sight::Local)
    }

    /// What attention scores are divided by the root of.
    pub fn query_scalar(&self) -> usize {
        self.design.query_scalar.unwrap_or(self.head_dim)
    }

    /// What embeddings are multiplied by, where they are. Published models were trained with this rounded to
    /// bf16; what reads them in f32 (transformers, llama.cpp) does not round it.
    pub fn embedding_scale(&self) -> Option<f32> {
        self.design.scaled_embeddings.then(|| (self.hidden_size as f32).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gemma3() -> ModelConfig {
        let json = serde_json::json!({
            "model_type": "gemma3_text", "vocab_size": 64, "hidden_size": 16, "intermediate_size": 32,
            "num_hidden_layers": 13, "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 8,
            "sliding_window": 512, "max_position_embeddings": 32768
        });
        ModelConfig::from_hugging_face(&json.to_string()).unwrap()
    }

    #[test]
    fn one_layer_of_six_sees_everything() {
        let mut config = gemma3();
        let seeing_all = |config: &ModelConfig| -> Vec<usize> {
            (0..13).filter(|layer| config.window(config.sight_of(*layer)).is_none()).collect()
        };
        assert_eq!(seeing_all(&config), [5, 11]);
        config.design.local_layers = None;
        assert!(seeing_all(&config).is_empty(), "one window for all");
    }

    #[test]
    fn local_layers_without_a_window_are_refused() {
        let config = ModelConfig { sliding_window: None, ..gemma3() };
        assert!(config.validate().unwrap_err().to_string().contains("sliding_window"));
    }
}
