//! What happened in a training job, in order: each event has the next number of its job, so that whoever follows the
//! events misses none and sees none twice.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use gradus_domain::TrainingJobId;

use super::{TRAINING_JOB, next_event};
use crate::rows;
use crate::{Json, Key, Rows, StoreError, Transaction};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "training_event")]
pub struct Model {
    /// In which job.
    #[sea_orm(primary_key, auto_increment = false)]
    pub training_job_id: Key<TrainingJobId>,
    /// As which event, from 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// What kind of event: a `message`, `metrics`, or a change of `state`.
    pub kind: String,
    /// `info`, `warn` or `error`.
    pub level: String,
    /// In a sentence.
    pub message: String,
    /// In figures.
    pub data: Json<serde_json::Value>,
}

crate::table!();

pub use Model as TrainingEvent;

/// An event before it has its number.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// What kind of event: a `message`, `metrics`, or a change of `state`.
    pub kind: &'static str,
    /// `info`, `warn` or `error`.
    pub level: &'static str,
    /// In a sentence.
    pub message: String,
    /// In figures.
    pub data: serde_json::Value,
}

/// Adds an event; its number.
pub async fn append(
    transaction: &Transaction,
    job: TrainingJobId,
    event: NewEvent,
) -> Result<i64, StoreError> {
    let seq = next_event(transaction, job).await?;
    let row = Model {
        training_job_id: Key(job),
        seq,
        at: transaction.now(),
        kind: event.kind.to_owned(),
        level: event.level.to_owned(),
        message: event.message,
        data: Json(event.data),
    };
    rows::insert(transaction, TRAINING_JOB, row).await?;
    Ok(seq)
}

/// The events after number `after`, oldest first.
pub async fn after(
    rows: &impl Rows,
    job: TrainingJobId,
    after: i64,
    most: u64,
) -> Result<Vec<TrainingEvent>, StoreError> {
    let select = Entity::find().filter(Column::TrainingJobId.eq(Key(job))).filter(Column::Seq.gt(after));
    rows::all(rows, select.order_by_asc(Column::Seq).limit(most)).await
}

/// The events before number `before` (or all), newest first.
pub async fn before(
    rows: &impl Rows,
    job: TrainingJobId,
    before: Option<i64>,
    most: u64,
) -> Result<Vec<TrainingEvent>, StoreError> {
    let mut select = Entity::find().filter(Column::TrainingJobId.eq(Key(job)));
    if let Some(before) = before {
        select = select.filter(Column::Seq.lt(before));
    }
    rows::all(rows, select.order_by_desc(Column::Seq).limit(most)).await
}
