//! The first run: whether the server waits to be set up, and setting it up.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use gradus_app::accounts::{FirstAdministrator, Password};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::fields::{AccountName, Label, Typed};
use super::sessions::begun;
use crate::guard::AskedFrom;
use crate::problem::{ApiJson, Problem};
use crate::routes::{Access, Route};
use crate::state::ServerState;

type Name = AccountName<64>;
type DisplayName = Label<100>;
type Secret = Typed<1024>;

pub(super) fn routes() -> Vec<Route<ServerState>> {
    vec![
        Route::described::<__path_find_setup, _, _>(Access::anyone(), find_setup),
        Route::described::<__path_set_up, _, _>(Access::anyone(), set_up),
    ]
}

/// Whether the server waits to be set up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SetupState {
    /// True while there is no user.
    needed: bool,
}

/// Who sets the server up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAdministrator {
    /// The one-time token that the server showed on its console.
    token: Secret,
    /// What the administrator will log in with.
    name: Name,
    /// What others will see.
    display_name: DisplayName,
    /// At least 15 characters, such as a few words that have nothing to do with one another.
    password: Secret,
}

/// Says whether the server waits to be set up.
#[utoipa::path(get, path = "/api/v1/setup", operation_id = "findSetup", tag = "Accounts",
    responses((status = 200, description = "Whether it does.", body = SetupState)))]
async fn find_setup(State(state): State<ServerState>) -> Result<Json<SetupState>, Problem> {
    Ok(Json(SetupState { needed: state.accounts.needs_set_up().await? }))
}

/// Sets the server up.
///
/// Makes the first administrator and logs them in. It is possible once, with the token on the server's console.
#[utoipa::path(post, path = "/api/v1/setup", operation_id = "setUp", tag = "Accounts",
    request_body = NewAdministrator,
    responses((status = 201, description = "The administrator's session; its cookie is set.",
        body = super::sessions::SessionBegun)))]
async fn set_up(
    State(state): State<ServerState>,
    AskedFrom(origin): AskedFrom,
    ApiJson(new): ApiJson<NewAdministrator>,
) -> Result<Response, Problem> {
    let first = FirstAdministrator {
        token: new.token.into_text(),
        name: new.name.into_text(),
        display_name: new.display_name.into_text(),
        password: Password::new(&new.password.into_text()),
    };
    begun(&state, &state.accounts.set_up(first, &origin).await?)
}
