//! What happened in a job, newest first.

use axum::Json;
use axum::extract::State;
use gradus_app::store::Whose;
use gradus_app::store::training_jobs::events::TrainingEvent;
use gradus_domain::TrainingJobId;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::ids;
use super::super::list::{List, Listed, Query, no_such_place};
use super::training_job;
use crate::ServerState;
use crate::guard::SignedIn;
use crate::problem::ApiPath;

/// Something that happened in a job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventObject {
    /// `ftevent-`, the job's own id, and a number.
    pub id: String,
    /// `fine_tuning.job.event`.
    pub object: &'static str,
    /// When, in seconds since 1970.
    pub created_at: i64,
    /// `info`, `warn` or `error`.
    pub level: String,
    /// In a sentence.
    pub message: String,
    /// `message` or `metrics`.
    pub r#type: &'static str,
    /// In figures.
    pub data: Value,
}

impl From<TrainingEvent> for EventObject {
    fn from(event: TrainingEvent) -> Self {
        let data = event.data.0;
        Self {
            id: format!("{}-{}", ids::written(ids::EVENT, event.training_job_id.0), event.seq),
            object: "fine_tuning.job.event",
            created_at: event.at.timestamp(),
            level: event.level,
            message: event.message,
            r#type: if event.kind == "metrics" { "metrics" } else { "message" },
            data: if data.is_object() { data } else { json!({}) },
        }
    }
}

impl Listed for EventObject {
    fn id(&self) -> &str {
        &self.id
    }
}

/// The number of an event, by the id that clients write, if it is one of this job.
fn number(job: TrainingJobId, id: &str) -> Option<i64> {
    let (of, number) = id.rsplit_once('-')?;
    (ids::read(ids::EVENT, of) == Some(job)).then(|| number.parse().ok()).flatten()
}

/// Lists what happened in a job, newest first.
pub(in super::super) async fn list_events(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<String>,
    mut query: Query,
) -> Result<Json<List<EventObject>>, Failure> {
    let job = training_job(&state, caller.user, &id).await?.id.0;
    let limit = query.limit(1000, 20)? as usize;
    let before =
        query.take("after")?.map(|after| number(job, &after).ok_or_else(no_such_place)).transpose()?;
    query.finish()?;
    let most = limit as u64 + 1;
    let mut events = state.services.newest_training_events(Whose::Of(caller.user), job, before, most).await?;
    let has_more = events.len() > limit;
    events.truncate(limit);
    Ok(Json(List::new(events.into_iter().map(EventObject::from).collect(), has_more)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_found_by_its_id_in_its_own_job_alone() {
        let (job, other) = (TrainingJobId::new(), TrainingJobId::new());
        let id = format!("{}-12", ids::written(ids::EVENT, job));
        assert_eq!(number(job, &id), Some(12));
        assert_eq!(number(other, &id), None);
        for wrong in ["", "ftevent-1", "12", &id.replace("12", "x")] {
            assert_eq!(number(job, wrong), None, "{wrong}");
        }
    }
}
