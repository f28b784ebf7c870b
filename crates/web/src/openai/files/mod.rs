//! `files`: documents as OpenAI's API has them.

mod object;
mod purpose;
mod read;
mod step_metrics;
mod upload;

pub use object::{DeletedFile, FileObject};
pub(super) use purpose::FINE_TUNE;
pub(super) use read::{delete_file, file_content, find_file, list_files};
pub(super) use upload::create_file;

use gradus_app::store::documents::Document;
use gradus_domain::{DocumentId, UserId};

use super::failure::Failure;
use super::{Refusal, RefusalClass, ids};
use crate::ServerState;
use gradus_app::store::Whose;

/// The user's document of an id as clients write it.
async fn document(state: &ServerState, user: UserId, id: &str) -> Result<Document, Failure> {
    let found = state.services.document(Whose::Of(user), document_id(id)?).await;
    found.map_err(|error| Failure::of(error, || no_such_file(id)))
}

fn document_id(id: &str) -> Result<DocumentId, Refusal> {
    ids::read(ids::FILE, id).ok_or_else(|| no_such_file(id))
}

fn no_such_file(id: &str) -> Refusal {
    Refusal {
        class: RefusalClass::NotFound,
        message: format!("No such File object: {id}"),
        param: Some("id".to_owned()),
        code: Some("file_not_found"),
    }
}
