//! The accounts of others, for administrators, and the invitations with which they choose their passwords.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use gradus_app::accounts::{Acceptance, Account, Caller, Invitation, NewUser, Origin, Password};
use gradus_domain::{Id as _, Scope, UserId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::conditions::{Conditions, changed};
use super::fields::{AccountName, Label, RoleWord, Typed};
use super::listing::{Listed, PageQuery, listed};
use super::making_secret;
use super::sessions::{SessionBegun, begun};
use crate::guard::{AskedFrom, SignedIn};
use crate::problem::{ApiJson, ApiPath, ApiQuery, Problem};
use crate::routes::{Access, Route};
use crate::state::ServerState;

type Name = AccountName<64>;
type DisplayName = Label<100>;
type TypedName = Typed<200>;
type Secret = Typed<1024>;

pub(super) fn routes() -> Vec<Route<ServerState>> {
    let admin = Access::admin(Scope::Admin);
    // What gives someone a way in is done by a person: an API token that is stolen would outlive itself by it.
    vec![
        Route::described::<__path_list_users, _, _>(admin, list_users),
        making_secret::<__path_create_user, _, _>(admin.by_session(), create_user),
        Route::described::<__path_find_user, _, _>(admin.owned(), find_user),
        making_secret::<__path_invite_user, _, _>(admin.owned().by_session(), invite_user),
        Route::described::<__path_change_role, _, _>(admin.owned().by_session(), change_role),
        Route::described::<__path_disable_user, _, _>(admin.owned(), disable_user),
        Route::described::<__path_enable_user, _, _>(admin.owned(), enable_user),
        Route::described::<__path_accept_invitation, _, _>(Access::anyone(), accept_invitation),
    ]
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct User {
    /// Its id.
    id: Uuid,
    /// What they log in with.
    name: String,
    /// What others see.
    display_name: String,
    /// What they may do.
    role: RoleWord,
    /// Whether they have chosen a password.
    has_password: bool,
    /// Since when they may not log in; null while they may.
    disabled_at: Option<DateTime<Utc>>,
    /// When the account was made.
    created_at: DateTime<Utc>,
    /// When it was changed last.
    updated_at: DateTime<Utc>,
}

impl From<Account> for User {
    fn from(account: Account) -> Self {
        Self {
            id: account.id.uuid(),
            name: account.name,
            display_name: account.display_name,
            role: RoleWord(account.role),
            has_password: account.has_password,
            disabled_at: account.disabled_at,
            created_at: account.created_at,
            updated_at: account.updated_at,
        }
    }
}

/// Someone who shall have an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAccount {
    /// What they will log in with: letters of ASCII, digits, `.`, `_`, `-` and `@`.
    name: Name,
    /// What others will see.
    display_name: DisplayName,
    /// What they will be allowed to do.
    role: RoleWord,
}

/// Another role.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleChange {
    /// What they may do from now on.
    role: RoleWord,
}

/// An invitation to choose a password.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvitationMade {
    /// Whom for.
    user: User,
    /// The code to be handed on. It is shown this once.
    code: String,
    /// When it ends.
    expires_at: DateTime<Utc>,
}

/// Someone who accepts an invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationAccepted {
    /// The user's name, in any case.
    name: TypedName,
    /// The code.
    code: Secret,
    /// The password they choose: at least 15 characters.
    password: Secret,
}

fn invited(invitation: Invitation) -> Response {
    let body = InvitationMade {
        user: invitation.account.into(),
        code: invitation.code.expose().to_owned(),
        expires_at: invitation.expires_at,
    };
    (StatusCode::CREATED, Json(body)).into_response()
}

async fn shown(state: &ServerState, caller: &Caller, id: UserId, origin: &Origin) -> Result<User, Problem> {
    Ok(state.accounts.user(caller, id, origin).await?.into())
}

/// Lists all users.
#[utoipa::path(get, path = "/api/v1/users", operation_id = "listUsers", tag = "Users", params(PageQuery),
    responses((status = 200, description = "A page of them.", body = Listed<User>)))]
async fn list_users(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<Listed<User>>, Problem> {
    let page = state.accounts.list_users(&caller, &query.request(), &origin).await?;
    Ok(listed(page, |account| account.id.uuid(), User::from))
}

/// Makes an account.
///
/// Its user chooses a password with the code, which is shown this once.
#[utoipa::path(post, path = "/api/v1/users", operation_id = "createUser", tag = "Users",
    request_body = NewAccount,
    responses((status = 201, description = "The account and its invitation.", body = InvitationMade)))]
async fn create_user(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
    ApiJson(new): ApiJson<NewAccount>,
) -> Result<Response, Problem> {
    let new =
        NewUser { name: new.name.into_text(), display_name: new.display_name.into_text(), role: new.role.0 };
    Ok(invited(state.accounts.create_user(&caller, new, &origin).await?))
}

/// Shows a user.
#[utoipa::path(get, path = "/api/v1/users/{id}", operation_id = "findUser", tag = "Users",
    params(("id" = Uuid, Path, description = "The user's id.")),
    responses((status = 200, description = "The user.", body = User)))]
async fn find_user(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
    ApiPath(id): ApiPath<UserId>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    conditions.answer(&shown(&state, &caller, id, &origin).await?)
}

/// Invites a user again.
///
/// The new code replaces the one before. Their password stays as it is until the code is used.
#[utoipa::path(post, path = "/api/v1/users/{id}/invitation", operation_id = "inviteUser", tag = "Users",
    params(("id" = Uuid, Path, description = "The user's id.")),
    responses((status = 201, description = "The invitation.", body = InvitationMade)))]
async fn invite_user(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
    ApiPath(id): ApiPath<UserId>,
) -> Result<Response, Problem> {
    Ok(invited(state.accounts.invite_user(&caller, id, &origin).await?))
}

/// Gives a user another role.
#[utoipa::path(put, path = "/api/v1/users/{id}/role", operation_id = "changeRole", tag = "Users",
    params(("id" = Uuid, Path, description = "The user's id.")), request_body = RoleChange,
    responses((status = 200, description = "The user, from now on.", body = User)))]
async fn change_role(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
    ApiPath(id): ApiPath<UserId>,
    conditions: Conditions,
    ApiJson(change): ApiJson<RoleChange>,
) -> Result<Response, Problem> {
    let known = conditions.precondition(User::from);
    state.accounts.change_role(&caller, id, change.role.0, known, &origin).await?;
    // An administrator who gives the role up may not look any more, unless at themselves.
    let user = shown(&state, &caller, id, &origin).await?;
    changed(&user, &user)
}

/// Keeps a user out.
///
/// Ends their sessions, and revokes their API tokens and their invitation.
#[utoipa::path(post, path = "/api/v1/users/{id}/disable", operation_id = "disableUser", tag = "Users",
    params(("id" = Uuid, Path, description = "The user's id.")),
    responses((status = 200, description = "The user, from now on.", body = User)))]
async fn disable_user(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
    ApiPath(id): ApiPath<UserId>,
) -> Result<Json<User>, Problem> {
    state.accounts.disable_user(&caller, id, &origin).await?;
    Ok(Json(shown(&state, &caller, id, &origin).await?))
}

/// Lets a user log in again.
#[utoipa::path(post, path = "/api/v1/users/{id}/enable", operation_id = "enableUser", tag = "Users",
    params(("id" = Uuid, Path, description = "The user's id.")),
    responses((status = 200, description = "The user, from now on.", body = User)))]
async fn enable_user(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
    ApiPath(id): ApiPath<UserId>,
) -> Result<Json<User>, Problem> {
    state.accounts.enable_user(&caller, id, &origin).await?;
    Ok(Json(shown(&state, &caller, id, &origin).await?))
}

/// Accepts an invitation.
///
/// Sets the password and logs in. Sessions and API tokens that there were end.
#[utoipa::path(post, path = "/api/v1/invitations/accept", operation_id = "acceptInvitation", tag = "Accounts",
    request_body = InvitationAccepted,
    responses((status = 201, description = "The session; its cookie is set.", body = SessionBegun)))]
async fn accept_invitation(
    State(state): State<ServerState>,
    AskedFrom(origin): AskedFrom,
    ApiJson(accepted): ApiJson<InvitationAccepted>,
) -> Result<Response, Problem> {
    let acceptance = Acceptance {
        name: accepted.name.into_text(),
        code: accepted.code.into_text(),
        password: Password::new(&accepted.password.into_text()),
    };
    begun(&state, &state.accounts.accept_invitation(acceptance, &origin).await?)
}
