//! Background work: who asked for it, when it is due, which worker has it until when.
//!
//! A worker holds a job by a lease and a fence, a number that grows with every claim. Whatever a worker writes is written
//! in a transaction that first makes sure that its fence is still the job's ([`hold`]): a worker that was frozen and
//! comes back cannot write what another has written since.

mod claim;
mod settle;

pub use claim::{Claim, Claimant, claim, end_leases, got_further, hold, is_due, lost, take_lost};
pub use settle::{Settled, forget_settled, hand_back, settle, try_again};

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{QueryOrder, QuerySelect};

use gradus_domain::failure::Failure;
use gradus_domain::{Id, JobKind, QueueJobId, QueueJobState, UserId, Wish, Word};
use uuid::Uuid;

use crate::error::Tried;
use crate::rows::{self, Noun};
use crate::{Json, Key, Page, PageRequest, Rows, StoreError, Text, Transaction, news};

const QUEUE_JOB: Noun = Noun { name: "queue job", unique: "id" };

/// A piece of background work.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
#[sea_orm(table_name = "queue_job")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Key<QueueJobId>,
    /// What is to be done.
    pub kind: Text<JobKind>,
    /// For whom; none for what the server does for itself.
    pub user_id: Option<Key<UserId>>,
    /// To which document, training job or other thing.
    pub subject_id: Option<Uuid>,
    /// How far it is.
    pub state: Text<QueueJobState>,
    /// What a person wishes of it meanwhile.
    pub wish: Text<Wish>,
    /// Higher ones are taken first.
    pub priority: i64,
    /// Not taken before.
    pub run_at: DateTime<Utc>,
    /// How often it was begun.
    pub attempts: i64,
    /// How often its worker was lost.
    pub losses: i64,
    /// Grows with every claim.
    pub fence: i64,
    /// Who has it.
    pub worker_id: Option<Uuid>,
    /// Until when, unless the worker shows that it is alive.
    pub lease_until: Option<DateTime<Utc>>,
    /// What ended it, or its last attempt.
    pub failure: Option<Json<Failure>>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it was begun last.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was settled.
    pub finished_at: Option<DateTime<Utc>>,
}

crate::table!();

pub use Model as QueueJob;

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Work {
    /// What kind of work.
    pub kind: JobKind,
    /// For whom; none for what the server does for itself.
    pub user: Option<UserId>,
    /// To which thing.
    pub subject: Option<Uuid>,
    /// Higher ones are taken first; 0 as a rule.
    pub priority: i64,
    /// Not before; none for at once.
    pub run_at: Option<DateTime<Utc>>,
}

/// Adds work, in the transaction of the change that it follows from.
pub async fn enqueue(transaction: &Transaction, work: Work) -> Result<QueueJobId, StoreError> {
    let id = QueueJobId::new();
    let job = Model {
        id: Key(id),
        kind: Text(work.kind),
        user_id: work.user.map(Key),
        subject_id: work.subject,
        state: Text(QueueJobState::Ready),
        wish: Text(Wish::GoOn),
        priority: work.priority,
        run_at: work.run_at.unwrap_or(transaction.now()),
        attempts: 0,
        losses: 0,
        fence: 0,
        worker_id: None,
        lease_until: None,
        failure: None,
        created_at: transaction.now(),
        started_at: None,
        finished_at: None,
    };
    rows::insert(transaction, QUEUE_JOB, job).await?;
    news::tell(transaction).await?;
    Ok(id)
}

/// The job of this id.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(rows: &impl Rows, id: QueueJobId) -> Result<QueueJob, StoreError> {
    let found = rows::one(rows, Entity::find().filter(Column::Id.eq(Key(id)))).await?;
    found.ok_or_else(|| QUEUE_JOB.missing(id))
}

/// The newest job about this thing.
pub async fn of_subject(rows: &impl Rows, subject: Uuid) -> Result<Option<QueueJob>, StoreError> {
    let newest = Entity::find().filter(Column::SubjectId.eq(subject)).order_by_desc(Column::Id).limit(1);
    rows::one(rows, newest).await
}

/// How many jobs of a user wait or run.
pub async fn live(rows: &impl Rows, user: UserId) -> Result<u64, StoreError> {
    let live = [Text(QueueJobState::Ready), Text(QueueJobState::Running)];
    let of_user = Entity::find().filter(Column::UserId.eq(Key(user))).filter(Column::State.is_in(live));
    rows::count(rows, of_user).await
}

/// A page of the jobs in a state, or of all.
pub async fn page(
    rows: &impl Rows,
    state: Option<QueueJobState>,
    request: &PageRequest,
) -> Result<Page<QueueJob>, StoreError> {
    let mut select = Entity::find();
    if let Some(state) = state {
        select = select.filter(Column::State.eq(Text(state)));
    }
    rows::page(rows, select, Column::Id, request).await
}

/// Says what a person wishes of the work on a thing. What no worker has yet is cancelled at once.
///
/// Returns the job's state from now on, or none if nothing is waiting or running.
pub async fn wish(
    transaction: &Transaction,
    subject: Uuid,
    wish: Wish,
) -> Result<Option<QueueJobState>, StoreError> {
    let is_ready = || Column::State.eq(Text(QueueJobState::Ready));
    let state = Expr::case(is_ready(), QueueJobState::Cancelled.word()).finally(Expr::col(Column::State));
    let finished = Expr::case(is_ready(), transaction.now()).finally(Expr::col(Column::FinishedAt));
    let live = [Text(QueueJobState::Ready), Text(QueueJobState::Running)];
    // One statement: between two, a worker could take the job or put it back.
    let update = Entity::update_many()
        .col_expr(Column::Wish, Expr::val(wish.word()))
        .col_expr(Column::State, state.into())
        .col_expr(Column::FinishedAt, finished.into())
        .filter(Column::SubjectId.eq(subject))
        .filter(Column::State.is_in(live));
    if rows::change(transaction, update).await? == 0 {
        return Ok(None);
    }
    Ok(of_subject(transaction, subject).await?.map(|job| job.state.0))
}

/// The jobs that were settled from `since` on.
pub async fn settled_since(rows: &impl Rows, since: DateTime<Utc>) -> Result<Vec<QueueJob>, StoreError> {
    rows::all(rows, Entity::find().filter(Column::FinishedAt.gte(since))).await
}

/// How many jobs of a kind are in a state, and since when the oldest of them is due.
#[derive(Debug, Clone, PartialEq)]
pub struct InState {
    /// The kind.
    pub kind: JobKind,
    /// The state.
    pub state: QueueJobState,
    /// How many.
    pub count: i64,
    /// When the first of them was due.
    pub oldest_run_at: DateTime<Utc>,
}

/// What waits and what runs.
pub async fn states(rows: &impl Rows) -> Result<Vec<InState>, StoreError> {
    let live = [QueueJobState::Ready, QueueJobState::Running].map(Word::word);
    let counts = Query::select()
        .columns(["kind", "state"])
        .expr_as(Expr::col("id").count(), "count")
        .expr_as(Expr::col("run_at").min(), "oldest_run_at")
        .from("queue_job")
        .and_where(Expr::col("state").is_in(live))
        .group_by_columns(["kind", "state"])
        .take();
    let counted = rows.connection().query_all(&counts).await.tried("count the queue")?;
    counted.iter().map(in_state).collect::<Result<_, _>>().tried("count the queue")
}

fn in_state(row: &sea_orm::QueryResult) -> Result<InState, DbErr> {
    Ok(InState {
        kind: row.try_get::<Text<JobKind>>("", "kind")?.0,
        state: row.try_get::<Text<QueueJobState>>("", "state")?.0,
        count: row.try_get("", "count")?,
        oldest_run_at: row.try_get("", "oldest_run_at")?,
    })
}

fn is(id: QueueJobId) -> sea_orm::sea_query::SimpleExpr {
    Column::Id.eq(id.uuid())
}
