//! The frozen versions of datasets: what they are built of, how far they are, and their examples.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use gradus_app::grading::dataset::{DatasetOptions, LeakedAnswers};
use gradus_app::grading::guide::QuestionId;
use gradus_app::service::datasets::VersionRequest;
use gradus_app::store::datasets::examples::Example as ExampleRow;
use gradus_app::store::datasets::versions::DatasetVersion as Row;
use gradus_domain::{DatasetId, DatasetVersionId, DocumentId, Id as _, Scope};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::conditions::{Conditions, created};
use super::super::failed::{self, FailureShown};
use super::super::fields::{DatasetVersionStateWord, Line, PartialShare, Whole};
use super::super::following::{Follower, Snapshot, StreamedEvent, following};
use super::super::listing::{PlaceQuery, Placed, placed};
use super::super::making;
use crate::guard::SignedIn;
use crate::problem::{ApiJson, ApiPath, ApiQuery, Problem};
use crate::routes::{Access, Route};
use crate::state::ServerState;

type QuestionName = Line<200>;
type Seed = Whole<0, 4_294_967_295>;

pub(super) fn routes() -> Vec<Route<ServerState>> {
    let reading = Access::signed_in(Scope::Read);
    let writing = Access::author(Scope::Write);
    vec![
        making::<__path_create_dataset_version, _, _>(writing.owned(), create_dataset_version),
        Route::described::<__path_find_dataset_version, _, _>(reading.shared(), find_dataset_version),
        following::<__path_follow_dataset_version, _, _>(reading.shared(), follow_dataset_version),
        Route::described::<__path_retry_dataset_version, _, _>(writing.owned(), retry_dataset_version),
        Route::described::<__path_list_examples, _, _>(reading.shared(), list_examples),
    ]
}

/// What happens to a training example whose text also stands in a held-out part.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Leaked {
    /// It leaves the dataset, unless everyone writes it.
    RemoveFromTraining,
    /// It stays and is only reported.
    Keep,
}

/// What a version of a dataset is built of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewVersion {
    /// The document of the marking guide.
    guide: Uuid,
    /// The documents with tables of marked answers.
    #[schema(min_items = 1)]
    answers: Vec<Uuid>,
    /// Questions of which every answer is kept for testing.
    unseen_questions: Option<Vec<QuestionName>>,
    /// Share of the students whose answers are kept for validation; a tenth where nothing is said.
    validation_share: Option<PartialShare>,
    /// Share of the students whose answers are kept for testing; none where nothing is said.
    test_share: Option<PartialShare>,
    /// What happens to training examples that would give held-out answers away.
    leaked_answers: Option<Leaked>,
    /// Decides which students go where.
    seed: Option<Seed>,
}

impl NewVersion {
    /// As the service is asked.
    pub(super) fn into_request(self) -> VersionRequest {
        let usual = DatasetOptions::default();
        let unseen = self.unseen_questions.unwrap_or_default().into_iter();
        VersionRequest {
            guide: DocumentId::from_uuid(self.guide),
            answers: self.answers.into_iter().map(DocumentId::from_uuid).collect(),
            options: DatasetOptions {
                unseen_questions: unseen.map(|name| QuestionId(name.into_text())).collect(),
                validation_share: self.validation_share.map_or(usual.validation_share, |share| share.0),
                test_share: self.test_share.map_or(usual.test_share, |share| share.0),
                leaked_answers: match self.leaked_answers {
                    Some(Leaked::RemoveFromTraining) => LeakedAnswers::RemoveFromTraining,
                    Some(Leaked::Keep) => LeakedAnswers::Keep,
                    None => usual.leaked_answers,
                },
                seed: self.seed.map_or(usual.seed, |seed| seed.0),
            },
        }
    }
}

/// One version of a dataset.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DatasetVersion {
    /// Its id.
    id: Uuid,
    /// Of which dataset.
    dataset_id: Uuid,
    /// Which version of it, from 1.
    number: i64,
    /// How far it is.
    state: DatasetVersionStateWord,
    /// How its documents are read and split.
    #[schema(value_type = Object)]
    settings: Value,
    /// The hash of what it teaches, which every model trained on it names.
    content_hash: Option<String>,
    /// How many examples it has.
    examples: i64,
    /// Counts, leakage, doubts.
    figures: Value,
    /// Why its documents make no dataset.
    failure: Option<FailureShown>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
    /// When it was frozen or failed.
    finished_at: Option<DateTime<Utc>>,
}

impl From<Row> for DatasetVersion {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.uuid(),
            dataset_id: row.dataset_id.uuid(),
            number: row.number,
            state: DatasetVersionStateWord(row.state.0),
            settings: row.settings.0,
            content_hash: row.content_hash,
            examples: row.examples,
            figures: row.figures.0,
            failure: failed::shown(row.failure),
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    }
}

impl From<Row> for Snapshot {
    fn from(row: Row) -> Self {
        Self::new(row.revision, row.state.0, &DatasetVersion::from(row))
    }
}

/// An example.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Example {
    /// Its place in the version, from 0.
    position: i64,
    /// `train`, `validation` or `test`.
    part: String,
    /// The question's name.
    question: String,
    /// Who answered.
    student: Option<String>,
    /// What they answered.
    answer: String,
    /// What it was given.
    verdict: String,
}

impl From<ExampleRow> for Example {
    fn from(row: ExampleRow) -> Self {
        Self {
            position: row.position,
            part: row.part,
            question: row.question,
            student: row.student,
            answer: row.answer,
            verdict: row.verdict,
        }
    }
}

/// Makes the next version of a dataset.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/versions", operation_id = "createDatasetVersion",
    tag = "Datasets", params(("id" = Uuid, Path, description = "The dataset's id.")), request_body = NewVersion,
    responses((status = 201, description = "The version, waiting to be built.", body = DatasetVersion)))]
async fn create_dataset_version(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<DatasetId>,
    ApiJson(new): ApiJson<NewVersion>,
) -> Result<Response, Problem> {
    let version = state.services.add_dataset_version(caller.whose(), id, new.into_request()).await?;
    let shown = DatasetVersion::from(version);
    created(&format!("/api/v1/dataset-versions/{}", shown.id), &shown)
}

/// Shows a version of a dataset.
#[utoipa::path(get, path = "/api/v1/dataset-versions/{id}", operation_id = "findDatasetVersion", tag = "Datasets",
    params(("id" = Uuid, Path, description = "The version's id.")),
    responses((status = 200, description = "The version.", body = DatasetVersion)))]
async fn find_dataset_version(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<DatasetVersionId>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    conditions.answer(&DatasetVersion::from(state.services.dataset_version(caller.whose(), id).await?))
}

/// Follows a version of a dataset while it is worked on.
///
/// Each event is a `snapshot`: the version as its address shows it, with the number of its revision as its id. Whoever comes
/// back says the last one in `Last-Event-ID` and gets it as it is now, if it changed since. The stream ends when no
/// work on it is left.
#[utoipa::path(get, path = "/api/v1/dataset-versions/{id}/events/stream", operation_id = "followDatasetVersion",
    tag = "Datasets", params(("id" = Uuid, Path, description = "The version's id.")),
    responses((status = 200, description = "Server-sent events, each with these fields.",
        content_type = "text/event-stream", body = StreamedEvent)))]
async fn follow_dataset_version(
    ApiPath(id): ApiPath<DatasetVersionId>,
    follower: Follower,
) -> Result<Response, Problem> {
    follower
        .follow(move |services, whose| async move {
            services.dataset_version(whose, id).await.map(Snapshot::from)
        })
        .await
}

/// Has a version that failed built again.
#[utoipa::path(post, path = "/api/v1/dataset-versions/{id}/retry", operation_id = "retryDatasetVersion",
    tag = "Datasets", params(("id" = Uuid, Path, description = "The version's id.")),
    responses((status = 200, description = "The version, waiting to be built.", body = DatasetVersion)))]
async fn retry_dataset_version(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<DatasetVersionId>,
) -> Result<Json<DatasetVersion>, Problem> {
    Ok(Json(state.services.build_dataset_version_again(caller.whose(), id).await?.into()))
}

/// Lists the examples of a version, in their order.
#[utoipa::path(get, path = "/api/v1/dataset-versions/{id}/examples", operation_id = "listExamples",
    tag = "Datasets", params(("id" = Uuid, Path, description = "The version's id."), PlaceQuery),
    responses((status = 200, description = "A page of them.", body = Placed<Example>)))]
async fn list_examples(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<DatasetVersionId>,
    ApiQuery(query): ApiQuery<PlaceQuery>,
) -> Result<Json<Placed<Example>>, Problem> {
    let limit = query.limit();
    let rows = state.services.examples(caller.whose(), id, query.first(), limit + 1).await?;
    Ok(placed(rows, limit, |row| row.position.unsigned_abs() + 1, Example::from))
}
