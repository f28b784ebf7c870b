//! A trained model on disk: a PEFT adapter, or the whole model where every weight was trained, with a
//! manifest that ties it to its base model, its prompt template and its data.

use std::path::Path;

use chrono::{DateTime, Utc};
use gradus_engine::adapter::{Adapter, Method};
use gradus_engine::config::ModelConfig;
use gradus_engine::export::{full, peft};
use gradus_engine::training::{BestStep, LossPoint, Selection, TrainingPlan};
use gradus_grading::judgement::Judgement;
use gradus_grading::prompt::template_hash;
use serde::{Deserialize, Serialize};

use crate::runtime::Runtime;
use crate::{Error, files};

const MANIFEST: &str = "gradus.json";
/// How the model's probabilities become verdicts; absent where it was not learnt.
const JUDGEMENT: &str = "judgement.json";
const FORMAT_VERSION: u32 = 3;
/// With fewer examples of orders to the marker, a model has not learnt to tell them.
const ENOUGH_ORDERS: usize = 8;

/// What a model was trained for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Marking answers against a guide.
    Marking,
    /// Conversation.
    Chat,
}

/// Everything about a trained model but its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainedManifest {
    /// Version of this file's format.
    pub format_version: u32,
    /// Version of Gradus that trained it.
    pub gradus_version: String,
    /// When training ended.
    pub trained_at: DateTime<Utc>,
    /// What it is for.
    pub purpose: Purpose,
    /// Name or path of the base model.
    pub base_model: String,
    /// Identifies the base model's weights.
    pub base_fingerprint: String,
    /// Identifies the marking prompt's template.
    pub prompt_template_hash: String,
    /// Identifies the data.
    pub dataset_hash: String,
    /// Number of training examples, synthetic ones among them.
    pub training_examples: usize,
    /// How many of them nobody wrote.
    pub synthetic_examples: usize,
    /// How many examples spoke to the marker, here and where training started from.
    #[serde(default)]
    pub orders: usize,
    /// Identifies the parameters of the trained model that training started from.
    pub started_from: Option<String>,
    /// The hyperparameters.
    pub plan: TrainingPlan,
    /// BLAKE3 of the file that says how the model's probabilities become verdicts; absent where there is none.
    pub judgement_hash: Option<String>,
    /// How the step was chosen.
    pub selection: Selection,
    /// How the run went.
    pub run: RunSummary,
}

/// How a training run went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Updates made.
    pub steps: u64,
    /// The step that the parameters are from.
    pub chosen_step: u64,
    /// The best evaluation.
    pub best: Option<BestStep>,
    /// Tokens of the sequences trained on.
    pub tokens: u64,
    /// Rows computed for them, after prefix sharing.
    pub rows: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// Where it ran, and from which step on elsewhere.
    pub device: String,
    /// Training loss of every update.
    pub train_losses: Vec<LossPoint>,
    /// Every evaluation.
    pub validation_losses: Vec<LossPoint>,
}

/// A trained model as read from disk.
#[derive(Debug, Clone)]
pub struct TrainedModel {
    /// All about it.
    pub manifest: TrainedManifest,
    /// Its parameters.
    pub adapter: Adapter,
    /// How its probabilities become verdicts, where it is for marking.
    pub judgement: Option<Judgement>,
}

impl TrainedManifest {
    /// The current format, by this version of Gradus.
    pub(crate) fn versions() -> (u32, String) {
        (FORMAT_VERSION, env!("CARGO_PKG_VERSION").to_owned())
    }
}

impl TrainedModel {
    /// Whether it learnt to tell orders to the marker from answers.
    pub fn knows_orders(&self) -> bool {
        is_taught_by(self.manifest.orders)
    }
}

/// Whether so many examples of orders to the marker teach what one is.
pub(crate) fn is_taught_by(orders: usize) -> bool {
    orders >= ENOUGH_ORDERS
}

/// Writes what was trained of `runtime`'s model and its manifest; replaces an earlier one.
pub(crate) fn save(directory: &Path, model: &TrainedModel, runtime: &Runtime) -> Result<(), Error> {
    // An earlier one, or what an interruption before the manifest left.
    if directory.exists() {
        std::fs::remove_dir_all(directory).map_err(Error::file("replace", directory))?;
    }
    match model.adapter.method() {
        Method::Lora(_) => peft::write_adapter(directory, &model.adapter, &model.manifest.base_model)?,
        Method::Full => full::write_model(directory, &model.adapter, runtime.description())?,
    }
    let mut manifest = model.manifest.clone();
    if let Some(judgement) = &model.judgement {
        let path = directory.join(JUDGEMENT);
        files::write_json(&path, judgement, "a judgement")?;
        manifest.judgement_hash = Some(hash(&files::read(&path)?));
    }
    // The manifest comes last: a directory without one is no trained model.
    files::write_json(&directory.join(MANIFEST), &manifest, "a model manifest")
}

/// Reads the manifest of a trained model.
pub fn read_manifest(directory: &Path) -> Result<TrainedManifest, Error> {
    let path = directory.join(MANIFEST);
    if !path.exists() {
        return Err(unfit(
            directory,
            format!(
                "holds no trained model ({MANIFEST} is missing): give the `model` directory that training made"
            ),
        ));
    }
    let refused = |reason: String| Error::Format {
        path: path.clone(),
        expected: "a model manifest of this version of Gradus",
        reason,
    };
    let json: serde_json::Value =
        serde_json::from_str(&files::read_text(&path)?).map_err(|error| refused(error.to_string()))?;
    // Another version may have other fields: what is missing then is not what is wrong.
    match json["format_version"].as_u64() {
        Some(version) if version != u64::from(FORMAT_VERSION) => {
            Err(refused(format!("its format is {version}, known is {FORMAT_VERSION}")))
        }
        _ => serde_json::from_value(json).map_err(|error| refused(error.to_string())),
    }
}

/// Reads a trained model for the base model in memory.
pub fn load(directory: &Path, runtime: &Runtime) -> Result<TrainedModel, Error> {
    let Runtime { name, fingerprint, config, .. } = runtime;
    load_onto(directory, BaseModel { name, fingerprint, config })
}

/// What a trained model has to know of its base model to be read.
#[derive(Clone, Copy)]
pub(crate) struct BaseModel<'a> {
    /// The name or path it was asked for by.
    pub(crate) name: &'a str,
    /// Identifies its weights.
    pub(crate) fingerprint: &'a str,
    /// Its architecture.
    pub(crate) config: &'a ModelConfig,
}

/// Reads a trained model for a base model that is busy.
pub(crate) fn load_onto(directory: &Path, base: BaseModel<'_>) -> Result<TrainedModel, Error> {
    let manifest = read_manifest(directory)?;
    if manifest.base_fingerprint != base.fingerprint {
        return Err(unfit(
            directory,
            format!(
                "was trained on {} with other weights than {}: use the base model it was trained on",
                manifest.base_model, base.name
            ),
        ));
    }
    if manifest.purpose == Purpose::Marking && manifest.prompt_template_hash != template_hash() {
        return Err(unfit(
            directory,
            "was trained with another version of the marking prompt: train it again with this version of Gradus"
                .to_owned(),
        ));
    }
    let adapter = match manifest.plan.method {
        Method::Lora(_) => peft::read_adapter(directory, base.config)?,
        Method::Full => full::read_model(directory, base.config)?,
    };
    Ok(TrainedModel { adapter, judgement: read_judgement(directory, &manifest)?, manifest })
}

fn read_judgement(directory: &Path, manifest: &TrainedManifest) -> Result<Option<Judgement>, Error> {
    let Some(expected) = &manifest.judgement_hash else { return Ok(None) };
    let path = directory.join(JUDGEMENT);
    let bytes = files::read(&path)?;
    let damaged = |reason: String| Error::Format {
        path: path.clone(),
        expected: "what was learnt of how far to trust the model (run its training again to make it anew)",
        reason,
    };
    if hash(&bytes) != *expected {
        return Err(damaged(format!("it is not the file that {MANIFEST} names")));
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(error.to_string()))
}

fn unfit(directory: &Path, reason: String) -> Error {
    Error::Unfit { directory: directory.to_owned(), reason }
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
