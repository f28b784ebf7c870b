//! A model in memory, ready to train, mark or generate.

use std::path::Path;

use gradus_engine::adapter::Adapter;
use gradus_engine::backend::cpu::BaseWeights;
use gradus_engine::backend::{Backend, Device};
use gradus_engine::chat::ChatTemplate;
use gradus_engine::config::ModelConfig;
use gradus_engine::export::ModelDescription;
use gradus_engine::files;
use gradus_engine::tokenizer::Tokenizer;
use serde::Serialize;

use crate::Error;

/// A base model in memory.
pub struct Runtime {
    /// The name or path it was asked for by.
    pub name: String,
    /// Identifies its weights: adapters belong to one set of weights.
    pub fingerprint: String,
    /// Its architecture.
    pub config: ModelConfig,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// How it writes conversations, where it says so.
    pub chat_template: Option<ChatTemplate>,
    /// Where it runs.
    pub device: Device,
    /// The mathematics.
    pub backend: Box<dyn Backend>,
}

impl Runtime {
    /// Loads the model at `path`, known to people as `name`, onto a device, its weights rounded as a
    /// training plan says.
    pub fn load(name: &str, path: &Path, device: Device, base_weights: BaseWeights) -> Result<Self, Error> {
        let model = files::load(path)?;
        let device = device.chosen();
        Ok(Self {
            name: name.to_owned(),
            fingerprint: model.fingerprint.to_hex().to_string(),
            tokenizer: model.tokenizer,
            chat_template: model.chat_template,
            device,
            backend: device.backend(model.config.clone(), model.weights, base_weights)?,
            config: model.config,
        })
    }

    /// The model but for its weights.
    pub(crate) fn description(&self) -> ModelDescription<'_> {
        let Self { config, tokenizer, chat_template, .. } = self;
        ModelDescription { config, tokenizer, chat_template: chat_template.as_ref() }
    }

    /// The tokens that end what the model says.
    pub fn stop_tokens(&self) -> Vec<u32> {
        self.config.eos_token_ids.clone()
    }
}

/// A model with or without an adapter, as a user names it.
pub struct AdaptedModel {
    /// The base model.
    pub runtime: Runtime,
    /// What was trained on top of it.
    pub adapter: Option<Adapter>,
}

/// What a model's files say of it.
#[derive(Debug, Clone, Serialize)]
pub struct ModelFacts {
    /// The published architecture.
    pub family: String,
    /// Number of weights.
    pub parameters: usize,
    /// Decoder layers.
    pub layers: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Longest sequence, in tokens.
    pub context_length: usize,
    /// Tokens that the model knows.
    pub vocabulary_size: usize,
    /// Whether it writes conversations.
    pub has_chat_template: bool,
    /// Identifies the weights.
    pub fingerprint: String,
}

/// Reads what a model's files say of it, without its weights.
pub fn describe_file(path: &Path) -> Result<ModelFacts, Error> {
    let model = files::load(path)?;
    Ok(ModelFacts {
        family: format!("{:?}", model.config.family),
        parameters: model.config.parameter_count(),
        layers: model.config.layers,
        hidden_size: model.config.hidden_size,
        context_length: model.config.context_length,
        vocabulary_size: model.config.vocabulary_size,
        has_chat_template: model.chat_template.is_some(),
        fingerprint: model.fingerprint.to_hex().to_string(),
    })
}

impl ModelFacts {
    /// The facts for people, as name and value.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, String)> {
        let template = if self.has_chat_template { "yes" } else { "no" };
        [
            ("architecture", self.family.clone()),
            ("parameters", format!("{:.1} million", self.parameters as f64 / 1e6)),
            ("layers", self.layers.to_string()),
            ("hidden size", self.hidden_size.to_string()),
            ("context", format!("{} tokens", self.context_length)),
            ("vocabulary", format!("{} tokens", self.vocabulary_size)),
            ("chat template", template.to_owned()),
            ("fingerprint", self.fingerprint.clone()),
        ]
        .into_iter()
    }
}
