//! Cancelling, pausing and resuming a job.

use axum::Json;
use axum::extract::State;
use gradus_app::Error;
use gradus_app::store::Whose;
use gradus_app::store::training_jobs::TrainingJob;

use super::super::failure::Failure;
use super::job::{FineTuningJob, shown};
use super::{no_such_job, training_job};
use crate::ServerState;
use crate::guard::SignedIn;
use crate::problem::ApiPath;

/// Gives a job up. One that a worker has ends within seconds.
pub(in super::super) async fn cancel_job(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<FineTuningJob>, Failure> {
    let job = training_job(&state, caller.user, &id).await?;
    let cancelled = state.services.cancel_training_job(Whose::Of(caller.user), job.id.0).await;
    answer(&state, &id, cancelled).await
}

/// Stops a job where it can go on. One that a worker has is `pausing` until it has stopped.
pub(in super::super) async fn pause_job(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<FineTuningJob>, Failure> {
    let job = training_job(&state, caller.user, &id).await?;
    let paused = state.services.pause_training_job(Whose::Of(caller.user), job.id.0).await;
    answer(&state, &id, paused).await
}

/// Queues a stopped job again, to go on from its last checkpoint.
pub(in super::super) async fn resume_job(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<FineTuningJob>, Failure> {
    let job = training_job(&state, caller.user, &id).await?;
    let resumed = state.services.resume_training_job(Whose::Of(caller.user), job.id.0, None).await;
    answer(&state, &id, resumed).await
}

async fn answer(
    state: &ServerState,
    id: &str,
    changed: Result<TrainingJob, Error>,
) -> Result<Json<FineTuningJob>, Failure> {
    let job = changed.map_err(|error| Failure::of(error, || no_such_job(id)))?;
    Ok(Json(shown(state, &job).await?))
}
