//! Extractors whose refusals name the field that is wrong.

mod json;
mod nul;
mod objects;
mod path;
mod query;

use axum::RequestExt as _;
use axum::extract::Request;
use bytes::Bytes;
use http_body_util::BodyExt as _;

pub use json::ApiJson;
pub use path::ApiPath;
pub use query::ApiQuery;

use super::{BodyFailure, Category, FieldProblem, Problem};

/// The whole body, which the route's limits hold within bounds.
async fn whole_body(request: Request) -> Result<Bytes, Problem> {
    let body = request.with_limited_body().into_body();
    let collected = body.collect().await.map_err(|error| Problem::from(BodyFailure::of(&error)))?;
    Ok(collected.to_bytes())
}

/// The problem of a value that could be read, but is not what it should be.
fn wrong_value(part: &str, error: &serde_path_to_error::Error<impl std::fmt::Display>) -> Problem {
    let field = FieldProblem::inside(part, error.path(), error.inner().to_string());
    Problem::new(Category::Invalid, "The request has a field that is missing or not what it should be.")
        .with_field(field)
}
