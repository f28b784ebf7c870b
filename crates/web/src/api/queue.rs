//! What waits and what runs, and who does it, for administrators.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use gradus_app::service::operations::QueueOverview;
use gradus_app::store::queue::InState;
use gradus_app::store::workers::Worker as WorkerRow;
use gradus_domain::Scope;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::fields::{JobKindWord, QueueStateWord};
use crate::problem::Problem;
use crate::routes::{Access, Route};
use crate::state::ServerState;

pub(super) fn routes() -> Vec<Route<ServerState>> {
    vec![Route::described::<__path_find_queue, _, _>(Access::admin(Scope::Admin), find_queue)]
}

/// What waits and what runs, and who does it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Queue {
    /// Jobs by kind and state.
    jobs: Vec<JobCount>,
    /// The workers that showed themselves within the last seconds.
    workers: Vec<Worker>,
}

/// How many jobs of a kind are in a state.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobCount {
    /// The kind.
    kind: JobKindWord,
    /// The state.
    state: QueueStateWord,
    /// How many.
    count: i64,
    /// When the first of them was due.
    oldest_run_at: DateTime<Utc>,
}

/// A worker process.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Worker {
    /// Its id, made anew at each start.
    id: Uuid,
    /// The machine and the process.
    name: String,
    /// Jobs that it has.
    jobs: u32,
    /// Bytes of memory in use, as it said.
    memory_bytes: u64,
    /// Tokens a second of what it trains or generates.
    tokens_per_second: Option<f64>,
    /// Why it begins no more work at the moment, where its machine has no room.
    held_back: Option<String>,
    /// Whether it takes no more work.
    is_draining: bool,
    /// When it started.
    started_at: DateTime<Utc>,
    /// When it showed itself last.
    seen_at: DateTime<Utc>,
}

impl From<InState> for JobCount {
    fn from(counted: InState) -> Self {
        Self {
            kind: JobKindWord(counted.kind),
            state: QueueStateWord(counted.state),
            count: counted.count,
            oldest_run_at: counted.oldest_run_at,
        }
    }
}

impl From<WorkerRow> for Worker {
    fn from(row: WorkerRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            jobs: row.figures.jobs,
            memory_bytes: row.figures.memory_bytes,
            tokens_per_second: row.figures.tokens_per_second,
            held_back: row.figures.held_back.clone(),
            is_draining: row.is_draining,
            started_at: row.started_at,
            seen_at: row.seen_at,
        }
    }
}

impl From<QueueOverview> for Queue {
    fn from(overview: QueueOverview) -> Self {
        Self {
            jobs: overview.jobs.into_iter().map(JobCount::from).collect(),
            workers: overview.workers.into_iter().map(Worker::from).collect(),
        }
    }
}

/// Shows what waits and what runs, and who does it.
#[utoipa::path(get, path = "/api/v1/queue", operation_id = "findQueue", tag = "Operations",
    responses((status = 200, description = "The queue and the workers.", body = Queue)))]
async fn find_queue(State(state): State<ServerState>) -> Result<Json<Queue>, Problem> {
    Ok(Json(state.services.queue_overview(state.clock.now()).await?.into()))
}
