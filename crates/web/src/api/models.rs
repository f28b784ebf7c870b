//! Trained models and their files, and the base models of the catalogue.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use gradus_app::models::CatalogueEntry;
use gradus_app::store::StoreError;
use gradus_app::store::files::StoredFile;
use gradus_app::store::models::TrainedModel as Row;
use gradus_domain::{Id as _, ModelId, Scope};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::audited;
use super::conditions::Conditions;
use super::listing::{Listed, PageQuery, listed, whole};

use crate::download::Download;
use crate::guard::SignedIn;
use crate::problem::{ApiPath, ApiQuery, Problem};
use crate::range::WantedRange;
use crate::routes::{Access, Route};
use crate::state::ServerState;

pub(super) fn routes() -> Vec<Route<ServerState>> {
    let reading = Access::signed_in(Scope::Read);
    vec![
        Route::described::<__path_list_models, _, _>(reading, list_models),
        Route::described::<__path_list_base_models, _, _>(reading, list_base_models),
        Route::described::<__path_find_model, _, _>(reading.shared(), find_model),
        Route::described::<__path_list_model_files, _, _>(reading.shared(), list_model_files),
        audited::<__path_download_model_file, _, _>(reading.shared(), "download-model", download_model_file),
        audited::<__path_delete_model, _, _>(
            Access::author(Scope::Write).owned(),
            "delete-model",
            delete_model,
        ),
    ]
}

/// A trained model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Model {
    /// Its id.
    id: Uuid,
    /// Whose.
    owner_id: Uuid,
    /// What programs ask for.
    name: String,
    /// What it was trained for: `marking` or `chat`.
    kind: String,
    /// The base model's name in the catalogue.
    base_model: String,
    /// The job that it came from.
    training_job_id: Option<Uuid>,
    /// After how many updates.
    step: Option<i64>,
    /// How many bytes its files have.
    bytes: i64,
    /// What was measured on held-out data.
    figures: Value,
    /// Whatever its owner noted.
    #[schema(value_type = Object)]
    metadata: Value,
    /// When it was stored.
    created_at: DateTime<Utc>,
}

impl From<Row> for Model {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.uuid(),
            owner_id: row.owner_id.uuid(),
            name: row.name,
            kind: row.kind,
            base_model: row.base_model,
            training_job_id: row.training_job_id.map(|id| id.uuid()),
            step: row.step,
            bytes: row.bytes,
            figures: row.figures.0,
            metadata: row.metadata.0,
            created_at: row.created_at,
        }
    }
}

/// A file of a model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelFile {
    /// Its path in the model's directory, with `/` between names.
    name: String,
    /// How many bytes it has.
    bytes: u64,
    /// The BLAKE3 hash of its bytes.
    blake3: String,
}

impl From<StoredFile> for ModelFile {
    fn from(file: StoredFile) -> Self {
        Self { name: file.name, bytes: file.bytes, blake3: file.blob_hash }
    }
}

/// A model that can be trained.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BaseModel {
    /// What training jobs name.
    name: String,
    /// One line for people.
    description: String,
    /// The licence's identifier.
    licence: String,
    /// How many weights it has.
    parameters: u64,
    /// How many bytes its files have, where that is fixed.
    bytes: Option<u64>,
    /// Whether it is on the server already.
    is_installed: bool,
    /// Whether an administrator has to accept terms before it is fetched.
    has_terms: bool,
}

impl BaseModel {
    fn new(entry: &CatalogueEntry, is_installed: bool) -> Self {
        Self {
            name: entry.name.clone(),
            description: entry.description.clone(),
            licence: entry.licence.clone(),
            parameters: entry.parameters,
            bytes: entry.size(),
            is_installed,
            has_terms: entry.terms.is_some(),
        }
    }
}

/// Lists the trained models that you may see.
#[utoipa::path(get, path = "/api/v1/models", operation_id = "listModels", tag = "Models", params(PageQuery),
    responses((status = 200, description = "A page of them.", body = Listed<Model>)))]
async fn list_models(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<Listed<Model>>, Problem> {
    let page = state.services.models(caller.whose(), &query.request()).await?;
    Ok(listed(page, |row| row.id.uuid(), Model::from))
}

/// Lists the base models that can be trained.
#[utoipa::path(get, path = "/api/v1/base-models", operation_id = "listBaseModels", tag = "Models",
    responses((status = 200, description = "All of them; the first is the usual one.", body = Listed<BaseModel>)))]
async fn list_base_models(State(state): State<ServerState>) -> Result<Json<Listed<BaseModel>>, Problem> {
    let services = state.services;
    // Whether a model is there is seen on the disk.
    let listing = tokio::task::spawn_blocking(move || {
        let shown =
            |entry: &CatalogueEntry| BaseModel::new(entry, services.base_models.show(&entry.name).is_some());
        services.catalogue.entries().iter().map(shown).collect()
    });
    Ok(whole(listing.await.map_err(|error| Problem::internal(&error))?))
}

/// Shows a trained model.
#[utoipa::path(get, path = "/api/v1/models/{id}", operation_id = "findModel", tag = "Models",
    params(("id" = Uuid, Path, description = "The model's id.")),
    responses((status = 200, description = "The model.", body = Model)))]
async fn find_model(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<ModelId>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    conditions.answer(&Model::from(state.services.model(caller.whose(), id).await?))
}

/// Lists the files of a trained model.
#[utoipa::path(get, path = "/api/v1/models/{id}/files", operation_id = "listModelFiles", tag = "Models",
    params(("id" = Uuid, Path, description = "The model's id.")),
    responses((status = 200, description = "All of them, by name.", body = Listed<ModelFile>)))]
async fn list_model_files(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<ModelId>,
) -> Result<Json<Listed<ModelFile>>, Problem> {
    let files = state.services.model_files(caller.whose(), id).await?;
    Ok(whole(files.into_iter().map(ModelFile::from).collect()))
}

/// Downloads a file of a trained model.
///
/// `Range` asks for a part of it.
#[utoipa::path(get, path = "/api/v1/models/{id}/files/{name}", operation_id = "downloadModelFile", tag = "Models",
    params(("id" = Uuid, Path, description = "The model's id."),
        ("name" = String, Path, description = "The file's name, with `/` as `%2F`.")),
    responses((status = 200, description = "The file's bytes.", content_type = "application/octet-stream",
        body = Vec<u8>),
        (status = 206, description = "The part that is asked for.", content_type = "application/octet-stream",
        body = Vec<u8>)))]
async fn download_model_file(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath((id, name)): ApiPath<(ModelId, String)>,
    wanted: WantedRange,
) -> Result<Response, Problem> {
    let files = state.services.model_files(caller.whose(), id).await?;
    let file = files.into_iter().find(|file| file.name == name);
    let file = file.ok_or(StoreError::NotFound { noun: "file of this name in model", id: id.to_string() })?;
    let name = file.name.rsplit('/').next().unwrap_or_default();
    let download = Download { name, hash: &file.blob_hash, bytes: file.bytes };
    download.answer(&state.services.archive, &wanted).await
}

/// Deletes a trained model.
#[utoipa::path(delete, path = "/api/v1/models/{id}", operation_id = "deleteModel", tag = "Models",
    params(("id" = Uuid, Path, description = "The model's id.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_model(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<ModelId>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    let known = conditions.precondition(Model::from);
    state.services.delete_model(caller.whose(), id, known).await?;
    Ok(StatusCode::NO_CONTENT)
}
