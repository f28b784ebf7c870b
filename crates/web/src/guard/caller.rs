//! Who sends a request, once the services have looked at what it shows.

use async_trait::async_trait;
use axum::extract::FromRequestParts;
use gradus_app::accounts::{Caller, Origin};
use http::request::Parts;

use super::{Credentials, Denial};
use crate::problem::{Category, Problem};

/// Somebody who is signed in. Handlers take it as an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn(pub Caller);

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Routes for anyone have no caller, so asking for one there is a mistake of the route's.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::general(Category::Unauthenticated))
    }
}

/// Why credentials are not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Unknown, expired, revoked, or of a disabled user: which of them, the caller is not told.
    #[error("the credentials are not valid")]
    NotValid,
    /// They could not be checked; trying again later helps.
    #[error("the credentials could not be checked")]
    NotChecked(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Tells who credentials belong to. The accounts implement it.
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// The caller that `credentials` stand for, asked anew for each request, so that whatever was revoked is
    /// refused within one.
    async fn authenticate(&self, credentials: &Credentials, from: &Origin) -> Result<Caller, Refused>;

    /// The caller that `credentials` stand for, asked again for an answer that is still being given. That is no use of
    /// a session: one is not kept from ending by a page that was left open.
    async fn recognise(&self, credentials: &Credentials, from: &Origin) -> Result<Caller, Refused>;

    /// Takes note that a caller was denied a route, which is named as in `DELETE /api/v1/users/{id}`.
    async fn note_denied(&self, caller: &Caller, route: &str, denial: Denial, from: &Origin);
}
