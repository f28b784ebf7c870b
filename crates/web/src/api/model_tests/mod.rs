//! Model tests: drafted, given submissions, run, looked at, deleted.

mod submissions;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use gradus_app::service::model_tests::{ModelTestSettings, NewModelTest};
use gradus_app::store::model_tests::ModelTest as Row;
use gradus_domain::{DatasetVersionId, DocumentId, Id as _, ModelId, ModelTestId, Scope};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::audited;
use super::conditions::{Conditions, created};
use super::failed::{self, FailureShown};
use super::fields::{Line, ModelTestStateWord};
use super::following::{Follower, Snapshot, StreamedEvent, following};
use super::listing::{Listed, PageQuery, listed};
use super::making;
use crate::guard::SignedIn;
use crate::problem::{ApiJson, ApiPath, ApiQuery, Problem};
use crate::routes::{Access, Route};
use crate::state::ServerState;

type Name = Line<200>;

pub(super) fn routes() -> Vec<Route<ServerState>> {
    let reading = Access::signed_in(Scope::Read);
    let writing = Access::author(Scope::Write);
    let own = vec![
        making::<__path_create_model_test, _, _>(writing, create_model_test),
        Route::described::<__path_list_model_tests, _, _>(reading, list_model_tests),
        Route::described::<__path_find_model_test, _, _>(reading.owned(), find_model_test),
        following::<__path_follow_model_test, _, _>(reading.owned(), follow_model_test),
        audited::<__path_run_model_test, _, _>(writing.owned(), "run-model-test", run_model_test),
        Route::described::<__path_cancel_model_test, _, _>(writing.owned(), cancel_model_test),
        audited::<__path_delete_model_test, _, _>(writing.owned(), "delete-model-test", delete_model_test),
    ];
    own.into_iter().chain(submissions::routes()).collect()
}

/// A model test to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTest {
    /// What people call it.
    name: Name,
    /// The trained model.
    model: Uuid,
    /// The version of a dataset whose guide is marked by.
    dataset_version: Uuid,
    /// Documents with papers, whose marks `known_marks` has.
    #[schema(max_items = 1000)]
    papers: Option<Vec<Uuid>>,
    /// The document with the table of the papers' marks.
    known_marks: Option<Uuid>,
    /// Documents with tables of answers and their marks.
    #[schema(max_items = 1000)]
    answers: Option<Vec<Uuid>>,
    /// Whether the answers that the dataset held out are tested on.
    held_out: Option<bool>,
    /// Whether answers made to mislead are marked too.
    robustness: Option<bool>,
    /// Whether feedback is written.
    feedback: Option<bool>,
}

impl NewTest {
    fn into_request(self) -> NewModelTest {
        let documents = |ids: Option<Vec<Uuid>>| -> Vec<DocumentId> {
            ids.unwrap_or_default().into_iter().map(DocumentId::from_uuid).collect()
        };
        NewModelTest {
            name: self.name.into_text(),
            model: ModelId::from_uuid(self.model),
            dataset_version: DatasetVersionId::from_uuid(self.dataset_version),
            settings: ModelTestSettings {
                papers: documents(self.papers),
                known_marks: self.known_marks.map(DocumentId::from_uuid),
                answers: documents(self.answers),
                held_out: self.held_out.unwrap_or_default(),
                robustness: self.robustness.unwrap_or_default(),
                feedback: self.feedback.unwrap_or_default(),
            },
        }
    }
}

/// A model test.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelTest {
    /// Its id.
    id: Uuid,
    /// Whose.
    owner_id: Uuid,
    /// What people call it.
    name: String,
    /// The model.
    model_id: Uuid,
    /// The version whose guide is marked by.
    dataset_version_id: Option<Uuid>,
    /// How far it is.
    state: ModelTestStateWord,
    /// How it is run.
    #[schema(value_type = Object)]
    settings: Value,
    /// Submissions marked so far.
    done: i64,
    /// Submissions in all.
    total: i64,
    /// Agreement, in short; null until it is known.
    figures: Value,
    /// What ended it.
    failure: Option<FailureShown>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When a worker took it.
    started_at: Option<DateTime<Utc>>,
    /// When it ended.
    finished_at: Option<DateTime<Utc>>,
    /// When it was changed last.
    updated_at: DateTime<Utc>,
}

impl From<Row> for ModelTest {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.uuid(),
            owner_id: row.owner_id.uuid(),
            name: row.name,
            model_id: row.model_id.uuid(),
            dataset_version_id: row.dataset_version_id.map(|id| id.uuid()),
            state: ModelTestStateWord(row.state.0),
            settings: row.settings.0,
            done: row.done,
            total: row.total,
            figures: row.figures.0,
            failure: failed::shown(row.failure),
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            updated_at: row.updated_at,
        }
    }
}

impl From<Row> for Snapshot {
    fn from(row: Row) -> Self {
        Self::new(row.revision, row.state.0, &ModelTest::from(row))
    }
}

/// Makes a model test, as a draft.
#[utoipa::path(post, path = "/api/v1/model-tests", operation_id = "createModelTest", tag = "Model tests",
    request_body = NewTest,
    responses((status = 201, description = "The draft.", body = ModelTest)))]
async fn create_model_test(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiJson(new): ApiJson<NewTest>,
) -> Result<Response, Problem> {
    let shown = ModelTest::from(state.services.add_model_test(caller.user, new.into_request()).await?);
    created(&format!("/api/v1/model-tests/{}", shown.id), &shown)
}

/// Lists your model tests; everyone's for administrators.
#[utoipa::path(get, path = "/api/v1/model-tests", operation_id = "listModelTests", tag = "Model tests",
    params(PageQuery),
    responses((status = 200, description = "A page of them.", body = Listed<ModelTest>)))]
async fn list_model_tests(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<Listed<ModelTest>>, Problem> {
    let page = state.services.model_tests(caller.whose(), &query.request()).await?;
    Ok(listed(page, |row| row.id.uuid(), ModelTest::from))
}

/// Shows a model test.
#[utoipa::path(get, path = "/api/v1/model-tests/{id}", operation_id = "findModelTest", tag = "Model tests",
    params(("id" = Uuid, Path, description = "The test's id.")),
    responses((status = 200, description = "The test.", body = ModelTest)))]
async fn find_model_test(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<ModelTestId>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    conditions.answer(&ModelTest::from(state.services.model_test(caller.whose(), id).await?))
}

/// Follows a model test while it is worked on.
///
/// Each event is a `snapshot`: the model test as its address shows it, with the number of its revision as its id. Whoever comes
/// back says the last one in `Last-Event-ID` and gets it as it is now, if it changed since. The stream ends when no
/// work on it is left.
#[utoipa::path(get, path = "/api/v1/model-tests/{id}/events/stream", operation_id = "followModelTest",
    tag = "Model tests", params(("id" = Uuid, Path, description = "The test's id.")),
    responses((status = 200, description = "Server-sent events, each with these fields.",
        content_type = "text/event-stream", body = StreamedEvent)))]
async fn follow_model_test(
    ApiPath(id): ApiPath<ModelTestId>,
    follower: Follower,
) -> Result<Response, Problem> {
    follower
        .follow(
            move |services, whose| async move { services.model_test(whose, id).await.map(Snapshot::from) },
        )
        .await
}

/// Has a model test run.
#[utoipa::path(post, path = "/api/v1/model-tests/{id}/run", operation_id = "runModelTest", tag = "Model tests",
    params(("id" = Uuid, Path, description = "The test's id.")),
    responses((status = 200, description = "The test, waiting for a worker.", body = ModelTest)))]
async fn run_model_test(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<ModelTestId>,
) -> Result<Json<ModelTest>, Problem> {
    Ok(Json(state.services.run_model_test(caller.whose(), id).await?.into()))
}

/// Gives a model test up.
#[utoipa::path(post, path = "/api/v1/model-tests/{id}/cancel", operation_id = "cancelModelTest",
    tag = "Model tests", params(("id" = Uuid, Path, description = "The test's id.")),
    responses((status = 200, description = "The test.", body = ModelTest)))]
async fn cancel_model_test(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<ModelTestId>,
) -> Result<Json<ModelTest>, Problem> {
    Ok(Json(state.services.cancel_model_test(caller.whose(), id).await?.into()))
}

/// Deletes a model test with its submissions.
#[utoipa::path(delete, path = "/api/v1/model-tests/{id}", operation_id = "deleteModelTest", tag = "Model tests",
    params(("id" = Uuid, Path, description = "The test's id.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_model_test(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<ModelTestId>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    let known = conditions.precondition(ModelTest::from);
    state.services.delete_model_test(caller.whose(), id, known).await?;
    Ok(StatusCode::NO_CONTENT)
}
