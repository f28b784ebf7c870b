//! Facts about the guide, the model and its training.

use gradus_domain::Marks;
use gradus_grading::guide::QuestionId;
use serde::{Deserialize, Serialize};

/// The marking guide that the model was trained for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuideFacts {
    /// The guide's or the course's title.
    pub title: String,
    /// Its questions, in its order.
    pub questions: Vec<QuestionFacts>,
}

/// One question of the guide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuestionFacts {
    /// Its name in the guide.
    pub id: QuestionId,
    /// What is asked.
    pub text: String,
    /// The most marks an answer can get.
    pub max_marks: Marks,
    /// Whether the model was trained on marked answers to it.
    pub seen: bool,
    /// How many marked answers to it the model was trained on.
    pub training_answers: usize,
}

/// What was trained, and from what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// The base model's name in the catalogue.
    pub base_model: String,
    /// Where its weights came from.
    pub source: String,
    /// How it was trained.
    pub method: MethodFacts,
    /// Number of weights that training changed.
    pub trainable_parameters: u64,
    /// Hash of the prompt template that rendered training and test alike.
    pub prompt_template_hash: String,
    /// Hash of the training dataset's content.
    pub dataset_hash: String,
    /// Seed of every random choice in training.
    pub seed: u64,
}

/// A method of fine-tuning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MethodFacts {
    /// Its usual name, such as LoRA.
    pub name: String,
    /// The low-rank adapter that training added; none where every weight was trained.
    pub adapter: Option<AdapterFacts>,
    /// How the frozen weights were kept in training and test, in words; none where every weight was
    /// trained.
    #[serde(default)]
    pub base_weights: Option<String>,
    /// How many times as fast the adapter's second matrix learned as the first (LoRA+); 1 for as fast.
    pub lora_plus_ratio: f64,
    /// Strength of the noise on embeddings in training (NEFTune); 0 for none.
    pub neftune_alpha: f64,
}

/// A low-rank adapter (LoRA, Hu et al. 2021).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdapterFacts {
    /// Rank of the update matrices.
    pub rank: u32,
    /// Scaling numerator: the update is multiplied by `alpha / rank`, or `alpha / √rank` where
    /// rank-stabilised.
    pub alpha: f64,
    /// Names of the layers that carry it.
    pub targets: Vec<String>,
}

/// One point of a loss curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LossPoint {
    /// Optimizer step, from 1 (0 for a loss measured before training).
    pub step: u64,
    /// Mean cross-entropy in nats per label token; finite.
    pub loss: f64,
}

/// How training went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingFacts {
    /// Loss of each optimizer step on its own batch.
    pub train_loss: Vec<LossPoint>,
    /// Loss on the validation answers; may be empty.
    pub validation_loss: Vec<LossPoint>,
    /// Optimizer steps made.
    pub steps: u64,
    /// Passes over the training answers; a fraction where training stopped early.
    pub epochs: f64,
    /// Tokens processed, prompt and label tokens together.
    pub tokens: u64,
    /// Wall time of training in seconds.
    pub seconds: f64,
    /// Training throughput.
    pub tokens_per_second: f64,
    /// Where the model was trained, where that is known.
    #[serde(default)]
    pub device: Option<String>,
    /// Peak resident memory of the training process in bytes, where it could be measured.
    pub peak_memory_bytes: Option<u64>,
    /// The step whose weights were kept, where the best were chosen on validation loss.
    pub best_step: Option<u64>,
}
