//! A file as clients read it.

use gradus_app::store::documents::Document;
use gradus_domain::DocumentState;
use serde::Serialize;

use super::super::ids;
use super::super::list::Listed;
use super::purpose::outward;

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileObject {
    /// `file-` and something unique.
    pub id: String,
    /// `file`.
    pub object: &'static str,
    /// How long it is.
    pub bytes: i64,
    /// When it was uploaded, in seconds since 1970.
    pub created_at: i64,
    /// When it is to be deleted, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// Its name.
    pub filename: String,
    /// What it is for.
    pub purpose: String,
    /// `uploaded`, `processed` or `error`.
    pub status: &'static str,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_details: Option<String>,
}

/// That a file is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeletedFile {
    /// The id that it had.
    pub id: String,
    /// `file`.
    pub object: &'static str,
    /// True.
    pub deleted: bool,
}

impl From<&Document> for FileObject {
    fn from(document: &Document) -> Self {
        Self {
            id: ids::written(ids::FILE, document.id.0),
            object: "file",
            bytes: document.bytes,
            created_at: document.created_at.timestamp(),
            expires_at: document.expires_at.map(|end| end.timestamp()),
            filename: document.name.clone(),
            purpose: outward(document.purpose.0).to_owned(),
            status: match document.state.0 {
                DocumentState::Uploaded | DocumentState::Extracting => "uploaded",
                DocumentState::Ready => "processed",
                DocumentState::Rejected => "error",
            },
            status_details: document.failure.as_ref().map(|failure| failure.told().to_owned()),
        }
    }
}

impl Listed for FileObject {
    fn id(&self) -> &str {
        &self.id
    }
}
