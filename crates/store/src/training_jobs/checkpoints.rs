//! The states that a training job can be resumed from: files among the blobs.

use chrono::{DateTime, Utc};
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, Query};

use gradus_domain::{CheckpointId, Id, TrainingJobId, UserId};

use crate::files::{self, StoredFile};
use crate::rows::{self, Noun};
use crate::{Key, Rows, StoreError, Transaction};

const CHECKPOINT: Noun = Noun { name: "checkpoint", unique: "id" };

/// A state that a training job can be resumed from.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "checkpoint")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Key<CheckpointId>,
    /// Of which job.
    pub training_job_id: Key<TrainingJobId>,
    /// After how many updates.
    pub step: i64,
    /// The loss of the last update, in nats a label token.
    pub training_loss: Option<f64>,
    /// The newest loss on held-out data, likewise.
    pub validation_loss: Option<f64>,
    /// How many bytes its files have.
    pub bytes: i64,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
}

crate::table!();

pub use Model as Checkpoint;

/// Adds a checkpoint with its files, whose blobs are stored, and settles those.
pub async fn insert(
    transaction: &Transaction,
    checkpoint: Checkpoint,
    stored: Vec<StoredFile>,
) -> Result<(), StoreError> {
    let id = checkpoint.id.0;
    rows::insert(transaction, CHECKPOINT, checkpoint).await?;
    files::of_checkpoint::attach(transaction, id, stored).await
}

/// The checkpoints of a job, the newest first.
pub async fn of_job(rows: &impl Rows, job: TrainingJobId) -> Result<Vec<Checkpoint>, StoreError> {
    let of_job = Entity::find().filter(Column::TrainingJobId.eq(Key(job)));
    rows::all(rows, of_job.order_by_desc(Column::Step).order_by_desc(Column::Id)).await
}

/// A checkpoint of a job.
///
/// # Errors
/// [`StoreError::NotFound`] when the job has none of this id.
pub async fn get(rows: &impl Rows, job: TrainingJobId, id: CheckpointId) -> Result<Checkpoint, StoreError> {
    let it = Entity::find().filter(Column::TrainingJobId.eq(Key(job))).filter(Column::Id.eq(Key(id)));
    rows::one(rows, it).await?.ok_or_else(|| CHECKPOINT.missing(id))
}

/// How many bytes the checkpoints of a user's jobs have.
pub async fn bytes(rows: &impl Rows, owner: UserId) -> Result<u64, StoreError> {
    let jobs = Query::select()
        .column("id")
        .from("training_job")
        .and_where(Expr::col("owner_id").eq(owner.uuid()))
        .take();
    let of_owner = Entity::find().filter(Column::TrainingJobId.in_subquery(jobs));
    rows::sum(rows, of_owner, Column::Bytes).await
}

/// Deletes a checkpoint; its blobs go with the next clean-up.
pub async fn delete(transaction: &Transaction, id: CheckpointId) -> Result<(), StoreError> {
    rows::delete(transaction, CHECKPOINT, Entity::delete_many().filter(Column::Id.eq(Key(id))))
        .await
        .map(|_| ())
}
