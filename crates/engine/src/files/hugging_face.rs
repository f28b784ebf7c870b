//! A directory in the layout of Hugging Face.

use super::safetensors::SafetensorsFiles;
use super::weights::TensorSource;
use super::{FilesError, ModelFiles, Weights, fingerprint};
use crate::chat::ChatTemplate;
use crate::config::{ConfigError, Family, ModelConfig, token_ids};
use crate::tokenizer::{SpecialIds, Tokenizer};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const WEIGHTS_INDEX: &str = "model.safetensors.index.json";
const TOKENIZER: &str = "tokenizer.json";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
const CHAT_TEMPLATE: &str = "chat_template.jinja";
const GENERATION_CONFIG: &str = "generation_config.json";

pub(super) fn load(directory: &Path) -> Result<ModelFiles, FilesError> {
    let mut config = read_config(directory)?;
    let shards = shard_paths(directory)?;
    let source = OfFamily { stored: SafetensorsFiles::open(&shards)?, family: config.family };
    let weights = Weights::check(&config, Box::new(source), directory)?;
    let tokenizer_config = read_json(directory, TOKENIZER_CONFIG)?.unwrap_or_default();
    let tokenizer = read_tokenizer(directory, &config, &tokenizer_config)?;
    // The end of a turn (tokenizer) and of a text (configuration) may differ; both stop generation.
    let turn_end = tokenizer.special_ids().eos;
    config.eos_token_ids.extend(turn_end.filter(|id| !config.eos_token_ids.contains(id)));
    let chat_template = read_chat_template(directory, &tokenizer_config, &tokenizer)?;
    let fingerprint = fingerprint::of_files(&shards)?;
    Ok(ModelFiles { config, weights, tokenizer, chat_template, fingerprint })
}

/// Weights in the layout of one family's files.
struct OfFamily {
    stored: SafetensorsFiles,
    family: Family,
}

impl TensorSource for OfFamily {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.stored.shape(name)
    }

    fn read(&mut self, name: &str) -> Result<Vec<f32>, FilesError> {
        Ok(self.family.loaded(name, self.stored.read(name)?))
    }
}

fn read_config(directory: &Path) -> Result<ModelConfig, FilesError> {
    let path = directory.join(CONFIG);
    let text = required_text(directory, CONFIG)?;
    let mut config =
        ModelConfig::from_hugging_face(&text).map_err(|source| FilesError::config(&path, source))?;
    // Instruction-tuned models often name the end of a turn only here.
    if let Some(generation) = read_json(directory, GENERATION_CONFIG)? {
        let path = directory.join(GENERATION_CONFIG);
        for id in
            token_ids(&generation, "eos_token_id").map_err(|source| FilesError::config(&path, source))?
        {
            if !config.eos_token_ids.contains(&id) {
                config.eos_token_ids.push(id);
            }
        }
    }
    Ok(config)
}

/// The weight files, in order of name.
fn shard_paths(directory: &Path) -> Result<Vec<PathBuf>, FilesError> {
    if directory.join(WEIGHTS).is_file() {
        return Ok(vec![directory.join(WEIGHTS)]);
    }
    let Some(index) = read_json(directory, WEIGHTS_INDEX)? else {
        let advice = if directory.join("pytorch_model.bin").is_file() {
            "convert pytorch_model.bin to safetensors; pickled weights are not read"
        } else {
            "pull the model again, or point to the directory that holds it"
        };
        return Err(missing(directory, WEIGHTS, advice));
    };
    let path = directory.join(WEIGHTS_INDEX);
    let damaged = |reason: &str| damaged_index(&path, reason);
    let map =
        index.get("weight_map").and_then(Value::as_object).ok_or_else(|| damaged("it has no weight_map"))?;
    let names: Option<BTreeSet<&str>> = map.values().map(Value::as_str).collect();
    let names =
        names.filter(|names| !names.is_empty()).ok_or_else(|| damaged("its weight_map names no files"))?;
    names.into_iter().map(|name| shard_path(directory, name, &path)).collect()
}

/// An index may name files of its own directory and no others.
fn shard_path(directory: &Path, name: &str, index: &Path) -> Result<PathBuf, FilesError> {
    if Path::new(name).file_name().and_then(|file| file.to_str()) != Some(name) {
        let reason = format!("its weight_map names \"{name}\", which is outside the model's directory");
        return Err(damaged_index(index, &reason));
    }
    let path = directory.join(name);
    if path.is_file() {
        return Ok(path);
    }
    Err(missing(directory, name, "a shard of the weights was not downloaded; pull the model again"))
}

fn damaged_index(path: &Path, reason: &str) -> FilesError {
    let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    FilesError::damaged(path, size, reason)
}

fn read_tokenizer(directory: &Path, config: &ModelConfig, settings: &Value) -> Result<Tokenizer, FilesError> {
    let path = directory.join(TOKENIZER);
    let text = required_text(directory, TOKENIZER)?;
    let failed = |source| FilesError::tokenizer(&path, source);
    let mut tokenizer = Tokenizer::from_json(&text).map_err(failed)?;
    let named = |field: &str| token_text(settings, field).and_then(|text| tokenizer.token_id(&text));
    let special = SpecialIds {
        bos: named("bos_token").or(config.bos_token_id),
        eos: named("eos_token").or(config.eos_token_ids.first().copied()),
        pad: named("pad_token").or(config.pad_token_id),
    };
    tokenizer.set_special_ids(special);
    tokenizer.check_vocabulary(config.vocabulary_size).map_err(failed)?;
    Ok(tokenizer)
}

/// In its own file (newer), or in the tokenizer's settings: one template, or a list with a default.
fn read_chat_template(
    directory: &Path,
    settings: &Value,
    tokenizer: &Tokenizer,
) -> Result<Option<ChatTemplate>, FilesError> {
    let own_file = optional_text(directory, CHAT_TEMPLATE)?;
    let path = directory.join(if own_file.is_some() { CHAT_TEMPLATE } else { TOKENIZER_CONFIG });
    let Some(source) = own_file.or_else(|| template_in(settings)) else {
        return Ok(None);
    };
    ChatTemplate::for_tokenizer(&source, tokenizer).map(Some).map_err(|error| FilesError::chat(&path, error))
}

fn template_in(settings: &Value) -> Option<String> {
    match settings.get("chat_template")? {
        Value::String(template) => Some(template.clone()),
        Value::Array(named) => named
            .iter()
            .find(|entry| entry.get("name").and_then(Value::as_str) == Some("default"))
            .and_then(|entry| entry.get("template")?.as_str().map(str::to_owned)),
        _ => None,
    }
}

/// A token in `tokenizer_config.json`: its text, or an object with its text.
fn token_text(settings: &Value, field: &str) -> Option<String> {
    let value = settings.get(field)?;
    let text = value.as_str().or_else(|| value.get("content")?.as_str());
    text.map(str::to_owned)
}

fn missing(directory: &Path, file: &str, advice: &str) -> FilesError {
    FilesError::FileMissing {
        directory: directory.to_owned(),
        file: file.to_owned(),
        advice: advice.to_owned(),
    }
}

fn required_text(directory: &Path, file: &str) -> Result<String, FilesError> {
    optional_text(directory, file)?.ok_or_else(|| {
        missing(directory, file, "pull the model again, or point to the directory that holds it")
    })
}

fn optional_text(directory: &Path, file: &str) -> Result<Option<String>, FilesError> {
    let path = directory.join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FilesError::read(&path, error)),
    }
}

fn read_json(directory: &Path, file: &str) -> Result<Option<Value>, FilesError> {
    let Some(text) = optional_text(directory, file)? else {
        return Ok(None);
    };
    let parsed = serde_json::from_str(&text).map_err(ConfigError::Json);
    parsed.map(Some).map_err(|source| FilesError::config(&directory.join(file), source))
}
