//! The work of a request under its key: shown to be alive while it runs, and settled once there is an answer.

use std::pin::pin;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::response::Response;
use gradus_app::store::Store;
use gradus_app::store::idempotency::{self, Attempt};

use super::answer::{Keeps, kept};
use crate::problem::Problem;

/// How often work shows that it is alive, such as an upload that goes on to a bucket far away. Some of these may be lost
/// before the key is given to another try ([`idempotency::HELD`]).
const SHOWN_EVERY: Duration = Duration::from_secs(5);

/// Work under way.
pub(super) struct Running {
    /// Not the work's own store: what is written here is no work.
    pub(super) store: Store,
    pub(super) attempt: Attempt,
    pub(super) keeps: Keeps,
}

impl Running {
    pub(super) async fn run(self, work: impl Future<Output = Response>) -> Result<Response, Problem> {
        let show = || show(self.store.clone(), self.attempt.clone());
        let response = accompanied(work, SHOWN_EVERY, show).await;
        self.settle(response).await
    }

    /// Stores an answer of success, and frees the key of any other.
    async fn settle(self, response: Response) -> Result<Response, Problem> {
        let Self { store, attempt, keeps } = self;
        if !response.status().is_success() {
            let freed =
                store.write(move |change| async move { idempotency::release(&change, &attempt).await });
            if let Err(error) = freed.await {
                tracing::warn!(%error, "an idempotency key could not be freed");
            }
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.map_err(|error| Problem::internal(&error))?;
        let (status, answer) = (parts.status.as_u16(), kept(&parts.headers, &body, keeps));
        let stored = store
            .write(move |change| async move { idempotency::answer(&change, &attempt, status, answer).await });
        if let Err(error) = stored.await {
            // What was asked for is done, so that its sender is told; only a repetition is not.
            tracing::warn!(%error, "an answer under an idempotency key could not be stored");
        }
        Ok(Response::from_parts(parts, Body::from(body)))
    }
}

/// Shows that the work of an attempt is alive.
async fn show(store: Store, attempt: Attempt) {
    let shown = store.write(move |change| async move { idempotency::hold(&change, &attempt).await });
    if let Err(error) = shown.await {
        tracing::warn!(%error, "a request under an idempotency key could not show that it is alive");
    }
}

/// Does `work`, and `show` every so often until it is done.
async fn accompanied<T, F>(work: impl Future<Output = T>, every: Duration, show: impl Fn() -> F) -> T
where
    F: Future<Output = ()>,
{
    let showing = pin!(async {
        loop {
            tokio::time::sleep(every).await;
            show().await;
        }
    });
    tokio::select! {
        done = work => done,
        never = showing => never,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn work_shows_that_it_is_alive_until_it_is_done() {
        let (shown, count) = (Notify::new(), Cell::new(0));
        let work = async {
            for _ in 0..3 {
                shown.notified().await;
            }
            "done"
        };
        let show = || {
            count.set(count.get() + 1);
            shown.notify_one();
            std::future::ready(())
        };
        assert_eq!(accompanied(work, Duration::from_millis(1), show).await, "done");
        assert!(count.get() >= 3);
    }
}
