//! The architecture of a decoder of the families of Llama and Gemma: sizes, rotary embedding, norms,
//! attention variants.
//! Read from a Hugging Face `config.json` here and from GGUF metadata in `files`; knows no weights.

mod design;
mod hugging_face;
mod rope;

pub use design::{Activation, Design, LocalLayers, Sight};
pub(crate) use hugging_face::token_ids;
pub use rope::RopeScaling;

/// The `model_type` values of `config.json` that can be trained.
pub const SUPPORTED_MODEL_TYPES: &str = "llama, mistral, qwen2, qwen3, gemma3_text";

/// The embedding table, `[vocabulary, hidden]`, by its Hugging Face name.
pub(crate) const EMBEDDING: &str = "model.embed_tokens.weight";
/// The weight of the norm before the output projection.
pub(crate) const FINAL_NORM: &str = "model.norm.weight";
/// The output projection, `[vocabulary, hidden]`, where it is not the embedding table.
pub(crate) const OUTPUT: &str = "lm_head.weight";
/// Projections that have biases where any has.
const BIASED: [&str; 3] = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"];

/// Whether a tensor is the weight of a norm, by its Hugging Face name.
fn is_norm(name: &str) -> bool {
    name.ends_with("norm.weight")
}

/// Which published architecture the model follows. The differences that matter to the mathematics
/// are fields of [`ModelConfig`]; the family decides what an exported `config.json` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Llama 2 and 3, SmolLM2, TinyLlama and others that copy them.
    Llama,
    /// Mistral 7B: Llama with an optional sliding window.
    Mistral,
    /// Qwen 2 and 2.5: biases on the query, key and value projections.
    Qwen2,
    /// Qwen 3: RMSNorm on each head of the queries and keys.
    Qwen3,
    /// Gemma 3, the language model: see [`Design`].
    Gemma3,
}

impl Family {
    /// Its `model_type`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::Gemma3 => "gemma3_text",
        }
    }

    /// What has to be added to the norms' weights of its Hugging Face files to multiply by: those of Gemma
    /// lie around zero. In GGUF files, and everywhere here, they are what is multiplied by.
    fn norm_offset(self) -> Option<f32> {
        (self == Self::Gemma3).then_some(1.0)
    }

    /// The values of a tensor as its Hugging Face files have them.
    pub(crate) fn stored(self, name: &str, mut values: Vec<f32>) -> Vec<f32> {
        if let Some(offset) = self.norm_offset().filter(|_| is_norm(name)) {
            values.iter_mut().for_each(|value| *value -= offset);
        }
        values
    }

    /// The way back from [`Self::stored`].
    pub(crate) fn loaded(self, name: &str, mut values: Vec<f32>) -> Vec<f32> {
        if let Some(offset) = self.norm_offset().filter(|_| is_norm(name)) {
            values.iter_mut().for_each(|value| *value += offset);
        }
        values
    }
}

/// Everything needed to build the decoder, apart from its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// The published architecture.
    pub family: Family,
    /// Rows of the embedding table; may exceed the tokenizer's vocabulary, never fall below it.
    pub vocabulary_size: usize,
    /// Width of the residual stream; even.
    pub hidden_size: usize,
    /// Width inside the feed-forward block; even.
    pub intermediate_size: usize,
    /// Decoder layers.
    pub layers: usize,
    /// Query heads in a layer.
    pub attention_heads: usize,
    /// Key and value heads in a layer; divides `attention_heads`.
    pub key_value_heads: usize,
    /// Width of one head; even. Not always `hidden_size / attention_heads` (Qwen 3).
    pub head_dim: usize,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// How the rotary frequencies are stretched for long contexts.
    pub rope_scaling: RopeScaling,
    /// Added to the mean square in RMSNorm.
    pub rms_norm_epsilon: f64,
    /// The output projection is the embedding table.
    pub tie_word_embeddings: bool,
    /// The query, key and value projections have biases (the output projection never does).
    pub attention_bias: bool,
    /// Queries and keys pass through an RMSNorm over each head before the rotation.
    pub query_key_norm: bool,
    /// Each position sees only this many positions up to itself; in the local layers alone, where the
    /// design has some.
    pub sliding_window: Option<usize>,
    /// What it has that Llama has not.
    pub design: Design,
    /// The longest sequence that the model was made for, in tokens.
    pub context_length: usize,
    /// Token that opens a text.
    pub bos_token_id: Option<u32>,
    /// Tokens that end a text or a turn; any of them stops generation.
    pub eos_token_ids: Vec<u32>,
    /// Token that fills up batches.
    pub pad_token_id: Option<u32>,
}

impl ModelConfig {
    /// Refuses sizes that no decoder can have, so that later code may divide and index freely.
    ///
    /// # Errors
    /// Names the field and what is wrong with it.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let positive = [
            ("vocab_size", self.vocabulary_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.layers),
            ("num_attention_heads", self.attention_heads),
            ("num_key_value_heads", self.key_value_heads),
            ("head_dim", self.head_dim),
            ("max_position_embeddings", self.context_length),
        ];
        for (field, value) in positive {
            if value == 0 || value > u32::MAX as usize {
                return Err(ConfigError::invalid(field, value, "must be at least 1 and fit 32 bits"));
            }
        }
        if !self.attention_heads.is_multiple_of(self.key_value_heads) {
            return Err(ConfigError::invalid(
                "num_key_value_heads",
                self.key_value_heads,
                format!("must divide the {} attention heads", self.attention_heads),
            ));
        }
        let even = [
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("head_dim", self.head_dim),
        ];
        if let Some((field, value)) = even.into_iter().find(|(_, value)| !value.is_multiple_of(2)) {
            return Err(ConfigError::invalid(field, value, "must be even"));
        }
        if !(self.rms_norm_epsilon.is_finite() && self.rms_norm_epsilon >= 0.0) {
            return Err(ConfigError::invalid("rms_norm_eps", self.rms_norm_epsilon, "must be 0 or more"));
        }
        if !(self.rope_theta.is_finite() && self.rope_theta > 0.0) {
            return Err(ConfigError::invalid("rope_theta", self.rope_theta, "must be above 0"));
        }
        self.design.validate(self.sliding_window)?;
        self.rope_scaling.validate()
    }

    /// Numbers in the keys and values of one token, over all layers.
    pub fn keys_and_values_per_token(&self) -> usize {
        2 * self.layers * self.key_value_heads * self.head_dim
    }

    /// Every tensor of the model under its Hugging Face name, with its shape (`[out, in]` for
    /// projections). Lazy, so that an absurd layer count costs nothing before a check stops it.
    pub fn tensor_shapes(&self) -> impl Iterator<Item = (String, Vec<usize>)> + '_ {
        let table = vec![self.vocabulary_size, self.hidden_size];
        let head = (!self.tie_word_embeddings).then(|| (OUTPUT.to_owned(), table.clone()));
        std::iter::once((EMBEDDING.to_owned(), table))
            .chain((0..self.layers).flat_map(|layer| self.layer_tensor_shapes(layer)))
            .chain(std::iter::once((FINAL_NORM.to_owned(), vec![self.hidden_size])))
            .chain(head)
    }

    /// The name of the output projection: the embedding table's where that serves for both.
    pub(crate) fn output_projection(&self) -> &'static str {
        if self.tie_word_embeddings { EMBEDDING } else { OUTPUT }
    }

    /// Whether a projection has a bias, given its name in the layer (`self_attn.q_proj`).
    pub(crate) fn has_bias(&self, projection: &str) -> bool {
        self.attention_bias && BIASED.contains(&projection)
    }

    /// How many weights the model has.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.tensor_shapes().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }

    fn layer_tensor_shapes(&self, layer: usize) -> Vec<(String, Vec<usize>)> {
        let (hidden, inner) = (self.hidden_size, self.intermediate_size);
        let queries = self.attention_heads * self.head_dim;
        let keys = self.key_value_heads * self.head_dim;
        let norms = self.design.norm_names();
        let weights = [
            (norms.before_attention, vec![hidden]),
            ("self_attn.q_proj", vec![queries, hidden]),
            ("self_attn.k_proj", vec![keys, hidden]),
            ("self_attn.v_proj", vec![keys, hidden]),
            ("self_attn.o_proj", vec![hidden, queries]),
            (norms.before_feed_forward, vec![hidden]),
            ("mlp.gate_proj", vec![inner, hidden]),
            ("mlp.up_proj", vec![inner, hidden]),
            ("mlp.down_proj", vec![hidden, inner]),
        ];
        let biases = BIASED.into_iter().zip([queries, keys, keys]).filter(|(path, _)| self.has_bias(path));
        let of_outputs = norms.after_attention.into_iter().chain(norms.after_feed_forward);
        let of_heads = ["self_attn.q_norm", "self_attn.k_norm"].into_iter().filter(|_| self.query_key_norm);
        let norms = of_heads
            .map(|path| (path, vec![self.head_dim]))
            .chain(of_outputs.map(|path| (path, vec![hidden])));
        let named = |path: &str, kind: &str, shape| (format!("model.layers.{layer}.{path}.{kind}"), shape);
        let weights = weights.into_iter().map(|(path, shape)| named(path, "weight", shape));
        let biases = biases.map(|(path, length)| named(path, "bias", vec![length]));
        let norms = norms.map(|(path, shape)| named(path, "weight", shape));
        weights.chain(biases).chain(norms).collect()
    }
}

/// A description of a model that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// An architecture that the engine has no decoder for.
    #[error("the architecture \"{model_type}\" is not supported; supported are {SUPPORTED_MODEL_TYPES}")]
    UnsupportedArchitecture {
        /// As the file names it.
        model_type: String,
    },
    /// A supported architecture with a variant that the engine does not compute.
    #[error("{what} is not supported; use a model without it")]
    UnsupportedFeature {
        /// The field and its value.
        what: String,
    },
    /// A field that must be there is not.
    #[error("the field \"{field}\" is missing")]
    Missing {
        /// Name in the file.
        field: String,
    },
    /// A field has a value that makes no sense.
    #[error("the field \"{field}\" is {value}: it {reason}")]
    Invalid {
        /// Name in the file.
        field: String,
        /// As found.
        value: String,
        /// What it must be.
        reason: String,
    },
    /// Not JSON, or a field of the wrong type.
    #[error("not a valid model description: {0}")]
    Json(#[from] serde_json::Error),
}

impl ConfigError {
    pub(crate) fn invalid(
        field: impl Into<String>,
        value: impl std::fmt::Display,
        reason: impl Into<String>,
    ) -> Self {
        Self::Invalid { field: field.into(), value: value.to_string(), reason: reason.into() }
    }
}
