//! Whether whoever began a long answer (a stream of events) may still have it.

use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use gradus_app::accounts::Origin;
use gradus_domain::UserId;
use http::request::Parts;

use super::{Credentials, Guards, Refused};
use crate::places::Place;
use crate::problem::{Category, Problem};
use crate::routes::Access;

/// After which time a stream may have ended.
const STREAM_RETRY_S: u64 = 5;

/// A caller's right to a route, to be asked again later. Handlers of long answers take it as an argument.
#[derive(Clone)]
pub struct Standing {
    guards: Arc<Guards>,
    access: Access,
    user: UserId,
    credentials: Credentials,
    origin: Origin,
}

impl Standing {
    pub(super) fn new(
        guards: Arc<Guards>,
        access: Access,
        user: UserId,
        (credentials, origin): (Credentials, Origin),
    ) -> Self {
        Self { guards, access, user, credentials, origin }
    }

    /// A place among the streams of the caller, to be kept until the answer is over.
    ///
    /// # Errors
    /// When the caller has as many streams open as they may.
    pub(crate) fn stream_place(&self) -> Result<Place<UserId>, Problem> {
        self.guards.streams.take(self.user).ok_or_else(|| {
            let detail = "You have as many streams of events open as you may. Close one of them.";
            Problem::new(Category::Throttled, detail).with_code("too_many_streams").with_retry_after(STREAM_RETRY_S)
        })
    }

    /// Whether the credentials are still valid and still suffice. A check that fails for want of the
    /// database takes nobody's right away.
    pub async fn still_holds(&self) -> bool {
        match self.guards.authenticator.authenticate(&self.credentials, &self.origin).await {
            Ok(caller) => self.access.check(&caller).is_ok(),
            Err(Refused::NotValid) => false,
            Err(Refused::NotChecked(_)) => true,
        }
    }
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standing").field("access", &self.access).finish_non_exhaustive()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Standing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::general(Category::Unauthenticated))
    }
}
