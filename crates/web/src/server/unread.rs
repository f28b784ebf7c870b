//! What is left of a request's body when it has been answered: a few bytes that are still on their way are read, so that
//! the connection can be used again; of more, the client is told that the connection ends. hyper would end it without a
//! word, and a client that uses connections again would send its next request into nothing.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::header::{CONNECTION, EXPECT};
use http::{HeaderValue, Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

/// A body of no more bytes than this is read to its end.
const MOST: u64 = 64 << 10;
/// For no longer than this.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where a body is put back by who did not read all of it.
pub(super) struct Unread {
    left: Arc<Mutex<Option<Incoming>>>,
    /// Whether the client waits to be told to send it.
    is_expected: bool,
}

/// A body that is not lost when nobody reads it.
struct Lent {
    body: Option<Incoming>,
    left: Arc<Mutex<Option<Incoming>>>,
}

/// The request with a body that can be had back.
pub(super) fn lend(request: Request<Incoming>) -> (Request<Body>, Unread) {
    let left = Arc::new(Mutex::new(None));
    let unread = Unread { left: Arc::clone(&left), is_expected: request.headers().contains_key(EXPECT) };
    (request.map(|body| Body::new(Lent { body: Some(body), left })), unread)
}

impl Unread {
    /// Reads the rest, or says in the answer that the connection ends.
    pub(super) async fn settle(self, mut response: Response<Body>) -> Response<Body> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut left) = left.filter(|left| !left.is_end_stream()) else { return response };
        let is_short = left.size_hint().upper().is_some_and(|bytes| bytes <= MOST);
        let is_read = !self.is_expected
            && is_short
            && tokio::time::timeout(PATIENCE, read(&mut left)).await.unwrap_or(false);
        if !is_read {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Whether all of it came.
async fn read(body: &mut Incoming) -> bool {
    while let Some(frame) = body.frame().await {
        if frame.is_err() {
            return false;
        }
    }
    true
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(body).poll_frame(context));
        if frame.is_none() {
            // One that came in chunks does not know by itself that it is over.
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = self.body.take();
    }
}
