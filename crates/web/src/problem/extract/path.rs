//! The parameters of a path.

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::nul;
use crate::problem::{Category, FieldProblem, Problem};

/// The parameters of the path, read as `T`.
#[derive(Debug, Clone, Copy)]
pub struct ApiPath<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for ApiPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // Percent signs begin nothing but escapes here, and only this one is a NUL.
        if parts.uri.path().contains("%00") {
            return Err(nul::refusal("path"));
        }
        let Path(value) = Path::from_request_parts(parts, state).await.map_err(problem)?;
        Ok(Self(value))
    }
}

fn problem(rejection: PathRejection) -> Problem {
    let PathRejection::FailedToDeserializePathParams(error) = rejection else {
        return Problem::internal(&rejection);
    };
    let kind = error.into_kind();
    let field = match &kind {
        ErrorKind::ParseErrorAtKey { key, value, expected_type } => {
            FieldProblem::new(format!("path.{key}"), format!("`{value}` is no {expected_type}"))
        }
        ErrorKind::DeserializeError { key, value, message } => {
            FieldProblem::new(format!("path.{key}"), format!("`{value}`: {message}"))
        }
        ErrorKind::InvalidUtf8InPathParam { key } => FieldProblem::new(format!("path.{key}"), "is not UTF-8"),
        other => FieldProblem::new("path", other.to_string()),
    };
    Problem::new(Category::Malformed, "A part of the address is not what it should be.")
        .with_code("bad_path")
        .with_field(field)
}
