//! The tokenizer part of GGUF metadata, handed to `tokenizer` in its own words.

use super::metadata::Metadata;
use crate::config::ConfigError;
use crate::tokenizer::{GgufVocabulary, SpecialIds};

pub(super) fn read(metadata: &Metadata<'_>) -> Result<GgufVocabulary, ConfigError> {
    let key = |name: &str| format!("tokenizer.ggml.{name}");
    let id = |name: &str| metadata.token_id(&key(name));
    Ok(GgufVocabulary {
        model: metadata.text(&key("model"))?.to_owned(),
        pre_tokenizer: metadata.optional_text(&key("pre")).map(str::to_owned),
        tokens: metadata.texts(&key("tokens")),
        token_types: metadata.integers(&key("token_type")),
        scores: metadata.floats(&key("scores")),
        merges: metadata.texts(&key("merges")),
        adds_space_prefix: metadata.flag(&key("add_space_prefix")),
        adds_bos: metadata.flag(&key("add_bos_token")),
        unknown: id("unknown_token_id"),
        special: SpecialIds { bos: id("bos_token_id"), eos: id("eos_token_id"), pad: id("padding_token_id") },
    })
}
