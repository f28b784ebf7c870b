//! What machines ask of a server: whether it lives, whether it can work, how it is doing.
//!
//! `/health/live` and `/health/ready` are open to anyone, count against no quota and say nothing but words: load
//! balancers and supervisors show no credentials. `/metrics` needs an administrator's API token, for which the scope
//! `read` is enough, so that figures are closed to strangers without a second kind of secret; while the database does
//! not answer, neither does it, and the failed scrape says so.

mod durations;
mod failures;
mod health;
mod sampling;

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gradus_domain::Scope;
use http::Method;
use http::header::CONTENT_TYPE;

use crate::metrics::EXPOSITION_CONTENT_TYPE;
use crate::routes::{Access, Route};
use crate::state::ServerState;

pub use failures::recording_failures;
use health::LastCheck;
pub use sampling::Sampler;

/// The routes of probes and figures.
#[must_use]
pub fn routes() -> Vec<Route<ServerState>> {
    let last = Arc::new(LastCheck::default());
    let ready = move |state: State<ServerState>| health::ready(state, Arc::clone(&last));
    vec![
        Route::undescribed(&Method::GET, "/health/live", Access::anyone(), health::live).unmetered(),
        Route::undescribed(&Method::GET, "/health/ready", Access::anyone(), ready).unmetered(),
        Route::undescribed(&Method::GET, "/metrics", Access::admin(Scope::Read), show_metrics),
    ]
}

/// Only writes down what was measured before: how often that is done, no scraper decides.
async fn show_metrics(State(state): State<ServerState>) -> Response {
    ([(CONTENT_TYPE, EXPOSITION_CONTENT_TYPE)], state.registry.render()).into_response()
}
