//! Why a file was not received.

use std::error::Error;
use std::iter::successors;

use axum::extract::multipart::MultipartError;
use gradus_app::store::blobs::BlobError;

use super::TooMuchUnclaimed;
use crate::guard::too_large;
use crate::problem::{BodyFailure, Category, FieldProblem, Problem};

/// Why a file was not received. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The file is larger than allowed.
    #[error("the file is larger than {max_bytes} bytes")]
    TooLarge {
        /// What is allowed.
        max_bytes: u64,
    },
    /// The body could not be read to its end.
    #[error("the body could not be read")]
    Body(BodyFailure),
    /// The request is said to be a form, but not what parts it.
    #[error("the form's type names no boundary")]
    NoBoundary,
    /// The body goes on without becoming a form.
    #[error(transparent)]
    Unclaimed(#[from] TooMuchUnclaimed),
    /// The form is not what it should be.
    #[error("{field}: {message}")]
    Form {
        /// The field.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// The spool refused.
    #[error("the file could not be written to the spool")]
    Spool(#[from] BlobError),
}

impl UploadError {
    pub(super) fn form(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Form { field: field.into(), message: message.into() }
    }
}

impl From<MultipartError> for UploadError {
    fn from(error: MultipartError) -> Self {
        let causes = successors(Some(&error as &(dyn Error + 'static)), |&error| error.source());
        match causes.into_iter().find_map(|cause| cause.downcast_ref::<TooMuchUnclaimed>()) {
            Some(unclaimed) => Self::Unclaimed(*unclaimed),
            None => Self::Body(BodyFailure::of(&error)),
        }
    }
}

impl From<axum::Error> for UploadError {
    fn from(error: axum::Error) -> Self {
        Self::Body(BodyFailure::of(&error))
    }
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::TooLarge { max_bytes } => too_large(max_bytes),
            UploadError::Body(failure) => failure.into(),
            UploadError::NoBoundary => Self::new(
                Category::Malformed,
                "The form cannot be read: its `Content-Type` names no boundary.",
            )
            .with_code("bad_form"),
            UploadError::Unclaimed(_) => {
                let detail = "The form cannot be read: too much of it belongs to none of its fields.";
                Self::new(Category::Malformed, detail).with_code("bad_form")
            }
            UploadError::Form { field, message } => {
                Self::new(Category::Malformed, "The form is not what it should be.")
                    .with_code("bad_form")
                    .with_field(FieldProblem::new(format!("body.{field}"), message))
            }
            UploadError::Spool(cause) => cause.into(),
        }
    }
}
