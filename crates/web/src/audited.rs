//! Requests that the audit log has once they succeeded: what was deleted, what was begun that keeps the machine busy for
//! long, what was carried away. What is done to accounts, their services record themselves.

use std::pin::Pin;

use axum::extract::{FromRequestParts as _, Request};
use axum::handler::Handler;
use axum::response::Response;
use http::header::LOCATION;

use crate::guard::{AskedFrom, SignedIn};
use crate::state::ServerState;

/// A handler whose requests are recorded.
#[derive(Clone)]
pub(crate) struct Audited<H> {
    /// What is done, in the audit log's words.
    pub(crate) action: &'static str,
    pub(crate) handler: H,
}

impl<H, T> Handler<T, ServerState> for Audited<H>
where
    H: Handler<T, ServerState>,
    T: 'static,
{
    type Future = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn call(self, request: Request, state: ServerState) -> Self::Future {
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let caller = SignedIn::from_request_parts(&mut parts, &state).await;
            let asked_from = AskedFrom::from_request_parts(&mut parts, &state).await;
            let path = parts.uri.path().to_owned();
            let request = Request::from_parts(parts, body);
            let response = self.handler.call(request, state.clone()).await;
            if let (true, Ok(SignedIn(caller)), Ok(AskedFrom(origin))) =
                (response.status().is_success(), caller, asked_from)
            {
                // What was made is named by where it is.
                let made = response.headers().get(LOCATION).and_then(|made| made.to_str().ok());
                let subject = made.unwrap_or(&path).to_owned();
                let recorded = state.accounts.record_done(&caller, self.action, subject, &origin).await;
                if let Err(error) = recorded {
                    tracing::error!(%error, action = self.action, "what was done could not be recorded");
                }
            }
            response
        })
    }
}
