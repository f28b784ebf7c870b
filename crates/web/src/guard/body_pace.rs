//! How slowly a request body may arrive.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::problem::BodyTimeout;

/// The longest that a body may stand still, and take as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyPace {
    /// From one part to the next.
    pub idle: Duration,
    /// From the first to the last.
    pub total: Duration,
}

impl Default for BodyPace {
    fn default() -> Self {
        Self { idle: Duration::from_secs(20), total: Duration::from_secs(60) }
    }
}

/// A body that fails with [`BodyTimeout`] when it comes too slowly. The clock starts with the first wish to
/// read it, so that waiting for a place in a queue costs the client nothing.
pub(crate) struct PacedBody {
    inner: Body,
    pace: BodyPace,
    deadline: Option<Instant>,
    /// Runs while the next part is waited for.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl PacedBody {
    pub(crate) fn new(inner: Body, pace: BodyPace) -> Self {
        Self { inner, pace, deadline: None, waiting: None }
    }
}

impl HttpBody for PacedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
            this.waiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let now = Instant::now();
        let deadline = *this.deadline.get_or_insert(now + this.pace.total);
        let limit = deadline.min(now + this.pace.idle);
        let waiting = this.waiting.get_or_insert_with(|| Box::pin(sleep_until(limit)));
        match waiting.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(BodyTimeout.into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream::unfold;
    use http_body_util::BodyExt as _;

    use super::*;

    /// A body of `parts` parts with `pause` before each.
    fn dripping(parts: usize, pause: Duration) -> Body {
        Body::from_stream(unfold(parts, move |left| async move {
            let left = left.checked_sub(1)?;
            tokio::time::sleep(pause).await;
            Some((Ok::<_, Infallible>(Bytes::from_static(b"x")), left))
        }))
    }

    async fn read(parts: usize, pause_ms: u64, idle_ms: u64, total_ms: u64) -> Result<Bytes, BoxError> {
        let pace = BodyPace { idle: Duration::from_millis(idle_ms), total: Duration::from_millis(total_ms) };
        let body = PacedBody::new(dripping(parts, Duration::from_millis(pause_ms)), pace);
        body.collect().await.map(http_body_util::Collected::to_bytes)
    }

    #[tokio::test]
    async fn a_body_that_keeps_its_pace_arrives() {
        assert_eq!(read(5, 20, 500, 5000).await.unwrap(), "xxxxx");
    }

    #[tokio::test]
    async fn a_pause_or_a_trickle_without_end_is_too_slow() {
        for (pause_ms, idle_ms, total_ms) in [(2000, 50, 5000), (10, 5000, 100)] {
            let error = read(1000, pause_ms, idle_ms, total_ms).await.unwrap_err();
            assert!(error.is::<BodyTimeout>(), "{error}");
        }
    }
}
