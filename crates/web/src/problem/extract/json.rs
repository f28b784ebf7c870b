//! A JSON body.

use axum::extract::{FromRequest, Request};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use super::objects::Objects;
use super::{nul, whole_body, wrong_value};
use crate::problem::{Category, Problem};

/// A body of JSON, read as `T`.
#[derive(Debug, Clone, Copy)]
pub struct ApiJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for ApiJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !says_json(request.headers()) {
            let detail = "Send the body as JSON, with `Content-Type: application/json`.";
            return Err(Problem::new(Category::UnsupportedMediaType, detail));
        }
        let bytes = whole_body(request).await?;
        if nul::is_in_json(&bytes) {
            return Err(nul::in_json(&bytes));
        }
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(Objects(&mut json)).map_err(|error| {
            let is_written_wrong = !error.inner().is_data();
            if is_written_wrong { not_json(error.inner()) } else { wrong_value("body", &error) }
        })?;
        json.end().map_err(|error| not_json(&error))?;
        Ok(Self(value))
    }
}

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::new(Category::Malformed, format!("The body is not JSON: {error}.")).with_code("not_json")
}

fn says_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}
