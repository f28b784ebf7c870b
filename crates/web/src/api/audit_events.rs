//! The audit log, for administrators.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use gradus_app::accounts::AuditEvent as Row;
use gradus_domain::{Id as _, Scope, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::listing::{Limit, Listed, Order, PageQuery, listed};
use crate::guard::{AskedFrom, SignedIn};
use crate::problem::{ApiQuery, Problem};
use crate::routes::{Access, Route};
use crate::state::ServerState;

pub(super) fn routes() -> Vec<Route<ServerState>> {
    vec![Route::described::<__path_list_audit_events, _, _>(Access::admin(Scope::Admin), list_audit_events)]
}

/// Which events are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// The `next` of the page before; nothing for the first page.
    after: Option<Uuid>,
    /// How many items at most; 50 where nothing is said.
    #[param(inline)]
    limit: Option<Limit>,
    /// Whether the newest come first (`desc`, as usual) or the oldest (`asc`).
    #[param(inline)]
    order: Option<Order>,
    /// Of this user alone.
    user: Option<Uuid>,
}

/// Something that someone did, or tried.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEvent {
    /// Its id.
    id: Uuid,
    /// When.
    at: DateTime<Utc>,
    /// Who, where that is known.
    user_id: Option<Uuid>,
    /// The name that was given.
    user_name: String,
    /// What.
    action: String,
    /// `done`, or why not.
    outcome: String,
    /// To what.
    subject: Option<String>,
    /// From where.
    address: Option<String>,
    /// In which request.
    request_id: Option<String>,
    /// What else is known.
    #[schema(value_type = Object)]
    details: Value,
}

impl From<Row> for AuditEvent {
    fn from(event: Row) -> Self {
        Self {
            id: event.id.uuid(),
            at: event.at,
            user_id: event.user_id.map(|id| id.uuid()),
            user_name: event.user_name,
            action: event.action,
            outcome: event.outcome,
            subject: event.subject,
            address: event.address,
            request_id: event.request_id,
            details: event.details.0,
        }
    }
}

/// Lists who did what.
#[utoipa::path(get, path = "/api/v1/audit-events", operation_id = "listAuditEvents", tag = "Operations",
    params(AuditQuery),
    responses((status = 200, description = "A page of the log.", body = Listed<AuditEvent>)))]
async fn list_audit_events(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
    ApiQuery(query): ApiQuery<AuditQuery>,
) -> Result<Json<Listed<AuditEvent>>, Problem> {
    let AuditQuery { after, limit, order, user } = query;
    let request = PageQuery { after, limit, order }.request();
    let page = state.accounts.audit_log(&caller, user.map(UserId::from_uuid), &request, &origin).await?;
    Ok(listed(page, |event| event.id.uuid(), AuditEvent::from))
}
