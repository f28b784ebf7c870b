//! What is asked of a model. Files and digests instead of names: who may use which model is the server's
//! business.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gradus_engine::adapter::Method;
use gradus_engine::chat::Message;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::answering::AnswerFormat;
use crate::{Error, trained};

/// The files of a model.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServedModel {
    /// The base model: a GGUF file or a Hugging Face directory.
    pub base: PathBuf,
    /// Identifies its weights, where known; other weights are refused.
    pub base_digest: Option<String>,
    /// What was trained on top of it.
    pub trained: Option<TrainedFiles>,
}

/// What training made of a base model, where that is not a whole model.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrainedFiles {
    /// The directory with the adapter and its manifest.
    pub directory: PathBuf,
    /// Identifies its parameters, where known; others are refused.
    pub digest: Option<String>,
}

impl ServedModel {
    /// A base model as it is.
    pub fn base(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into(), base_digest: None, trained: None }
    }

    /// The trained model in `directory`, whose base model is at `base`. One whose every weight was trained
    /// is a whole model and needs no other.
    ///
    /// # Errors
    /// Where the directory holds no trained model of this version.
    pub fn trained(base: &Path, directory: &Path) -> Result<Self, Error> {
        let manifest = trained::read_manifest(directory)?;
        Ok(match manifest.plan.method {
            Method::Full => Self::base(directory),
            Method::Lora(_) => Self {
                base: base.to_owned(),
                base_digest: Some(manifest.base_fingerprint),
                trained: Some(TrainedFiles { directory: directory.to_owned(), digest: None }),
            },
        })
    }
}

/// Who asks, as far as askers are told apart: models know no users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Asker(pub Uuid);

/// A conversation to be continued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// Who is to answer.
    pub model: ServedModel,
    /// What was said so far.
    pub messages: Vec<Message>,
    /// How many answers.
    pub choices: usize,
    /// How they are chosen.
    pub sampling: Sampling,
    /// What they are held to.
    pub format: Option<AnswerFormat>,
}

/// How an answer is chosen and where it ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// Most tokens of each answer; `None` for as many as the model can.
    pub max_tokens: Option<usize>,
    /// 0 always takes the most probable token; higher is more varied.
    pub temperature: f64,
    /// Only the most probable tokens whose probabilities add up to this are sampled.
    pub top_p: f64,
    /// Taken off the logit of every token that the answer has already.
    pub presence_penalty: f64,
    /// Taken off the logit of a token for each time that the answer has it already.
    pub frequency_penalty: f64,
    /// Added to the logits of these tokens.
    pub logit_bias: BTreeMap<u32, f64>,
    /// Seed of the first answer; the next ones have those that follow it.
    pub seed: u64,
    /// Texts that end an answer (and are not part of it).
    pub stop: Vec<String>,
    /// Whether to say how probable each token was, and how many of the most probable ones to name.
    pub log_probabilities: Option<usize>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            max_tokens: None,
            temperature: 0.0,
            top_p: 1.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            logit_bias: BTreeMap::new(),
            seed: 0,
            stop: Vec::new(),
            log_probabilities: None,
        }
    }
}
