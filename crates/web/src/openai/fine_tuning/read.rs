//! Listing jobs and looking at one.

use axum::Json;
use axum::extract::State;
use gradus_app::store::Whose;
use gradus_app::store::training_jobs::TrainingJob;
use gradus_domain::TrainingJobId;

use super::super::failure::Failure;
use super::super::list::{List, Query};
use super::super::metadata;
use super::super::{Refusal, ids};
use super::job::{FineTuningJob, shown};
use super::training_job;
use crate::ServerState;
use crate::guard::SignedIn;
use crate::problem::ApiPath;

/// Lists the caller's jobs, newest first.
pub(in super::super) async fn list_jobs(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    mut query: Query,
) -> Result<Json<List<FineTuningJob>>, Failure> {
    let request = query.page::<TrainingJobId>(ids::JOB, 100, 20)?;
    let wanted = Noted::read(&mut query)?;
    query.finish()?;
    let is_wanted = move |job: &TrainingJob| wanted.matches(job);
    let page = state.services.conversation_jobs(Whose::Of(caller.user), request, is_wanted).await?;
    let mut jobs = Vec::with_capacity(page.items.len());
    for job in &page.items {
        jobs.push(shown(&state, job).await?);
    }
    Ok(Json(List::new(jobs, page.has_more)))
}

/// Shows a job.
pub(in super::super) async fn find_job(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<FineTuningJob>, Failure> {
    let job = training_job(&state, caller.user, &id).await?;
    Ok(Json(shown(&state, &job).await?))
}

/// What is to be noted of the jobs that are listed.
enum Noted {
    Nothing,
    AllOf(Vec<(String, String)>),
}

impl Noted {
    fn read(query: &mut Query) -> Result<Self, Refusal> {
        match query.take("metadata")?.as_deref() {
            None => Ok(Self::AllOf(query.take_map("metadata"))),
            Some("null") => Ok(Self::Nothing),
            Some(_) => {
                let message = "Invalid 'metadata': write `metadata[key]=value`, or `metadata=null`.";
                Err(Refusal::invalid("metadata", "invalid_value", message))
            }
        }
    }

    fn matches(&self, job: &TrainingJob) -> bool {
        match self {
            Self::Nothing => metadata::is_empty(&job.metadata),
            Self::AllOf(pairs) => metadata::has_all(&job.metadata, pairs),
        }
    }
}
