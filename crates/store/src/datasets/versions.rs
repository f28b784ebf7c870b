//! The frozen versions of a dataset.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{QueryOrder, QuerySelect};

use gradus_domain::failure::Failure;
use gradus_domain::{
    DatasetId, DatasetVersionId, DatasetVersionState, DatasetVersionStep, DocumentId, Id, State, UserId,
};

use super::examples::{self, NewExample};
use super::sources;
use crate::rows::{self, Noun};
use crate::{Json, Key, Rows, StoreError, Text, Transaction, blob_records, turns};

const VERSION: Noun = Noun { name: "dataset version", unique: "number" };

/// One version of a dataset.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "dataset_version")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Key<DatasetVersionId>,
    /// Of which dataset.
    pub dataset_id: Key<DatasetId>,
    /// Which version of it, from 1.
    pub number: i64,
    /// How far it is.
    pub state: Text<DatasetVersionState>,
    /// How its documents are read and split.
    pub settings: Json<serde_json::Value>,
    /// The hash of what it teaches, which every model trained on it names.
    pub content_hash: Option<String>,
    /// The dataset as a file.
    pub blob_hash: Option<String>,
    /// How many examples it has.
    pub examples: i64,
    /// Counts, leakage, doubts.
    pub figures: Json<serde_json::Value>,
    /// Why its documents make no dataset.
    pub failure: Option<Json<Failure>>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it was frozen or failed.
    pub finished_at: Option<DateTime<Utc>>,
    /// Which revision of it this is, from 1: each change makes the next, so that whoever follows it misses none.
    pub revision: i64,
}

crate::table!();

pub use Model as DatasetVersion;

/// A document and what it is in the dataset: `guide`, `answers`, …
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The document.
    pub document: DocumentId,
    /// What it is in the dataset.
    pub role: String,
}

/// A frozen dataset.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// The hash of what it teaches.
    pub content_hash: String,
    /// The dataset as a file, whose blob is stored.
    pub blob_hash: String,
    /// Counts, leakage, doubts.
    pub figures: serde_json::Value,
    /// Its examples in order.
    pub examples: Vec<NewExample>,
}

/// How many versions the datasets of a user have.
pub async fn count(rows: &impl Rows, owner: UserId) -> Result<u64, StoreError> {
    let datasets =
        Query::select().column("id").from("dataset").and_where(Expr::col("owner_id").eq(owner.uuid())).take();
    rows::count(rows, Entity::find().filter(Column::DatasetId.in_subquery(datasets))).await
}

/// Adds the next version of a dataset, to be built of these documents.
pub async fn insert(
    transaction: &Transaction,
    dataset: DatasetId,
    settings: serde_json::Value,
    sources: Vec<Source>,
) -> Result<DatasetVersion, StoreError> {
    turns::take(transaction, &format!("dataset {dataset}")).await?;
    let newest = of_dataset(transaction, dataset).await?.first().map_or(0, |version| version.number);
    let version = Model {
        id: Key(DatasetVersionId::new()),
        dataset_id: Key(dataset),
        number: newest + 1,
        state: Text(DatasetVersionState::Queued),
        settings: Json(settings),
        content_hash: None,
        blob_hash: None,
        examples: 0,
        figures: Json(serde_json::Value::Null),
        failure: None,
        created_at: transaction.now(),
        finished_at: None,
        revision: 1,
    };
    rows::insert(transaction, VERSION, version.clone()).await?;
    sources::attach(transaction, version.id.0, sources).await?;
    Ok(version)
}

/// The version of this id.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(rows: &impl Rows, id: DatasetVersionId) -> Result<DatasetVersion, StoreError> {
    rows::one(rows, Entity::find().filter(Column::Id.eq(Key(id)))).await?.ok_or_else(|| VERSION.missing(id))
}

/// The versions of a dataset, the newest first.
pub async fn of_dataset(rows: &impl Rows, dataset: DatasetId) -> Result<Vec<DatasetVersion>, StoreError> {
    let of_dataset = Entity::find().filter(Column::DatasetId.eq(Key(dataset))).order_by_desc(Column::Number);
    rows::all(rows, of_dataset.limit(1000)).await
}

/// Takes a step that says no more than that it was taken.
///
/// # Errors
/// When the version is not there or its state does not allow the step.
pub async fn step(
    transaction: &Transaction,
    id: DatasetVersionId,
    step: DatasetVersionStep,
) -> Result<(), StoreError> {
    apply(transaction, id, step, Default::default()).await
}

/// Freezes a version: stores its examples, and settles its blob.
///
/// # Errors
/// When the version is not there or was not being built.
pub async fn freeze(
    transaction: &Transaction,
    id: DatasetVersionId,
    frozen: Frozen,
) -> Result<(), StoreError> {
    blob_records::settle(transaction, &frozen.blob_hash).await?;
    let change = ActiveModel {
        content_hash: Set(Some(frozen.content_hash)),
        blob_hash: Set(Some(frozen.blob_hash)),
        examples: Set(frozen.examples.len() as i64),
        figures: Set(Json(frozen.figures)),
        failure: Set(None),
        finished_at: Set(Some(transaction.now())),
        ..Default::default()
    };
    apply(transaction, id, DatasetVersionStep::Freeze, change).await?;
    examples::insert(transaction, id, frozen.examples).await
}

/// Stores why a version's documents make no dataset.
///
/// # Errors
/// When the version is not there or was not being built.
pub async fn fail(
    transaction: &Transaction,
    id: DatasetVersionId,
    failure: Failure,
) -> Result<(), StoreError> {
    let change = ActiveModel {
        failure: Set(Some(Json(failure))),
        finished_at: Set(Some(transaction.now())),
        ..Default::default()
    };
    apply(transaction, id, DatasetVersionStep::Fail, change).await
}

async fn apply(
    transaction: &Transaction,
    id: DatasetVersionId,
    step: DatasetVersionStep,
    change: ActiveModel,
) -> Result<(), StoreError> {
    let from = get(transaction, id).await?.state.0;
    let update = Entity::update_many()
        .set(ActiveModel { state: Set(Text(from.step(step)?)), ..change })
        .filter(Column::Id.eq(id.uuid()))
        .filter(Column::State.eq(Text(from)));
    let update = rows::revise(update, Column::Revision);
    rows::change_one(transaction, StoreError::Changed { noun: VERSION.name }, update).await
}
