//! Training jobs: asked for, followed, paused, cancelled, resumed from a checkpoint, compared, deleted.

mod comparison;
mod create;
mod events;
mod shown;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use gradus_app::store::training_jobs::checkpoints::Checkpoint as CheckpointRow;
use gradus_domain::{CheckpointId, Id as _, Scope, TrainingJobId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::audited;
use super::conditions::Conditions;
use super::listing::{Listed, PageQuery, listed, whole};
use crate::guard::SignedIn;
use crate::problem::{ApiJson, ApiPath, ApiQuery, BodyFailure, Problem};
use crate::routes::{Access, Route};
use crate::state::ServerState;
use shown::{TrainingJob, TrainingJobWithHealth};

pub(super) fn routes() -> Vec<Route<ServerState>> {
    let reading = Access::signed_in(Scope::Read);
    let writing = Access::author(Scope::Write);
    let own = vec![
        create::route(),
        comparison::route(),
        Route::described::<__path_list_training_jobs, _, _>(reading, list_training_jobs),
        Route::described::<__path_find_training_job, _, _>(reading.owned(), find_training_job),
        Route::described::<__path_cancel_training_job, _, _>(writing.owned(), cancel_training_job),
        Route::described::<__path_pause_training_job, _, _>(writing.owned(), pause_training_job),
        audited::<__path_resume_training_job, _, _>(
            writing.owned(),
            "resume-training-job",
            resume_training_job,
        ),
        audited::<__path_delete_training_job, _, _>(
            writing.owned(),
            "delete-training-job",
            delete_training_job,
        ),
        Route::described::<__path_list_checkpoints, _, _>(reading.owned(), list_checkpoints),
    ];
    own.into_iter().chain(events::routes()).collect()
}

/// From where a job goes on.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resumption {
    /// The checkpoint; nothing for the last one.
    checkpoint: Option<Uuid>,
}

/// A state that a training job can be resumed from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Checkpoint {
    /// Its id.
    id: Uuid,
    /// Of which job.
    training_job_id: Uuid,
    /// After how many updates.
    step: i64,
    /// The loss of the last update, in nats a label token.
    training_loss: Option<f64>,
    /// The newest loss on held-out data, likewise.
    validation_loss: Option<f64>,
    /// How many bytes its files have.
    bytes: i64,
    /// When it was stored.
    created_at: DateTime<Utc>,
}

impl From<CheckpointRow> for Checkpoint {
    fn from(row: CheckpointRow) -> Self {
        Self {
            id: row.id.uuid(),
            training_job_id: row.training_job_id.uuid(),
            step: row.step,
            training_loss: row.training_loss,
            validation_loss: row.validation_loss,
            bytes: row.bytes,
            created_at: row.created_at,
        }
    }
}

/// Lists your training jobs; everyone's for administrators.
#[utoipa::path(get, path = "/api/v1/training-jobs", operation_id = "listTrainingJobs", tag = "Training",
    params(PageQuery),
    responses((status = 200, description = "A page of them.", body = Listed<TrainingJob>)))]
async fn list_training_jobs(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<Listed<TrainingJob>>, Problem> {
    let page = state.services.training_jobs(caller.whose(), &query.request()).await?;
    Ok(listed(page, |row| row.id.uuid(), TrainingJob::from))
}

/// Shows a training job, and how it is doing.
#[utoipa::path(get, path = "/api/v1/training-jobs/{id}", operation_id = "findTrainingJob", tag = "Training",
    params(("id" = Uuid, Path, description = "The job's id.")),
    responses((status = 200, description = "The job.", body = TrainingJobWithHealth)))]
async fn find_training_job(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<TrainingJobId>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    let found = state.services.training_job_health(caller.whose(), id, state.clock.now()).await?;
    conditions.answer(&TrainingJobWithHealth::from(found))
}

/// Gives a training job up.
///
/// One that a worker has ends within seconds.
#[utoipa::path(post, path = "/api/v1/training-jobs/{id}/cancel", operation_id = "cancelTrainingJob",
    tag = "Training", params(("id" = Uuid, Path, description = "The job's id.")),
    responses((status = 200, description = "The job.", body = TrainingJob)))]
async fn cancel_training_job(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<TrainingJobId>,
) -> Result<Json<TrainingJob>, Problem> {
    Ok(Json(state.services.cancel_training_job(caller.whose(), id).await?.into()))
}

/// Stops a training job where it can go on.
///
/// One that a worker has stops within seconds.
#[utoipa::path(post, path = "/api/v1/training-jobs/{id}/pause", operation_id = "pauseTrainingJob",
    tag = "Training", params(("id" = Uuid, Path, description = "The job's id.")),
    responses((status = 200, description = "The job.", body = TrainingJob)))]
async fn pause_training_job(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<TrainingJobId>,
) -> Result<Json<TrainingJob>, Problem> {
    Ok(Json(state.services.pause_training_job(caller.whose(), id).await?.into()))
}

/// Lets a stopped training job go on.
///
/// It goes on from its last checkpoint, or from the one that the body names.
#[utoipa::path(post, path = "/api/v1/training-jobs/{id}/resume", operation_id = "resumeTrainingJob",
    tag = "Training", params(("id" = Uuid, Path, description = "The job's id.")),
    request_body = Option<Resumption>,
    responses((status = 200, description = "The job, waiting for a worker.", body = TrainingJob)))]
async fn resume_training_job(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<TrainingJobId>,
    ResumptionBody(resumption): ResumptionBody,
) -> Result<Json<TrainingJob>, Problem> {
    let from = resumption.checkpoint.map(CheckpointId::from_uuid);
    Ok(Json(state.services.resume_training_job(caller.whose(), id, from).await?.into()))
}

/// Deletes a training job with its events and checkpoints.
///
/// Its model has to be deleted before.
#[utoipa::path(delete, path = "/api/v1/training-jobs/{id}", operation_id = "deleteTrainingJob", tag = "Training",
    params(("id" = Uuid, Path, description = "The job's id.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_training_job(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<TrainingJobId>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    let known = conditions.precondition(TrainingJobWithHealth::from);
    state.services.delete_training_job(caller.whose(), id, known).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the checkpoints of a training job, the newest first.
#[utoipa::path(get, path = "/api/v1/training-jobs/{id}/checkpoints", operation_id = "listCheckpoints",
    tag = "Training", params(("id" = Uuid, Path, description = "The job's id.")),
    responses((status = 200, description = "Those that are kept.", body = Listed<Checkpoint>)))]
async fn list_checkpoints(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<TrainingJobId>,
) -> Result<Json<Listed<Checkpoint>>, Problem> {
    let checkpoints = state.services.checkpoints(caller.whose(), id).await?;
    Ok(whole(checkpoints.into_iter().map(Checkpoint::from).collect()))
}

/// The body of a resumption, which may be left out.
struct ResumptionBody(Resumption);

impl FromRequest<ServerState> for ResumptionBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ServerState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes =
            to_bytes(body, usize::MAX).await.map_err(|error| Problem::from(BodyFailure::of(&error)))?;
        if bytes.is_empty() {
            return Ok(Self(Resumption::default()));
        }
        let request = Request::from_parts(parts, bytes.into());
        let ApiJson(resumption) = ApiJson::<Option<Resumption>>::from_request(request, state).await?;
        Ok(Self(resumption.unwrap_or_default()))
    }
}
