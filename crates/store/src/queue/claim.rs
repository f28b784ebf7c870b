//! Taking work, keeping it, and finding what a lost worker left.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use gradus_domain::{JobKind, QueueJobId, QueueJobState, Wish, Word};

use super::{ActiveModel, Column, Entity, Model, is};
use crate::error::Tried;
use crate::rows;
use crate::store::sealed::Connected;
use crate::{Reader, StoreError, Text, Transaction, turns};

/// Who takes work, and which.
#[derive(Debug, Clone)]
pub struct Claimant {
    /// The worker.
    pub worker: Uuid,
    /// The kinds of work that it does.
    pub kinds: Vec<JobKind>,
    /// How long it may be silent before its job is given to another.
    pub lease: Duration,
    /// How many jobs of one user run at a time, over all workers.
    pub most_per_user: i64,
}

/// A job that a worker has.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The job, as it was taken.
    pub job: Model,
    /// How long the lease lasts from each sign of life on.
    pub lease: Duration,
}

impl Claim {
    /// The job's id.
    pub fn id(&self) -> QueueJobId {
        self.job.id.0
    }
}

/// What workers take turns about.
const TURN: &str = "queue";

/// Whether there may be work for this worker: asked of a reader first, because taking needs the write lock.
pub async fn is_due(reader: &Reader, kinds: &[JobKind], now: DateTime<Utc>) -> Result<bool, StoreError> {
    let due = Entity::find()
        .filter(Column::State.eq(Text(QueueJobState::Ready)))
        .filter(Column::RunAt.lte(now))
        .filter(Column::Kind.is_in(kinds.iter().map(|kind| kind.word())))
        .limit(1);
    Ok(rows::one(reader, due).await?.is_some())
}

/// Takes the job that is to be done next, if there is one: the highest priority first; then the user of whom the fewest
/// jobs are running; then what has been due longest.
pub async fn claim(transaction: &Transaction, claimant: &Claimant) -> Result<Option<Claim>, StoreError> {
    // How many jobs of a user run is counted before one is taken: two that take at once would both count too few.
    turns::take(transaction, TURN).await?;
    let candidate =
        transaction.connection().query_one(&next(transaction, claimant)).await.tried("look for work")?;
    let Some(row) = candidate else { return Ok(None) };
    let id: Uuid = row.try_get("", "id").tried("look for work")?;
    let taken = ActiveModel {
        state: Set(Text(QueueJobState::Running)),
        worker_id: Set(Some(claimant.worker)),
        lease_until: Set(Some(transaction.now() + lease(claimant.lease))),
        started_at: Set(Some(transaction.now())),
        ..Default::default()
    };
    let update = Entity::update_many()
        .set(taken)
        .col_expr(Column::Fence, Expr::col(Column::Fence).add(1))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(Text(QueueJobState::Ready)));
    if rows::change(transaction, update).await? == 0 {
        // Cancelled between the two statements, which PostgreSQL allows.
        return Ok(None);
    }
    let job = rows::one(transaction, Entity::find().filter(Column::Id.eq(id))).await?;
    Ok(job.map(|job| Claim { job, lease: claimant.lease }))
}

fn next(transaction: &Transaction, claimant: &Claimant) -> SelectStatement {
    let running = || Expr::cust("COALESCE(others.running, 0)");
    let others = Query::select()
        .column("user_id")
        .expr_as(Expr::col("id").count(), "running")
        .from("queue_job")
        .and_where(Expr::col("state").eq(QueueJobState::Running.word()))
        .group_by_col("user_id")
        .take();
    Query::select()
        .column(("job", "id"))
        .from_as("queue_job", "job")
        .join_subquery(
            sea_orm::JoinType::LeftJoin,
            others,
            "others",
            Expr::col(("others", "user_id")).equals(("job", "user_id")),
        )
        .and_where(Expr::col(("job", "state")).eq(QueueJobState::Ready.word()))
        .and_where(Expr::col(("job", "run_at")).lte(transaction.now()))
        .and_where(Expr::col(("job", "kind")).is_in(claimant.kinds.iter().map(|kind| kind.word())))
        .and_where(Expr::col(("job", "user_id")).is_null().or(running().lt(claimant.most_per_user)))
        .order_by(("job", "priority"), Order::Desc)
        .order_by_expr(running(), Order::Asc)
        .order_by(("job", "run_at"), Order::Asc)
        .order_by(("job", "id"), Order::Asc)
        .limit(1)
        .take()
}

fn lease(lease: Duration) -> TimeDelta {
    TimeDelta::from_std(lease).unwrap_or(TimeDelta::MAX)
}

/// Shows that the worker is alive and makes sure that the job is still its own: every transaction of a worker begins with
/// this. Returns what a person wishes of the job.
///
/// # Errors
/// [`StoreError::LeaseLost`] when the job is another's by now; nothing may be written then.
pub async fn hold(transaction: &Transaction, claim: &Claim) -> Result<Wish, StoreError> {
    let held =
        ActiveModel { lease_until: Set(Some(transaction.now() + lease(claim.lease))), ..Default::default() };
    let update = Entity::update_many().set(held).filter(is_held_by(claim));
    rows::change_one(transaction, StoreError::LeaseLost(claim.id()), update).await?;
    let job = rows::one(transaction, Entity::find().filter(is(claim.id()))).await?;
    Ok(job.map_or(Wish::GoOn, |job| job.wish.0))
}

/// Says that the work on a job got further: workers that were lost before do not count against it any more.
///
/// # Errors
/// [`StoreError::LeaseLost`] when the job is another's by now.
pub async fn got_further(transaction: &Transaction, claim: &Claim) -> Result<(), StoreError> {
    let unharmed = ActiveModel { losses: Set(0), ..Default::default() };
    let update = Entity::update_many().set(unharmed).filter(is_held_by(claim));
    rows::change_one(transaction, StoreError::LeaseLost(claim.id()), update).await
}

/// Says that a worker is certainly gone: its jobs need not wait for the end of their lease. How many they are.
pub async fn end_leases(transaction: &Transaction, worker: Uuid) -> Result<u64, StoreError> {
    let over = transaction.now() - TimeDelta::microseconds(1);
    let ended = ActiveModel { lease_until: Set(Some(over)), ..Default::default() };
    let update = Entity::update_many()
        .set(ended)
        .filter(Column::WorkerId.eq(worker))
        .filter(Column::State.eq(Text(QueueJobState::Running)));
    rows::change(transaction, update).await
}

pub(super) fn is_held_by(claim: &Claim) -> sea_orm::Condition {
    sea_orm::Condition::all()
        .add(is(claim.id()))
        .add(Column::State.eq(Text(QueueJobState::Running)))
        .add(Column::Fence.eq(claim.job.fence))
}

/// Takes the jobs of workers that were silent for longer than their lease away from them. Each is then the caller's to
/// settle, in the same transaction, by the claims returned; their `losses` count this one.
pub async fn take_lost(transaction: &Transaction) -> Result<Vec<Claim>, StoreError> {
    turns::take(transaction, TURN).await?;
    let silent = sea_orm::Condition::all()
        .add(Column::State.eq(Text(QueueJobState::Running)))
        .add(Column::LeaseUntil.lt(transaction.now()));
    let update = Entity::update_many()
        .col_expr(Column::Fence, Expr::col(Column::Fence).add(1))
        .col_expr(Column::Losses, Expr::col(Column::Losses).add(1))
        .filter(silent.clone());
    if rows::change(transaction, update).await? == 0 {
        return Ok(Vec::new());
    }
    let lost = rows::all(transaction, Entity::find().filter(silent)).await?;
    Ok(lost.into_iter().map(|job| Claim { job, lease: Duration::ZERO }).collect())
}
