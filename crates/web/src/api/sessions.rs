//! Logging in and out, and the sessions of one user.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use gradus_app::accounts::{LoggedIn, Login, Password, ShownSession};
use gradus_domain::{Id as _, Scope, SessionId};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::fields::Typed;
use super::listing::{Listed, PageQuery, listed};
use crate::guard::{AskedFrom, SignedIn};
use crate::problem::{ApiJson, ApiPath, ApiQuery, Category, Problem};
use crate::routes::{Access, Route};
use crate::state::ServerState;

/// Any name may be tried: what cannot be one is wrong as any other is.
type TypedName = Typed<200>;
type TypedPassword = Typed<4096>;

pub(super) fn routes() -> Vec<Route<ServerState>> {
    let writing = Access::signed_in(Scope::Write);
    vec![
        Route::described::<__path_log_in, _, _>(Access::anyone(), log_in),
        Route::described::<__path_list_sessions, _, _>(Access::signed_in(Scope::Read), list_sessions),
        Route::described::<__path_log_out, _, _>(writing.by_session(), log_out),
        Route::described::<__path_end_session, _, _>(writing.owned(), end_session),
    ]
}

/// What someone types to log in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginRequest {
    /// The user's name, in any case.
    name: TypedName,
    /// The password.
    password: TypedPassword,
}

/// A session that has begun. Its secret is in the cookie alone.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionBegun {
    /// The session.
    id: Uuid,
    /// Whose it is.
    user_id: Uuid,
    /// When it ends, however much it is used.
    expires_at: DateTime<Utc>,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// Its id.
    id: Uuid,
    /// From where it was begun.
    address: String,
    /// What the browser called itself.
    user_agent: String,
    /// When it was begun.
    created_at: DateTime<Utc>,
    /// When it was used last, to the minute.
    last_seen_at: DateTime<Utc>,
    /// When it ends, however much it is used.
    expires_at: DateTime<Utc>,
    /// Whether it is the one that asks.
    is_own: bool,
}

impl From<ShownSession> for Session {
    fn from(session: ShownSession) -> Self {
        Self {
            id: session.id.uuid(),
            address: session.address,
            user_agent: session.user_agent,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            is_own: session.is_own,
        }
    }
}

/// The answer that hands a session to the browser.
pub(super) fn begun(state: &ServerState, logged_in: &LoggedIn) -> Result<Response, Problem> {
    let lifetime = (logged_in.expires_at - state.clock.now()).to_std().unwrap_or_default();
    let cookie = state.session_cookie.set(logged_in.secret.expose(), lifetime);
    // Secrets are of letters and digits alone.
    let cookie = cookie.ok_or_else(|| Problem::general(Category::Internal))?;
    let body = SessionBegun {
        id: logged_in.session.uuid(),
        user_id: logged_in.user.uuid(),
        expires_at: logged_in.expires_at,
    };
    Ok((StatusCode::CREATED, [(SET_COOKIE, cookie)], Json(body)).into_response())
}

/// Logs in.
///
/// Programs use API tokens instead.
#[utoipa::path(post, path = "/api/v1/sessions", operation_id = "logIn", tag = "Accounts",
    request_body = LoginRequest,
    responses((status = 201, description = "The session; its cookie is set.", body = SessionBegun)))]
async fn log_in(
    State(state): State<ServerState>,
    AskedFrom(origin): AskedFrom,
    headers: HeaderMap,
    ApiJson(typed): ApiJson<LoginRequest>,
) -> Result<Response, Problem> {
    let login = Login {
        name: typed.name.into_text(),
        password: Password::new(&typed.password.into_text()),
        previous_session: state.session_cookie.token(&headers).map(str::to_owned),
    };
    begun(&state, &state.accounts.log_in(login, &origin).await?)
}

/// Lists your sessions.
#[utoipa::path(get, path = "/api/v1/sessions", operation_id = "listSessions", tag = "Accounts", params(PageQuery),
    responses((status = 200, description = "A page of those that are not over.", body = Listed<Session>)))]
async fn list_sessions(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<Listed<Session>>, Problem> {
    let page = state.accounts.list_sessions(&caller, &query.request()).await?;
    Ok(listed(page, |session| session.id.uuid(), Session::from))
}

/// Logs out.
#[utoipa::path(delete, path = "/api/v1/sessions/current", operation_id = "logOut", tag = "Accounts",
    responses((status = 204, description = "The session is over; its cookie is cleared.")))]
async fn log_out(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
) -> Result<Response, Problem> {
    state.accounts.log_out(&caller, &origin).await?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, state.session_cookie.clear())]).into_response())
}

/// Ends one of your sessions.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", operation_id = "endSession", tag = "Accounts",
    params(("id" = Uuid, Path, description = "The session's id.")),
    responses((status = 204, description = "It is over.")))]
async fn end_session(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
    ApiPath(id): ApiPath<SessionId>,
) -> Result<StatusCode, Problem> {
    state.accounts.end_session(&caller, id, &origin).await?;
    Ok(StatusCode::NO_CONTENT)
}
