//! The files beside the weights of a whole model: architecture, tokenizer, chat template, generation.

use serde_json::{Value, json};

use super::draft::Draft;
use super::{ExportError, Precision};
use crate::chat::ChatTemplate;
use crate::config::ModelConfig;
use crate::files::ModelFiles;
use crate::tokenizer::{Tokenizer, TokenizerError};

/// A model but for its weights.
#[derive(Debug, Clone, Copy)]
pub struct ModelDescription<'a> {
    /// Its architecture.
    pub config: &'a ModelConfig,
    /// Its tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// How it writes conversations, where it says so.
    pub chat_template: Option<&'a ChatTemplate>,
}

impl<'a> From<&'a ModelFiles> for ModelDescription<'a> {
    fn from(files: &'a ModelFiles) -> Self {
        let ModelFiles { config, tokenizer, chat_template, .. } = files;
        Self { config, tokenizer, chat_template: chat_template.as_ref() }
    }
}

pub(super) fn write(
    draft: &Draft,
    base: ModelDescription<'_>,
    precision: Precision,
) -> Result<(), ExportError> {
    let mut config = base.config.to_hugging_face();
    let dtype = match precision {
        Precision::F32 => "float32",
        Precision::Bf16 => "bfloat16",
    };
    // The second is the name that transformers 4 knows.
    config["dtype"] = json!(dtype);
    config["torch_dtype"] = json!(dtype);
    let generation = json!({
        "bos_token_id": config["bos_token_id"],
        "eos_token_id": config["eos_token_id"],
        "pad_token_id": config["pad_token_id"],
    });
    draft.write_json("config.json", &config)?;
    draft.write_json("generation_config.json", &generation)?;
    draft.write_json("tokenizer_config.json", &tokenizer_config(base))?;
    draft.write_text("tokenizer.json", &tokenizer_json(base.tokenizer)?)
}

fn tokenizer_config(base: ModelDescription<'_>) -> Value {
    let tokenizer = base.tokenizer;
    let special = tokenizer.special_ids();
    let text = |id: Option<u32>| id.and_then(|id| tokenizer.token_text(id));
    json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": text(special.bos),
        "eos_token": text(special.eos),
        "pad_token": text(special.pad),
        "add_bos_token": tokenizer.opening_token().is_some(),
        "model_max_length": base.config.context_length,
        "clean_up_tokenization_spaces": false,
        "chat_template": base.chat_template.map(|template| template.source()),
    })
}

/// A tokenizer read from GGUF knows its opening token by a flag; `tokenizer.json` says it by a template.
fn tokenizer_json(tokenizer: &Tokenizer) -> Result<String, ExportError> {
    let text = tokenizer.to_json()?;
    let Some((id, token)) = tokenizer.opening_token().and_then(|id| Some((id, tokenizer.token_text(id)?)))
    else {
        return Ok(text);
    };
    let mut json: Value =
        serde_json::from_str(&text).map_err(|error| TokenizerError::Build(error.to_string()))?;
    if !json["post_processor"].is_null() {
        return Ok(text);
    }
    let opening = json!({ "SpecialToken": { "id": token, "type_id": 0 } });
    let sequence = |name: &str, kind: u32| json!({ "Sequence": { "id": name, "type_id": kind } });
    json["post_processor"] = json!({
        "type": "TemplateProcessing",
        "single": [opening, sequence("A", 0)],
        "pair": [opening, sequence("A", 0), sequence("B", 1)],
        "special_tokens": { &token: { "id": token, "ids": [id], "tokens": [token] } },
    });
    Ok(format!("{json:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::{GgufVocabulary, SpecialIds};

    #[test]
    fn the_opening_token_of_a_gguf_tokenizer_survives_export() {
        let tokens = ["<unk>", "<s>", "▁", "a", "<0x00>"].map(str::to_owned).to_vec();
        let special = SpecialIds { bos: Some(1), ..SpecialIds::default() };
        let vocabulary = GgufVocabulary {
            model: "llama".to_owned(),
            scores: vec![0.0; tokens.len()],
            token_types: vec![2, 3, 1, 1, 6],
            tokens,
            special,
            adds_bos: Some(true),
            ..GgufVocabulary::default()
        };
        let tokenizer = Tokenizer::from_gguf(vocabulary).unwrap();
        assert_eq!(tokenizer.opening_token(), Some(1));
        let mut reloaded = Tokenizer::from_json(&tokenizer_json(&tokenizer).unwrap()).unwrap();
        reloaded.set_special_ids(special);
        assert_eq!(reloaded.opening_token(), Some(1));
        assert_eq!(reloaded.encode(" a", false).unwrap(), tokenizer.encode(" a", false).unwrap());
    }
}
