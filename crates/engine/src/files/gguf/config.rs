//! GGUF metadata to [`ModelConfig`]. What the metadata leaves out shows in which tensors there are.

use super::GgufFile;
use super::metadata::Metadata;
use super::rope;
use crate::config::{ConfigError, Design, Family, LocalLayers, ModelConfig, RopeScaling};

pub(super) fn read(metadata: &Metadata<'_>, file: &GgufFile) -> Result<ModelConfig, ConfigError> {
    if metadata.optional_size("split.count")?.is_some_and(|count| count > 1) {
        let what = "a GGUF model split over several files (join them with llama-gguf-split --merge)";
        return Err(ConfigError::UnsupportedFeature { what: what.to_owned() });
    }
    let architecture = metadata.text("general.architecture")?;
    let key = |name: &str| format!("{architecture}.{name}");
    let sliding_window =
        metadata.optional_size(&key("attention.sliding_window"))?.filter(|&window| window > 0);
    let family = match architecture {
        // llama.cpp stores Mistral under the name llama.
        "llama" if sliding_window.is_some() => Family::Mistral,
        "llama" => Family::Llama,
        "qwen2" => Family::Qwen2,
        "qwen3" => Family::Qwen3,
        "gemma3" => Family::Gemma3,
        other => {
            return Err(ConfigError::UnsupportedArchitecture { model_type: other.to_owned() });
        }
    };
    let has = |tensor: &str| file.content.tensor_infos.contains_key(tensor);
    let other_biases = has("blk.0.attn_q.bias") && family != Family::Qwen2;
    if other_biases || has("blk.0.attn_output.bias") || has("blk.0.ffn_gate_inp.weight") {
        let what = format!("this variant of {architecture} (other biases or a mixture of experts)");
        return Err(ConfigError::UnsupportedFeature { what });
    }
    let hidden_size = metadata.size(&key("embedding_length"))?;
    let attention_heads = metadata.size(&key("attention.head_count"))?;
    let head_dim = match metadata.optional_size(&key("attention.key_length"))? {
        Some(length) => length,
        None => hidden_size.checked_div(attention_heads).unwrap_or(0),
    };
    let layers = metadata.size(&key("block_count"))?;
    let mut config = ModelConfig {
        family,
        vocabulary_size: rows(file, "token_embd.weight")?,
        hidden_size,
        intermediate_size: metadata.size(&key("feed_forward_length"))?,
        layers,
        attention_heads,
        key_value_heads: metadata.optional_size(&key("attention.head_count_kv"))?.unwrap_or(attention_heads),
        head_dim,
        rope_theta: metadata.number(&key("rope.freq_base")).unwrap_or(10_000.0),
        rope_scaling: linear_scaling(metadata, architecture)?,
        rms_norm_epsilon: required_number(metadata, &key("attention.layer_norm_rms_epsilon"))?,
        tie_word_embeddings: !has("output.weight"),
        attention_bias: family == Family::Qwen2,
        query_key_norm: matches!(family, Family::Qwen3 | Family::Gemma3),
        sliding_window: sliding_window.filter(|_| matches!(family, Family::Mistral | Family::Gemma3)),
        design: match family {
            Family::Gemma3 => gemma3(metadata, (layers, hidden_size, attention_heads))?,
            _ => Design::default(),
        },
        context_length: metadata.size(&key("context_length"))?,
        bos_token_id: metadata.token_id("tokenizer.ggml.bos_token_id"),
        eos_token_ids: eos_token_ids(metadata),
        pad_token_id: metadata.token_id("tokenizer.ggml.padding_token_id"),
    };
    config.validate()?;
    check_rotated_part(metadata, architecture, &config)?;
    if has(rope::FACTORS) {
        config.rope_scaling = rope::scaling_behind(&factors(file)?, &config)?;
    }
    Ok(config)
}

/// What files leave out is the same in all published sizes, but for the query scalar.
fn gemma3(
    metadata: &Metadata<'_>,
    (layers, hidden_size, attention_heads): (usize, usize, usize),
) -> Result<Design, ConfigError> {
    let capped = metadata.number("gemma3.final_logit_softcapping").filter(|cap| *cap > 0.0);
    if let Some(cap) = capped {
        let what = format!("capping logits (gemma3.final_logit_softcapping = {cap})");
        return Err(ConfigError::UnsupportedFeature { what });
    }
    let usual = Design::gemma3();
    let local = usual.local_layers.map(|usual| -> Result<LocalLayers, ConfigError> {
        let period = metadata.optional_size("gemma3.attention.sliding_window_pattern")?;
        let rope_theta = metadata.number("gemma3.rope.freq_base_swa");
        let (period, rope_theta) = (period.unwrap_or(usual.period), rope_theta.unwrap_or(usual.rope_theta));
        Ok(LocalLayers { period, rope_theta })
    });
    let query_scalar = query_scalar(layers, hidden_size, attention_heads);
    Ok(Design { query_scalar, local_layers: local.transpose()?, ..usual })
}

/// The query scalar of a Gemma 3 of that size, where it is not the width of a head: that of 27B, which
/// llama.cpp, too, knows by its layers.
pub(crate) fn query_scalar(layers: usize, hidden_size: usize, attention_heads: usize) -> Option<usize> {
    const LAYERS_OF_27B: usize = 62;
    (layers == LAYERS_OF_27B).then(|| hidden_size.checked_div(attention_heads)).flatten()
}

fn rows(file: &GgufFile, tensor: &str) -> Result<usize, ConfigError> {
    let info = file.content.tensor_infos.get(tensor);
    let rows = info.and_then(|info| info.shape.dims().first().copied());
    rows.ok_or_else(|| ConfigError::Missing { field: tensor.to_owned() })
}

fn required_number(metadata: &Metadata<'_>, key: &str) -> Result<f64, ConfigError> {
    metadata.number(key).ok_or_else(|| ConfigError::Missing { field: key.to_owned() })
}

fn eos_token_ids(metadata: &Metadata<'_>) -> Vec<u32> {
    let mut ids = Vec::new();
    for key in ["eos_token_id", "eot_token_id", "eom_token_id"] {
        ids.extend(metadata.token_id(&format!("tokenizer.ggml.{key}")).filter(|id| !ids.contains(id)));
    }
    ids
}

fn check_rotated_part(
    metadata: &Metadata<'_>,
    architecture: &str,
    config: &ModelConfig,
) -> Result<(), ConfigError> {
    match metadata.optional_size(&format!("{architecture}.rope.dimension_count"))? {
        Some(rotated) if rotated != config.head_dim => Err(ConfigError::UnsupportedFeature {
            what: format!("rotating {rotated} of the {} dimensions of a head", config.head_dim),
        }),
        _ => Ok(()),
    }
}

fn linear_scaling(metadata: &Metadata<'_>, architecture: &str) -> Result<RopeScaling, ConfigError> {
    let key = |name: &str| format!("{architecture}.rope.scaling.{name}");
    match metadata.optional_text(&key("type")) {
        None | Some("none") => Ok(RopeScaling::None),
        Some("linear") => Ok(RopeScaling::Linear { factor: required_number(metadata, &key("factor"))? }),
        Some(other) => {
            Err(ConfigError::UnsupportedFeature { what: format!("rope scaling of type \"{other}\"") })
        }
    }
}

fn factors(file: &GgufFile) -> Result<Vec<f32>, ConfigError> {
    file.read(rope::FACTORS)
        .map_err(|error| ConfigError::invalid(rope::FACTORS, "unreadable", error.to_string()))
}
