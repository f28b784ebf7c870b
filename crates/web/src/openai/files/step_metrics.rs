//! The figures of a job, step by step, as the file that OpenAI's API has them in. It is read from the job's events
//! whenever it is asked for, and goes by the job's own id.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gradus_app::Error;
use gradus_app::store::training_jobs::TrainingJob;
use gradus_app::store::training_jobs::events::TrainingEvent;
use gradus_app::store::{StoreError, Whose};
use gradus_domain::{TrainingJobId, TrainingJobState, UserId};
use serde_json::Value;

use super::super::failure::Failure;
use super::super::ids;
use super::FileObject;
use crate::ServerState;

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
        let job = match state.services.conversation_job(Whose::Of(user), id).await {
            Err(Error::Store(StoreError::NotFound { .. })) => return Ok(None),
            found => found?,
        };
        if job.state.0 != TrainingJobState::Completed {
            return Ok(None);
        }
        let (mut rows, mut last) = (BTreeMap::new(), 0);
        loop {
            let events = state.services.training_events(Whose::Of(user), id, last, READ_AT_ONCE).await?;
            let Some(newest) = events.last() else { return Ok(Some(Self { job, csv: csv(&rows) })) };
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
            purpose: "fine-tune-results".to_owned(),
            status: "processed",
            status_details: None,
        }
    }
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
