//! Models tried on submissions whose marks are known.

pub mod submissions;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;

use gradus_domain::failure::Failure;
use gradus_domain::{DatasetVersionId, ModelId, ModelTestId, ModelTestState, ModelTestStep, State, UserId};

use crate::rows::{self, Noun};
use crate::{Json, Key, Page, PageRequest, Rows, StoreError, Text, Transaction, Whose, blob_records};

const MODEL_TEST: Noun = Noun { name: "model test", unique: "id" };

/// A model tried on submissions.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "model_test")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Key<ModelTestId>,
    /// Whose.
    pub owner_id: Key<UserId>,
    /// What people call it.
    pub name: String,
    /// The model.
    pub model_id: Key<ModelId>,
    /// The version whose guide, or whose held-out answers, are used.
    pub dataset_version_id: Option<Key<DatasetVersionId>>,
    /// How far it is.
    pub state: Text<ModelTestState>,
    /// How it is run.
    pub settings: Json<serde_json::Value>,
    /// Submissions marked so far.
    pub done: i64,
    /// Submissions in all.
    pub total: i64,
    /// All that was found, as a file.
    pub result_hash: Option<String>,
    /// Agreement, in short.
    pub figures: Json<serde_json::Value>,
    /// What ended it.
    pub failure: Option<Json<Failure>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When a worker took it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// Which revision of it this is, from 1: each change makes the next, so that whoever follows it misses none.
    pub revision: i64,
}

crate::table!();

pub use Model as ModelTest;

/// What a test found.
#[derive(Debug, Clone)]
pub struct Results {
    /// All of it as a file, whose blob is stored.
    pub result_hash: String,
    /// Agreement, in short.
    pub figures: serde_json::Value,
}

/// Adds a test.
pub async fn insert(transaction: &Transaction, test: ModelTest) -> Result<(), StoreError> {
    rows::insert(transaction, MODEL_TEST, test).await
}

/// The test of this id, if it may be seen.
///
/// # Errors
/// [`StoreError::NotFound`], for what belongs to others too.
pub async fn get(rows: &impl Rows, whose: Whose, id: ModelTestId) -> Result<ModelTest, StoreError> {
    let select = Entity::find().filter(whose.owns(Column::OwnerId)).filter(Column::Id.eq(Key(id)));
    rows::one(rows, select).await?.ok_or_else(|| MODEL_TEST.missing(id))
}

/// How many model tests a user has.
pub async fn count(rows: &impl Rows, owner: UserId) -> Result<u64, StoreError> {
    rows::count(rows, Entity::find().filter(Column::OwnerId.eq(Key(owner)))).await
}

/// A page of the tests that may be seen.
pub async fn page(
    rows: &impl Rows,
    whose: Whose,
    request: &PageRequest,
) -> Result<Page<ModelTest>, StoreError> {
    rows::page(rows, Entity::find().filter(whose.owns(Column::OwnerId)), Column::Id, request).await
}

/// Takes a step that says no more than that it was taken.
///
/// # Errors
/// When the test is not there or its state does not allow the step.
pub async fn step(transaction: &Transaction, id: ModelTestId, step: ModelTestStep) -> Result<(), StoreError> {
    apply(transaction, id, step, Default::default()).await
}

/// Stores what a test found.
///
/// # Errors
/// When the test is not there or was not running.
pub async fn complete(
    transaction: &Transaction,
    id: ModelTestId,
    results: Results,
) -> Result<(), StoreError> {
    blob_records::settle(transaction, &results.result_hash).await?;
    let change = ActiveModel {
        result_hash: Set(Some(results.result_hash)),
        figures: Set(Json(results.figures)),
        failure: Set(None),
        ..Default::default()
    };
    apply(transaction, id, ModelTestStep::Complete, change).await
}

/// Stores what ended a test.
///
/// # Errors
/// When the test is not there or was not under way.
pub async fn fail(transaction: &Transaction, id: ModelTestId, failure: Failure) -> Result<(), StoreError> {
    let change = ActiveModel { failure: Set(Some(Json(failure))), ..Default::default() };
    apply(transaction, id, ModelTestStep::Fail, change).await
}

/// Stores how many submissions were marked.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn report_done(
    transaction: &Transaction,
    id: ModelTestId,
    done: u64,
    total: u64,
) -> Result<(), StoreError> {
    let figures = ActiveModel {
        done: Set(done.cast_signed()),
        total: Set(total.cast_signed()),
        updated_at: Set(transaction.now()),
        ..Default::default()
    };
    let update = Entity::update_many().set(figures).filter(Column::Id.eq(Key(id)));
    let update = rows::revise(update, Column::Revision);
    rows::change_one(transaction, MODEL_TEST.missing(id), update).await
}

/// Deletes a test with its submissions.
///
/// # Errors
/// [`StoreError::NotFound`], and [`StoreError::InUse`] while a report refers to it.
pub async fn delete(transaction: &Transaction, whose: Whose, id: ModelTestId) -> Result<(), StoreError> {
    let it = Entity::delete_many().filter(whose.owns(Column::OwnerId)).filter(Column::Id.eq(Key(id)));
    match rows::delete(transaction, MODEL_TEST, it).await? {
        0 => Err(MODEL_TEST.missing(id)),
        _ => Ok(()),
    }
}

async fn apply(
    transaction: &Transaction,
    id: ModelTestId,
    step: ModelTestStep,
    mut change: ActiveModel,
) -> Result<(), StoreError> {
    let test = get(transaction, Whose::Anyones, id).await?;
    let from = test.state.0;
    let to = from.step(step)?;
    change.state = Set(Text(to));
    change.updated_at = Set(transaction.now());
    if step == ModelTestStep::Run && test.started_at.is_none() {
        change.started_at = Set(Some(transaction.now()));
    }
    if to.is_final() {
        change.finished_at = Set(Some(transaction.now()));
    }
    let update =
        Entity::update_many().set(change).filter(Column::Id.eq(Key(id))).filter(Column::State.eq(Text(from)));
    let update = rows::revise(update, Column::Revision);
    rows::change_one(transaction, StoreError::Changed { noun: MODEL_TEST.name }, update).await
}
