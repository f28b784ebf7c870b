//! What is remembered of every request: one line in the log and one count in the metrics, once its answer is
//! sent or its client is gone. The line holds no query, no header, no name: nothing secret, and nothing
//! that a client could break a line with.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName};
use http::{Method, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use super::request_id::REQUEST_ID_HEADER;
use super::{ClientAddress, Guards, RequestId};

/// What guards further in find out about a request.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestNotes(Arc<OnceLock<Uuid>>);

impl RequestNotes {
    pub(super) fn set_caller(&self, user_id: Uuid) {
        // The first to say so is the only one that asks.
        let _ = self.0.set(user_id);
    }
}

/// The middleware: gives the request its id and its client's address, and records how it ends.
pub(crate) async fn record(State(guards): State<Arc<Guards>>, mut request: Request, next: Next) -> Response {
    let id = RequestId::new(guards.clock.now());
    let peer = request.extensions().get::<ConnectInfo<std::net::SocketAddr>>().map(|peer| peer.0.ip());
    let address = peer.map(|peer| guards.settings.trusted_proxies.client_of(peer, request.headers()));
    let notes = RequestNotes::default();
    let mut line = Line::begin(&guards, &request, &id, address, &notes);
    let extensions = request.extensions_mut();
    extensions.insert(id.clone());
    extensions.insert(notes);
    if let Some(address) = address {
        extensions.insert(address);
    }

    // Whatever is logged on the way has the request's id, at every level of the log.
    let span = tracing::error_span!("request", request_id = %id);
    let mut response = next.run(request).instrument(span.clone()).await;
    line.status = Some(response.status());
    line.expected_bytes = expected_bytes(&line.method, &response);
    line.is_complete = line.expected_bytes == Some(0);
    response.headers_mut().insert(HeaderName::from_static(REQUEST_ID_HEADER), id.header_value());
    response.map(|body| Body::new(RecordedBody { inner: body, span, line }))
}

/// The level of an event is part of its place in the program.
macro_rules! write_line {
    ($level:ident, $line:expr, $took:expr) => {
        tracing::event!(
            target: "gradus::request",
            tracing::Level::$level,
            request_id = %$line.id,
            method = %$line.method,
            path = $line.path(),
            status = $line.status.map(|status| status.as_u16()),
            caller = $line.notes.0.get().map(tracing::field::display),
            address = $line.address.map(|address| tracing::field::display(address.0)),
            duration_ms = milliseconds($took),
            sent_bytes = $line.sent_bytes,
            complete = $line.is_complete,
            "request"
        )
    };
}

/// A line being written; it is written when this is dropped, however that comes about.
struct Line {
    guards: Arc<Guards>,
    id: RequestId,
    method: Method,
    path: Option<MatchedPath>,
    address: Option<ClientAddress>,
    notes: RequestNotes,
    began: Instant,
    status: Option<StatusCode>,
    sent_bytes: u64,
    /// The length of the answer's body, where it is known beforehand.
    expected_bytes: Option<u64>,
    is_complete: bool,
}

impl Line {
    fn begin(
        guards: &Arc<Guards>,
        request: &Request,
        id: &RequestId,
        address: Option<ClientAddress>,
        notes: &RequestNotes,
    ) -> Self {
        guards.request_metrics.begin();
        Self {
            guards: Arc::clone(guards),
            id: id.clone(),
            method: known_method(request.method()),
            path: request.extensions().get::<MatchedPath>().cloned(),
            address,
            notes: notes.clone(),
            began: Instant::now(),
            status: None,
            sent_bytes: 0,
            expected_bytes: None,
            is_complete: false,
        }
    }

    fn path(&self) -> &str {
        self.path.as_ref().map_or("unmatched", MatchedPath::as_str)
    }

    fn write(&self, took: Duration) {
        if self.is_routine() {
            write_line!(DEBUG, self, took);
        } else {
            write_line!(INFO, self, took);
        }
    }

    /// Whether a machine asks so every few seconds, and there is nothing to say.
    fn is_routine(&self) -> bool {
        let is_watched = self.path().starts_with("/health/") || self.path() == "/metrics";
        is_watched && self.status.is_some_and(|status| status.is_success())
    }
}

/// In milliseconds, to the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

impl Drop for Line {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        self.guards.request_metrics.end(&self.method, self.path(), self.status, took);
        self.write(took);
    }
}

fn expected_bytes(method: &Method, response: &Response) -> Option<u64> {
    if method == Method::HEAD {
        return Some(0);
    }
    let declared =
        response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    declared.or_else(|| response.body().size_hint().exact())
}

/// Methods of a client's own making would each be a label of their own.
fn known_method(method: &Method) -> Method {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    known.into_iter().find(|known| known == method).unwrap_or_else(other_method)
}

fn other_method() -> Method {
    Method::from_bytes(b"OTHER").unwrap_or(Method::TRACE)
}

/// The answer's body, which keeps the line until it is sent.
struct RecordedBody {
    inner: Body,
    span: Span,
    line: Line,
}

impl HttpBody for RecordedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let polled = this.span.in_scope(|| Pin::new(&mut this.inner).poll_frame(cx));
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.line.sent_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                // Of an answer whose length is known, nobody asks for the end.
                self.line.is_complete = self.line.expected_bytes == Some(self.line.sent_bytes);
            }
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
            Poll::Ready(None) => self.line.is_complete = true,
        }
        polled
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
    use super::*;

    #[test]
    fn durations_are_rounded_to_microseconds() {
        assert_eq!(milliseconds(Duration::from_nanos(89_092)).to_string(), "0.089");
        assert_eq!(milliseconds(Duration::from_nanos(2_000_000_600)).to_string(), "2000.001");
    }
}
