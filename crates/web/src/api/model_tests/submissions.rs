//! The answers that a model is tried on.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use gradus_app::service::model_tests::NewSubmission;
use gradus_app::store::model_tests::submissions::Submission as Row;
use gradus_domain::{Id as _, ModelTestId, Scope};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::failed::{self, FailureShown};
use super::super::fields::{Line, Prose};
use super::super::listing::{PlaceQuery, Placed, placed};
use super::super::making;
use crate::guard::{BodyPace, SignedIn};
use crate::problem::{ApiJson, ApiPath, ApiQuery, Category, FieldProblem, Problem};
use crate::routes::{Access, Route};
use crate::state::ServerState;

/// How many answers may come at once.
const MOST_AT_ONCE: usize = 1000;
/// Long answers, a thousand at once.
const MOST_BODY_BYTES: u64 = 16 << 20;

type Student = Line<200>;
type Question = Line<200>;
type Answer = Prose<100_000>;
type Verdict = Line<200>;

pub(super) fn routes() -> Vec<Route<ServerState>> {
    let (reading, writing) = (Access::signed_in(Scope::Read), Access::author(Scope::Write));
    vec![
        making::<__path_add_submissions, _, _>(writing.owned(), add_submissions)
            .with_body_limits(MOST_BODY_BYTES, BodyPace::default()),
        Route::described::<__path_list_submissions, _, _>(reading.owned(), list_submissions),
    ]
}

/// Answers to be added to a draft.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSubmissions {
    /// The answers, in the order in which they are marked.
    #[schema(min_items = 1, max_items = 1000)]
    submissions: Vec<GivenAnswer>,
}

/// An answer whose mark is known.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GivenAnswer {
    /// Who answered.
    student: Option<Student>,
    /// The question's name in the guide.
    question: Question,
    /// What they answered.
    answer: Answer,
    /// The mark, or the verdict, that it should get.
    expected: Verdict,
}

impl From<GivenAnswer> for NewSubmission {
    fn from(given: GivenAnswer) -> Self {
        Self {
            student: given.student.map(Student::into_text),
            question: given.question.into_text(),
            answer: given.answer.into_text(),
            expected: given.expected.into_text(),
        }
    }
}

/// How many answers a test has now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubmissionCount {
    /// In all.
    total: u64,
}

/// An answer in a model test.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Submission {
    /// Its id.
    id: Uuid,
    /// Its place in the test, from 0.
    position: i64,
    /// The document that it was read from.
    document_id: Option<Uuid>,
    /// Who answered.
    student: Option<String>,
    /// The question's name.
    question: Option<String>,
    /// What they answered.
    answer: String,
    /// What it should be given.
    expected: Option<String>,
    /// What the model gave it.
    verdict: Option<String>,
    /// How sure the model is, 0 to 1.
    confidence: Option<f64>,
    /// Whether a person should look at it.
    needs_person: Option<bool>,
    /// All else that the model said.
    details: Value,
    /// Why it could not be marked.
    failure: Option<FailureShown>,
    /// When it was added.
    created_at: DateTime<Utc>,
    /// When it was marked.
    marked_at: Option<DateTime<Utc>>,
}

impl From<Row> for Submission {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.uuid(),
            position: row.position,
            document_id: row.document_id.map(|id| id.uuid()),
            student: row.student,
            question: row.question,
            answer: row.answer,
            expected: row.expected,
            verdict: row.verdict,
            confidence: row.confidence,
            needs_person: row.needs_person,
            details: row.details.0,
            failure: failed::shown(row.failure),
            created_at: row.created_at,
            marked_at: row.marked_at,
        }
    }
}

/// Adds answers to a draft.
#[utoipa::path(post, path = "/api/v1/model-tests/{id}/submissions", operation_id = "addSubmissions",
    tag = "Model tests", params(("id" = Uuid, Path, description = "The test's id.")),
    request_body = NewSubmissions,
    responses((status = 201, description = "How many the test has now.", body = SubmissionCount)))]
async fn add_submissions(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<ModelTestId>,
    ApiJson(new): ApiJson<NewSubmissions>,
) -> Result<Response, Problem> {
    if !(1..=MOST_AT_ONCE).contains(&new.submissions.len()) {
        return Err(Problem::new(Category::Invalid, "Send the answers in parts.").with_field(
            FieldProblem::new("body.submissions", format!("must have 1 to {MOST_AT_ONCE} answers")),
        ));
    }
    let given = new.submissions.into_iter().map(NewSubmission::from).collect();
    let total = state.services.add_submissions(caller.whose(), id, given).await?;
    Ok((StatusCode::CREATED, Json(SubmissionCount { total })).into_response())
}

/// Lists the answers of a test, in their order.
#[utoipa::path(get, path = "/api/v1/model-tests/{id}/submissions", operation_id = "listSubmissions",
    tag = "Model tests", params(("id" = Uuid, Path, description = "The test's id."), PlaceQuery),
    responses((status = 200, description = "A page of them.", body = Placed<Submission>)))]
async fn list_submissions(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<ModelTestId>,
    ApiQuery(query): ApiQuery<PlaceQuery>,
) -> Result<Json<Placed<Submission>>, Problem> {
    let limit = query.limit();
    let rows = state.services.submissions(caller.whose(), id, query.first(), limit + 1).await?;
    Ok(placed(rows, limit, |row| row.position.unsigned_abs() + 1, Submission::from))
}
