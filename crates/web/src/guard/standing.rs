//! Whether whoever began a long answer (a stream of events) may still have it.

use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use gradus_app::accounts::{Caller, Origin};
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
    /// As of the last time that it was asked.
    caller: Caller,
    credentials: Credentials,
    origin: Origin,
}

impl Standing {
    pub(super) fn new(
        guards: Arc<Guards>,
        access: Access,
        caller: Caller,
        (credentials, origin): (Credentials, Origin),
    ) -> Self {
        Self { guards, access, caller, credentials, origin }
    }

    /// A place among the streams of the caller, to be kept until the answer is over.
    ///
    /// # Errors
    /// When the caller has as many streams open as they may.
    pub(crate) fn stream_place(&self) -> Result<Place<UserId>, Problem> {
        self.guards.streams.take(self.caller.user).ok_or_else(|| {
            let detail = "You have as many streams of events open as you may. Close one of them.";
            Problem::new(Category::Throttled, detail)
                .with_code("too_many_streams")
                .with_retry_after(STREAM_RETRY_S)
        })
    }

    /// The caller as they are now, as long as the credentials are valid and suffice. A check that fails for want of the
    /// database takes nobody's right away.
    pub async fn caller_now(&mut self) -> Option<&Caller> {
        match self.guards.authenticator.recognise(&self.credentials, &self.origin).await {
            Ok(caller) => self.caller = caller,
            Err(Refused::NotValid) => return None,
            Err(Refused::NotChecked(_)) => {}
        }
        self.access.check(&self.caller).is_ok().then_some(&self.caller)
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
