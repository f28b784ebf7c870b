//! The body of an HTML form.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use super::{nul, whole_body, wrong_value};
use crate::problem::Problem;

/// A body of `application/x-www-form-urlencoded`, read as `T`. The route's gate has checked the kind.
#[derive(Debug, Clone, Copy)]
pub struct ApiForm<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for ApiForm<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = whole_body(request).await?;
        if let Some((name, _)) = form_urlencoded::parse(&bytes).find(|(_, value)| value.contains('\0')) {
            return Err(nul::refusal(format!("body.{name}")));
        }
        let fields = serde_urlencoded::Deserializer::new(form_urlencoded::parse(&bytes));
        let value = serde_path_to_error::deserialize(fields);
        Ok(Self(value.map_err(|error| wrong_value("body", &error))?))
    }
}
