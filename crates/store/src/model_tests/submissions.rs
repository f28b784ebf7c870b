//! The answers that a model is tried on, with the marks that they should get and those that they got.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use gradus_domain::failure::Failure;
use gradus_domain::{DocumentId, ModelTestId, SubmissionId};

use crate::rows::{self, Noun};
use crate::{Json, Key, Rows, StoreError, Transaction};

const SUBMISSION: Noun = Noun { name: "submission", unique: "position" };

/// An answer in a model test.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "submission")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Key<SubmissionId>,
    /// In which test.
    pub model_test_id: Key<ModelTestId>,
    /// Its place in it, from 0.
    pub position: i64,
    /// The document that it was read from.
    pub document_id: Option<Key<DocumentId>>,
    /// Who answered.
    pub student: Option<String>,
    /// The question's name.
    pub question: Option<String>,
    /// What they answered.
    pub answer: String,
    /// What it should be given.
    pub expected: Option<String>,
    /// What the model gave it.
    pub verdict: Option<String>,
    /// How sure the model is, 0 to 1.
    pub confidence: Option<f64>,
    /// Whether a person should look at it.
    pub needs_person: Option<bool>,
    /// All else that the model said.
    pub details: Json<serde_json::Value>,
    /// Why it could not be marked.
    pub failure: Option<Json<Failure>>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it was marked.
    pub marked_at: Option<DateTime<Utc>>,
}

crate::table!();

pub use Model as Submission;

/// What a model said of an answer.
#[derive(Debug, Clone)]
pub struct Marked {
    /// What it gave.
    pub verdict: String,
    /// How sure it is, 0 to 1.
    pub confidence: f64,
    /// Whether a person should look at it.
    pub needs_person: bool,
    /// All else that it said.
    pub details: serde_json::Value,
}

/// Adds answers to a test.
///
/// # Errors
/// [`StoreError::AlreadyThere`] when two have the same place.
pub async fn insert_all(transaction: &Transaction, submissions: Vec<Submission>) -> Result<(), StoreError> {
    rows::insert_all(transaction, SUBMISSION, submissions).await
}

/// The answers of a test from a place on.
pub async fn from(
    rows: &impl Rows,
    test: ModelTestId,
    position: u64,
    most: u64,
) -> Result<Vec<Submission>, StoreError> {
    let select = Entity::find()
        .filter(Column::ModelTestId.eq(Key(test)))
        .filter(Column::Position.gte(position.cast_signed()));
    rows::all(rows, select.order_by_asc(Column::Position).limit(most)).await
}

/// How many answers a test has.
pub async fn count(rows: &impl Rows, test: ModelTestId) -> Result<u64, StoreError> {
    rows::count(rows, Entity::find().filter(Column::ModelTestId.eq(Key(test)))).await
}

/// Stores what a model said of an answer.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn mark(transaction: &Transaction, id: SubmissionId, marked: Marked) -> Result<(), StoreError> {
    let row = ActiveModel {
        verdict: Set(Some(marked.verdict)),
        // No database keeps a number that is none.
        confidence: Set(Some(marked.confidence).filter(|confidence| confidence.is_finite())),
        needs_person: Set(Some(marked.needs_person)),
        details: Set(Json(marked.details)),
        marked_at: Set(Some(transaction.now())),
        ..Default::default()
    };
    let update = Entity::update_many().set(row).filter(Column::Id.eq(Key(id)));
    rows::change_one(transaction, SUBMISSION.missing(id), update).await
}
