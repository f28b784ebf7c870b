//! Listing files, looking at one, its content, and deleting it.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use gradus_app::Precondition;
use gradus_app::store::Whose;
use gradus_domain::DocumentId;

use super::super::failure::Failure;
use super::super::fields::unknown_word;
use super::super::list::{List, Query};
use super::super::{Refusal, ids};
use super::purpose::inward;
use super::step_metrics::{RESULTS, StepMetrics};
use super::{DeletedFile, FileObject, document, document_id, no_such_file};
use crate::ServerState;
use crate::download::{attachment, download};
use crate::guard::SignedIn;
use crate::problem::ApiPath;

/// Most files of one answer, as OpenAI has it; the services answer with fewer and say that there are more.
const MOST: u32 = 10_000;

/// Lists the files that the caller uploaded, or those that their jobs made where the purpose says so.
pub(in super::super) async fn list_files(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    mut query: Query,
) -> Result<Json<List<FileObject>>, Failure> {
    let mut request = query.page::<DocumentId>(ids::FILE, MOST, MOST)?;
    request.oldest_first = is_oldest_first(&mut query)?;
    let purpose = query.take("purpose")?;
    query.finish()?;
    if purpose.as_deref() == Some(RESULTS) {
        let page = StepMetrics::page(&state, caller.user, request).await?;
        return Ok(Json(List::new(page.items.iter().map(StepMetrics::object).collect(), page.has_more)));
    }
    let purpose = purpose.map(|purpose| inward(&purpose)).transpose()?;
    let page = state.services.documents(Whose::Of(caller.user), purpose, &request).await?;
    Ok(Json(List::new(page.items.iter().map(FileObject::from).collect(), page.has_more)))
}

fn is_oldest_first(query: &mut Query) -> Result<bool, Refusal> {
    match query.take("order")?.as_deref() {
        None | Some("desc") => Ok(false),
        Some("asc") => Ok(true),
        Some(other) => Err(unknown_word("order", other, &["asc", "desc"])),
    }
}

/// Shows a file.
pub(in super::super) async fn find_file(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<FileObject>, Failure> {
    match document(&state, caller.user, &id).await {
        Err(Failure::Refused(missing)) => match StepMetrics::find(&state, caller.user, &id).await? {
            Some(metrics) => Ok(Json(metrics.object())),
            None => Err(missing.into()),
        },
        found => Ok(Json(FileObject::from(&found?))),
    }
}

/// A file's bytes as they were uploaded.
pub(in super::super) async fn file_content(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<String>,
) -> Result<Response, Failure> {
    let found = state.services.document_content(Whose::Of(caller.user), document_id(&id)?).await;
    match found.map_err(|error| Failure::of(error, || no_such_file(&id))) {
        Err(Failure::Refused(missing)) => match StepMetrics::find(&state, caller.user, &id).await? {
            Some(metrics) => {
                let name = metrics.object().filename;
                Ok(attachment(&name, metrics.csv.len() as u64, Body::from(metrics.csv)))
            }
            None => Err(missing.into()),
        },
        found => {
            let (document, reader) = found?;
            Ok(download(&document.name, reader))
        }
    }
}

/// Deletes a file. Of what a job made, the job is the owner.
pub(in super::super) async fn delete_file(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<DeletedFile>, Failure> {
    let deleted =
        state.services.delete_document(Whose::Of(caller.user), document_id(&id)?, Precondition::none()).await;
    match deleted.map_err(|error| Failure::of(error, || no_such_file(&id))) {
        Err(Failure::Refused(missing)) => {
            let made = StepMetrics::find(&state, caller.user, &id).await?;
            return Err(made.map_or(missing, |_| goes_with_its_job(&id)).into());
        }
        deleted => deleted?,
    }
    Ok(Json(DeletedFile { id, object: "file", deleted: true }))
}

fn goes_with_its_job(id: &str) -> Refusal {
    let message = format!(
        "The file {id} has the results of a fine-tuning job and goes with it: it cannot be deleted by itself."
    );
    Refusal::invalid("id", "cannot_delete_result_file", message)
}
