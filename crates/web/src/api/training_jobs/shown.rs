//! A training job as it is shown.

use chrono::{DateTime, Utc};
use gradus_app::service::health::{Health, JobHealth};
use gradus_app::store::training_jobs::{Progress as ProgressRow, TrainingJob as Row};
use gradus_domain::Id as _;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::failed::{self, FailureShown};
use super::super::fields::TrainingJobStateWord;

/// A training job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrainingJob {
    /// Its id.
    pub(super) id: Uuid,
    /// Whose.
    owner_id: Uuid,
    /// What people call it.
    pub(super) name: String,
    /// How far it is.
    pub(super) state: TrainingJobStateWord,
    /// The marked answers that it learns from; null where it learns from conversations.
    dataset_version_id: Option<Uuid>,
    /// The conversations that it learns from; null where it learns from marked answers.
    training_document_id: Option<Uuid>,
    /// Conversations held out.
    validation_document_id: Option<Uuid>,
    /// The base model's name in the catalogue.
    base_model: String,
    /// The trained model that it starts from, where it does not start from the base model.
    from_model_id: Option<Uuid>,
    /// The checkpoint that it was resumed from, where a person named one.
    resume_checkpoint_id: Option<Uuid>,
    /// How it is trained.
    #[schema(value_type = Object)]
    settings: Value,
    /// What the model's name is to end with.
    suffix: Option<String>,
    /// Updates made.
    pub(super) step: i64,
    /// Updates to be made.
    pub(super) steps: Option<i64>,
    /// The newest figures.
    pub(super) progress: Progress,
    /// The number of its newest event.
    event_seq: i64,
    /// What ended it.
    failure: Option<FailureShown>,
    /// Whatever its owner noted.
    #[schema(value_type = Object)]
    metadata: Value,
    /// When it was asked for.
    created_at: DateTime<Utc>,
    /// When a worker took it first.
    started_at: Option<DateTime<Utc>>,
    /// When it ended.
    finished_at: Option<DateTime<Utc>>,
    /// When it was changed last.
    updated_at: DateTime<Utc>,
}

/// The newest figures of a run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Progress {
    /// What is being done, in a few words.
    stage: Option<String>,
    /// How often the data was seen.
    epoch: Option<f64>,
    /// The loss of the last update, in nats a label token.
    training_loss: Option<f64>,
    /// The loss on held-out data, likewise.
    validation_loss: Option<f64>,
    /// Tokens a second.
    tokens_per_second: Option<f64>,
    /// Tokens learnt from so far.
    trained_tokens: Option<u64>,
    /// Seconds left, as estimated.
    seconds_left: Option<f64>,
}

/// A training job, and how it is doing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrainingJobWithHealth {
    /// The job.
    pub(super) job: TrainingJob,
    /// How it is doing.
    health: HealthShown,
}

/// How a training job is doing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthShown {
    /// In a word.
    state: HealthWord,
    /// When its worker, or the job itself, was heard of last.
    last_sign_of_life_at: DateTime<Utc>,
    /// The trend of the loss over the last updates, in nats an update; below zero is learning.
    loss_trend: Option<f64>,
}

/// How a training job is doing, in a word.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HealthWord {
    /// It waits for a worker.
    Waiting,
    /// It comes forward.
    Healthy,
    /// Its worker shows no sign of life, or no progress.
    Stalled,
    /// Its loss rises, or is no number any more.
    Diverging,
    /// It is over, or stopped by a person's wish.
    Ended,
}

impl From<Row> for TrainingJob {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.uuid(),
            owner_id: row.owner_id.uuid(),
            name: row.name,
            state: TrainingJobStateWord(row.state.0),
            dataset_version_id: row.dataset_version_id.map(|id| id.uuid()),
            training_document_id: row.training_document_id.map(|id| id.uuid()),
            validation_document_id: row.validation_document_id.map(|id| id.uuid()),
            base_model: row.base_model,
            from_model_id: row.from_model_id.map(|id| id.uuid()),
            resume_checkpoint_id: row.resume_checkpoint_id.map(|id| id.uuid()),
            settings: row.settings.0,
            suffix: row.suffix,
            step: row.step,
            steps: row.steps,
            progress: row.progress.0.into(),
            event_seq: row.event_seq,
            failure: failed::shown(row.failure),
            metadata: row.metadata.0,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            updated_at: row.updated_at,
        }
    }
}

impl From<ProgressRow> for Progress {
    fn from(row: ProgressRow) -> Self {
        Self {
            stage: row.stage,
            epoch: row.epoch,
            training_loss: row.training_loss,
            validation_loss: row.validation_loss,
            tokens_per_second: row.tokens_per_second,
            trained_tokens: row.trained_tokens,
            seconds_left: row.seconds_left,
        }
    }
}

impl From<(Row, JobHealth)> for TrainingJobWithHealth {
    fn from((row, health): (Row, JobHealth)) -> Self {
        let state = match health.health {
            Health::Waiting => HealthWord::Waiting,
            Health::Healthy => HealthWord::Healthy,
            Health::Stalled => HealthWord::Stalled,
            Health::Diverging => HealthWord::Diverging,
            Health::Ended => HealthWord::Ended,
        };
        let JobHealth { last_sign_of_life_at, loss_trend, .. } = health;
        Self { job: row.into(), health: HealthShown { state, last_sign_of_life_at, loss_trend } }
    }
}
