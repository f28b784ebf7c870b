//! What a training run needs on this machine: the base model, the model to start from, the data, the last checkpoint.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gradus_engine::backend::Device;
use gradus_engine::backend::cpu::BaseWeights;
use gradus_grading::dataset::Dataset;
use gradus_grading::synthetic::SyntheticOptions;
use gradus_store::datasets::versions;
use gradus_store::training_jobs::TrainingJob;
use gradus_store::training_jobs::checkpoints;
use gradus_store::{Whose, documents, files};

use crate::chat::read_chat;
use crate::models::{Acceptance, Catalogue, ModelStore, fetch};
use crate::runtime::Runtime;
use crate::service::training_jobs::TrainingSettings;
use crate::training::TrainingSource;
use crate::worker::Assignment;
use crate::{Error, Session, Watcher};

/// Files on this machine.
pub(super) struct Material {
    base_models: ModelStore,
    catalogue: Arc<Catalogue>,
    base_model: String,
    data: Data,
    /// The trained model to start from.
    pub(super) start: Option<PathBuf>,
    /// How to train.
    pub(super) settings: TrainingSettings,
}

enum Data {
    Marking(Box<Dataset>),
    Chat { training: PathBuf, validation: Option<PathBuf> },
}

/// Fetches everything that is among the blobs.
pub(super) async fn gather(
    assignment: &Assignment,
    job: &TrainingJob,
    directory: &Path,
) -> Result<Material, Error> {
    let services = &assignment.services;
    let settings = serde_json::from_value(job.settings.0.clone())
        .map_err(|error| Error::Request(format!("the settings of the job cannot be read: {error}")))?;
    let start = match job.from_model_id {
        Some(model) => {
            let start = directory.join("start");
            let stored = files::of_model::files(&services.store.reader(), model.0).await?;
            services.archive.restore_directory(&stored, &start).await?;
            Some(start)
        }
        None => None,
    };
    let data = data(assignment, job, directory).await?;
    restore_checkpoints(assignment, job, directory).await?;
    Ok(Material {
        base_models: services.base_models.clone(),
        catalogue: services.catalogue.clone(),
        base_model: job.base_model.clone(),
        data,
        start,
        settings,
    })
}

async fn data(assignment: &Assignment, job: &TrainingJob, directory: &Path) -> Result<Data, Error> {
    let services = &assignment.services;
    let reader = services.store.reader();
    if let Some(version) = job.dataset_version_id {
        let version = versions::get(&reader, version.0).await?;
        let hash = version.blob_hash.ok_or_else(|| {
            Error::invalid("dataset", format!("is {}: wait until it is ready", version.state.0))
        })?;
        let json = services.archive.read(&hash).await?;
        let dataset = Dataset::from_json(&String::from_utf8_lossy(&json))?;
        return Ok(Data::Marking(Box::new(dataset)));
    }
    let mut paths = Vec::new();
    for id in [job.training_document_id, job.validation_document_id].into_iter().flatten() {
        let document = documents::get(&reader, Whose::Anyones, id.0).await?;
        let path = directory.join(format!("conversations-{}.jsonl", paths.len()));
        services.archive.copy_to_path(&document.blob_hash, &path).await?;
        paths.push(path);
    }
    let mut paths = paths.into_iter();
    let training =
        paths.next().ok_or_else(|| Error::invalid("training_file", "the job names nothing to learn from"))?;
    Ok(Data::Chat { training, validation: paths.next() })
}

/// Writes the checkpoints that the run may need into its directory: the one to resume from, and those before it, among
/// which the best is.
async fn restore_checkpoints(
    assignment: &Assignment,
    job: &TrainingJob,
    directory: &Path,
) -> Result<(), Error> {
    let services = &assignment.services;
    let reader = services.store.reader();
    let newest_first = checkpoints::of_job(&reader, job.id.0).await?;
    let wanted = newest_first.iter().find(|checkpoint| Some(checkpoint.id) == job.resume_checkpoint_id);
    let last = wanted.or(newest_first.first()).map(|last| last.step);
    let needed = newest_first.iter().filter(|checkpoint| last.is_some_and(|last| checkpoint.step <= last));
    // The oldest first: what a checkpoint has beside its own directory is as new as the newest of them.
    for checkpoint in needed.rev() {
        let stored = files::of_checkpoint::files(&reader, checkpoint.id.0).await?;
        services.archive.restore_directory(&stored, directory).await?;
    }
    Ok(())
}

/// Where a base model is fetched from, the machine's log says, and no event of a job: its owner is told nothing of places on
/// the machine.
struct Log;

impl Watcher for Log {
    fn note(&mut self, message: &str) {
        tracing::info!(message, "fetching a base model");
    }
}

impl Material {
    /// The base model's file, fetched first where it is not on this machine.
    pub(super) fn base_model(&self, session: &mut Session<'_>) -> Result<PathBuf, Error> {
        if self.base_models.show(&self.base_model).is_none() {
            session.watcher.stage("Base model");
            let mut session = Session { watcher: &mut Log, ..*session };
            fetch(
                &self.base_models,
                &self.catalogue,
                (&self.base_model, Acceptance::NotGiven),
                &mut session,
            )?;
        }
        Ok(self.base_models.resolve(&self.base_model, &self.catalogue)?)
    }

    /// The base model in memory.
    pub(super) fn load(&self, path: &Path) -> Result<Runtime, Error> {
        Runtime::load(&self.base_model, path, Device::default(), BaseWeights::default())
    }

    /// What is learnt.
    pub(super) fn source(&self, session: &mut Session<'_>) -> Result<TrainingSource, Error> {
        session.watcher.stage("Data");
        match &self.data {
            Data::Marking(dataset) => {
                let usual = SyntheticOptions::default();
                let share = self.settings.synthetic_share.unwrap_or(usual.share);
                Ok(TrainingSource::Marking {
                    dataset: dataset.clone(),
                    synthetic: SyntheticOptions { share, ..usual },
                })
            }
            Data::Chat { training, validation } => Ok(TrainingSource::Chat {
                train: read_chat(training)?.examples,
                validation: match validation {
                    Some(path) => read_chat(path)?.examples,
                    None => Vec::new(),
                },
            }),
        }
    }
}
