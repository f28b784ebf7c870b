//! A job as clients read it: our states in OpenAI's words, and the hyperparameters as they are used.

use chrono::TimeDelta;
use gradus_app::Error;
use gradus_app::engine::training::TrainingPlan;
use gradus_app::service::training_jobs::TrainingSettings;
use gradus_app::store::models::TrainedModel;
use gradus_app::store::training_jobs::TrainingJob;
use gradus_app::store::{StoreError, Whose};
use gradus_domain::failure::Category;
use gradus_domain::{DocumentId, ModelId, TrainingJobState, Wish, Word};
use serde::Serialize;
use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::ids;
use super::super::list::Listed;
use crate::ServerState;

/// A fine-tuning job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FineTuningJob {
    /// `ftjob-` and something unique.
    pub id: String,
    /// `fine_tuning.job`.
    pub object: &'static str,
    /// When it was asked for, in seconds since 1970.
    pub created_at: i64,
    /// What ended it, where it failed.
    pub error: Option<JobError>,
    /// When it will be done, as estimated.
    pub estimated_finish: Option<i64>,
    /// The model that it made.
    pub fine_tuned_model: Option<String>,
    /// When it ended.
    pub finished_at: Option<i64>,
    /// How it trains.
    pub hyperparameters: Hyperparameters,
    /// Always empty.
    pub integrations: Vec<Value>,
    /// Whatever its owner noted.
    pub metadata: Value,
    /// How it trains.
    pub method: Method,
    /// What it started from: a base model or a model that was fine-tuned before.
    pub model: String,
    /// Whose it is.
    pub organization_id: String,
    /// The file of its figures, once it has made a model.
    pub result_files: Vec<String>,
    /// Of initialisation, order and dropout.
    pub seed: u64,
    /// OpenAI's word for its state, `pausing` or `paused`.
    pub status: &'static str,
    /// How many tokens were learnt from.
    pub trained_tokens: Option<u64>,
    /// The file that it learns from.
    pub training_file: String,
    /// What the model's name is to have in it.
    pub user_provided_suffix: Option<String>,
    /// The file that is held out.
    pub validation_file: Option<String>,
}

/// What ended a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobError {
    /// A word for programs.
    pub code: String,
    /// What happened and what to do.
    pub message: String,
    /// The parameter that it is about.
    pub param: Option<&'static str>,
}

/// How a job trains.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Method {
    /// `supervised`.
    pub r#type: &'static str,
    /// How.
    pub supervised: Supervised,
}

/// How a supervised job trains.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Supervised {
    /// In figures.
    pub hyperparameters: Hyperparameters,
}

/// Figures, or `auto` as long as the server has not chosen them yet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hyperparameters {
    /// Passes over the data.
    pub n_epochs: Value,
    /// Examples an update.
    pub batch_size: Value,
    /// The usual learning rate times this.
    pub learning_rate_multiplier: Value,
}

impl Listed for FineTuningJob {
    fn id(&self) -> &str {
        &self.id
    }
}

/// A job with what is known of it elsewhere.
pub(super) async fn shown(state: &ServerState, job: &TrainingJob) -> Result<FineTuningJob, Failure> {
    let services = &state.services;
    let wish = if job.state.is_running() { services.wish_of(job.id.0).await? } else { Wish::GoOn };
    let made = match job.state.0 {
        TrainingJobState::Completed => services.model_of(job.id.0).await?,
        _ => None,
    };
    let started_from = match job.from_model_id {
        Some(id) => name_of(state, id.0).await?,
        None => None,
    };
    Ok(written(job, wish, made.as_ref(), started_from))
}

/// The name of a model that a job started from: it may have been shared then and not be any more, or be deleted.
async fn name_of(state: &ServerState, id: ModelId) -> Result<Option<String>, Failure> {
    match state.services.model(Whose::Anyones, id).await {
        Err(Error::Store(StoreError::NotFound { .. })) => Ok(None),
        found => Ok(Some(found?.name)),
    }
}

fn written(
    job: &TrainingJob,
    wish: Wish,
    made: Option<&TrainedModel>,
    started_from: Option<String>,
) -> FineTuningJob {
    let settings: TrainingSettings = serde_json::from_value(job.settings.0.clone()).unwrap_or_default();
    let hyperparameters = hyperparameters(job, &settings);
    let file = |id: DocumentId| ids::written(ids::FILE, id);
    FineTuningJob {
        id: ids::written(ids::JOB, job.id.0),
        object: "fine_tuning.job",
        created_at: job.created_at.timestamp(),
        error: error(job),
        estimated_finish: estimated_finish(job),
        fine_tuned_model: made.map(|model| model.name.clone()),
        finished_at: job
            .finished_at
            .filter(|_| job.state.0 != TrainingJobState::Paused)
            .map(|end| end.timestamp()),
        hyperparameters: hyperparameters.clone(),
        integrations: Vec::new(),
        metadata: if job.metadata.is_object() { job.metadata.0.clone() } else { json!({}) },
        method: Method { r#type: "supervised", supervised: Supervised { hyperparameters } },
        model: started_from.unwrap_or_else(|| job.base_model.clone()),
        organization_id: ids::written("org-", job.owner_id.0),
        result_files: made.iter().map(|_| ids::written(ids::FILE, job.id.0)).collect(),
        seed: settings.seed.unwrap_or(TrainingPlan::default().seed),
        status: status(job.state.0, wish),
        trained_tokens: made.and_then(|model| model.figures.get("tokens")?.as_u64()),
        training_file: job.training_document_id.map(|id| file(id.0)).unwrap_or_default(),
        user_provided_suffix: job.suffix.clone(),
        validation_file: job.validation_document_id.map(|id| file(id.0)),
    }
}

fn status(state: TrainingJobState, wish: Wish) -> &'static str {
    match state {
        state if state.is_running() && wish == Wish::Pause => "pausing",
        TrainingJobState::Queued => "queued",
        TrainingJobState::Preparing => "validating_files",
        TrainingJobState::Training | TrainingJobState::Evaluating => "running",
        TrainingJobState::Completed => "succeeded",
        TrainingJobState::Paused => "paused",
        TrainingJobState::Cancelled => "cancelled",
        TrainingJobState::Failed => "failed",
    }
}

fn error(job: &TrainingJob) -> Option<JobError> {
    let failure = job.failure.as_ref().filter(|_| job.state.0 == TrainingJobState::Failed)?;
    let is_about_the_data = failure.category == Category::Input;
    Some(JobError {
        code: if is_about_the_data {
            "invalid_training_file".to_owned()
        } else {
            failure.category.word().to_owned()
        },
        message: failure.told().to_owned(),
        param: is_about_the_data.then_some("training_file"),
    })
}

fn estimated_finish(job: &TrainingJob) -> Option<i64> {
    let seconds =
        job.progress.seconds_left.filter(|seconds| job.state.is_running() && seconds.is_finite())?;
    // More than a year is no estimate any more.
    let left = TimeDelta::try_milliseconds((seconds.clamp(0.0, 3e7) * 1000.0) as i64)?;
    Some((job.updated_at + left).timestamp())
}

fn hyperparameters(job: &TrainingJob, settings: &TrainingSettings) -> Hyperparameters {
    let epochs = settings.epochs.or_else(|| chosen_epochs(job));
    Hyperparameters {
        n_epochs: epochs.map_or_else(|| json!("auto"), Into::into),
        batch_size: json!(settings.batch_size.unwrap_or(TrainingPlan::default().batch_size)),
        learning_rate_multiplier: json!(settings.learning_rate_multiplier.unwrap_or(1.0)),
    }
}

/// How often a run will have seen the data, once it has made an update: it was `epoch` after `step` of `steps`.
fn chosen_epochs(job: &TrainingJob) -> Option<u32> {
    let (epoch, steps) = (job.progress.epoch?, job.steps?);
    let epochs = epoch * steps as f64 / job.step as f64;
    (job.step > 0 && epochs.is_finite()).then(|| epochs.round() as u32)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use gradus_app::store::training_jobs::Progress;
    use gradus_app::store::{Json, Key, Text};
    use gradus_domain::failure::{Failure as Ended, Severity};
    use gradus_domain::{TrainingJobId, UserId};

    use super::*;

    fn job(state: TrainingJobState) -> TrainingJob {
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        TrainingJob {
            id: Key(TrainingJobId::new()),
            owner_id: Key(UserId::new()),
            name: "a".into(),
            state: Text(state),
            dataset_version_id: None,
            training_document_id: Some(Key(DocumentId::new())),
            validation_document_id: None,
            base_model: "tiny".into(),
            from_model_id: None,
            resume_checkpoint_id: None,
            settings: Json(serde_json::to_value(TrainingSettings::default()).unwrap()),
            suffix: None,
            step: 0,
            steps: None,
            progress: Json(Progress::default()),
            event_seq: 0,
            failure: None,
            metadata: Json(json!({ "a": "b" })),
            created_at: now,
            started_at: None,
            finished_at: Some(now),
            updated_at: now,
        }
    }

    #[test]
    fn every_state_has_openais_word() {
        let words: Vec<&str> = TrainingJobState::ALL.iter().map(|&state| status(state, Wish::GoOn)).collect();
        let expected = [
            "queued",
            "validating_files",
            "running",
            "running",
            "succeeded",
            "paused",
            "cancelled",
            "failed",
        ];
        assert_eq!(words, expected);
        assert_eq!(status(TrainingJobState::Training, Wish::Pause), "pausing");
        assert_eq!(status(TrainingJobState::Paused, Wish::Pause), "paused");
    }

    #[test]
    fn what_the_server_chooses_is_auto_until_the_run_shows_it() {
        let mut job = job(TrainingJobState::Training);
        let epochs = |job: &TrainingJob| written(job, Wish::GoOn, None, None).hyperparameters.n_epochs;
        assert_eq!(epochs(&job), "auto");
        (job.step, job.steps) = (3, Some(40));
        job.progress.0.epoch = Some(0.6);
        assert_eq!(epochs(&job), 8);
    }

    #[test]
    fn the_end_is_estimated_while_a_job_runs_alone() {
        let mut job = job(TrainingJobState::Training);
        job.progress.0.seconds_left = Some(90.4);
        assert_eq!(written(&job, Wish::GoOn, None, None).estimated_finish, Some(1_090));
        job.state = Text(TrainingJobState::Paused);
        let paused = written(&job, Wish::GoOn, None, None);
        assert_eq!((paused.estimated_finish, paused.finished_at), (None, None));
    }

    #[test]
    fn a_failure_says_whose_move_it_is() {
        let mut job = job(TrainingJobState::Failed);
        let failure = |category| Ended {
            category,
            severity: Severity::Error,
            is_transient: false,
            message: "why".into(),
        };
        job.failure = Some(Json(failure(Category::Input)));
        let error = written(&job, Wish::GoOn, None, None).error.unwrap();
        assert_eq!((error.code.as_str(), error.param), ("invalid_training_file", Some("training_file")));
        assert_eq!(error.message, "why");
        job.failure = Some(Json(failure(Category::Resource)));
        let error = written(&job, Wish::GoOn, None, None).error.unwrap();
        assert_eq!((error.code.as_str(), error.param), ("resource", None));
        assert!(error.message.contains("ran short") && !error.message.contains("why"), "{error:?}");
    }
}
