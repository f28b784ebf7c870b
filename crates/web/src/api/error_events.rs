//! Kinds of failures that were seen, for administrators.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use gradus_app::store::error_events::ErrorEvent as Row;
use gradus_domain::{ErrorEventId, Id as _, Scope};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::fields::{FailureCategoryWord, SeverityWord};
use super::listing::{Limit, Listed, Order, PageQuery, listed};
use crate::guard::SignedIn;
use crate::problem::{ApiPath, ApiQuery, Problem};
use crate::routes::{Access, Route};
use crate::state::ServerState;

pub(super) fn routes() -> Vec<Route<ServerState>> {
    let admin = Access::admin(Scope::Admin);
    vec![
        Route::described::<__path_list_error_events, _, _>(admin, list_error_events),
        Route::described::<__path_resolve_error_event, _, _>(admin.owned(), resolve_error_event),
    ]
}

/// Which failures are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ErrorQuery {
    /// The `next` of the page before; nothing for the first page.
    after: Option<Uuid>,
    /// How many items at most; 50 where nothing is said.
    #[param(inline)]
    limit: Option<Limit>,
    /// Whether the newest come first (`desc`, as usual) or the oldest (`asc`).
    #[param(inline)]
    order: Option<Order>,
    /// Only those that nobody has dealt with.
    open: Option<bool>,
}

/// A kind of failure that was seen.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorEvent {
    /// Its id.
    id: Uuid,
    /// What tells it from other kinds.
    fingerprint: String,
    /// Whose move it is.
    category: FailureCategoryWord,
    /// How bad it is.
    severity: SeverityWord,
    /// Whether trying again may help.
    is_transient: bool,
    /// What happened the last time.
    message: String,
    /// In which part of the program.
    place: String,
    /// How often.
    count: i64,
    /// When first.
    first_seen_at: DateTime<Utc>,
    /// When last.
    last_seen_at: DateTime<Utc>,
    /// When someone said that it is dealt with.
    resolved_at: Option<DateTime<Utc>>,
    /// Who said so.
    resolved_by: Option<Uuid>,
    /// Which thing it befell the last time.
    subject_id: Option<Uuid>,
}

impl From<Row> for ErrorEvent {
    fn from(event: Row) -> Self {
        Self {
            id: event.id.uuid(),
            fingerprint: event.fingerprint,
            category: FailureCategoryWord(event.category.0),
            severity: SeverityWord(event.severity.0),
            is_transient: event.is_transient,
            message: event.message,
            place: event.place,
            count: event.count,
            first_seen_at: event.first_seen_at,
            last_seen_at: event.last_seen_at,
            resolved_at: event.resolved_at,
            resolved_by: event.resolved_by.map(|id| id.uuid()),
            subject_id: event.subject_id,
        }
    }
}

/// Lists kinds of failures.
#[utoipa::path(get, path = "/api/v1/error-events", operation_id = "listErrorEvents", tag = "Operations",
    params(ErrorQuery),
    responses((status = 200, description = "A page of them.", body = Listed<ErrorEvent>)))]
async fn list_error_events(
    State(state): State<ServerState>,
    ApiQuery(query): ApiQuery<ErrorQuery>,
) -> Result<Json<Listed<ErrorEvent>>, Problem> {
    let ErrorQuery { after, limit, order, open } = query;
    let request = PageQuery { after, limit, order }.request();
    let page = state.services.error_events(open.unwrap_or_default(), &request).await?;
    Ok(listed(page, |event| event.id.uuid(), ErrorEvent::from))
}

/// Says that a failure is dealt with.
///
/// Another one of its kind is listed anew.
#[utoipa::path(post, path = "/api/v1/error-events/{id}/resolve", operation_id = "resolveErrorEvent",
    tag = "Operations", params(("id" = Uuid, Path, description = "The failure's id.")),
    responses((status = 204, description = "It is noted.")))]
async fn resolve_error_event(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<ErrorEventId>,
) -> Result<StatusCode, Problem> {
    state.services.resolve_error_event(id, caller.user).await?;
    Ok(StatusCode::NO_CONTENT)
}
