//! Requests that are done once however often they are sent: `Idempotency-Key`, a name that a client makes up for a
//! request, per user, remembered for a day.
//!
//! The key is noted before the work begins, and the answer is stored after it. The work runs in a task of its own, so
//! that a client who goes away finds its answer when it comes back. Only answers of success are kept: what was refused
//! changed nothing, so its key is free again.
//!
//! Whether the work was done is decided in its own transaction, by a state that writes under the key
//! ([`ServerState::under`]): a process that dies leaves a key under which nothing was done, and the next try does it
//! (`idempotency_key_unfinished` until then), or one whose work is there and whose answer is lost
//! (`idempotency_key_done`).

mod answer;
mod attempt;
mod key;

use std::pin::Pin;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use gradus_app::store::StoreError;
use gradus_app::store::idempotency::{self, Earlier, HELD};
use gradus_domain::UserId;
use tracing::Instrument as _;

pub(crate) use answer::Keeps;
pub(crate) use key::{KEY_HEADER, RequestKey};

use crate::guard::SignedIn;
use crate::problem::{BodyFailure, Category, Problem};
use crate::state::ServerState;
use attempt::Running;

/// A handler whose requests are done once under each key.
#[derive(Clone)]
pub(crate) struct Once<H> {
    pub(crate) handler: H,
    pub(crate) keeps: Keeps,
}

impl<H, T> Handler<T, ServerState> for Once<H>
where
    H: Handler<T, ServerState>,
    T: 'static,
{
    type Future = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn call(self, request: Request, state: ServerState) -> Self::Future {
        Box::pin(
            async move { self.answer::<T>(request, state).await.unwrap_or_else(IntoResponse::into_response) },
        )
    }
}

impl<H> Once<H> {
    async fn answer<T>(self, request: Request, state: ServerState) -> Result<Response, Problem>
    where
        H: Handler<T, ServerState>,
        T: 'static,
    {
        let Self { handler, keeps } = self;
        let key = RequestKey::of(request.headers())?;
        if key.0.is_none() {
            return Ok(handler.call(request, state).await);
        }
        let caller = request.extensions().get::<SignedIn>().cloned();
        let Some(SignedIn(caller)) = caller else {
            return Err(Problem::general(Category::Unauthenticated));
        };
        let (parts, body) = request.into_parts();
        // The route's limits hold the body within bounds.
        let body =
            to_bytes(body, usize::MAX).await.map_err(|error| Problem::from(BodyFailure::of(&error)))?;
        let said = format!("{} {}", parts.method, parts.uri);
        let request_hash = fingerprint(&[said.as_bytes(), &body]);
        let request = Request::from_parts(parts, Body::from(body));
        once(&state, caller.user, key, request_hash, keeps, move |at_work| handler.call(request, at_work))
            .await
    }
}

/// What tells a request from others under the same key.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    hasher.finalize().to_hex().to_string()
}

/// Does `work` if nothing was done under the key yet, and otherwise tells what came of it. Without a key, just does it.
/// What the work writes it writes through the state that it is given.
pub(crate) async fn once<F>(
    state: &ServerState,
    user: UserId,
    key: RequestKey,
    request_hash: String,
    keeps: Keeps,
    work: impl FnOnce(ServerState) -> F,
) -> Result<Response, Problem>
where
    F: Future<Output = Response> + Send + 'static,
{
    let Some(name) = key.0 else { return Ok(work(state.clone()).await) };
    let begin = state
        .services
        .store
        .write(move |change| async move { idempotency::begin(&change, user, &name, &request_hash).await });
    let attempt = match begin.await {
        Ok(Earlier::Nothing(attempt)) => attempt,
        Ok(Earlier::Answered { status, answer }) => return answer::replay(status, &answer),
        Ok(Earlier::Held { wait }) => return Err(answer::unfinished(wait)),
        // Of two that begin at once, one is the first.
        Err(StoreError::AlreadyThere { .. }) => {
            return Err(answer::unfinished(HELD.to_std().unwrap_or_default()));
        }
        Ok(Earlier::Done) => return Err(answer::lost()),
        Ok(Earlier::Other) => return Err(answer::other_request()),
        Err(error) => return Err(error.into()),
    };
    let work = work(state.under(attempt.clone()));
    let running = Running { store: state.services.store.clone(), attempt, keeps };
    let done = tokio::spawn(running.run(work).in_current_span()).await;
    done.unwrap_or_else(|failure| match failure.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Err(Problem::general(Category::Unavailable)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_request_cannot_be_shifted_into_one_another() {
        assert_ne!(fingerprint(&[b"ab", b"c"]), fingerprint(&[b"a", b"bc"]));
    }
}
