//! The figures of a job, step by step, as the file that OpenAI's API has them in. It is read from the job's events
//! whenever it is asked for, and goes by the job's own id.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gradus_app::Error;
use gradus_app::store::training_jobs::TrainingJob;
use gradus_app::store::training_jobs::events::TrainingEvent;
use gradus_app::store::{Page, PageRequest, StoreError, Whose};
use gradus_domain::{TrainingJobId, TrainingJobState, UserId};
use serde_json::Value;

use super::super::failure::Failure;
use super::super::ids;
use super::FileObject;
use crate::ServerState;

/// What such files are for.
pub(super) const RESULTS: &str = "fine-tune-results";
/// The most of one page: each is put together from its job's events.
const MOST_AT_ONCE: u32 = 100;
/// How many events are read at a time.
const READ_AT_ONCE: u64 = 1000;

/// The figures of a finished job.
pub(super) struct StepMetrics {
    job: TrainingJob,
    pub(super) csv: String,
}

/// Losses after a step, in nats a token.
#[derive(Debug, Default, PartialEq)]
struct Row {
    training: Option<f64>,
    validation: Option<f64>,
}

impl StepMetrics {
    /// Those that an id of a file stands for, if it stands for any.
    pub(super) async fn find(state: &ServerState, user: UserId, id: &str) -> Result<Option<Self>, Failure> {
        let Some(id) = ids::read::<TrainingJobId>(ids::FILE, id) else { return Ok(None) };
        match state.services.conversation_job(Whose::Of(user), id).await {
            Err(Error::Store(StoreError::NotFound { .. })) => Ok(None),
            found => match found? {
                job if has_them(&job) => Self::of(state, user, job).await.map(Some),
                _ => Ok(None),
            },
        }
    }

    /// A page of those of a user.
    pub(super) async fn page(
        state: &ServerState,
        user: UserId,
        request: PageRequest,
    ) -> Result<Page<Self>, Failure> {
        let request = PageRequest { limit: request.limit.min(MOST_AT_ONCE), ..request };
        let jobs = state.services.conversation_jobs(Whose::Of(user), request, has_them).await?;
        let mut items = Vec::new();
        for job in jobs.items {
            items.push(Self::of(state, user, job).await?);
        }
        Ok(Page { items, has_more: jobs.has_more })
    }

    async fn of(state: &ServerState, user: UserId, job: TrainingJob) -> Result<Self, Failure> {
        let id = job.id.0;
        let (mut rows, mut last) = (BTreeMap::new(), 0);
        loop {
            let events = state.services.training_events(Whose::Of(user), id, last, READ_AT_ONCE).await?;
            let Some(newest) = events.last() else { return Ok(Self { job, csv: csv(&rows) }) };
            last = newest.seq;
            events.iter().for_each(|event| take(&mut rows, event));
        }
    }

    /// The file as clients read it.
    pub(super) fn object(&self) -> FileObject {
        FileObject {
            id: ids::written(ids::FILE, self.job.id.0),
            object: "file",
            bytes: i64::try_from(self.csv.len()).unwrap_or(i64::MAX),
            created_at: self.job.finished_at.unwrap_or(self.job.updated_at).timestamp(),
            expires_at: None,
            filename: "step_metrics.csv".to_owned(),
            purpose: RESULTS.to_owned(),
            status: "processed",
            status_details: None,
        }
    }
}

/// Whether a job has figures that stay as they are.
fn has_them(job: &TrainingJob) -> bool {
    job.state.0 == TrainingJobState::Completed
}

/// What was measured again after a run was resumed replaces what was measured before.
fn take(rows: &mut BTreeMap<u64, Row>, event: &TrainingEvent) {
    let Some(step) = event.data.get("step").and_then(Value::as_u64) else { return };
    let figure = |name: &str| event.data.get(name).and_then(Value::as_f64);
    let (training, validation) = (figure("train_loss"), figure("valid_loss"));
    if training.is_some() || validation.is_some() {
        let row = rows.entry(step).or_default();
        row.training = training.or(row.training);
        row.validation = validation.or(row.validation);
    }
}

fn csv(rows: &BTreeMap<u64, Row>) -> String {
    let mut csv = "step,train_loss,valid_loss\n".to_owned();
    let written = |loss: Option<f64>| loss.map(|loss| loss.to_string()).unwrap_or_default();
    for (step, row) in rows {
        // Writing into a text cannot fail.
        _ = writeln!(csv, "{step},{},{}", written(row.training), written(row.validation));
    }
    csv
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use gradus_app::store::{Json, Key};
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_become_one_row_a_step_and_the_newest_count() {
        let job = TrainingJobId::new();
        let mut rows = BTreeMap::new();
        for (seq, data) in (1..).zip([
            json!({ "step": 1, "train_loss": 2.5 }),
            json!({ "step": 2, "train_loss": 2.0 }),
            json!({ "step": 2, "valid_loss": 1.5 }),
            json!({ "step": 2, "train_loss": 1.75 }),
            json!({ "step": 3 }),
            Value::Null,
        ]) {
            let event = TrainingEvent {
                training_job_id: Key(job),
                seq,
                at: DateTime::UNIX_EPOCH,
                kind: "metrics".into(),
                level: "info".into(),
                message: String::new(),
                data: Json(data),
            };
            take(&mut rows, &event);
        }
        assert_eq!(csv(&rows), "step,train_loss,valid_loss\n1,2.5,\n2,1.75,1.5\n");
    }
}
