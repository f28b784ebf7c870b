//! How a worker lets go of a job.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use gradus_domain::QueueJobState;
use gradus_domain::failure::Failure;

use super::claim::{Claim, is_held_by};
use super::{ActiveModel, Column, Entity, QUEUE_JOB};
use crate::rows;
use crate::{Json, StoreError, Text, Transaction};

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    /// It was done.
    Done,
    /// It was stopped by a person's wish.
    Cancelled,
    /// It cannot be done.
    Failed(Failure),
}

/// Ends a job, in the transaction that writes its result.
///
/// # Errors
/// [`StoreError::LeaseLost`] when the job is another's by now.
pub async fn settle(transaction: &Transaction, claim: &Claim, settled: Settled) -> Result<(), StoreError> {
    let (state, failure) = match settled {
        Settled::Done => (QueueJobState::Done, None),
        Settled::Cancelled => (QueueJobState::Cancelled, None),
        Settled::Failed(failure) => (QueueJobState::Failed, Some(Json(failure))),
    };
    let ended = ActiveModel {
        state: Set(Text(state)),
        failure: Set(failure),
        worker_id: Set(None),
        lease_until: Set(None),
        finished_at: Set(Some(transaction.now())),
        ..Default::default()
    };
    let update = Entity::update_many().set(ended).filter(is_held_by(claim));
    rows::change_one(transaction, StoreError::LeaseLost(claim.id()), update).await
}

/// Puts a job back after a failure, to be begun again after `wait`.
///
/// # Errors
/// [`StoreError::LeaseLost`] when the job is another's by now.
pub async fn try_again(
    transaction: &Transaction,
    claim: &Claim,
    wait: Duration,
    failure: Failure,
) -> Result<(), StoreError> {
    let run_at = transaction.now() + TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
    let waiting = ActiveModel { failure: Set(Some(Json(failure))), ..ready_at(run_at) };
    let update = Entity::update_many().set(waiting).filter(is_held_by(claim));
    rows::change_one(transaction, StoreError::LeaseLost(claim.id()), update).await
}

/// Puts a job back untouched, because its worker is shutting down. It does not count as an attempt.
///
/// # Errors
/// [`StoreError::LeaseLost`] when the job is another's by now.
pub async fn hand_back(transaction: &Transaction, claim: &Claim) -> Result<(), StoreError> {
    let update = Entity::update_many()
        .set(ready_at(transaction.now()))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).sub(1))
        .filter(is_held_by(claim));
    rows::change_one(transaction, StoreError::LeaseLost(claim.id()), update).await
}

fn ready_at(run_at: DateTime<Utc>) -> ActiveModel {
    ActiveModel {
        state: Set(Text(QueueJobState::Ready)),
        run_at: Set(run_at),
        worker_id: Set(None),
        lease_until: Set(None),
        ..Default::default()
    }
}

/// Forgets jobs that were settled before `before`.
pub async fn forget_settled(transaction: &Transaction, before: DateTime<Utc>) -> Result<u64, StoreError> {
    rows::delete(transaction, QUEUE_JOB, Entity::delete_many().filter(Column::FinishedAt.lt(before))).await
}
