//! Training jobs: asked for, followed, paused, cancelled, resumed from a checkpoint, compared.

use chrono::{DateTime, TimeDelta, Utc};
use gradus_domain::{
    CheckpointId, DatasetVersionId, DocumentId, DocumentPurpose, Id, JobKind, ModelId, QueueJobState,
    TrainingJobId, TrainingJobState, TrainingJobStep, UserId, Wish,
};
use gradus_engine::adapter::{LoraConfig, Method};
use gradus_engine::training::TrainingPlan;
use gradus_store::datasets::versions;
use gradus_store::models::TrainedModel;
use gradus_store::training_jobs::checkpoints::{self, Checkpoint};
use gradus_store::training_jobs::events::{self, NewEvent, TrainingEvent};
use gradus_store::training_jobs::{self, TrainingJob};
use gradus_store::{
    Json, Key, Page, PageRequest, StoreError, Text, Transaction, Whose, datasets, documents, models, queue,
    turns,
};
use serde::{Deserialize, Serialize};

use super::datasets::check_ready;
use super::documents::check_use;
use super::health::{self, JobHealth};
use super::{Services, queue_work};
use crate::accounts::Accounts;
use crate::{Error, Precondition};

/// How many of a user's newest jobs one that is asked for again is looked for among.
const LOOKED_BACK: u32 = 50;

/// What a job learns from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainOn {
    /// A frozen version of a dataset of marked answers.
    DatasetVersion(DatasetVersionId),
    /// Conversations, and others to validate with.
    Conversations {
        /// Learnt from.
        training: DocumentId,
        /// Held out.
        validation: Option<DocumentId>,
    },
}

/// How a job trains. What is not said follows from the number of examples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingSettings {
    /// Passes over the data.
    pub epochs: Option<u32>,
    /// Sequences an update.
    pub batch_size: Option<usize>,
    /// Peak learning rate.
    pub learning_rate: Option<f64>,
    /// The usual peak learning rate times this, where none is given.
    pub learning_rate_multiplier: Option<f64>,
    /// Rank of the adapter.
    pub lora_rank: Option<usize>,
    /// Scale of the adapter times its rank.
    pub lora_alpha: Option<f32>,
    /// Synthetic answers as a share of the training examples.
    pub synthetic_share: Option<f64>,
    /// Updates between checkpoints.
    pub checkpoint_every: Option<u64>,
    /// Evaluations without gain after which training stops.
    pub patience: Option<u32>,
    /// Of initialisation, order and dropout.
    pub seed: Option<u64>,
}

impl TrainingSettings {
    /// The recipe for that many examples with what was asked for.
    pub fn plan(&self, examples: usize) -> TrainingPlan {
        let usual = TrainingPlan::for_examples(examples);
        let lora = LoraConfig::default();
        let lora = LoraConfig {
            rank: self.lora_rank.unwrap_or(lora.rank),
            alpha: self.lora_alpha.unwrap_or(lora.alpha),
            ..lora
        };
        let multiplier = self.learning_rate_multiplier.unwrap_or(1.0);
        TrainingPlan {
            method: Method::Lora(lora),
            epochs: self.epochs.unwrap_or(usual.epochs),
            batch_size: self.batch_size.unwrap_or(usual.batch_size),
            learning_rate: self.learning_rate.unwrap_or(usual.learning_rate * multiplier),
            checkpoint_every: self.checkpoint_every.unwrap_or(usual.checkpoint_every),
            patience: self.patience.unwrap_or(usual.patience),
            seed: self.seed.unwrap_or(usual.seed),
            ..usual
        }
    }

    /// What is wrong with them, whatever the data.
    fn check(&self) -> Result<(), Error> {
        let problems = self.plan(1000).problems();
        if problems.is_empty() {
            return Ok(());
        }
        let problems = problems.into_iter().map(|(field, message)| crate::FieldProblem {
            field: format!("settings.{field}"),
            message: message.to_string(),
        });
        Err(Error::Invalid { problems: problems.collect() })
    }
}

/// A training job to be made.
#[derive(Debug, Clone)]
pub struct NewTrainingJob {
    /// What people call it.
    pub name: String,
    /// What it learns from.
    pub train_on: TrainOn,
    /// The base model's name in the catalogue.
    pub base_model: String,
    /// The trained model that it starts from.
    pub from_model: Option<ModelId>,
    /// How it trains.
    pub settings: TrainingSettings,
    /// What the model's name is to end with.
    pub suffix: Option<String>,
    /// Whatever its owner notes.
    pub metadata: serde_json::Value,
}

impl Services {
    /// Makes a training job and queues it.
    ///
    /// # Errors
    /// When something in it is wrong, is not there, or is not ready.
    pub async fn add_training_job(&self, owner: UserId, new: NewTrainingJob) -> Result<TrainingJob, Error> {
        self.add_job(owner, new, None).await
    }

    /// As [`Services::add_training_job`], unless a job of the same content was made within this time before, which is
    /// returned then: a program that heard no answer asks again.
    ///
    /// # Errors
    /// As [`Services::add_training_job`].
    pub async fn add_training_job_once(
        &self,
        owner: UserId,
        new: NewTrainingJob,
        within: TimeDelta,
    ) -> Result<TrainingJob, Error> {
        self.add_job(owner, new, Some(within)).await
    }

    async fn add_job(
        &self,
        owner: UserId,
        new: NewTrainingJob,
        once_within: Option<TimeDelta>,
    ) -> Result<TrainingJob, Error> {
        new.settings.check()?;
        if let Some(reason) = self.why_not_trained(&new.base_model).await? {
            return Err(Error::invalid("base_model", reason));
        }
        let quotas = self.quotas;
        self.write(move |tx| async move {
            // From here on, whatever else adds to the user's things waits.
            let usage = Accounts::usage(&tx, owner).await?;
            check_source(&tx, owner, new.train_on).await?;
            if let Some(from) = new.from_model {
                let from = models::get(&tx, Whose::Of(owner), from).await?;
                check_base(&from, &new.base_model)?;
            }
            let job = row(owner, new, &tx);
            if let Some(within) = once_within
                && let Some(earlier) = made_since(&tx, &job, tx.now() - within).await?
            {
                return Ok(earlier);
            }
            quotas.admit_job(&usage)?;
            training_jobs::insert(&tx, job.clone()).await?;
            say(&tx, job.id.0, "The job was created and waits for a worker.").await?;
            queue_work(&tx, JobKind::Train, owner, job.id.0).await?;
            Ok(training_jobs::get(&tx, Whose::Anyones, job.id.0).await?)
        })
        .await
    }

    /// A training job that may be seen.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn training_job(&self, whose: Whose, id: TrainingJobId) -> Result<TrainingJob, Error> {
        Ok(training_jobs::get(&self.store.reader(), whose, id).await?)
    }

    /// A page of the training jobs that may be seen.
    pub async fn training_jobs(
        &self,
        whose: Whose,
        request: &PageRequest,
    ) -> Result<Page<TrainingJob>, Error> {
        Ok(training_jobs::page(&self.store.reader(), whose, request).await?)
    }

    /// The events of a job after a number, oldest first.
    ///
    /// # Errors
    /// When the job is not there.
    pub async fn training_events(
        &self,
        whose: Whose,
        id: TrainingJobId,
        after: i64,
        most: u64,
    ) -> Result<Vec<TrainingEvent>, Error> {
        self.training_job(whose, id).await?;
        Ok(events::after(&self.store.reader(), id, after, most).await?)
    }

    /// The checkpoints of a job, the newest first.
    ///
    /// # Errors
    /// When the job is not there.
    pub async fn checkpoints(&self, whose: Whose, id: TrainingJobId) -> Result<Vec<Checkpoint>, Error> {
        self.training_job(whose, id).await?;
        Ok(checkpoints::of_job(&self.store.reader(), id).await?)
    }

    /// Gives a job up. One that a worker has ends within seconds.
    ///
    /// # Errors
    /// When it is not theirs, or has ended.
    pub async fn cancel_training_job(&self, whose: Whose, id: TrainingJobId) -> Result<TrainingJob, Error> {
        self.stop(whose, id, Wish::Cancel).await
    }

    /// Stops a job where it can go on. One that a worker has stops within seconds.
    ///
    /// # Errors
    /// When it is not theirs, or has ended.
    pub async fn pause_training_job(&self, whose: Whose, id: TrainingJobId) -> Result<TrainingJob, Error> {
        self.stop(whose, id, Wish::Pause).await
    }

    async fn stop(&self, whose: Whose, id: TrainingJobId, wish: Wish) -> Result<TrainingJob, Error> {
        let (step, said) = match wish {
            Wish::Pause => (TrainingJobStep::Pause, "The job is to pause."),
            Wish::Cancel | Wish::GoOn => (TrainingJobStep::Cancel, "The job is to be cancelled."),
        };
        let job = self
            .store
            .write(move |tx| async move {
                let job = training_jobs::get(&tx, whose, id).await?;
                gradus_domain::State::step(job.state.0, step)?;
                // The queue's row first, as workers do. The worker that has the job takes the step once it has stopped.
                let queued = queue::wish(&tx, id.uuid(), wish).await?;
                say(&tx, id, said).await?;
                if queued != Some(QueueJobState::Running) {
                    training_jobs::step(&tx, id, step, None).await?;
                }
                training_jobs::get(&tx, whose, id).await
            })
            .await?;
        Ok(job)
    }

    /// Queues a stopped job again, to go on from a checkpoint, or from the last.
    ///
    /// # Errors
    /// When job or checkpoint are not there or not theirs, or the job is not stopped.
    pub async fn resume_training_job(
        &self,
        whose: Whose,
        id: TrainingJobId,
        from: Option<CheckpointId>,
    ) -> Result<TrainingJob, Error> {
        let quotas = self.quotas;
        self.write(move |tx| async move {
            turns::take(&tx, &id.to_string()).await?;
            let job = training_jobs::get(&tx, whose, id).await?;
            quotas.admit_job(&Accounts::usage(&tx, job.owner_id.0).await?)?;
            let from = match from {
                Some(from) => Some((from, checkpoints::get(&tx, id, from).await?.step)),
                None => None,
            };
            training_jobs::resume(&tx, id, from).await?;
            say(&tx, id, "The job was resumed and waits for a worker.").await?;
            queue_work(&tx, JobKind::Train, job.owner_id.0, id).await?;
            Ok(training_jobs::get(&tx, whose, id).await?)
        })
        .await
    }

    /// Deletes a job with its events and checkpoints.
    ///
    /// # Errors
    /// When it is not theirs or not as is known, a worker has it, or its model is still there.
    pub async fn delete_training_job(
        &self,
        whose: Whose,
        id: TrainingJobId,
        known: Precondition<(TrainingJob, JobHealth)>,
    ) -> Result<(), Error> {
        self.store
            .write(move |tx| async move {
                turns::take(&tx, &id.to_string()).await?;
                let job = training_jobs::get(&tx, whose, id).await?;
                if known.is_asked() {
                    let health = health::of(&tx, &job, tx.now()).await?;
                    known.check("training job", (job.clone(), health))?;
                }
                if job.state.is_running() || job.state.0 == TrainingJobState::Queued {
                    return Err(StoreError::InUse {
                        noun: "training job",
                        used_by: "a worker: cancel it first",
                    });
                }
                training_jobs::delete(&tx, whose, id).await
            })
            .await?;
        Ok(())
    }
}

/// Makes sure that a user may learn from something, and that it can be learnt from, in the transaction that asks for it.
async fn check_source(tx: &Transaction, owner: UserId, train_on: TrainOn) -> Result<(), Error> {
    match train_on {
        TrainOn::DatasetVersion(id) => {
            let version = versions::get(tx, id).await?;
            datasets::get(tx, Whose::Of(owner), version.dataset_id.0).await?;
            check_ready(&version, "dataset_version")?;
        }
        TrainOn::Conversations { training, validation } => {
            check_conversations(tx, owner, "training_document", training).await?;
            if let Some(validation) = validation {
                check_conversations(tx, owner, "validation_document", validation).await?;
            }
        }
    }
    Ok(())
}

/// A model is gone on with from the base that it was trained on.
fn check_base(from: &TrainedModel, base_model: &str) -> Result<(), Error> {
    if from.base_model == base_model {
        return Ok(());
    }
    let message =
        format!("was trained on `{}`: go on with that base model, or start from none", from.base_model);
    Err(Error::invalid("from_model", message))
}

async fn check_conversations(
    tx: &Transaction,
    owner: UserId,
    field: &str,
    id: DocumentId,
) -> Result<(), Error> {
    let document = documents::get(tx, Whose::Of(owner), id).await?;
    check_use(&document, field, DocumentPurpose::Conversations)
}

fn row(owner: UserId, new: NewTrainingJob, tx: &Transaction) -> TrainingJob {
    let (version, training, validation) = match new.train_on {
        TrainOn::DatasetVersion(version) => (Some(version), None, None),
        TrainOn::Conversations { training, validation } => (None, Some(training), validation),
    };
    TrainingJob {
        id: Key(TrainingJobId::new()),
        owner_id: Key(owner),
        name: new.name,
        state: Text(TrainingJobState::Queued),
        dataset_version_id: version.map(Key),
        training_document_id: training.map(Key),
        validation_document_id: validation.map(Key),
        base_model: new.base_model,
        from_model_id: new.from_model.map(Key),
        resume_checkpoint_id: None,
        settings: Json(serde_json::to_value(new.settings).unwrap_or_default()),
        suffix: new.suffix,
        step: 0,
        steps: None,
        progress: Json(training_jobs::Progress::default()),
        event_seq: 0,
        failure: None,
        metadata: Json(new.metadata),
        created_at: tx.now(),
        started_at: None,
        finished_at: None,
        updated_at: tx.now(),
    }
}

/// The newest job of the same owner and the same content that was made since `since`.
async fn made_since(
    tx: &Transaction,
    job: &TrainingJob,
    since: DateTime<Utc>,
) -> Result<Option<TrainingJob>, StoreError> {
    let newest = training_jobs::page(tx, Whose::Of(job.owner_id.0), &PageRequest::first(LOOKED_BACK)).await?;
    let is_same = |earlier: &TrainingJob| {
        let asked = TrainingJob {
            id: earlier.id,
            state: earlier.state,
            resume_checkpoint_id: earlier.resume_checkpoint_id,
            step: earlier.step,
            steps: earlier.steps,
            progress: earlier.progress.clone(),
            event_seq: earlier.event_seq,
            failure: earlier.failure.clone(),
            created_at: earlier.created_at,
            started_at: earlier.started_at,
            finished_at: earlier.finished_at,
            updated_at: earlier.updated_at,
            ..job.clone()
        };
        earlier.created_at >= since && *earlier == asked
    };
    Ok(newest.items.into_iter().find(is_same))
}

/// Adds a sentence to what happened in a job.
pub(crate) async fn say(tx: &Transaction, id: TrainingJobId, message: &str) -> Result<(), StoreError> {
    let event = NewEvent {
        kind: "message",
        level: "info",
        message: message.to_owned(),
        data: serde_json::Value::Null,
    };
    events::append(tx, id, event).await.map(|_| ())
}
