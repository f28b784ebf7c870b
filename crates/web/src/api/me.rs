//! The caller's own account.

use axum::extract::State;
use axum::response::Response;
use gradus_app::accounts::{Account, Caller, Credential, Origin, Password};
use gradus_domain::{Id as _, Scope};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::conditions::{Conditions, changed};
use super::fields::{Label, ScopeWord, Typed};
use super::users::User;
use crate::guard::{AskedFrom, SignedIn};
use crate::problem::{ApiJson, Problem};
use crate::routes::{Access, Route};
use crate::state::ServerState;

type DisplayName = Label<100>;
type TypedPassword = Typed<1024>;

pub(super) fn routes() -> Vec<Route<ServerState>> {
    let writing = Access::signed_in(Scope::Write);
    vec![
        Route::described::<__path_find_me, _, _>(Access::signed_in(Scope::Read), find_me),
        Route::described::<__path_change_me, _, _>(writing, change_me),
        Route::described::<__path_change_password, _, _>(writing.by_session(), change_password),
    ]
}

/// The caller.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// The account.
    user: User,
    /// What the credentials may be used for, as far as the role allows it.
    scope: ScopeWord,
    /// The session that the caller is logged in with; null with an API token.
    session_id: Option<Uuid>,
    /// The API token that was shown; null in a session.
    api_token_id: Option<Uuid>,
}

impl Me {
    fn new(account: Account, caller: &Caller) -> Self {
        let (session_id, api_token_id) = match caller.credential {
            Credential::Session(id) => (Some(id.uuid()), None),
            Credential::ApiToken { id, .. } => (None, Some(id.uuid())),
        };
        Self { user: account.into(), scope: ScopeWord(caller.scope), session_id, api_token_id }
    }
}

/// What of an account its user changes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MeChange {
    /// What others will see.
    display_name: DisplayName,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The password so far.
    present: TypedPassword,
    /// The one from now on: at least 15 characters.
    new: TypedPassword,
}

async fn shown(state: &ServerState, caller: &Caller, origin: &Origin) -> Result<Me, Problem> {
    Ok(Me::new(state.accounts.user(caller, caller.user, origin).await?, caller))
}

/// Shows who you are.
#[utoipa::path(get, path = "/api/v1/me", operation_id = "findMe", tag = "Accounts",
    responses((status = 200, description = "You.", body = Me)))]
async fn find_me(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
    conditions: Conditions,
) -> Result<Response, Problem> {
    conditions.answer(&shown(&state, &caller, &origin).await?)
}

/// Changes your display name.
#[utoipa::path(patch, path = "/api/v1/me", operation_id = "changeMe", tag = "Accounts", request_body = MeChange,
    responses((status = 200, description = "You, from now on.", body = Me)))]
async fn change_me(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
    conditions: Conditions,
    ApiJson(change): ApiJson<MeChange>,
) -> Result<Response, Problem> {
    let who = caller.clone();
    let known = conditions.precondition(move |account| Me::new(account, &who));
    let display_name = change.display_name.into_text();
    state.accounts.change_display_name(&caller, &display_name, known, &origin).await?;
    let me = shown(&state, &caller, &origin).await?;
    changed(&me, &me)
}

/// Changes your password.
///
/// Ends your other sessions and revokes your API tokens.
#[utoipa::path(put, path = "/api/v1/me/password", operation_id = "changePassword", tag = "Accounts",
    request_body = PasswordChange,
    responses((status = 204, description = "It is changed.")))]
async fn change_password(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
    ApiJson(change): ApiJson<PasswordChange>,
) -> Result<StatusCode, Problem> {
    let present = Password::new(&change.present.into_text());
    let new = Password::new(&change.new.into_text());
    state.accounts.change_password(&caller, &present, &new, &origin).await?;
    Ok(StatusCode::NO_CONTENT)
}
