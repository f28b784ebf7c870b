//! Uploaded files: what is known of each; its bytes are blobs.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{QueryOrder, QuerySelect};

use gradus_domain::failure::Failure;
use gradus_domain::{DocumentId, DocumentPurpose, DocumentState, DocumentStep, State, UserId};

use crate::rows::{self, Noun};
use crate::{Json, Key, Page, PageRequest, Rows, StoreError, Text, Transaction, Whose};

const DOCUMENT: Noun = Noun { name: "document", unique: "id" };

/// An uploaded file.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "document")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Key<DocumentId>,
    /// Whose.
    pub owner_id: Key<UserId>,
    /// The file's name, for people.
    pub name: String,
    /// What it is for.
    pub purpose: Text<DocumentPurpose>,
    /// How far it is.
    pub state: Text<DocumentState>,
    /// Its bytes.
    pub blob_hash: String,
    /// How many they are.
    pub bytes: i64,
    /// The format that its content shows.
    pub format: Option<String>,
    /// How many pages it has.
    pub pages: Option<i64>,
    /// How well its text could be read, 0 to 1.
    pub quality: Option<f64>,
    /// Its text with structure, as JSON.
    pub text_hash: Option<String>,
    /// What was tried and found in reading it.
    pub findings: Json<serde_json::Value>,
    /// Why it cannot be used.
    pub failure: Option<Json<Failure>>,
    /// Whatever its owner noted.
    pub metadata: Json<serde_json::Value>,
    /// When it is to be deleted.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was uploaded.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// Which revision of it this is, from 1: each change makes the next, so that whoever follows it misses none.
    pub revision: i64,
}

crate::table!();

pub use Model as Document;

/// What is found in a document.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The format that its content shows.
    pub format: String,
    /// How many pages it has.
    pub pages: Option<i64>,
    /// How well its text could be read, 0 to 1.
    pub quality: Option<f64>,
    /// The hash of its text with structure.
    pub text_hash: String,
    /// What was tried and found.
    pub findings: serde_json::Value,
}

/// Adds a document, whose blob was settled in the same transaction.
pub async fn insert(transaction: &Transaction, document: Document) -> Result<(), StoreError> {
    rows::insert(transaction, DOCUMENT, document).await
}

/// The document of this id, if it may be seen.
///
/// # Errors
/// [`StoreError::NotFound`], for what belongs to others too.
pub async fn get(rows: &impl Rows, whose: Whose, id: DocumentId) -> Result<Document, StoreError> {
    let select = Entity::find().filter(whose.owns(Column::OwnerId)).filter(Column::Id.eq(Key(id)));
    rows::one(rows, select).await?.ok_or_else(|| DOCUMENT.missing(id))
}

/// A page of the documents that may be seen, of one purpose or of all.
pub async fn page(
    rows: &impl Rows,
    whose: Whose,
    purpose: Option<DocumentPurpose>,
    request: &PageRequest,
) -> Result<Page<Document>, StoreError> {
    let mut select = Entity::find().filter(whose.owns(Column::OwnerId));
    if let Some(purpose) = purpose {
        select = select.filter(Column::Purpose.eq(Text(purpose)));
    }
    rows::page(rows, select, Column::Id, request).await
}

/// How many documents a user has, and how many bytes.
pub async fn usage(rows: &impl Rows, owner: UserId) -> Result<(i64, i64), StoreError> {
    use crate::error::Tried;
    let sums = Entity::find()
        .filter(Column::OwnerId.eq(Key(owner)))
        .select_only()
        .column_as(Column::Id.count(), "count")
        // A sum of integers is a decimal in PostgreSQL.
        .column_as(Column::Bytes.sum().cast_as("bigint"), "bytes")
        .into_tuple::<(i64, Option<i64>)>()
        .one(rows.connection())
        .await
        .tried("count documents")?;
    Ok(sums.map_or((0, 0), |(count, bytes)| (count, bytes.unwrap_or(0))))
}

/// Takes a step that says no more than that it was taken.
///
/// # Errors
/// When the document is not there or its state does not allow the step.
pub async fn step(transaction: &Transaction, id: DocumentId, step: DocumentStep) -> Result<(), StoreError> {
    apply(transaction, id, step, Default::default()).await
}

/// Stores what was read in a document.
///
/// # Errors
/// When the document is not there or was not being read.
pub async fn accept(transaction: &Transaction, id: DocumentId, reading: Reading) -> Result<(), StoreError> {
    let change = ActiveModel {
        format: Set(Some(reading.format)),
        pages: Set(reading.pages),
        quality: Set(reading.quality),
        text_hash: Set(Some(reading.text_hash)),
        findings: Set(Json(reading.findings)),
        failure: Set(None),
        ..Default::default()
    };
    apply(transaction, id, DocumentStep::Accept, change).await
}

/// Stores why a document cannot be used.
///
/// # Errors
/// When the document is not there or was not being read.
pub async fn reject(transaction: &Transaction, id: DocumentId, failure: Failure) -> Result<(), StoreError> {
    let change = ActiveModel { failure: Set(Some(Json(failure))), ..Default::default() };
    apply(transaction, id, DocumentStep::Reject, change).await
}

async fn apply(
    transaction: &Transaction,
    id: DocumentId,
    step: DocumentStep,
    change: ActiveModel,
) -> Result<(), StoreError> {
    let from = get(transaction, Whose::Anyones, id).await?.state.0;
    let change =
        ActiveModel { state: Set(Text(from.step(step)?)), updated_at: Set(transaction.now()), ..change };
    let update =
        Entity::update_many().set(change).filter(Column::Id.eq(Key(id))).filter(Column::State.eq(Text(from)));
    let update = rows::revise(update, Column::Revision);
    rows::change_one(transaction, StoreError::Changed { noun: DOCUMENT.name }, update).await
}

/// Deletes a document; its blob goes with the next clean-up.
///
/// # Errors
/// [`StoreError::NotFound`], and [`StoreError::InUse`] while a dataset or a job refers to it.
pub async fn delete(transaction: &Transaction, whose: Whose, id: DocumentId) -> Result<(), StoreError> {
    let it = Entity::delete_many().filter(whose.owns(Column::OwnerId)).filter(Column::Id.eq(Key(id)));
    match rows::delete(transaction, DOCUMENT, it).await? {
        0 => Err(DOCUMENT.missing(id)),
        _ => Ok(()),
    }
}

/// The documents that were to be deleted by `now`, those first that have waited longest.
pub async fn expired(rows: &impl Rows, now: DateTime<Utc>, most: u64) -> Result<Vec<Document>, StoreError> {
    let expired =
        Entity::find().filter(Column::ExpiresAt.lte(now)).order_by_asc(Column::ExpiresAt).limit(most);
    rows::all(rows, expired).await
}

/// Lets a document stay until `until`.
pub async fn keep_until(
    transaction: &Transaction,
    id: DocumentId,
    until: DateTime<Utc>,
) -> Result<(), StoreError> {
    let kept = ActiveModel { expires_at: Set(Some(until)), ..Default::default() };
    let update = Entity::update_many().set(kept).filter(Column::Id.eq(Key(id)));
    let update = rows::revise(update, Column::Revision);
    rows::change_one(transaction, DOCUMENT.missing(id), update).await
}
