//! Whether the server lives, and whether it can work.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use gradus_app::service::operations::Part;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use crate::problem::Category;
use crate::state::ServerState;

/// The process answers. Nothing else is asked: a database that is away is no reason to start the server anew.
pub(super) async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Whether requests make sense: the database answers and has the right shape, the blob store answers, the disk has
/// room. What is wrong with a part, the log says.
pub(super) async fn ready(State(state): State<ServerState>, last: Arc<LastCheck>) -> Response {
    if state.shutdown.is_cancelled() {
        return (Category::Unavailable.status(), Json(json!({ "status": "stopping" }))).into_response();
    }
    let (is_ready, body) = last.or_now(&state).await;
    if is_ready {
        Json(body).into_response()
    } else {
        (Category::Unavailable.status(), Json(body)).into_response()
    }
}

/// How the parts were when they were looked at last. Anyone may ask, as often as they like, and looking costs requests
/// to the database and the blob store: so one look at a time answers all who ask within a moment.
#[derive(Default)]
pub(super) struct LastCheck(Mutex<Option<(DateTime<Utc>, Outcome)>>);

/// Whether all is well, and what is told.
type Outcome = (bool, Value);

/// For how long a look at the parts is good.
const GOOD_FOR: TimeDelta = TimeDelta::seconds(1);

impl LastCheck {
    async fn or_now(&self, state: &ServerState) -> Outcome {
        let mut last = self.0.lock().await;
        let now = state.clock.now();
        if let Some((at, outcome)) = &*last
            && (*at..*at + GOOD_FOR).contains(&now)
        {
            return outcome.clone();
        }
        let outcome = check(state).await;
        *last = Some((state.clock.now(), outcome.clone()));
        outcome
    }
}

async fn check(state: &ServerState) -> Outcome {
    let mut parts = Map::new();
    let mut is_ready = true;
    for check in state.services.check_parts(state.least_free_disk_bytes).await {
        if let Some(fault) = &check.fault {
            tracing::error!(part = name(check.part), %fault, "the server is not ready");
            is_ready = false;
        }
        parts.insert(name(check.part).to_owned(), json!(if check.fault.is_none() { "ok" } else { "failed" }));
    }
    (is_ready, json!({ "status": if is_ready { "ok" } else { "failed" }, "parts": parts }))
}

fn name(part: Part) -> &'static str {
    match part {
        Part::Database => "database",
        Part::BlobStore => "blob_store",
        Part::Disk => "disk",
    }
}
