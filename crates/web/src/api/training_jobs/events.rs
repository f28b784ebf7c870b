//! What happens in a training job: as a list, and as it happens.

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use gradus_app::accounts::Caller;
use gradus_app::service::Services;
use gradus_app::store::Whose;
use gradus_app::store::training_jobs::events::TrainingEvent as Row;
use gradus_domain::{Scope, State as _, TrainingJobId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::super::fields::Whole;
use super::super::following::{LOOK_EVERY, StreamedEvent, following};
use super::super::listing::{Limit, PlaceQuery, Placed, placed};
use crate::events::{Batch, EventSource, LastEventId, NumberedEvent, SourceError, StreamPace, event_stream};
use crate::guard::{SignedIn, Standing};
use crate::problem::{ApiPath, ApiQuery, Problem};
use crate::routes::{Access, Route};
use crate::state::ServerState;

/// How many events are read at a time.
const READ_AT_ONCE: u64 = 200;

pub(super) fn routes() -> Vec<Route<ServerState>> {
    let reading = Access::signed_in(Scope::Read).owned();
    vec![
        Route::described::<__path_list_training_events, _, _>(reading, list_training_events),
        following::<__path_follow_training_job, _, _>(reading, follow_training_job),
    ]
}

/// Which events are listed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// The number of the last event that you have; the `next` of the page before.
    #[param(inline)]
    after: Option<Whole<0, 9_007_199_254_740_991>>,
    /// How many items at most; 50 where nothing is said.
    #[param(inline)]
    limit: Option<Limit>,
}

/// Something that happened in a training job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrainingEvent {
    /// As which event of the job, from 1.
    seq: i64,
    /// When.
    at: DateTime<Utc>,
    /// What kind of event.
    kind: String,
    /// `info`, `warn` or `error`.
    level: String,
    /// In a sentence.
    message: String,
    /// In figures.
    data: Value,
}

impl From<Row> for TrainingEvent {
    fn from(row: Row) -> Self {
        Self {
            seq: row.seq,
            at: row.at,
            kind: row.kind,
            level: row.level,
            message: row.message,
            data: row.data.0,
        }
    }
}

/// Lists what happened in a training job, oldest first.
#[utoipa::path(get, path = "/api/v1/training-jobs/{id}/events", operation_id = "listTrainingEvents",
    tag = "Training", params(("id" = Uuid, Path, description = "The job's id."), EventQuery),
    responses((status = 200, description = "A page of it.", body = Placed<TrainingEvent>)))]
async fn list_training_events(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<TrainingJobId>,
    ApiQuery(query): ApiQuery<EventQuery>,
) -> Result<Json<Placed<TrainingEvent>>, Problem> {
    let place = PlaceQuery { from: query.after, limit: query.limit };
    let (after, limit) = (place.first().cast_signed(), place.limit());
    let rows = state.services.training_events(caller.whose(), id, after, limit + 1).await?;
    Ok(placed(rows, limit, |row| row.seq.unsigned_abs(), TrainingEvent::from))
}

/// Follows a training job as it goes on.
///
/// Each event has its number as its id. Whoever comes back says the last one in `Last-Event-ID` and misses nothing.
/// The stream ends with the job.
#[utoipa::path(get, path = "/api/v1/training-jobs/{id}/events/stream", operation_id = "followTrainingJob",
    tag = "Training", params(("id" = Uuid, Path, description = "The job's id.")),
    responses((status = 200, description = "Server-sent events, each with these fields.",
        content_type = "text/event-stream", body = StreamedEvent)))]
async fn follow_training_job(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<TrainingJobId>,
    after: LastEventId,
    standing: Standing,
) -> Result<Response, Problem> {
    let whose = caller.whose();
    // What is not there is said at once, and not by a stream that ends.
    state.services.training_job(whose, id).await?;
    let source = JobEvents { services: state.services, whose, id };
    Ok(event_stream(source, after, standing, StreamPace::default(), state.shutdown))
}

/// The events of one job, as one caller may see them.
struct JobEvents {
    services: Services,
    whose: Whose,
    id: TrainingJobId,
}

#[async_trait]
impl EventSource for JobEvents {
    fn seen_by(&mut self, caller: &Caller) {
        self.whose = caller.whose();
    }

    async fn after(&mut self, number: u64) -> Result<Batch, SourceError> {
        // The job is read first: had it ended by then, its last event is among those read after it.
        let job = self.services.training_job(self.whose, self.id).await?;
        let after = number.cast_signed();
        let rows = self.services.training_events(self.whose, self.id, after, READ_AT_ONCE).await?;
        let is_last = job.state.is_final() && (rows.len() as u64) < READ_AT_ONCE;
        Ok(Batch { events: rows.into_iter().map(numbered).collect(), is_last })
    }

    async fn changed(&mut self, _: u64) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn numbered(row: Row) -> NumberedEvent {
    let kind = match row.kind.as_str() {
        "metrics" => "metrics",
        "state" => "state",
        "checkpoint" => "checkpoint",
        _ => "message",
    };
    NumberedEvent { number: row.seq.unsigned_abs(), kind, data: json!(TrainingEvent::from(row)) }
}
