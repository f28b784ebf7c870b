//! The trained model: its files among the blobs, its row, and the end of the job, in one transaction.

use std::path::Path;

use gradus_domain::{ModelId, TrainingJobStep};
use gradus_store::models::{self, TrainedModel};
use gradus_store::training_jobs::{self, TrainingJob};
use gradus_store::{Json, Key};
use serde_json::json;

use super::super::Completion;
use super::follow::evaluating;
use crate::Error;
use crate::service::training_jobs::say;
use crate::trained::{Purpose, TrainedManifest, read_manifest};
use crate::worker::Assignment;

/// Stores the files of the trained model; what it returns writes the rest.
pub(super) async fn store(
    assignment: &Assignment,
    job: &TrainingJob,
    directory: &Path,
) -> Result<Completion, Error> {
    let manifest = read_manifest(directory)?;
    let stored = assignment.services.archive.keep_directory(directory).await?;
    let (id, owner) = (job.id.0, job.owner_id);
    let (base_model, suffix) = (job.base_model.clone(), job.suffix.clone());
    let model_id = ModelId::new();
    let name = name_of(&base_model, suffix.as_deref(), model_id);
    Ok(Completion::new(move |tx| async move {
        evaluating(&tx, id).await?;
        let model = TrainedModel {
            id: Key(model_id),
            owner_id: owner,
            name: name.clone(),
            kind: kind(manifest.purpose).to_owned(),
            base_model,
            training_job_id: Some(Key(id)),
            step: Some(manifest.run.chosen_step.cast_signed()),
            bytes: stored.iter().map(|file| file.bytes).sum::<u64>().cast_signed(),
            figures: Json(figures(&manifest)),
            metadata: Json(json!({})),
            created_at: tx.now(),
        };
        models::insert(&tx, model, stored).await?;
        say(&tx, id, &format!("The trained model {name} is ready.")).await?;
        training_jobs::step(&tx, id, TrainingJobStep::Complete, None).await.map(|_| ())
    }))
}

/// As `ft:BASE:SUFFIX:ID`, which is how OpenAI's clients know them. The id's last digits are chance.
fn name_of(base_model: &str, suffix: Option<&str>, id: ModelId) -> String {
    let id = id.to_string();
    let chance = &id[id.len() - 8..];
    format!("ft:{base_model}:{}:{chance}", suffix.unwrap_or("gradus"))
}

fn kind(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Marking => "marking",
        Purpose::Chat => "chat",
    }
}

fn figures(manifest: &TrainedManifest) -> serde_json::Value {
    json!({
        "steps": manifest.run.steps,
        "tokens": manifest.run.tokens,
        "seconds": manifest.run.seconds,
        "device": manifest.run.device,
        "best": manifest.run.best,
        "training_examples": manifest.training_examples,
        "synthetic_examples": manifest.synthetic_examples,
        "dataset_hash": manifest.dataset_hash,
        "base_fingerprint": manifest.base_fingerprint,
    })
}
