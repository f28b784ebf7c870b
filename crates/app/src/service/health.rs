//! How a training job is doing, from what is known of it: pure rules over its row, its worker's signs of life and the
//! time.

use chrono::{DateTime, TimeDelta, Utc};
use gradus_domain::{Id, State, TrainingJobId, TrainingJobState};
use gradus_store::training_jobs::TrainingJob;
use gradus_store::{Rows, StoreError, Whose};
use gradus_store::{queue, workers};

use super::Services;
use crate::Error;

/// A worker that says nothing of its progress for so long does not come forward, even if it lives: an update takes
/// seconds, fetching a large model minutes.
const LONGEST_SILENCE: TimeDelta = TimeDelta::minutes(20);
/// A loss that rises by more nats an update, over the last updates, runs away: half a nat over the thirty that the
/// trend is taken over. What noise makes of a loss that stands still is a tenth of that.
const RISING_NATS_AN_UPDATE: f64 = 0.5 / 30.0;
/// After so many updates a loss that is no number is no beginner's trouble.
const FIRST_UPDATES: i64 = 3;

/// How a training job is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It waits for a worker.
    Waiting,
    /// It comes forward.
    Healthy,
    /// Its worker shows no sign of life, or no progress.
    Stalled,
    /// Its loss rises, or is no number any more.
    Diverging,
    /// It is over, or stopped by a person's wish.
    Ended,
}

/// A training job's health figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JobHealth {
    /// In a word.
    pub health: Health,
    /// When its worker, or the job itself, was heard of last.
    pub last_sign_of_life_at: DateTime<Utc>,
    /// The trend of the loss over the last updates, in nats an update; below zero is learning.
    pub loss_trend: Option<f64>,
}

/// What is known of the worker that has a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holder {
    /// Until when it holds the job, unless it shows itself.
    pub lease_until: Option<DateTime<Utc>>,
    /// When it showed itself last.
    pub seen_at: Option<DateTime<Utc>>,
}

/// How a job is doing that this worker has, as of `now`.
pub fn health_of(job: &TrainingJob, holder: Holder, now: DateTime<Utc>) -> JobHealth {
    let last_sign_of_life_at = holder.seen_at.map_or(job.updated_at, |seen| seen.max(job.updated_at));
    let is_silent =
        holder.lease_until.is_some_and(|until| until < now) || job.updated_at + LONGEST_SILENCE < now;
    let health = match job.state.0 {
        state if state.is_final() => Health::Ended,
        TrainingJobState::Queued => Health::Waiting,
        _ if is_silent => Health::Stalled,
        _ if is_diverging(job) => Health::Diverging,
        _ => Health::Healthy,
    };
    JobHealth { health, last_sign_of_life_at, loss_trend: job.progress.loss_trend }
}

fn is_diverging(job: &TrainingJob) -> bool {
    let is_no_number = job.state.0 == TrainingJobState::Training
        && job.step >= FIRST_UPDATES
        && job.progress.training_loss.is_none();
    is_no_number || job.progress.loss_trend.is_some_and(|trend| trend > RISING_NATS_AN_UPDATE)
}

impl Services {
    /// How a training job is doing that may be seen.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn training_job_health(
        &self,
        whose: Whose,
        id: TrainingJobId,
        now: DateTime<Utc>,
    ) -> Result<(TrainingJob, JobHealth), Error> {
        let job = self.training_job(whose, id).await?;
        let health = of(&self.store.reader(), &job, now).await?;
        Ok((job, health))
    }
}

/// How a job is doing as of `now`.
pub(crate) async fn of(
    rows: &impl Rows,
    job: &TrainingJob,
    now: DateTime<Utc>,
) -> Result<JobHealth, StoreError> {
    let work = queue::of_subject(rows, job.id.0.uuid()).await?;
    let (lease_until, worker) = work.map_or((None, None), |work| (work.lease_until, work.worker_id));
    let worker = match worker {
        Some(id) => workers::find(rows, id).await?,
        None => None,
    };
    Ok(health_of(job, Holder { lease_until, seen_at: worker.map(|worker| worker.seen_at) }, now))
}

#[cfg(test)]
mod tests {
    use gradus_domain::UserId;
    use gradus_store::training_jobs::Progress;
    use gradus_store::{Json, Key, Text};
    use serde_json::json;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
    }

    fn job(state: TrainingJobState, silent_s: i64, progress: Progress) -> TrainingJob {
        let then = now() - TimeDelta::seconds(silent_s);
        TrainingJob {
            id: Key(TrainingJobId::new()),
            owner_id: Key(UserId::new()),
            name: "biology".to_owned(),
            state: Text(state),
            dataset_version_id: None,
            training_document_id: None,
            validation_document_id: None,
            base_model: "smollm2-135m-instruct".to_owned(),
            from_model_id: None,
            resume_checkpoint_id: None,
            settings: Json(json!({})),
            suffix: None,
            step: 40,
            steps: Some(100),
            progress: Json(progress),
            event_seq: 1,
            failure: None,
            metadata: Json(json!({})),
            created_at: then,
            started_at: Some(then),
            finished_at: None,
            updated_at: then,
        }
    }

    fn learning(trend: f64) -> Progress {
        Progress { training_loss: Some(1.5), loss_trend: Some(trend), ..Progress::default() }
    }

    fn health(job: &TrainingJob, lease_left_s: i64) -> Health {
        let lease_until = Some(now() + TimeDelta::seconds(lease_left_s));
        health_of(job, Holder { lease_until, seen_at: None }, now()).health
    }

    #[test]
    fn a_job_that_learns_and_whose_worker_lives_is_healthy() {
        assert_eq!(health(&job(TrainingJobState::Training, 1, learning(-0.01)), 12), Health::Healthy);
        assert_eq!(health(&job(TrainingJobState::Preparing, 60, Progress::default()), 12), Health::Healthy);
    }

    #[test]
    fn a_worker_without_signs_of_life_or_of_progress_has_stalled() {
        assert_eq!(health(&job(TrainingJobState::Training, 1, learning(-0.01)), -1), Health::Stalled);
        assert_eq!(health(&job(TrainingJobState::Training, 1300, learning(-0.01)), 12), Health::Stalled);
    }

    #[test]
    fn a_loss_that_rises_or_is_no_number_diverges() {
        assert_eq!(health(&job(TrainingJobState::Training, 1, learning(0.1)), 12), Health::Diverging);
        assert_eq!(health(&job(TrainingJobState::Training, 1, learning(0.001)), 12), Health::Healthy);
        assert_eq!(health(&job(TrainingJobState::Training, 1, Progress::default()), 12), Health::Diverging);
    }

    #[test]
    fn waiting_and_ended_jobs_are_neither_well_nor_ill() {
        assert_eq!(health(&job(TrainingJobState::Queued, 9000, learning(0.1)), -9), Health::Waiting);
        for state in [TrainingJobState::Completed, TrainingJobState::Paused, TrainingJobState::Failed] {
            assert_eq!(health(&job(state, 9000, learning(0.1)), -9), Health::Ended);
        }
    }

    #[test]
    fn the_last_sign_of_life_is_the_heartbeat_or_the_last_change() {
        let job = job(TrainingJobState::Training, 100, learning(0.0));
        // However long the lease is.
        for lease_left_s in [2, 10, 60] {
            let lease_until = Some(now() + TimeDelta::seconds(lease_left_s));
            let seen_at = Some(now() - TimeDelta::seconds(5));
            let health = health_of(&job, Holder { lease_until, seen_at }, now());
            assert_eq!(health.last_sign_of_life_at, now() - TimeDelta::seconds(5));
        }
        assert_eq!(health_of(&job, Holder::default(), now()).last_sign_of_life_at, job.updated_at);
    }
}
