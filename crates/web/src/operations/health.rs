//! Whether the server lives, and whether it can work.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gradus_app::service::operations::Part;
use serde_json::{Map, Value, json};

use crate::problem::Category;
use crate::state::ServerState;

/// The process answers. Nothing else is asked: a database that is away is no reason to start the server anew.
pub(super) async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Whether requests make sense: the database answers and has the right shape, the blob store answers, the disk has
/// room. What is wrong with a part, the log says.
pub(super) async fn ready(State(state): State<ServerState>) -> Response {
    if state.shutdown.is_cancelled() {
        return (Category::Unavailable.status(), Json(json!({ "status": "stopping" }))).into_response();
    }
    let mut parts = Map::new();
    let mut is_ready = true;
    for check in state.services.check_parts(state.least_free_disk_bytes).await {
        if let Some(fault) = &check.fault {
            tracing::error!(part = name(check.part), %fault, "the server is not ready");
            is_ready = false;
        }
        parts.insert(name(check.part).to_owned(), json!(if check.fault.is_none() { "ok" } else { "failed" }));
    }
    let body = Json(json!({ "status": if is_ready { "ok" } else { "failed" }, "parts": parts }));
    if is_ready { body.into_response() } else { (Category::Unavailable.status(), body).into_response() }
}

fn name(part: Part) -> &'static str {
    match part {
        Part::Database => "database",
        Part::BlobStore => "blob_store",
        Part::Disk => "disk",
    }
}
