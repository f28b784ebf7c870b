//! The worker processes that showed themselves lately.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, OnConflict};
use sea_orm::{IntoActiveModel, QueryOrder};
use serde::{Deserialize, Serialize};

use crate::error::Tried;
use crate::rows::{self, Noun};
use crate::store::sealed::Connected;
use crate::{Json, Rows, StoreError, Transaction};

const WORKER: Noun = Noun { name: "worker", unique: "id" };

/// A worker process.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "worker")]
pub struct Model {
    /// Its id, made anew at each start.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The machine and the process, for people.
    pub name: String,
    /// What it measured of itself.
    pub figures: Json<WorkerFigures>,
    /// Whether it takes no more work.
    pub is_draining: bool,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it showed itself last.
    pub seen_at: DateTime<Utc>,
}

crate::table!();

pub use Model as Worker;

/// What a worker measured of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerFigures {
    /// Bytes of memory in use.
    pub memory_bytes: u64,
    /// Tokens a second of what it trains.
    pub tokens_per_second: Option<f64>,
    /// Jobs that it has.
    pub jobs: u32,
    /// Why it begins no more work at the moment, where its machine has no room.
    pub held_back: Option<String>,
}

/// Notes that a worker is alive.
pub async fn show(transaction: &Transaction, worker: Worker) -> Result<(), StoreError> {
    let known = OnConflict::column(Column::Id)
        .update_columns([Column::Figures, Column::IsDraining, Column::SeenAt])
        .to_owned();
    Entity::insert(worker.into_active_model())
        .on_conflict(known)
        .exec_without_returning(transaction.connection())
        .await
        .map(|_| ())
        .tried("note that a worker is alive")
}

/// Forgets a worker that ends, and those that were silent since `before`.
pub async fn forget(transaction: &Transaction, id: Uuid, before: DateTime<Utc>) -> Result<(), StoreError> {
    let gone = Entity::delete_many().filter(Column::Id.eq(id).or(Column::SeenAt.lt(before)));
    rows::delete(transaction, WORKER, gone).await.map(|_| ())
}

/// The workers that showed themselves since `since`.
pub async fn alive(rows: &impl Rows, since: DateTime<Utc>) -> Result<Vec<Worker>, StoreError> {
    rows::all(rows, Entity::find().filter(Column::SeenAt.gte(since)).order_by_asc(Column::StartedAt)).await
}

/// The worker of this id, if it showed itself.
pub async fn find(rows: &impl Rows, id: Uuid) -> Result<Option<Worker>, StoreError> {
    rows::one(rows, Entity::find().filter(Column::Id.eq(id))).await
}
