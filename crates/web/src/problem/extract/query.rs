//! The query of an address.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::{nul, wrong_value};
use crate::problem::Problem;

/// The query, read as `T`.
#[derive(Debug, Clone, Copy)]
pub struct ApiQuery<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        if let Some((name, _)) = pairs.find(|(_, value)| value.contains('\0')) {
            return Err(nul::refusal(format!("query.{name}")));
        }
        let fields = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        let value = serde_path_to_error::deserialize(fields);
        Ok(Self(value.map_err(|error| wrong_value("query", &error))?))
    }
}
