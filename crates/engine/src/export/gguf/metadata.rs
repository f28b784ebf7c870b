//! The metadata of an exported GGUF file. What a base model's own GGUF file says of architecture and
//! tokenizer is carried over as it is; for a Hugging Face directory it is made from what was read.

use std::collections::BTreeMap;

use candle_core::quantized::gguf_file::Value;

use super::About;
use crate::config::{Family, ModelConfig, RopeScaling};
use crate::files::ModelFiles;
use crate::tokenizer::{GgufVocabulary, TokenizerError};

/// Keys and values, in order of key.
pub(super) type Metadata = BTreeMap<String, Value>;

/// What the base model's file says that is no longer true of the export.
const REPLACED: &[&str] = &[
    "general.alignment",
    "general.description",
    "general.file_type",
    "general.finetune",
    "general.name",
    "general.quantized_by",
    "general.quantization_version",
    "general.uuid",
    "general.version",
];
const REPLACED_GROUPS: &[&str] = &["general.base_model.", "general.source.", "quantize.", "split."];

/// Everything about the export but its tensors. `carried` is the metadata of the base model's GGUF file,
/// if it is one.
pub(super) fn of(
    base: &ModelFiles,
    carried: Option<Metadata>,
    about: &About<'_>,
    file_type: u32,
) -> Result<Metadata, TokenizerError> {
    let mut metadata = match carried {
        Some(carried) => without_replaced(carried),
        None => tokenizer(base)?,
    };
    for (key, value) in architecture(&base.config) {
        metadata.entry(key).or_insert(value);
    }
    if let Some(licence) = about.licence {
        metadata.entry("general.license".to_owned()).or_insert_with(|| text(licence));
    }
    let made_by = format!(
        "Fine-tuned on {} with Gradus {}, adapter merged",
        about.base_model,
        env!("CARGO_PKG_VERSION")
    );
    let general = [
        ("type", text("model")),
        ("name", text(about.name)),
        ("description", text(&made_by)),
        ("base_model.count", Value::U32(1)),
        ("base_model.0.name", text(about.base_model)),
        ("file_type", Value::U32(file_type)),
        ("quantization_version", Value::U32(2)),
    ];
    metadata.extend(general.map(|(key, value)| (format!("general.{key}"), value)));
    Ok(metadata)
}

/// The licence that the metadata names.
pub(super) fn licence(metadata: &Metadata) -> Option<&str> {
    metadata.get("general.license").and_then(|value| value.to_string().ok()).map(String::as_str)
}

fn without_replaced(carried: Metadata) -> Metadata {
    let replaced =
        |key: &str| REPLACED.contains(&key) || REPLACED_GROUPS.iter().any(|group| key.starts_with(group));
    carried.into_iter().filter(|(key, _)| !replaced(key)).collect()
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// The name of the architecture; llama.cpp keeps Mistral under that of Llama.
pub(super) fn architecture_name(family: Family) -> &'static str {
    match family {
        Family::Llama | Family::Mistral => "llama",
        Family::Qwen2 => "qwen2",
        Family::Qwen3 => "qwen3",
        Family::Gemma3 => "gemma3",
    }
}

fn architecture(config: &ModelConfig) -> Vec<(String, Value)> {
    let architecture = architecture_name(config.family);
    let size = |value: usize| Value::U32(value as u32);
    let mut fields = vec![
        ("vocab_size", size(config.vocabulary_size)),
        ("context_length", size(config.context_length)),
        ("embedding_length", size(config.hidden_size)),
        ("block_count", size(config.layers)),
        ("feed_forward_length", size(config.intermediate_size)),
        ("attention.head_count", size(config.attention_heads)),
        ("attention.head_count_kv", size(config.key_value_heads)),
        ("attention.key_length", size(config.head_dim)),
        ("attention.value_length", size(config.head_dim)),
        ("attention.layer_norm_rms_epsilon", Value::F32(config.rms_norm_epsilon as f32)),
        ("rope.dimension_count", size(config.head_dim)),
        ("rope.freq_base", Value::F32(config.rope_theta as f32)),
    ];
    if let Some(window) = config.sliding_window {
        fields.push(("attention.sliding_window", size(window)));
    }
    if let Some(local) = config.design.local_layers {
        fields.push(("attention.sliding_window_pattern", size(local.period)));
        fields.push(("rope.freq_base_swa", Value::F32(local.rope_theta as f32)));
    }
    if let RopeScaling::Linear { factor } = config.rope_scaling {
        fields.push(("rope.scaling.type", text("linear")));
        fields.push(("rope.scaling.factor", Value::F32(factor as f32)));
    }
    let named = fields.into_iter().map(|(key, value)| (format!("{architecture}.{key}"), value));
    std::iter::once(("general.architecture".to_owned(), text(architecture))).chain(named).collect()
}

fn tokenizer(base: &ModelFiles) -> Result<Metadata, TokenizerError> {
    let vocabulary = base.tokenizer.to_gguf(base.config.vocabulary_size)?;
    let mut metadata = vocabulary_metadata(vocabulary);
    // One end is the tokenizer's; a GGUF file has room for two more.
    let ends = base.config.eos_token_ids.iter();
    let others = ends.filter(|id| base.tokenizer.special_ids().eos != Some(**id));
    for (name, id) in ["eot_token_id", "eom_token_id"].into_iter().zip(others) {
        metadata.insert(format!("tokenizer.ggml.{name}"), Value::U32(*id));
    }
    if let Some(template) = &base.chat_template {
        metadata.insert("tokenizer.chat_template".to_owned(), text(template.source()));
    }
    Ok(metadata)
}

fn vocabulary_metadata(vocabulary: GgufVocabulary) -> Metadata {
    let texts = |list: Vec<String>| Value::Array(list.into_iter().map(Value::String).collect());
    let types = vocabulary.token_types.into_iter().map(|kind| Value::I32(kind as i32));
    let optional = [
        ("pre", vocabulary.pre_tokenizer.map(Value::String)),
        // llama.cpp refuses a byte-level tokenizer without the list, even where it is empty.
        ("merges", Some(vocabulary.merges).filter(|_| vocabulary.scores.is_empty()).map(texts)),
        (
            "scores",
            Some(vocabulary.scores)
                .filter(|list| !list.is_empty())
                .map(|list| Value::Array(list.into_iter().map(Value::F32).collect())),
        ),
        ("add_space_prefix", vocabulary.adds_space_prefix.map(Value::Bool)),
        ("add_bos_token", vocabulary.adds_bos.map(Value::Bool)),
        ("unknown_token_id", vocabulary.unknown.map(Value::U32)),
        ("bos_token_id", vocabulary.special.bos.map(Value::U32)),
        ("eos_token_id", vocabulary.special.eos.map(Value::U32)),
        ("padding_token_id", vocabulary.special.pad.map(Value::U32)),
    ];
    let always = [
        ("model", Value::String(vocabulary.model)),
        ("tokens", texts(vocabulary.tokens)),
        ("token_type", Value::Array(types.collect())),
    ];
    let present = optional.into_iter().filter_map(|(key, value)| Some((key, value?)));
    always.into_iter().chain(present).map(|(key, value)| (format!("tokenizer.ggml.{key}"), value)).collect()
}
