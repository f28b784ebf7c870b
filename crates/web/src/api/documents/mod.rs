//! Uploaded files: sent, listed, read, had read again, deleted.

mod upload;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use gradus_app::store::documents::Document as Row;
use gradus_domain::{DocumentId, Id as _, Scope};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::audited;
use super::conditions::Conditions;
use super::failed::{self, FailureShown};
use super::fields::{DocumentPurposeWord, DocumentStateWord};
use super::following::{Follower, Snapshot, StreamedEvent, following};
use super::listing::{Limit, Listed, Order, PageQuery, listed};

use crate::download::{Download, written};
use crate::guard::SignedIn;
use crate::problem::{ApiPath, ApiQuery, Problem};
use crate::range::WantedRange;
use crate::routes::{Access, Route};
use crate::state::ServerState;

pub(super) fn routes() -> Vec<Route<ServerState>> {
    let reading = Access::signed_in(Scope::Read);
    let writing = Access::author(Scope::Write);
    vec![
        upload::route(),
        Route::described::<__path_list_documents, _, _>(reading, list_documents),
        Route::described::<__path_find_document, _, _>(reading.owned(), find_document),
        following::<__path_follow_document, _, _>(reading.owned(), follow_document),
        Route::described::<__path_download_document, _, _>(reading.owned(), download_document),
        Route::described::<__path_find_document_text, _, _>(reading.owned(), find_document_text),
        Route::described::<__path_retry_document, _, _>(writing.owned(), retry_document),
        audited::<__path_delete_document, _, _>(writing.owned(), "delete-document", delete_document),
    ]
}

/// Which documents are listed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DocumentQuery {
    /// The `next` of the page before; nothing for the first page.
    after: Option<Uuid>,
    /// How many items at most; 50 where nothing is said.
    #[param(inline)]
    limit: Option<Limit>,
    /// Whether the newest come first (`desc`, as usual) or the oldest (`asc`).
    #[param(inline)]
    order: Option<Order>,
    /// Of this purpose alone.
    #[param(inline)]
    purpose: Option<DocumentPurposeWord>,
}

/// An uploaded file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Document {
    /// Its id.
    id: Uuid,
    /// Whose.
    owner_id: Uuid,
    /// The file's name.
    name: String,
    /// What it is for.
    purpose: DocumentPurposeWord,
    /// How far it is.
    state: DocumentStateWord,
    /// How many bytes it has.
    bytes: i64,
    /// The BLAKE3 hash of its bytes.
    blake3: String,
    /// The format that its content shows, once it was read.
    format: Option<String>,
    /// How many pages it has.
    pages: Option<i64>,
    /// How well its text could be read, 0 to 1.
    quality: Option<f64>,
    /// What was tried and found in reading it.
    findings: Value,
    /// Why it cannot be used.
    failure: Option<FailureShown>,
    /// Whatever its owner noted.
    #[schema(value_type = Object)]
    metadata: Value,
    /// When it is to be deleted.
    expires_at: Option<DateTime<Utc>>,
    /// When it was uploaded.
    created_at: DateTime<Utc>,
    /// When it was changed last.
    updated_at: DateTime<Utc>,
}

impl From<Row> for Document {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.uuid(),
            owner_id: row.owner_id.uuid(),
            name: row.name,
            purpose: DocumentPurposeWord(row.purpose.0),
            state: DocumentStateWord(row.state.0),
            bytes: row.bytes,
            blake3: row.blob_hash,
            format: row.format,
            pages: row.pages,
            quality: row.quality,
            findings: row.findings.0,
            failure: failed::shown(row.failure),
            metadata: row.metadata.0,
            expires_at: row.expires_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl From<Row> for Snapshot {
    fn from(row: Row) -> Self {
        Self::new(row.revision, row.state.0, &Document::from(row))
    }
}

/// Lists your documents; everyone's for administrators.
#[utoipa::path(get, path = "/api/v1/documents", operation_id = "listDocuments", tag = "Documents",
    params(DocumentQuery),
    responses((status = 200, description = "A page of them.", body = Listed<Document>)))]
async fn list_documents(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiQuery(query): ApiQuery<DocumentQuery>,
) -> Result<Json<Listed<Document>>, Problem> {
    let DocumentQuery { after, limit, order, purpose } = query;
    let request = PageQuery { after, limit, order }.request();
    let purpose = purpose.map(|purpose| purpose.0);
    let page = state.services.documents(caller.whose(), purpose, &request).await?;
    Ok(listed(page, |row| row.id.uuid(), Document::from))
}

/// Shows a document.
#[utoipa::path(get, path = "/api/v1/documents/{id}", operation_id = "findDocument", tag = "Documents",
    params(("id" = Uuid, Path, description = "The document's id.")),
    responses((status = 200, description = "The document.", body = Document)))]
async fn find_document(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<DocumentId>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    conditions.answer(&Document::from(state.services.document(caller.whose(), id).await?))
}

/// Follows a document while it is worked on.
///
/// Each event is a `snapshot`: the document as its address shows it, with the number of its revision as its id. Whoever comes
/// back says the last one in `Last-Event-ID` and gets it as it is now, if it changed since. The stream ends when no
/// work on it is left.
#[utoipa::path(get, path = "/api/v1/documents/{id}/events/stream", operation_id = "followDocument",
    tag = "Documents", params(("id" = Uuid, Path, description = "The document's id.")),
    responses((status = 200, description = "Server-sent events, each with these fields.",
        content_type = "text/event-stream", body = StreamedEvent)))]
async fn follow_document(ApiPath(id): ApiPath<DocumentId>, follower: Follower) -> Result<Response, Problem> {
    follower
        .follow(move |services, whose| async move { services.document(whose, id).await.map(Snapshot::from) })
        .await
}

/// Downloads what was uploaded.
///
/// `Range` asks for a part of it.
#[utoipa::path(get, path = "/api/v1/documents/{id}/content", operation_id = "downloadDocument", tag = "Documents",
    params(("id" = Uuid, Path, description = "The document's id.")),
    responses((status = 200, description = "The file's bytes.", content_type = "application/octet-stream",
        body = Vec<u8>),
        (status = 206, description = "The part that is asked for.", content_type = "application/octet-stream",
        body = Vec<u8>)))]
async fn download_document(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<DocumentId>,
    wanted: WantedRange,
) -> Result<Response, Problem> {
    let document = state.services.document(caller.whose(), id).await?;
    let (name, hash) = (&document.name, &document.blob_hash);
    let download = Download { name, hash, bytes: document.bytes.unsigned_abs() };
    download.answer(&state.services.archive, &wanted).await
}

/// Shows the text of a document.
///
/// The text has its structure, and says for each passage where it stood in the file.
#[utoipa::path(get, path = "/api/v1/documents/{id}/text", operation_id = "findDocumentText", tag = "Documents",
    params(("id" = Uuid, Path, description = "The document's id.")),
    responses((status = 200, description = "The text.", body = Value)))]
async fn find_document_text(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<DocumentId>,
) -> Result<Response, Problem> {
    Ok(written("application/json", state.services.document_text(caller.whose(), id).await?))
}

/// Has a document read again.
#[utoipa::path(post, path = "/api/v1/documents/{id}/retry", operation_id = "retryDocument", tag = "Documents",
    params(("id" = Uuid, Path, description = "The document's id.")),
    responses((status = 200, description = "The document, waiting to be read.", body = Document)))]
async fn retry_document(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<DocumentId>,
) -> Result<Json<Document>, Problem> {
    Ok(Json(state.services.read_document_again(caller.whose(), id).await?.into()))
}

/// Deletes a document.
#[utoipa::path(delete, path = "/api/v1/documents/{id}", operation_id = "deleteDocument", tag = "Documents",
    params(("id" = Uuid, Path, description = "The document's id.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_document(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<DocumentId>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    let known = conditions.precondition(Document::from);
    state.services.delete_document(caller.whose(), id, known).await?;
    Ok(StatusCode::NO_CONTENT)
}
