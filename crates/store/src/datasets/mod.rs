//! Datasets, their frozen versions, and the examples of those.

pub mod examples;
pub mod sources;
pub mod versions;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;

use gradus_domain::{DatasetId, UserId};

use crate::rows::{self, Noun};
use crate::whose::Shares;
use crate::{Json, Key, Page, PageRequest, Rows, StoreError, Transaction, Whose};

const DATASET: Noun = Noun { name: "dataset", unique: "id" };
pub(crate) const SHARES: Shares = Shares { table: "dataset_share", column: "dataset_id" };

/// A guide and answers under one name, in versions.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "dataset")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Key<DatasetId>,
    /// Whose.
    pub owner_id: Key<UserId>,
    /// What people call it.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// Whatever its owner noted.
    pub metadata: Json<serde_json::Value>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

crate::table!();

pub use Model as Dataset;

/// Adds a dataset.
pub async fn insert(transaction: &Transaction, dataset: Dataset) -> Result<(), StoreError> {
    rows::insert(transaction, DATASET, dataset).await
}

/// The dataset of this id, if it may be seen.
///
/// # Errors
/// [`StoreError::NotFound`], for what belongs to others too.
pub async fn get(rows: &impl Rows, whose: Whose, id: DatasetId) -> Result<Dataset, StoreError> {
    rows::one(rows, seen(whose).filter(Column::Id.eq(Key(id)))).await?.ok_or_else(|| DATASET.missing(id))
}

/// The dataset of this id, if it is theirs to change.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get_owned(rows: &impl Rows, whose: Whose, id: DatasetId) -> Result<Dataset, StoreError> {
    let select = Entity::find().filter(whose.owns(Column::OwnerId)).filter(Column::Id.eq(Key(id)));
    rows::one(rows, select).await?.ok_or_else(|| DATASET.missing(id))
}

/// A page of the datasets that may be seen.
pub async fn page(
    rows: &impl Rows,
    whose: Whose,
    request: &PageRequest,
) -> Result<Page<Dataset>, StoreError> {
    rows::page(rows, seen(whose), Column::Id, request).await
}

/// How many datasets a user has.
pub async fn count(rows: &impl Rows, owner: UserId) -> Result<u64, StoreError> {
    rows::count(rows, Entity::find().filter(Column::OwnerId.eq(Key(owner)))).await
}

/// Gives a dataset of theirs another name and description; none leaves a thing as it is.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn rename(
    transaction: &Transaction,
    whose: Whose,
    id: DatasetId,
    name: Option<String>,
    description: Option<String>,
) -> Result<(), StoreError> {
    let mut row = ActiveModel { updated_at: Set(transaction.now()), ..Default::default() };
    if let Some(name) = name {
        row.name = Set(name);
    }
    if let Some(description) = description {
        row.description = Set(description);
    }
    let update =
        Entity::update_many().set(row).filter(whose.owns(Column::OwnerId)).filter(Column::Id.eq(Key(id)));
    rows::change_one(transaction, DATASET.missing(id), update).await
}

/// Deletes a dataset of theirs with its versions.
///
/// # Errors
/// [`StoreError::NotFound`], and [`StoreError::InUse`] while a training job or a model test refers to a version.
pub async fn delete(transaction: &Transaction, whose: Whose, id: DatasetId) -> Result<(), StoreError> {
    let it = Entity::delete_many().filter(whose.owns(Column::OwnerId)).filter(Column::Id.eq(Key(id)));
    match rows::delete(transaction, DATASET, it).await? {
        0 => Err(DATASET.missing(id)),
        _ => Ok(()),
    }
}

fn seen(whose: Whose) -> sea_orm::Select<Entity> {
    Entity::find().filter(whose.sees(Column::OwnerId, (Entity, Column::Id), SHARES))
}
