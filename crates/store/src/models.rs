//! Trained models: what is known of each; its files are blobs.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

use gradus_domain::{ModelId, TrainingJobId, UserId};

use crate::files::{self, StoredFile};
use crate::rows::{self, Noun};
use crate::whose::Shares;
use crate::{Json, Key, Page, PageRequest, Rows, StoreError, Transaction, Whose};

const MODEL: Noun = Noun { name: "model", unique: "name" };
pub(crate) const SHARES: Shares = Shares { table: "model_share", column: "model_id" };

/// A trained model.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "model")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Key<ModelId>,
    /// Whose.
    pub owner_id: Key<UserId>,
    /// What programs ask for, as in `ft:smollm2-135m-instruct:biology:1a2b3c`.
    pub name: String,
    /// What it was trained for: `marking` or `chat`.
    pub kind: String,
    /// The base model's name in the catalogue.
    pub base_model: String,
    /// The job that it came from.
    pub training_job_id: Option<Key<TrainingJobId>>,
    /// After how many updates.
    pub step: Option<i64>,
    /// How many bytes its files have.
    pub bytes: i64,
    /// What was measured on held-out data.
    pub figures: Json<serde_json::Value>,
    /// Whatever its owner noted.
    pub metadata: Json<serde_json::Value>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
}

crate::table!();

pub use Model as TrainedModel;

/// Adds a model with its files, whose blobs are stored, and settles those.
///
/// # Errors
/// [`StoreError::AlreadyThere`] when the name is taken.
pub async fn insert(
    transaction: &Transaction,
    model: TrainedModel,
    stored: Vec<StoredFile>,
) -> Result<(), StoreError> {
    let id = model.id.0;
    rows::insert(transaction, MODEL, model).await?;
    files::of_model::attach(transaction, id, stored).await
}

/// The model of this id, if it may be seen.
///
/// # Errors
/// [`StoreError::NotFound`], for what belongs to others too.
pub async fn get(rows: &impl Rows, whose: Whose, id: ModelId) -> Result<TrainedModel, StoreError> {
    rows::one(rows, seen(whose).filter(Column::Id.eq(Key(id)))).await?.ok_or_else(|| MODEL.missing(id))
}

/// The model of this name, if it may be seen.
pub async fn find_by_name(
    rows: &impl Rows,
    whose: Whose,
    name: &str,
) -> Result<Option<TrainedModel>, StoreError> {
    rows::one(rows, seen(whose).filter(Column::Name.eq(name))).await
}

/// A page of the models that may be seen.
pub async fn page(
    rows: &impl Rows,
    whose: Whose,
    request: &PageRequest,
) -> Result<Page<TrainedModel>, StoreError> {
    rows::page(rows, seen(whose), Column::Id, request).await
}

/// The models that a job made, oldest first.
pub async fn of_job(rows: &impl Rows, job: TrainingJobId) -> Result<Vec<TrainedModel>, StoreError> {
    use sea_orm::QueryOrder;
    let of_job = Entity::find().filter(Column::TrainingJobId.eq(Key(job))).order_by_asc(Column::Id);
    rows::all(rows, of_job).await
}

/// How many bytes the models of a user have.
pub async fn bytes(rows: &impl Rows, owner: UserId) -> Result<u64, StoreError> {
    rows::sum(rows, Entity::find().filter(Column::OwnerId.eq(Key(owner))), Column::Bytes).await
}

/// Deletes a model of theirs; its blobs go with the next clean-up.
///
/// # Errors
/// [`StoreError::NotFound`], and [`StoreError::InUse`] while a model test refers to it.
pub async fn delete(transaction: &Transaction, whose: Whose, id: ModelId) -> Result<(), StoreError> {
    let it = Entity::delete_many().filter(whose.owns(Column::OwnerId)).filter(Column::Id.eq(Key(id)));
    match rows::delete(transaction, MODEL, it).await? {
        0 => Err(MODEL.missing(id)),
        _ => Ok(()),
    }
}

fn seen(whose: Whose) -> sea_orm::Select<Entity> {
    Entity::find().filter(whose.sees(Column::OwnerId, (Entity, Column::Id), SHARES))
}
