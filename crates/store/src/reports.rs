//! Pages of evidence.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;

use gradus_domain::failure::Failure;
use gradus_domain::{ModelTestId, ReportId, ReportState, ReportStep, State, TrainingJobId, UserId};

use crate::rows::{self, Noun};
use crate::{Json, Key, Page, PageRequest, Rows, StoreError, Text, Transaction, Whose, blob_records};

const REPORT: Noun = Noun { name: "report", unique: "id" };

/// A page of evidence.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "report")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Key<ReportId>,
    /// Whose.
    pub owner_id: Key<UserId>,
    /// `training`, `model-test` or `comparison`.
    pub kind: String,
    /// What people call it.
    pub name: String,
    /// How far it is.
    pub state: Text<ReportState>,
    /// The training job that it is about.
    pub training_job_id: Option<Key<TrainingJobId>>,
    /// The model test that it is about.
    pub model_test_id: Option<Key<ModelTestId>>,
    /// The model test that the first is compared with.
    pub other_model_test_id: Option<Key<ModelTestId>>,
    /// The page.
    pub html_hash: Option<String>,
    /// Its figures.
    pub json_hash: Option<String>,
    /// Why it could not be written.
    pub failure: Option<Json<Failure>>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it was written.
    pub finished_at: Option<DateTime<Utc>>,
    /// Which revision of it this is, from 1: each change makes the next, so that whoever follows it misses none.
    pub revision: i64,
}

crate::table!();

pub use Model as Report;

/// Adds a report that is to be written.
pub async fn insert(transaction: &Transaction, report: Report) -> Result<(), StoreError> {
    rows::insert(transaction, REPORT, report).await
}

/// The report of this id, if it may be seen.
///
/// # Errors
/// [`StoreError::NotFound`], for what belongs to others too.
pub async fn get(rows: &impl Rows, whose: Whose, id: ReportId) -> Result<Report, StoreError> {
    let select = Entity::find().filter(whose.owns(Column::OwnerId)).filter(Column::Id.eq(Key(id)));
    rows::one(rows, select).await?.ok_or_else(|| REPORT.missing(id))
}

/// How many reports a user has.
pub async fn count(rows: &impl Rows, owner: UserId) -> Result<u64, StoreError> {
    rows::count(rows, Entity::find().filter(Column::OwnerId.eq(Key(owner)))).await
}

/// A page of the reports that may be seen.
pub async fn page(rows: &impl Rows, whose: Whose, request: &PageRequest) -> Result<Page<Report>, StoreError> {
    rows::page(rows, Entity::find().filter(whose.owns(Column::OwnerId)), Column::Id, request).await
}

/// Takes a step that says no more than that it was taken.
///
/// # Errors
/// When the report is not there or its state does not allow the step.
pub async fn step(transaction: &Transaction, id: ReportId, step: ReportStep) -> Result<(), StoreError> {
    apply(transaction, id, step, Default::default()).await
}

/// Stores a written report, whose blobs are stored, and settles those.
///
/// # Errors
/// When the report is not there or was not being written.
pub async fn complete(
    transaction: &Transaction,
    id: ReportId,
    html_hash: String,
    json_hash: String,
) -> Result<(), StoreError> {
    blob_records::settle(transaction, &html_hash).await?;
    blob_records::settle(transaction, &json_hash).await?;
    let change = ActiveModel {
        html_hash: Set(Some(html_hash)),
        json_hash: Set(Some(json_hash)),
        failure: Set(None),
        finished_at: Set(Some(transaction.now())),
        ..Default::default()
    };
    apply(transaction, id, ReportStep::Complete, change).await
}

/// Stores why a report could not be written.
///
/// # Errors
/// When the report is not there or was not being written.
pub async fn fail(transaction: &Transaction, id: ReportId, failure: Failure) -> Result<(), StoreError> {
    let change = ActiveModel {
        failure: Set(Some(Json(failure))),
        finished_at: Set(Some(transaction.now())),
        ..Default::default()
    };
    apply(transaction, id, ReportStep::Fail, change).await
}

/// Deletes a report of theirs; its blobs go with the next clean-up.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn delete(transaction: &Transaction, whose: Whose, id: ReportId) -> Result<(), StoreError> {
    let it = Entity::delete_many().filter(whose.owns(Column::OwnerId)).filter(Column::Id.eq(Key(id)));
    match rows::delete(transaction, REPORT, it).await? {
        0 => Err(REPORT.missing(id)),
        _ => Ok(()),
    }
}

async fn apply(
    transaction: &Transaction,
    id: ReportId,
    step: ReportStep,
    change: ActiveModel,
) -> Result<(), StoreError> {
    let from = get(transaction, Whose::Anyones, id).await?.state.0;
    let update = Entity::update_many()
        .set(ActiveModel { state: Set(Text(from.step(step)?)), ..change })
        .filter(Column::Id.eq(Key(id)))
        .filter(Column::State.eq(Text(from)));
    let update = rows::revise(update, Column::Revision);
    rows::change_one(transaction, StoreError::Changed { noun: REPORT.name }, update).await
}
