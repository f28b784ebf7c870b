//! The caller's API tokens.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use gradus_app::accounts::{NewApiToken, ShownApiToken};
use gradus_domain::{ApiTokenId, Id as _, Scope};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::fields::{Label, ScopeWord, Whole};
use super::listing::{Listed, PageQuery, listed};
use super::making_secret;
use crate::guard::{AskedFrom, SignedIn};
use crate::problem::{ApiJson, ApiPath, ApiQuery, Problem};
use crate::routes::{Access, Route};
use crate::state::ServerState;

type Name = Label<100>;
/// Ten years at most: what is to last longer is to last for ever.
type Hours = Whole<1, 87_600>;

pub(super) fn routes() -> Vec<Route<ServerState>> {
    let writing = Access::signed_in(Scope::Write);
    vec![
        Route::described::<__path_list_tokens, _, _>(Access::signed_in(Scope::Read), list_tokens),
        making_secret::<__path_create_token, _, _>(writing.by_session(), create_token),
        Route::described::<__path_revoke_token, _, _>(writing.owned(), revoke_token),
    ]
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// What it is for.
    name: Name,
    /// What it may do; never more than you may.
    scope: ScopeWord,
    /// In how many hours it ends; nothing for never.
    hours: Option<Hours>,
}

/// A token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiToken {
    /// Its id.
    id: Uuid,
    /// What it is for.
    name: String,
    /// How it begins.
    prefix: String,
    /// What it may do, as far as its user may.
    scope: ScopeWord,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it ends; null for never.
    expires_at: Option<DateTime<Utc>>,
    /// When it was used last, to the minute.
    last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    revoked_at: Option<DateTime<Utc>>,
}

/// A token that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeToken {
    /// The token itself. It is shown this once.
    secret: String,
    /// What is known of it from now on.
    token: ApiToken,
}

impl From<ShownApiToken> for ApiToken {
    fn from(token: ShownApiToken) -> Self {
        Self {
            id: token.id.uuid(),
            name: token.name,
            prefix: token.prefix,
            scope: ScopeWord(token.scope),
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
            revoked_at: token.revoked_at,
        }
    }
}

/// Lists your API tokens.
#[utoipa::path(get, path = "/api/v1/tokens", operation_id = "listTokens", tag = "Accounts", params(PageQuery),
    responses((status = 200, description = "A page of them, those revoked included.", body = Listed<ApiToken>)))]
async fn list_tokens(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<Listed<ApiToken>>, Problem> {
    let page = state.accounts.list_api_tokens(&caller, &query.request()).await?;
    Ok(listed(page, |token| token.id.uuid(), ApiToken::from))
}

/// Makes an API token.
///
/// The token itself is shown this once. It cannot do more than you may. Sign in to make one: a token makes no others, so
/// that one which is stolen is worth nothing once it is revoked.
#[utoipa::path(post, path = "/api/v1/tokens", operation_id = "createToken", tag = "Accounts",
    request_body = NewToken,
    responses((status = 201, description = "The token.", body = MadeToken)))]
async fn create_token(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
    ApiJson(new): ApiJson<NewToken>,
) -> Result<Response, Problem> {
    let lifetime = |hours: Hours| chrono::TimeDelta::hours(hours.0.cast_signed());
    let new = NewApiToken {
        name: new.name.into_text(),
        scope: new.scope.0,
        expires_at: new.hours.map(|hours| state.clock.now() + lifetime(hours)),
    };
    let made = state.accounts.make_api_token(&caller, new, &origin).await?;
    let body = MadeToken { secret: made.token.expose().to_owned(), token: made.shown.into() };
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// Revokes an API token.
///
/// It is refused from the next request on.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", operation_id = "revokeToken", tag = "Accounts",
    params(("id" = Uuid, Path, description = "The token's id.")),
    responses((status = 204, description = "It is revoked.")))]
async fn revoke_token(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
    ApiPath(id): ApiPath<ApiTokenId>,
) -> Result<StatusCode, Problem> {
    state.accounts.revoke_api_token(&caller, id, &origin).await?;
    Ok(StatusCode::NO_CONTENT)
}
