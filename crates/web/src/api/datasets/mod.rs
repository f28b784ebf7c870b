//! Datasets: made, listed, renamed, deleted. What they are built of is in their versions.

mod versions;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use gradus_app::store::datasets::Dataset as Row;
use gradus_app::store::datasets::versions::DatasetVersion as VersionRow;
use gradus_domain::{DatasetId, Id as _, Scope};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::audited;
use super::conditions::{Conditions, changed, created};
use super::fields::{Line, Metadata, Prose};
use super::listing::{Listed, PageQuery, listed};
use super::making;
use crate::guard::SignedIn;
use crate::problem::{ApiJson, ApiPath, ApiQuery, Problem};
use crate::routes::{Access, Route};
use crate::state::ServerState;
use versions::{DatasetVersion, NewVersion};

type Name = Line<200>;
type Description = Prose<10_000>;

pub(super) fn routes() -> Vec<Route<ServerState>> {
    let reading = Access::signed_in(Scope::Read);
    let writing = Access::author(Scope::Write);
    let own = vec![
        making::<__path_create_dataset, _, _>(writing, create_dataset),
        Route::described::<__path_list_datasets, _, _>(reading, list_datasets),
        Route::described::<__path_find_dataset, _, _>(reading.shared(), find_dataset),
        Route::described::<__path_change_dataset, _, _>(writing.owned(), change_dataset),
        audited::<__path_delete_dataset, _, _>(writing.owned(), "delete-dataset", delete_dataset),
    ];
    own.into_iter().chain(versions::routes()).collect()
}

/// A dataset to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDataset {
    /// What people call it.
    name: Name,
    /// What it is, for people.
    description: Option<Description>,
    /// Whatever you note on it.
    metadata: Option<Metadata>,
    /// What its first version is built of; nothing for none yet.
    version: Option<NewVersion>,
}

/// What of a dataset is changed; what is not named stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DatasetChange {
    /// What people will call it.
    name: Option<Name>,
    /// What it is, for people.
    description: Option<Description>,
}

/// A dataset.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Dataset {
    /// Its id.
    id: Uuid,
    /// Whose.
    owner_id: Uuid,
    /// What people call it.
    name: String,
    /// What it is, for people.
    description: String,
    /// Whatever its owner noted.
    #[schema(value_type = Object)]
    metadata: Value,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was changed last.
    updated_at: DateTime<Utc>,
}

/// A dataset with its versions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DatasetWithVersions {
    /// The dataset.
    dataset: Dataset,
    /// Its versions, the newest first.
    versions: Vec<DatasetVersion>,
}

impl From<Row> for Dataset {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.uuid(),
            owner_id: row.owner_id.uuid(),
            name: row.name,
            description: row.description,
            metadata: row.metadata.0,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl From<(Row, Vec<VersionRow>)> for DatasetWithVersions {
    fn from((dataset, versions): (Row, Vec<VersionRow>)) -> Self {
        Self { dataset: dataset.into(), versions: versions.into_iter().map(DatasetVersion::from).collect() }
    }
}

/// Makes a dataset.
#[utoipa::path(post, path = "/api/v1/datasets", operation_id = "createDataset", tag = "Datasets",
    request_body = NewDataset,
    responses((status = 201, description = "The dataset, with its first version if one is built.",
        body = DatasetWithVersions)))]
async fn create_dataset(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiJson(new): ApiJson<NewDataset>,
) -> Result<Response, Problem> {
    let texts = (new.name.into_text(), new.description.map(Description::into_text).unwrap_or_default());
    let metadata = new.metadata.unwrap_or_default().into_value();
    let first = new.version.map(NewVersion::into_request);
    let (dataset, version) = state.services.add_dataset(caller.user, texts, metadata, first).await?;
    let shown = DatasetWithVersions::from((dataset, version.into_iter().collect()));
    created(&format!("/api/v1/datasets/{}", shown.dataset.id), &shown)
}

/// Lists the datasets that you may see.
#[utoipa::path(get, path = "/api/v1/datasets", operation_id = "listDatasets", tag = "Datasets",
    params(PageQuery),
    responses((status = 200, description = "A page of them.", body = Listed<Dataset>)))]
async fn list_datasets(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<Listed<Dataset>>, Problem> {
    let page = state.services.datasets(caller.whose(), &query.request()).await?;
    Ok(listed(page, |row| row.id.uuid(), Dataset::from))
}

/// Shows a dataset with its versions.
#[utoipa::path(get, path = "/api/v1/datasets/{id}", operation_id = "findDataset", tag = "Datasets",
    params(("id" = Uuid, Path, description = "The dataset's id.")),
    responses((status = 200, description = "The dataset.", body = DatasetWithVersions)))]
async fn find_dataset(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<DatasetId>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    conditions.answer(&DatasetWithVersions::from(state.services.dataset(caller.whose(), id).await?))
}

/// Gives a dataset another name or description.
#[utoipa::path(patch, path = "/api/v1/datasets/{id}", operation_id = "changeDataset", tag = "Datasets",
    params(("id" = Uuid, Path, description = "The dataset's id.")), request_body = DatasetChange,
    responses((status = 200, description = "The dataset, from now on.", body = Dataset)))]
async fn change_dataset(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<DatasetId>,
    conditions: Conditions,
    ApiJson(change): ApiJson<DatasetChange>,
) -> Result<Response, Problem> {
    let known = conditions.precondition(DatasetWithVersions::from);
    let texts = (change.name.map(Name::into_text), change.description.map(Description::into_text));
    let renamed = state.services.rename_dataset(caller.whose(), id, texts, known).await?;
    let shown = DatasetWithVersions::from(renamed);
    changed(&shown, &shown.dataset)
}

/// Deletes a dataset with its versions.
#[utoipa::path(delete, path = "/api/v1/datasets/{id}", operation_id = "deleteDataset", tag = "Datasets",
    params(("id" = Uuid, Path, description = "The dataset's id.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_dataset(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<DatasetId>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    let known = conditions.precondition(DatasetWithVersions::from);
    state.services.delete_dataset(caller.whose(), id, known).await?;
    Ok(StatusCode::NO_CONTENT)
}
