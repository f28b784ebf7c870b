//! `fine_tuning/jobs`: training jobs that learn from conversations, as OpenAI's API has them.

mod checkpoints;
mod create;
mod events;
mod job;
mod read;
mod request;
mod steer;

pub use checkpoints::{CheckpointMetrics, CheckpointObject};
pub use events::EventObject;
pub use job::{FineTuningJob, Hyperparameters, JobError, Method, Supervised};

pub(super) use checkpoints::list_checkpoints;
pub(super) use create::create_job;
pub(super) use events::list_events;
pub(super) use read::{find_job, list_jobs};
pub(super) use steer::{cancel_job, pause_job, resume_job};

use gradus_app::store::Whose;
use gradus_app::store::training_jobs::TrainingJob;
use gradus_domain::{TrainingJobId, UserId};

use super::failure::Failure;
use super::{Refusal, RefusalClass, ids};
use crate::ServerState;

/// The user's job of an id as clients write it.
async fn training_job(state: &ServerState, user: UserId, id: &str) -> Result<TrainingJob, Failure> {
    let found = state.services.conversation_job(Whose::Of(user), job_id(id)?).await;
    found.map_err(|error| Failure::of(error, || no_such_job(id)))
}

fn job_id(id: &str) -> Result<TrainingJobId, Refusal> {
    ids::read(ids::JOB, id).ok_or_else(|| no_such_job(id))
}

fn no_such_job(id: &str) -> Refusal {
    Refusal {
        class: RefusalClass::NotFound,
        message: format!("Could not find fine tune: {id}"),
        param: Some("fine_tuning_job_id".to_owned()),
        code: Some("fine_tune_not_found"),
    }
}
