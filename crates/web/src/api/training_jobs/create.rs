//! Asking for a training job.

use axum::extract::State;
use axum::response::Response;
use gradus_app::service::training_jobs::{NewTrainingJob, TrainOn, TrainingSettings};
use gradus_domain::{DatasetVersionId, DocumentId, Id as _, ModelId, Scope};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::conditions::created_part;
use super::super::fields::{Factor, Line, Metadata, Rate, Share, Slug, Whole};
use super::super::making;
use super::{TrainingJob, TrainingJobWithHealth};
use crate::audited::Audited;
use crate::guard::SignedIn;
use crate::problem::{ApiJson, Category, FieldProblem, Problem};
use crate::routes::{Access, Route};
use crate::state::ServerState;

type Name = Line<200>;
type BaseModel = Line<200>;
type Suffix = Slug<64>;
type Epochs = Whole<1, 1000>;
type BatchSize = Whole<1, 4096>;
type Rank = Whole<1, 1024>;
type Updates = Whole<1, 1_000_000_000>;
type Patience = Whole<0, 1000>;
type Seed = Whole<0, 4_294_967_295>;

pub(super) fn route() -> Route<ServerState> {
    let handler = Audited { action: "start-training", handler: create_training_job };
    making::<__path_create_training_job, _, _>(Access::author(Scope::Write), handler)
}

/// A training job to be made. It learns from a version of a dataset, or from documents with conversations.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewJob {
    /// What people call it.
    name: Name,
    /// The version of a dataset of marked answers that it learns from.
    dataset_version: Option<Uuid>,
    /// The document with the conversations that it learns from.
    training_document: Option<Uuid>,
    /// A document with conversations that are held out.
    validation_document: Option<Uuid>,
    /// The base model's name in the catalogue.
    base_model: BaseModel,
    /// The trained model that it starts from, where it does not start from the base model.
    from_model: Option<Uuid>,
    /// How it is trained; what is not said follows from the number of examples.
    settings: Option<JobSettings>,
    /// What the model's name is to end with.
    suffix: Option<Suffix>,
    /// Whatever you note on it.
    metadata: Option<Metadata>,
}

/// How a job trains.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobSettings {
    /// Passes over the data.
    epochs: Option<Epochs>,
    /// Sequences an update.
    batch_size: Option<BatchSize>,
    /// Peak learning rate.
    learning_rate: Option<Rate>,
    /// The usual peak learning rate times this, where none is given.
    learning_rate_multiplier: Option<Factor>,
    /// Rank of the adapter.
    lora_rank: Option<Rank>,
    /// Scale of the adapter times its rank.
    lora_alpha: Option<Factor>,
    /// Synthetic answers as a share of the training examples.
    synthetic_share: Option<Share>,
    /// Updates between checkpoints.
    checkpoint_every: Option<Updates>,
    /// Evaluations without gain after which training stops.
    patience: Option<Patience>,
    /// Of initialisation, order and dropout.
    seed: Option<Seed>,
}

impl JobSettings {
    fn into_settings(self) -> TrainingSettings {
        // The bounds of each field lie within its type's.
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        TrainingSettings {
            epochs: self.epochs.map(|epochs| small(epochs.0)),
            batch_size: self.batch_size.map(|size| count(size.0)),
            learning_rate: self.learning_rate.map(|rate| rate.0),
            learning_rate_multiplier: self.learning_rate_multiplier.map(|factor| factor.0),
            lora_rank: self.lora_rank.map(|rank| count(rank.0)),
            lora_alpha: self.lora_alpha.map(|alpha| narrowed(alpha.0)),
            synthetic_share: self.synthetic_share.map(|share| share.0),
            checkpoint_every: self.checkpoint_every.map(|updates| updates.0),
            patience: self.patience.map(|patience| small(patience.0)),
            seed: self.seed.map(|seed| seed.0),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "adapters scale in single precision")]
fn narrowed(number: f64) -> f32 {
    number as f32
}

fn train_on(new: &NewJob) -> Result<TrainOn, Problem> {
    match (new.dataset_version, new.training_document) {
        (Some(version), None) if new.validation_document.is_none() => {
            Ok(TrainOn::DatasetVersion(DatasetVersionId::from_uuid(version)))
        }
        (None, Some(training)) => Ok(TrainOn::Conversations {
            training: DocumentId::from_uuid(training),
            validation: new.validation_document.map(DocumentId::from_uuid),
        }),
        _ => Err(Problem::new(Category::Invalid, "A job learns from a dataset or from conversations.")
            .with_field(FieldProblem::new(
                "body.dataset_version",
                "give either `dataset_version`, or `training_document` with or without `validation_document`",
            ))),
    }
}

/// Asks for a training job.
///
/// It waits for a worker, and goes on whoever looks.
#[utoipa::path(post, path = "/api/v1/training-jobs", operation_id = "createTrainingJob", tag = "Training",
    request_body = NewJob,
    responses((status = 201, description = "The job, waiting for a worker.", body = TrainingJob)))]
async fn create_training_job(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiJson(new): ApiJson<NewJob>,
) -> Result<Response, Problem> {
    let new = NewTrainingJob {
        train_on: train_on(&new)?,
        name: new.name.into_text(),
        base_model: new.base_model.into_text(),
        from_model: new.from_model.map(ModelId::from_uuid),
        settings: new.settings.unwrap_or_default().into_settings(),
        suffix: new.suffix.map(Suffix::into_text),
        metadata: new.metadata.unwrap_or_default().into_value(),
    };
    let added = state.services.add_training_job(caller.user, new).await?;
    let found = state.services.training_job_health(caller.whose(), added.id.0, state.clock.now()).await?;
    let shown = TrainingJobWithHealth::from(found);
    created_part(&format!("/api/v1/training-jobs/{}", shown.job.id), &shown, &shown.job)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &serde_json::Value) -> Result<TrainOn, Problem> {
        train_on(&serde_json::from_value(json.clone()).unwrap_or_else(|error| panic!("{error}")))
    }

    #[test]
    fn a_job_learns_from_a_dataset_or_from_conversations_and_never_from_both() {
        let (name, base_model) = ("biology", "smollm2-135m-instruct");
        let id = "018f6a1e-7c1b-7b3a-9a55-3d1f8e2c4b60";
        let dataset = serde_json::json!({ "name": name, "base_model": base_model, "dataset_version": id });
        assert!(matches!(read(&dataset), Ok(TrainOn::DatasetVersion(_))));
        let chat = serde_json::json!({ "name": name, "base_model": base_model, "training_document": id });
        assert!(matches!(read(&chat), Ok(TrainOn::Conversations { validation: None, .. })));
        let neither = serde_json::json!({ "name": name, "base_model": base_model });
        let both = serde_json::json!({ "name": name, "base_model": base_model, "dataset_version": id,
            "training_document": id });
        let stray = serde_json::json!({ "name": name, "base_model": base_model, "dataset_version": id,
            "validation_document": id });
        for wrong in [neither, both, stray] {
            assert_eq!(read(&wrong).unwrap_err().fields()[0].field, "body.dataset_version");
        }
    }
}
