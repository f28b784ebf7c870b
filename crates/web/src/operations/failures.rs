//! Requests that failed by the server's own fault, counted by kind beside the failures of workers. Whoever asked is
//! answered first: what is counted may be that the database does not answer.

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use gradus_app::service::Services;

use crate::problem::Problem;

/// The router, with the failures of its requests recorded.
pub fn recording_failures(router: Router, services: Services) -> Router {
    router.layer(from_fn_with_state(services, record))
}

async fn record(State(services): State<Services>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    if let Some(failure) = response.extensions().get::<Problem>().and_then(Problem::failure) {
        // The pattern, never the address itself, which is of the client's making.
        let place = format!("{method} {}", path.as_ref().map_or("unmatched", MatchedPath::as_str));
        let failure = failure.clone();
        tokio::spawn(async move {
            if let Err(error) = services.record_failure(&place, failure).await {
                tracing::warn!(%error, "a failure could not be recorded");
            }
        });
    }
    response
}
