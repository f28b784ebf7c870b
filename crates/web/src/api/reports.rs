//! Reports: asked for, listed, read as a page or as figures, written again, deleted.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use gradus_app::service::reports::ReportForm;
use gradus_app::store::reports::Report as Row;
use gradus_domain::{Id as _, ModelTestId, ReportId, Scope};
use http::StatusCode;
use http::header::CONTENT_SECURITY_POLICY;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::audited;
use super::conditions::{Conditions, created};
use super::failed::{self, FailureShown};
use super::fields::{Line, ReportStateWord};
use super::following::{Follower, Snapshot, StreamedEvent, following};
use super::listing::{Listed, PageQuery, listed};
use super::making;
use crate::download::written;
use crate::guard::SignedIn;
use crate::problem::{ApiJson, ApiPath, ApiQuery, Problem};
use crate::routes::{Access, Route};
use crate::state::ServerState;

type Name = Line<200>;

/// A report is one page that asks for nothing: its styles and pictures are written into it, and it is sandboxed, so
/// that it has no origin, no script and no form, whatever was in the texts that it shows.
const PAGE_SECURITY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
    object-src 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> Vec<Route<ServerState>> {
    let reading = Access::signed_in(Scope::Read);
    let writing = Access::author(Scope::Write);
    vec![
        making::<__path_create_report, _, _>(writing, create_report),
        Route::described::<__path_list_reports, _, _>(reading, list_reports),
        Route::described::<__path_find_report, _, _>(reading.owned(), find_report),
        following::<__path_follow_report, _, _>(reading.owned(), follow_report),
        audited::<__path_show_report_page, _, _>(reading.owned(), "read-report", show_report_page),
        audited::<__path_show_report_figures, _, _>(reading.owned(), "read-report", show_report_figures),
        Route::described::<__path_retry_report, _, _>(writing.owned(), retry_report),
        audited::<__path_delete_report, _, _>(writing.owned(), "delete-report", delete_report),
    ]
}

/// A report to be written.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewReport {
    /// What people call it.
    name: Name,
    /// The completed model test that it is about.
    model_test: Uuid,
}

/// A report.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Report {
    /// Its id.
    id: Uuid,
    /// Whose.
    owner_id: Uuid,
    /// What kind of report.
    kind: String,
    /// What people call it.
    name: String,
    /// How far it is.
    state: ReportStateWord,
    /// The training job that it is about.
    training_job_id: Option<Uuid>,
    /// The model test that it is about.
    model_test_id: Option<Uuid>,
    /// The model test that the first is compared with.
    other_model_test_id: Option<Uuid>,
    /// Why it could not be written.
    failure: Option<FailureShown>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
    /// When it was written.
    finished_at: Option<DateTime<Utc>>,
}

impl From<Row> for Report {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.uuid(),
            owner_id: row.owner_id.uuid(),
            kind: row.kind,
            name: row.name,
            state: ReportStateWord(row.state.0),
            training_job_id: row.training_job_id.map(|id| id.uuid()),
            model_test_id: row.model_test_id.map(|id| id.uuid()),
            other_model_test_id: row.other_model_test_id.map(|id| id.uuid()),
            failure: failed::shown(row.failure),
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    }
}

impl From<Row> for Snapshot {
    fn from(row: Row) -> Self {
        Self::new(row.revision, row.state.0, &Report::from(row))
    }
}

/// Has a report on a model test written.
#[utoipa::path(post, path = "/api/v1/reports", operation_id = "createReport", tag = "Reports",
    request_body = NewReport,
    responses((status = 201, description = "The report, waiting to be written.", body = Report)))]
async fn create_report(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiJson(new): ApiJson<NewReport>,
) -> Result<Response, Problem> {
    let test = ModelTestId::from_uuid(new.model_test);
    let shown = Report::from(state.services.add_report(caller.user, new.name.into_text(), test).await?);
    created(&format!("/api/v1/reports/{}", shown.id), &shown)
}

/// Lists your reports; everyone's for administrators.
#[utoipa::path(get, path = "/api/v1/reports", operation_id = "listReports", tag = "Reports", params(PageQuery),
    responses((status = 200, description = "A page of them.", body = Listed<Report>)))]
async fn list_reports(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<Listed<Report>>, Problem> {
    let page = state.services.reports(caller.whose(), &query.request()).await?;
    Ok(listed(page, |row| row.id.uuid(), Report::from))
}

/// Shows how far a report is.
#[utoipa::path(get, path = "/api/v1/reports/{id}", operation_id = "findReport", tag = "Reports",
    params(("id" = Uuid, Path, description = "The report's id.")),
    responses((status = 200, description = "The report.", body = Report)))]
async fn find_report(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<ReportId>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    conditions.answer(&Report::from(state.services.report(caller.whose(), id).await?))
}

/// Follows a report while it is worked on.
///
/// Each event is a `snapshot`: the report as its address shows it, with the number of its revision as its id. Whoever comes
/// back says the last one in `Last-Event-ID` and gets it as it is now, if it changed since. The stream ends when no
/// work on it is left.
#[utoipa::path(get, path = "/api/v1/reports/{id}/events/stream", operation_id = "followReport",
    tag = "Reports", params(("id" = Uuid, Path, description = "The report's id.")),
    responses((status = 200, description = "Server-sent events, each with these fields.",
        content_type = "text/event-stream", body = StreamedEvent)))]
async fn follow_report(ApiPath(id): ApiPath<ReportId>, follower: Follower) -> Result<Response, Problem> {
    follower
        .follow(move |services, whose| async move { services.report(whose, id).await.map(Snapshot::from) })
        .await
}

/// Shows a report as a page.
#[utoipa::path(get, path = "/api/v1/reports/{id}/page", operation_id = "showReportPage", tag = "Reports",
    params(("id" = Uuid, Path, description = "The report's id.")),
    responses((status = 200, description = "The page.", content_type = "text/html", body = String)))]
async fn show_report_page(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<ReportId>,
) -> Result<Response, Problem> {
    let page = state.services.report_content(caller.whose(), id, ReportForm::Html).await?;
    let page = written("text/html; charset=utf-8", page);
    Ok(([(CONTENT_SECURITY_POLICY, PAGE_SECURITY)], page).into_response())
}

/// Shows the figures of a report.
#[utoipa::path(get, path = "/api/v1/reports/{id}/figures", operation_id = "showReportFigures", tag = "Reports",
    params(("id" = Uuid, Path, description = "The report's id.")),
    responses((status = 200, description = "The figures.", body = serde_json::Value)))]
async fn show_report_figures(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<ReportId>,
) -> Result<Response, Problem> {
    let figures = state.services.report_content(caller.whose(), id, ReportForm::Json).await?;
    Ok(written("application/json", figures))
}

/// Has a report written again.
#[utoipa::path(post, path = "/api/v1/reports/{id}/retry", operation_id = "retryReport", tag = "Reports",
    params(("id" = Uuid, Path, description = "The report's id.")),
    responses((status = 200, description = "The report, waiting to be written.", body = Report)))]
async fn retry_report(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<ReportId>,
) -> Result<Json<Report>, Problem> {
    Ok(Json(state.services.write_report_again(caller.whose(), id).await?.into()))
}

/// Deletes a report.
#[utoipa::path(delete, path = "/api/v1/reports/{id}", operation_id = "deleteReport", tag = "Reports",
    params(("id" = Uuid, Path, description = "The report's id.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_report(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<ReportId>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    let known = conditions.precondition(Report::from);
    state.services.delete_report(caller.whose(), id, known).await?;
    Ok(StatusCode::NO_CONTENT)
}
