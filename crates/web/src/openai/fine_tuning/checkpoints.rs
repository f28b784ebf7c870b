//! The states of a job that it can be resumed from, newest first.

use axum::Json;
use axum::extract::State;
use gradus_app::store::Whose;
use gradus_app::store::training_jobs::TrainingJob;
use gradus_app::store::training_jobs::checkpoints::Checkpoint;
use gradus_domain::CheckpointId;
use serde::Serialize;

use super::super::failure::Failure;
use super::super::ids;
use super::super::list::{List, Listed, Query, no_such_place};
use super::super::refusal::CHECKPOINT_MARK;
use super::training_job;
use crate::ServerState;
use crate::guard::SignedIn;
use crate::problem::ApiPath;

/// A state of a job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckpointObject {
    /// `ftckpt-` and something unique.
    pub id: String,
    /// `fine_tuning.job.checkpoint`.
    pub object: &'static str,
    /// When it was stored, in seconds since 1970.
    pub created_at: i64,
    /// What a model of it would be called. It is a name alone: the job can go on from it, by the REST API, but it can
    /// neither be asked nor fine-tuned.
    pub fine_tuned_model_checkpoint: String,
    /// The job.
    pub fine_tuning_job_id: String,
    /// What was measured.
    pub metrics: CheckpointMetrics,
    /// After how many updates.
    pub step_number: i64,
}

/// What was measured when a checkpoint was stored; losses in nats a token.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckpointMetrics {
    /// After how many updates.
    pub step: i64,
    /// Of the last update.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_loss: Option<f64>,
    /// The newest on all held-out conversations: nothing is sampled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_loss: Option<f64>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_valid_loss: Option<f64>,
}

impl CheckpointObject {
    fn new(job: &TrainingJob, checkpoint: &Checkpoint) -> Self {
        let Checkpoint { step, validation_loss, .. } = *checkpoint;
        let own_id = job.id.0.to_string();
        let (base, suffix) = (&job.base_model, job.suffix.as_deref().unwrap_or("gradus"));
        Self {
            id: ids::written(ids::CHECKPOINT, checkpoint.id.0),
            object: "fine_tuning.job.checkpoint",
            created_at: checkpoint.created_at.timestamp(),
            fine_tuned_model_checkpoint: format!(
                "ft:{base}:{suffix}:{}{CHECKPOINT_MARK}{step}",
                // The last digits of an id are chance.
                &own_id[own_id.len() - 8..]
            ),
            fine_tuning_job_id: ids::written(ids::JOB, job.id.0),
            metrics: CheckpointMetrics {
                step,
                train_loss: checkpoint.training_loss,
                valid_loss: validation_loss,
                full_valid_loss: validation_loss,
            },
            step_number: step,
        }
    }
}

impl Listed for CheckpointObject {
    fn id(&self) -> &str {
        &self.id
    }
}

/// Lists a job's checkpoints, newest first.
pub(in super::super) async fn list_checkpoints(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<String>,
    mut query: Query,
) -> Result<Json<List<CheckpointObject>>, Failure> {
    let job = training_job(&state, caller.user, &id).await?;
    let limit = query.limit(100, 10)? as usize;
    let after = query.take("after")?;
    query.finish()?;
    let mut checkpoints = state.services.checkpoints(Whose::Of(caller.user), job.id.0).await?;
    if let Some(after) = after {
        let after: CheckpointId = ids::read(ids::CHECKPOINT, &after).ok_or_else(no_such_place)?;
        let place = checkpoints.iter().position(|checkpoint| checkpoint.id.0 == after);
        // A run keeps few: the one that a client has seen may be gone.
        let place = place.ok_or_else(no_such_place)?;
        checkpoints.drain(..=place);
    }
    let has_more = checkpoints.len() > limit;
    let shown = checkpoints.iter().take(limit).map(|checkpoint| CheckpointObject::new(&job, checkpoint));
    Ok(Json(List::new(shown.collect(), has_more)))
}
