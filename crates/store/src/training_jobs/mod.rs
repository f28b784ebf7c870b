//! Fine-tuning runs: the runs, what happened in them, and the states that they can be resumed from.

pub mod checkpoints;
pub mod events;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use gradus_domain::failure::Failure;
use gradus_domain::{
    CheckpointId, DatasetVersionId, DocumentId, ModelId, State, TrainingJobId, TrainingJobState,
    TrainingJobStep, UserId, Word,
};

use crate::rows::{self, Noun};
use crate::{Json, Key, Page, PageRequest, Rows, StoreError, Text, Transaction, Whose};

const TRAINING_JOB: Noun = Noun { name: "training job", unique: "id" };

/// A fine-tuning run.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "training_job")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Key<TrainingJobId>,
    /// Whose.
    pub owner_id: Key<UserId>,
    /// What people call it.
    pub name: String,
    /// How far it is.
    pub state: Text<TrainingJobState>,
    /// The marked answers that it learns from,
    pub dataset_version_id: Option<Key<DatasetVersionId>>,
    /// or the conversations.
    pub training_document_id: Option<Key<DocumentId>>,
    /// Conversations held out.
    pub validation_document_id: Option<Key<DocumentId>>,
    /// The base model's name in the catalogue.
    pub base_model: String,
    /// The trained model that it starts from, where it does not start from the base model.
    pub from_model_id: Option<Key<ModelId>>,
    /// The checkpoint that a person wants it resumed from; none for the last one.
    pub resume_checkpoint_id: Option<Key<CheckpointId>>,
    /// How it is trained.
    pub settings: Json<serde_json::Value>,
    /// What the model's name is to end with.
    pub suffix: Option<String>,
    /// Updates made.
    pub step: i64,
    /// Updates to be made.
    pub steps: Option<i64>,
    /// The newest figures.
    pub progress: Json<Progress>,
    /// The number of its newest event.
    pub event_seq: i64,
    /// What ended it.
    pub failure: Option<Json<Failure>>,
    /// Whatever its owner noted.
    pub metadata: Json<serde_json::Value>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When a worker took it first.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

crate::table!();

pub use Model as TrainingJob;

/// The newest figures of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// What is being done, in a few words.
    pub stage: Option<String>,
    /// How often the data was seen.
    pub epoch: Option<f64>,
    /// The loss of the last update, in nats a label token.
    pub training_loss: Option<f64>,
    /// The loss on held-out data, likewise.
    pub validation_loss: Option<f64>,
    /// Tokens a second.
    pub tokens_per_second: Option<f64>,
    /// Tokens learnt from so far.
    pub trained_tokens: Option<u64>,
    /// Seconds left, as estimated.
    pub seconds_left: Option<f64>,
    /// The trend of the loss over the last updates, in nats an update; below zero is learning.
    pub loss_trend: Option<f64>,
    /// The newest update that was told of: one that is made again after a loss is not told again.
    pub told_step: Option<u64>,
}

/// Adds a job.
pub async fn insert(transaction: &Transaction, job: TrainingJob) -> Result<(), StoreError> {
    rows::insert(transaction, TRAINING_JOB, job).await
}

/// The job of this id, if it may be seen.
///
/// # Errors
/// [`StoreError::NotFound`], for what belongs to others too.
pub async fn get(rows: &impl Rows, whose: Whose, id: TrainingJobId) -> Result<TrainingJob, StoreError> {
    let select = Entity::find().filter(whose.owns(Column::OwnerId)).filter(Column::Id.eq(Key(id)));
    rows::one(rows, select).await?.ok_or_else(|| TRAINING_JOB.missing(id))
}

/// A page of the jobs that may be seen.
pub async fn page(
    rows: &impl Rows,
    whose: Whose,
    request: &PageRequest,
) -> Result<Page<TrainingJob>, StoreError> {
    rows::page(rows, Entity::find().filter(whose.owns(Column::OwnerId)), Column::Id, request).await
}

/// The jobs that wait for a worker or have one, oldest first.
pub async fn live(rows: &impl Rows, whose: Whose) -> Result<Vec<Model>, StoreError> {
    let states = TrainingJobState::ALL.iter().filter(|state| !state.is_final()).map(|state| state.word());
    let live = Entity::find().filter(whose.owns(Column::OwnerId)).filter(Column::State.is_in(states));
    rows::all(rows, live.order_by_asc(Column::Id)).await
}

/// Takes a step; `failure` says what ended the job where something did.
///
/// # Errors
/// When the job is not there or its state does not allow the step.
pub async fn step(
    transaction: &Transaction,
    id: TrainingJobId,
    step: TrainingJobStep,
    failure: Option<Failure>,
) -> Result<TrainingJobState, StoreError> {
    let change = ActiveModel { failure: Set(failure.map(Json)), ..Default::default() };
    apply(transaction, id, step, change).await
}

/// Queues a stopped job again, to go on from this checkpoint (at this step) or from the last.
///
/// # Errors
/// When the job is not there or is not stopped.
pub async fn resume(
    transaction: &Transaction,
    id: TrainingJobId,
    from: Option<(CheckpointId, i64)>,
) -> Result<(), StoreError> {
    let mut change = ActiveModel {
        resume_checkpoint_id: Set(from.map(|(checkpoint, _)| Key(checkpoint))),
        failure: Set(None),
        finished_at: Set(None),
        ..Default::default()
    };
    if let Some((_, step)) = from {
        let mut progress = get(transaction, Whose::Anyones, id).await?.progress;
        progress.0.told_step = Some(step.cast_unsigned());
        (change.step, change.progress) = (Set(step), Set(progress));
    }
    apply(transaction, id, TrainingJobStep::Resume, change).await.map(|_| ())
}

/// Says that the checkpoint that a person wanted is behind the job: from now on it goes on from its last.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn is_past_resuming(transaction: &Transaction, id: TrainingJobId) -> Result<(), StoreError> {
    let past = ActiveModel { resume_checkpoint_id: Set(None), ..Default::default() };
    let update = Entity::update_many().set(past).filter(Column::Id.eq(Key(id)));
    rows::change_one(transaction, TRAINING_JOB.missing(id), update).await
}

async fn apply(
    transaction: &Transaction,
    id: TrainingJobId,
    step: TrainingJobStep,
    mut change: ActiveModel,
) -> Result<TrainingJobState, StoreError> {
    let job = get(transaction, Whose::Anyones, id).await?;
    let from = job.state.0;
    let to = from.step(step)?;
    change.state = Set(Text(to));
    change.updated_at = Set(transaction.now());
    if step == TrainingJobStep::Prepare && job.started_at.is_none() {
        change.started_at = Set(Some(transaction.now()));
    }
    if to.is_final() {
        change.finished_at = Set(Some(transaction.now()));
    }
    let update =
        Entity::update_many().set(change).filter(Column::Id.eq(Key(id))).filter(Column::State.eq(Text(from)));
    rows::change_one(transaction, StoreError::Changed { noun: TRAINING_JOB.name }, update).await?;
    Ok(to)
}

/// Stores the newest figures.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn report_progress(
    transaction: &Transaction,
    id: TrainingJobId,
    step: u64,
    steps: Option<u64>,
    progress: Progress,
) -> Result<(), StoreError> {
    let figures = ActiveModel {
        step: Set(step.cast_signed()),
        steps: Set(steps.map(u64::cast_signed)),
        progress: Set(Json(progress)),
        updated_at: Set(transaction.now()),
        ..Default::default()
    };
    let update = Entity::update_many().set(figures).filter(Column::Id.eq(Key(id)));
    rows::change_one(transaction, TRAINING_JOB.missing(id), update).await
}

/// Replaces what the owner noted.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn set_metadata(
    transaction: &Transaction,
    id: TrainingJobId,
    metadata: serde_json::Value,
) -> Result<(), StoreError> {
    let noted = ActiveModel {
        metadata: Set(Json(metadata)),
        updated_at: Set(transaction.now()),
        ..Default::default()
    };
    let update = Entity::update_many().set(noted).filter(Column::Id.eq(Key(id)));
    rows::change_one(transaction, TRAINING_JOB.missing(id), update).await
}

/// Deletes a job with its events and checkpoints. Its model has to be deleted before.
///
/// # Errors
/// [`StoreError::NotFound`], and [`StoreError::InUse`] while a model or a report refers to it.
pub async fn delete(transaction: &Transaction, whose: Whose, id: TrainingJobId) -> Result<(), StoreError> {
    let it = Entity::delete_many().filter(whose.owns(Column::OwnerId)).filter(Column::Id.eq(Key(id)));
    match rows::delete(transaction, TRAINING_JOB, it).await? {
        0 => Err(TRAINING_JOB.missing(id)),
        _ => Ok(()),
    }
}

/// Counts one more event of a job; its number.
async fn next_event(transaction: &Transaction, id: TrainingJobId) -> Result<i64, StoreError> {
    use sea_orm::sea_query::{Expr, ExprTrait};
    let update = Entity::update_many()
        .col_expr(Column::EventSeq, Expr::col(Column::EventSeq).add(1))
        .filter(Column::Id.eq(Key(id)));
    rows::change_one(transaction, TRAINING_JOB.missing(id), update).await?;
    Ok(get(transaction, Whose::Anyones, id).await?.event_seq)
}
