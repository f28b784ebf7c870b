//! Who besides its owner may see a dataset or a model.

use axum::Json;
use axum::extract::State;
use gradus_app::accounts::{Shared, SharedWith};
use gradus_domain::{DatasetId, Id as _, ModelId, Scope};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::fields::AccountName;
use super::listing::{Listed, whole};
use crate::guard::{AskedFrom, SignedIn};
use crate::problem::{ApiJson, ApiPath, Problem};
use crate::routes::{Access, Route};
use crate::state::ServerState;

type UserName = AccountName<64>;

pub(super) fn routes() -> Vec<Route<ServerState>> {
    let reading = Access::signed_in(Scope::Read).owned();
    let writing = Access::author(Scope::Write).owned();
    vec![
        Route::described::<__path_list_dataset_shares, _, _>(reading, list_dataset_shares),
        Route::described::<__path_share_dataset, _, _>(writing, share_dataset),
        Route::described::<__path_stop_sharing_dataset, _, _>(writing, stop_sharing_dataset),
        Route::described::<__path_list_model_shares, _, _>(reading, list_model_shares),
        Route::described::<__path_share_model, _, _>(writing, share_model),
        Route::described::<__path_stop_sharing_model, _, _>(writing, stop_sharing_model),
    ]
}

/// With whom something is shared.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewShare {
    /// What the user logs in with.
    user_name: UserName,
}

/// Someone who may see a thing besides its owner.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SharedUser {
    /// The user.
    user_id: Uuid,
    /// What they log in with.
    user_name: String,
    /// What others see.
    display_name: String,
}

impl From<SharedWith> for SharedUser {
    fn from(with: SharedWith) -> Self {
        Self { user_id: with.id.uuid(), user_name: with.name, display_name: with.display_name }
    }
}

async fn list(
    state: &ServerState,
    signed_in: SignedIn,
    shared: Shared,
) -> Result<Json<Listed<SharedUser>>, Problem> {
    let with = state.accounts.shared_with(&signed_in.0, shared).await?;
    Ok(whole(with.into_iter().map(SharedUser::from).collect()))
}

/// Lists who may see a dataset besides its owner.
#[utoipa::path(get, path = "/api/v1/datasets/{id}/shares", operation_id = "listDatasetShares", tag = "Datasets",
    params(("id" = Uuid, Path, description = "The dataset's id.")),
    responses((status = 200, description = "All of them.", body = Listed<SharedUser>)))]
async fn list_dataset_shares(
    State(state): State<ServerState>,
    signed_in: SignedIn,
    ApiPath(id): ApiPath<DatasetId>,
) -> Result<Json<Listed<SharedUser>>, Problem> {
    list(&state, signed_in, Shared::Dataset(id)).await
}

/// Lets a user see a dataset.
#[utoipa::path(post, path = "/api/v1/datasets/{id}/shares", operation_id = "shareDataset", tag = "Datasets",
    params(("id" = Uuid, Path, description = "The dataset's id.")), request_body = NewShare,
    responses((status = 204, description = "They may see it.")))]
async fn share_dataset(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
    ApiPath(id): ApiPath<DatasetId>,
    ApiJson(new): ApiJson<NewShare>,
) -> Result<StatusCode, Problem> {
    state.accounts.share(&caller, Shared::Dataset(id), &new.user_name.into_text(), &origin).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a user see a dataset no longer.
#[utoipa::path(delete, path = "/api/v1/datasets/{id}/shares/{user_name}", operation_id = "stopSharingDataset",
    tag = "Datasets", params(("id" = Uuid, Path, description = "The dataset's id."),
        ("user_name" = inline(UserName), Path, description = "What the user logs in with.")),
    responses((status = 204, description = "They may see it no longer.")))]
async fn stop_sharing_dataset(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
    ApiPath((id, with)): ApiPath<(DatasetId, String)>,
) -> Result<StatusCode, Problem> {
    state.accounts.stop_sharing(&caller, Shared::Dataset(id), &with, &origin).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists who may see a model besides its owner.
#[utoipa::path(get, path = "/api/v1/models/{id}/shares", operation_id = "listModelShares", tag = "Models",
    params(("id" = Uuid, Path, description = "The model's id.")),
    responses((status = 200, description = "All of them.", body = Listed<SharedUser>)))]
async fn list_model_shares(
    State(state): State<ServerState>,
    signed_in: SignedIn,
    ApiPath(id): ApiPath<ModelId>,
) -> Result<Json<Listed<SharedUser>>, Problem> {
    list(&state, signed_in, Shared::Model(id)).await
}

/// Lets a user see and use a model.
#[utoipa::path(post, path = "/api/v1/models/{id}/shares", operation_id = "shareModel", tag = "Models",
    params(("id" = Uuid, Path, description = "The model's id.")), request_body = NewShare,
    responses((status = 204, description = "They may see it.")))]
async fn share_model(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
    ApiPath(id): ApiPath<ModelId>,
    ApiJson(new): ApiJson<NewShare>,
) -> Result<StatusCode, Problem> {
    state.accounts.share(&caller, Shared::Model(id), &new.user_name.into_text(), &origin).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a user see a model no longer.
#[utoipa::path(delete, path = "/api/v1/models/{id}/shares/{user_name}", operation_id = "stopSharingModel",
    tag = "Models", params(("id" = Uuid, Path, description = "The model's id."),
        ("user_name" = inline(UserName), Path, description = "What the user logs in with.")),
    responses((status = 204, description = "They may see it no longer.")))]
async fn stop_sharing_model(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    AskedFrom(origin): AskedFrom,
    ApiPath((id, with)): ApiPath<(ModelId, String)>,
) -> Result<StatusCode, Problem> {
    state.accounts.stop_sharing(&caller, Shared::Model(id), &with, &origin).await?;
    Ok(StatusCode::NO_CONTENT)
}
