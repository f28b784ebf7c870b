//! Taking work, keeping it, and finding what a lost worker left.

use std::time::Duration;

use chrono::TimeDelta;
use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType, Order, Query, SelectStatement};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use gradus_domain::{JobKind, QueueJobId, QueueJobState, Word};

use super::{ActiveModel, Column, Entity, Model, is};
use crate::error::Tried;
use crate::rows;
use crate::store::sealed::Connected;
use crate::{Store, StoreError, Text, Transaction, turns};

/// Who takes work, and which.
#[derive(Debug, Clone)]
pub struct Claimant {
    /// The worker.
    pub worker: Uuid,
    /// The kinds of work that it does.
    pub kinds: Vec<JobKind>,
    /// How long it may be silent before its job is given to another.
    pub lease: Duration,
    /// How many jobs of one user, of these kinds, run at a time over all workers.
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

/// Whether there may be work of these kinds: asked of a reader first, because taking needs the write lock.
pub async fn is_due(store: &Store, kinds: &[JobKind]) -> Result<bool, StoreError> {
    let due = Entity::find()
        .filter(Column::State.eq(Text(QueueJobState::Ready)))
        .filter(Expr::col(Column::RunAt).lte(store.time()))
        .filter(Column::Kind.is_in(kinds.iter().map(|kind| kind.word())))
        .limit(1);
    Ok(rows::one(&store.reader(), due).await?.is_some())
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
    let kinds = || claimant.kinds.iter().map(|kind| kind.word());
    let others = Query::select()
        .column("user_id")
        .expr_as(Expr::col("id").count(), "running")
        .from("queue_job")
        .and_where(Expr::col("state").eq(QueueJobState::Running.word()))
        .and_where(Expr::col("kind").is_in(kinds()))
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
        .and_where(Expr::col(("job", "kind")).is_in(kinds()))
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
/// this. Returns the job as it is now, with what a person wishes of it.
///
/// # Errors
/// [`StoreError::LeaseLost`] when the job is another's by now; nothing may be written then.
pub async fn hold(transaction: &Transaction, claim: &Claim) -> Result<Model, StoreError> {
    let held =
        ActiveModel { lease_until: Set(Some(transaction.now() + lease(claim.lease))), ..Default::default() };
    let update = Entity::update_many().set(held).filter(is_held_by(claim));
    rows::change_one(transaction, StoreError::LeaseLost(claim.id()), update).await?;
    super::get(transaction, claim.id()).await
}

/// Says that the work on a job got further: what went wrong before does not count against it any more.
///
/// # Errors
/// [`StoreError::LeaseLost`] when the job is another's by now.
pub async fn got_further(transaction: &Transaction, claim: &Claim) -> Result<(), StoreError> {
    let unharmed = ActiveModel { losses: Set(0), attempts: Set(1), ..Default::default() };
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

/// The jobs whose workers were silent for longer than their lease.
pub async fn lost(store: &Store) -> Result<Vec<QueueJobId>, StoreError> {
    let silent = Entity::find()
        .filter(Column::State.eq(Text(QueueJobState::Running)))
        .filter(Expr::col(Column::LeaseUntil).lt(store.time()));
    Ok(rows::all(&store.reader(), silent).await?.into_iter().map(|job| job.id.0).collect())
}

/// Takes a job away from a worker that was silent for longer than its lease. It is then the caller's to settle, in the same
/// transaction, by the claim returned; its `losses` count this one, and its attempt does not count. None if the worker was
/// heard of meanwhile, or another takes the job at this moment.
pub async fn take_lost(transaction: &Transaction, id: QueueJobId) -> Result<Option<Claim>, StoreError> {
    let silent = sea_orm::Condition::all()
        .add(is(id))
        .add(Column::State.eq(Text(QueueJobState::Running)))
        .add(Column::LeaseUntil.lt(transaction.now()));
    // A worker that was frozen while it wrote still holds its row on PostgreSQL: nobody waits for it here.
    let unlocked =
        Entity::find().filter(silent.clone()).lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    if rows::one(transaction, unlocked).await?.is_none() {
        return Ok(None);
    }
    let update = Entity::update_many()
        .col_expr(Column::Fence, Expr::col(Column::Fence).add(1))
        .col_expr(Column::Losses, Expr::col(Column::Losses).add(1))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).sub(1))
        .filter(silent);
    if rows::change(transaction, update).await? == 0 {
        return Ok(None);
    }
    let job = super::get(transaction, id).await?;
    Ok(Some(Claim { job, lease: Duration::ZERO }))
}
