//! The examples of a frozen version, for looking through; training reads the version's file.

use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use gradus_domain::DatasetVersionId;

use crate::rows::{self, Noun};
use crate::{Key, Rows, StoreError, Transaction};

const EXAMPLE: Noun = Noun { name: "example", unique: "position" };

/// An example.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "example")]
pub struct Model {
    /// Of which version.
    #[sea_orm(primary_key, auto_increment = false)]
    pub dataset_version_id: Key<DatasetVersionId>,
    /// Its place in it, from 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    /// `train`, `validation` or `test`.
    pub part: String,
    /// The question's name.
    pub question: String,
    /// Who answered.
    pub student: Option<String>,
    /// What they answered.
    pub answer: String,
    /// What it was given.
    pub verdict: String,
}

crate::table!();

pub use Model as Example;

/// An example before it has its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewExample {
    /// `train`, `validation` or `test`.
    pub part: String,
    /// The question's name.
    pub question: String,
    /// Who answered.
    pub student: Option<String>,
    /// What they answered.
    pub answer: String,
    /// What it was given.
    pub verdict: String,
}

pub(super) async fn insert(
    transaction: &Transaction,
    version: DatasetVersionId,
    examples: Vec<NewExample>,
) -> Result<(), StoreError> {
    let rows = examples.into_iter().zip(0..).map(|(example, position)| Model {
        dataset_version_id: Key(version),
        position,
        part: example.part,
        question: example.question,
        student: example.student,
        answer: example.answer,
        verdict: example.verdict,
    });
    rows::insert_all(transaction, EXAMPLE, rows.collect()).await
}

/// The examples of a version from a place on.
pub async fn from(
    rows: &impl Rows,
    version: DatasetVersionId,
    position: u64,
    most: u64,
) -> Result<Vec<Example>, StoreError> {
    let select = Entity::find()
        .filter(Column::DatasetVersionId.eq(Key(version)))
        .filter(Column::Position.gte(position.cast_signed()));
    rows::all(rows, select.order_by_asc(Column::Position).limit(most)).await
}
